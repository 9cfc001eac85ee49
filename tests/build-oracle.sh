#!/bin/sh
# Builds an oracle once for each content of its sources and prints the path of the program.
# $1: its folder beside this file; $2: what messages call it; $3: --built, to build nothing (status 3 where it is not there).
set -eu

fail() {
	printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

name=$1
what=$2
here=$(CDPATH='' cd -- "$(dirname -- "$0")/$name" && pwd)
cd "$here"

command -v go >/dev/null 2>&1 ||
	fail "cannot build the $what: no Go toolchain" "the program 'go' in PATH" \
		"install the Go version named in tests/$name/go.mod or newer"
version=$(go version) ||
	fail "cannot build the $what: the Go toolchain does not answer" "go version" "repair the Go installation"

# The name of a file is hashed with its content, so that moving text between files counts as a change.
digest=$({
	printf '%s\n' "$version"
	sha256sum go.mod go.sum *.go
} | sha256sum | cut -d ' ' -f 1)

folder="${XDG_CACHE_HOME:-${HOME:?}/.cache}/kube-hipaa/$name/$digest"
program="$folder/$name"
if [ ! -x "$program" ]; then
	[ "${3:-}" != --built ] || exit 3
	mkdir -p "$folder" ||
		fail "cannot keep the $what" "$folder" "make the folder writable, or set XDG_CACHE_HOME to one that is"
	unfinished=$(mktemp "$folder/$name.XXXXXX") ||
		fail "cannot keep the $what" "$folder" "make the folder writable, or set XDG_CACHE_HOME to one that is"
	trap 'rm -f "$unfinished"' EXIT
	# -mod=readonly: go.mod and go.sum are part of the question which code answers.
	CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -o "$unfinished" . ||
		fail "cannot build the $what (the compiler's message is above)" "$here" \
			"check that the Go modules can be downloaded (go mod download), or fix the sources"
	chmod 755 "$unfinished"
	# Atomic: a test that runs at the same time sees the whole program or none.
	mv -f "$unfinished" "$program" ||
		fail "cannot keep the $what" "$program" "make the folder writable"
	trap - EXIT
fi
printf '%s\n' "$program"
