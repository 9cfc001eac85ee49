#!/bin/sh
# Packs a program that is built already into a Debian package. Usage: deb.sh PROGRAM FOLDER [TARGET]
# KUBE_HIPAA_DEB: more flags for cargo-deb, such as --fast.
# It has to run here: the manual pages come from it. Prints the path of the package. The same program gives the same bytes.
set -eu
called_from=$PWD
. "$(dirname -- "$0")/common.sh"
[ $# = 2 ] || [ $# = 3 ] || fail 'a program and a folder are needed' "$*" 'for example: scripts/deb.sh target/release/kube-hipaa dist'
need 'the Debian package cannot be made' cargo rustc git gzip
[ -x "$cargo_deb_root/bin/cargo-deb" ] || fail 'the Debian package cannot be made' "cargo-deb $cargo_deb_version, which is not installed" 'scripts/cargo-deb.sh'
absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$called_from" "$1" ;; esac; }
program=$(absolute "$1")
folder=$(absolute "$2")
host=$(rustc -vV | sed -n 's/^host: //p')
target=${3:-$host}
[ -x "$program" ] || fail 'the Debian package cannot be made' "$program, which is no program" 'build it first'
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
mkdir -p "$folder"
work=$(mktemp -d "${TMPDIR:-/tmp}/kube-hipaa-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
# Where cargo-deb expects what cargo built.
built=$work/$target/release
mkdir -p "$built/package"
cp "$program" "$built/kube-hipaa"
sh scripts/package-files.sh "$program" "$built/package"
ln -s kube-hipaa "$built/package/kubectl-hipaa"
gzip -n -9 "$built/package/man/man1/"*.1
find "$built/package" -type f -exec chmod 0644 {} +
# Word splitting is meant: flags.
# shellcheck disable=SC2086
CARGO_TARGET_DIR=$work "$cargo_deb_root/bin/cargo-deb" --no-build --no-strip --locked --quiet --target "$target" --output "$folder/" ${KUBE_HIPAA_DEB:-} >&2
# cargo-deb names it by version and architecture.
find "$folder" -maxdepth 1 -name 'kube-hipaa_*.deb' -newer "$work" | head -n 1
