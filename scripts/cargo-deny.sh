#!/bin/sh
# Installs cargo-deny, the version that deny.toml is written for, unless it is there.
set -eu
. "$(dirname -- "$0")/common.sh"
[ ! -x "$deny_root/bin/cargo-deny" ] || exit 0
say "installing cargo-deny $deny_version: once, about 2 minutes on two cores"
# A build folder of its own, because its dependencies share nothing with ours; removed when done.
status=0
CARGO_TARGET_DIR="$deny_root/build" cargo install --quiet --locked "cargo-deny@$deny_version" --root "$deny_root" >&2 </dev/null || status=$?
rm -rf "$deny_root/build"
[ "$status" = 0 ] || fail "cargo-deny $deny_version cannot be installed" "cargo install cargo-deny@$deny_version" \
    'read the message above; it needs the crates registry, 2 GB of disk and a C compiler'
