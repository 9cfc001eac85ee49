#!/bin/sh
# Runs cargo-deny, the version that deny.toml is written for.
set -eu
. "$(dirname -- "$0")/common.sh"
[ -x "$deny_root/bin/cargo-deny" ] || fail 'the dependencies cannot be checked' "cargo-deny $deny_version, which is not installed" 'make setup'
# --locked: what is checked is what is built.
exec "$deny_root/bin/cargo-deny" --locked --all-features "$@"
