#!/bin/sh
# Links the program of the tests statically, for the tests of the image, and prints its path. Everything else is what `cargo test` builds
# anyway, so that this takes seconds. A release is built for a musl target instead (.github/workflows/release.yml).
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the program cannot be linked' cargo strip
target=${CARGO_TARGET_DIR:-$root/target}
cargo rustc --quiet --locked --bin kube-hipaa -- -C target-feature=+crt-static >&2
mkdir -p "$target/static"
# As a release, without what a debugger wants.
strip -o "$target/static/.kube-hipaa" "$target/debug/kube-hipaa"
mv "$target/static/.kube-hipaa" "$target/static/kube-hipaa"
# As the tests expect it.
cargo build --quiet --locked --bin kube-hipaa >&2
printf '%s\n' "$target/static/kube-hipaa"
