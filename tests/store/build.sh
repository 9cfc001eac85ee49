#!/bin/sh
# Builds the stores that the tests write to, once for each content of its files, and prints the folder that holds them:
# versitygw (S3 with object lock) and moto/bin/moto_server (S3, Amazon's own error codes).
set -eu

fail() {
	printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
command -v go >/dev/null 2>&1 || fail 'the stores of the tests cannot be built: no Go toolchain' "the program 'go' in PATH" 'install Go'
command -v python3 >/dev/null 2>&1 || fail 'the stores of the tests cannot be built' "the program 'python3' in PATH" 'install Python 3 with venv and pip'

digest=$({
	go version
	python3 --version
	sha256sum go.mod go.sum requirements.txt build.sh
} | sha256sum | cut -d ' ' -f 1)
cache="${XDG_CACHE_HOME:-${HOME:?}/.cache}/kube-hipaa/store"
folder="$cache/$digest"
if [ ! -f "$folder/complete" ]; then
	mkdir -p "$folder" || fail 'the stores of the tests cannot be kept' "$folder" 'make the folder writable, or set XDG_CACHE_HOME to one that is'
	# Several may ask at once: one builds, the others wait and find it done.
	exec 9>"$folder/lock"
	flock 9
fi
if [ ! -f "$folder/complete" ]; then
	CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -o "$folder/versitygw" github.com/versity/versitygw/cmd/versitygw >&2 ||
		fail 'versitygw cannot be built (its own message is above)' "$here" 'check that the Go modules can be downloaded'
	# In its place: programs of such a folder name the folder.
	rm -rf "$folder/moto"
	python3 -m venv "$folder/moto" >&2 || fail 'a folder for Python packages cannot be made' "$folder/moto" 'install the venv module of Python 3'
	"$folder/moto/bin/pip" install -q --disable-pip-version-check --no-deps -r requirements.txt >&2 ||
		fail 'moto cannot be installed' "$here/requirements.txt" 'check that Python packages can be downloaded'
	: >"$folder/complete"
fi
printf '%s\n' "$folder"
