#!/bin/sh
# Builds the programs of programs.txt once for each content of that file, and prints the folder that holds them. The first time takes
# about 5 minutes on two cores and 2 GB of Go modules. $1: only this one, if not all are wanted.
set -eu

fail() {
	printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for program in go jq sha256sum flock; do
	command -v "$program" >/dev/null 2>&1 || fail 'the programs that judge deploy/ cannot be built' "the program '$program' in PATH" 'make setup'
done

digest=$({ go version; sha256sum <"$here/programs.txt"; sha256sum <"$here/build.sh"; } | sha256sum | cut -d ' ' -f 1)
folder="${XDG_CACHE_HOME:-${HOME:?}/.cache}/kube-hipaa/deploy-tools/$digest"
mkdir -p "$folder" || fail 'the programs cannot be kept' "$folder" 'make the folder writable, or set XDG_CACHE_HOME to one that is'
# Several tests may ask at once: one builds, the others wait and find it done.
exec 9>"$folder/.lock"
flock 9
grep -v '^#' "$here/programs.txt" >"$folder/.list"
while read -r module version sum package name; do
	{ [ -z "${1:-}" ] || [ "$1" = "$name" ]; } && [ ! -x "$folder/$name" ] || continue
	printf 'building %s of %s %s: once\n' "$name" "$module" "$version" >&2
	# Outside of any module, so that no go.mod of ours has a say.
	answer=$(cd "$folder" && GOFLAGS=-mod=mod GOWORK=off go mod download -json "$module@$version") ||
		fail 'a module cannot be fetched' "$module@$version" 'check that the Go modules can be downloaded'
	[ "$(printf '%s' "$answer" | jq -r .Sum)" = "$sum" ] ||
		fail 'a module is not what it was' "$module@$version" 'compare its checksum with that of sum.golang.org before changing programs.txt'
	# In the module itself, so that its go.sum holds what else is built. The tag leaves the clients of every cloud out of promtool.
	(cd "$(printf '%s' "$answer" | jq -r .Dir)" && CGO_ENABLED=0 GOWORK=off go build -mod=readonly -tags remove_all_sd -trimpath -buildvcs=false -ldflags '-s -w' -o "$folder/.$name" "$package") >&2 </dev/null ||
		fail "the program $name cannot be built" "$module@$version" 'read the message above'
	mv "$folder/.$name" "$folder/$name"
done <"$folder/.list"
printf '%s\n' "$folder"
