#!/bin/sh
# Installs cargo-deb, the version that [package.metadata.deb] in Cargo.toml is written for, unless it is there.
set -eu
. "$(dirname -- "$0")/common.sh"
[ ! -x "$cargo_deb_root/bin/cargo-deb" ] || exit 0
say "installing cargo-deb $cargo_deb_version: once, about 2 minutes on two cores"
# A build folder of its own, because its dependencies share nothing with ours; removed when done.
status=0
CARGO_TARGET_DIR="$cargo_deb_root/build" cargo install --quiet --locked --no-default-features "cargo-deb@$cargo_deb_version" --root "$cargo_deb_root" >&2 </dev/null || status=$?
rm -rf "$cargo_deb_root/build"
[ "$status" = 0 ] || fail "cargo-deb $cargo_deb_version cannot be installed" "cargo install cargo-deb@$cargo_deb_version" \
    'read the message above; it needs the crates registry and 1 GB of disk'
