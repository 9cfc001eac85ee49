#!/bin/sh
# Builds the Kubernetes control plane for the live tests and prints the path of the binary.
#
# The binary is kept under the hash of everything that decides its content, so that a
# second run only hashes four small things. The first one takes about 5 minutes on two
# cores and fetches about 0.8 GB of Go modules. Only the path goes to stdout.
set -eu

fail() { # $1: what failed, $2: on what, $3: what to do
    printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
    exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"

command -v go >/dev/null 2>&1 || fail \
    'the control plane for the live tests cannot be built: there is no Go compiler' \
    "PATH=$PATH" \
    "install Go ($(sed -n 's/^go //p' go.mod) or newer) from https://go.dev/dl/, or name a ready binary in KUBE_HIPAA_CONTROL_PLANE"

if command -v sha256sum >/dev/null 2>&1; then
    sha256() { sha256sum; }
elif command -v shasum >/dev/null 2>&1; then
    sha256() { shasum -a 256; }
else
    fail 'the control plane cannot be cached: neither sha256sum nor shasum was found' \
        "PATH=$PATH" 'install coreutils'
fi

go_version=$(go version) || fail 'the Go compiler does not run' "$(command -v go)" 'run "go version" by hand and mend what it says'
key=$({ cat go.mod go.sum main.go; printf '%s\n' "$go_version"; } | sha256 | cut -d' ' -f1)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/kube-hipaa/control-plane/$key
binary=$folder/control-plane

if [ ! -x "$binary" ]; then
    mkdir -p "$folder" || fail 'the cache folder cannot be made' "$folder" \
        'make it writable, or point XDG_CACHE_HOME elsewhere'
    # Several test programs may ask at once: one builds, the others wait and find it done.
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$folder/lock"
        flock 9
    fi
fi

if [ ! -x "$binary" ]; then
    # Without these the server would call itself v0.0.0-master.
    version=$(sed -n 's/^[[:space:]]*k8s.io\/kubernetes \(v[0-9.]*\).*/\1/p' go.mod | head -n 1)
    major=$(printf '%s' "$version" | sed 's/^v\([0-9]*\)\..*/\1/')
    minor=$(printf '%s' "$version" | sed 's/^v[0-9]*\.\([0-9]*\)\..*/\1/')
    v=k8s.io/component-base/version
    partial=$folder/control-plane.$$.tmp
    trap 'rm -f "$partial"' EXIT
    trap 'exit 130' INT TERM HUP
    echo "building Kubernetes $version for the live tests: once, about 5 minutes" >&2
    CGO_ENABLED=0 go build -trimpath \
        -ldflags "-s -w -X $v.gitVersion=$version -X $v.gitMajor=$major -X $v.gitMinor=$minor" \
        -o "$partial" . >&2 || fail \
        "go build of Kubernetes $version failed (its own message is above)" \
        "$here" \
        'mend what it names; if modules could not be fetched, check that the Go module proxy can be reached and that 5 GB of disk are free'
    mv -f "$partial" "$binary"
fi

printf '%s\n' "$binary"
