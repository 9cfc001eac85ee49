# Sourced by the other scripts: where things are, and how to say what went wrong.

# The folder of the sources, whatever folder the script was started in.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kube-hipaa

# The version of cargo-deny that deny.toml is written for.
deny_version=0.20.2
deny_root=$cache/tools/cargo-deny-$deny_version

# The version of cargo-deb that [package.metadata.deb] is written for.
cargo_deb_version=3.8.0
cargo_deb_root=$cache/tools/cargo-deb-$cargo_deb_version

fail() { # $1: what failed, $2: on what, $3: what to do
    printf 'error: %s\n  on: %s\n  try: %s\n' "$1" "$2" "$3" >&2
    exit 1
}

say() {
    printf '%s\n' "$*" >&2
}

# Whether the commands $2… are there; $1 says what they are for.
need() {
    for_what=$1
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || fail "$for_what" "the program \`$program\`, which is not on the PATH" 'make setup'
    done
}
