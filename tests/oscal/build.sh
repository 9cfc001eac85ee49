#!/bin/sh
# Installs the judges of OSCAL documents, once for each content of its files, and prints the folder that holds them: the Python packages
# `oscal` (NIST's metaschema, structure, data types and constraints) and compliance-trestle (its models and its validators).
set -eu

fail() {
	printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
command -v python3 >/dev/null 2>&1 || fail 'the judges of OSCAL cannot be installed' "the program 'python3' in PATH" 'install Python 3 with venv and pip'

digest=$({
	python3 --version
	sha256sum requirements.txt build.sh
} | sha256sum | cut -d ' ' -f 1)
cache="${XDG_CACHE_HOME:-${HOME:?}/.cache}/kube-hipaa/oscal"
folder="$cache/$digest"
if [ ! -f "$folder/complete" ]; then
	mkdir -p "$folder" || fail 'the judges of OSCAL cannot be kept' "$folder" 'make the folder writable, or set XDG_CACHE_HOME to one that is'
	# Several may ask at once: one installs, the others wait and find it done.
	exec 9>"$folder/lock"
	flock 9
fi
if [ ! -f "$folder/complete" ]; then
	# In its place: programs of such a folder name the folder.
	rm -rf "$folder/venv"
	python3 -m venv "$folder/venv" >&2 || fail 'a folder for Python packages cannot be made' "$folder/venv" 'install the venv module of Python 3'
	"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-deps -r requirements.txt >&2 ||
		fail 'the judges of OSCAL cannot be installed' "$here/requirements.txt" 'check that Python packages can be downloaded'
	: >"$folder/complete"
fi
printf '%s\n' "$folder"
