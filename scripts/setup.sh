#!/bin/sh
# Installs what the checks need beyond Rust and Go. Each step first looks whether its work is done, so that a second run only looks.
set -eu
. "$(dirname -- "$0")/common.sh"

need_by_hand() { # $1: program, $2: where it comes from
    command -v "$1" >/dev/null 2>&1 || fail 'the checks cannot be set up' "the program \`$1\`, which is not on the PATH" "$2"
}

need_by_hand cargo 'install Rust 1.95 or newer: https://rustup.rs'
need_by_hand go "install Go $(sed -n 's/^go //p' tests/control-plane/go.mod) or newer: https://go.dev/dl/"

# --- Packages of the system ----------------------------------------------------------------------------------------------------
packages=''
want() { # $1: program, $2: Debian package
    command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}
command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || packages="$packages chromium"
want pdftotext poppler-utils
want java default-jre-headless
want jq jq
want npm npm
want openssl openssl
want ssh-keygen openssh-client
want flock util-linux
want script bsdutils
want unzip unzip
want zip zip
want curl curl
want strace strace
want ruby ruby
want dpkg-deb dpkg
if [ -n "$packages" ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        fail 'packages of the system are missing' "packages (by their Debian names):$packages" \
            "install them, on Debian or Ubuntu with: sudo apt-get install --no-install-recommends$packages"
    fi
    say "installing packages:$packages"
    apt-get update -qq >&2 || fail 'the list of packages cannot be fetched' 'apt-get update' 'check the network and the sources of apt'
    # Word splitting is meant: one argument per package.
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2 ||
        fail 'packages cannot be installed' "apt-get install$packages" 'read the message above'
fi

node_major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
[ "$node_major" -ge 20 ] || fail 'the browser checks cannot be set up' "Node.js $(node --version), which is older than 20" 'install Node.js 20 or newer: https://nodejs.org'

# --- What this project builds or fetches for itself ------------------------------------------------------------------------------
sh scripts/cargo-deny.sh
sh scripts/cargo-deb.sh
for module in control-plane oracle oracle-network crds store deploy-tools; do
    sh "tests/$module/build.sh" >/dev/null || fail "tests/$module cannot be built" "tests/$module/build.sh" 'read the message above'
done

# Istio's own code takes longer to build than all of these; its test runs where the program is there.
[ -z "${CI_FULL:-}" ] || sh tests/oracle-mesh/build.sh >/dev/null || fail 'tests/oracle-mesh cannot be built' tests/oracle-mesh/build.sh 'read the message above'

sh tests/deploy-tools/schemas.sh >/dev/null || fail 'the schemas of CycloneDX are missing' 'tests/deploy-tools/schemas.sh' 'read the message above'

sh tests/oscal/build.sh >/dev/null || fail "the judges of OSCAL cannot be installed" "tests/oscal/build.sh" "read the message above"

sh scripts/npm.sh

say 'set up: make test'
