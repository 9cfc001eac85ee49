#!/bin/sh
# Collects the CRDs of the projects' own Go modules once for each content of modules.txt, and prints the folder that holds them.
set -eu

fail() {
	printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
command -v go >/dev/null 2>&1 || fail 'the CRDs cannot be fetched: no Go toolchain' "the program 'go' in PATH" 'install Go'
command -v jq >/dev/null 2>&1 || fail 'the CRDs cannot be fetched' "the program 'jq' in PATH" 'install jq, or run make setup'

digest=$(sha256sum "$here/modules.txt" "$here/build.sh" | cut -d ' ' -f 1 | sha256sum | cut -d ' ' -f 1)
cache="${XDG_CACHE_HOME:-${HOME:?}/.cache}/kube-hipaa/crds"
folder="$cache/$digest"
if [ ! -d "$folder" ]; then
	mkdir -p "$cache" || fail 'the CRDs cannot be kept' "$cache" 'make the folder writable, or set XDG_CACHE_HOME to one that is'
	unfinished=$(mktemp -d "$cache/unfinished.XXXXXX")
	trap 'rm -rf "$unfinished"' EXIT
	number=0
	grep -v '^#' "$here/modules.txt" >"$unfinished/list"
	while read -r module version sum from; do
		# Outside of any module, so that no go.mod has a say.
		answer=$(cd "$unfinished" && GOFLAGS=-mod=mod GOWORK=off go mod download -json "$module@$version") ||
			fail 'a module cannot be fetched' "$module@$version" 'check that the Go modules can be downloaded'
		[ "$(printf '%s' "$answer" | jq -r .Sum)" = "$sum" ] ||
			fail 'a module is not what it was' "$module@$version" 'compare its checksum with that of sum.golang.org before changing modules.txt'
		source=$(printf '%s' "$answer" | jq -r .Dir)/$from
		number=$((number + 1))
		find "$source" \( -name '*.yaml' -o -name '*.yml' \) -type f | LC_ALL=C sort | while read -r file; do
			# Only the documents that are CRDs: some files hold roles and examples, too.
			awk '
				function flush() { if (is) printf "---\n%s", text; text = ""; is = 0 }
				/^---/ { flush(); next }
				/^kind: CustomResourceDefinition/ { is = 1 }
				{ text = text $0 "\n" }
				END { flush() }
			' "$file"
		done >"$unfinished/$(printf '%02d' "$number").yaml"
		grep -q '^kind: CustomResourceDefinition' "$unfinished/$(printf '%02d' "$number").yaml" ||
			fail 'a module holds no CRD where it should' "$module@$version, $from" 'correct the folder in tests/crds/modules.txt'
	done <"$unfinished/list"
	rm "$unfinished/list"
	# Somebody else may have been faster; both are the same.
	mv "$unfinished" "$folder" 2>/dev/null || [ -d "$folder" ]
	trap - EXIT
fi
printf '%s\n' "$folder"
