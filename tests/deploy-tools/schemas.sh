#!/bin/sh
# Fetches the official JSON Schemas of CycloneDX, once for each content of this file, and prints the folder that holds bom-1.6.json and
# spdx.json. They come in a package of the CycloneDX project.
set -eu
package=@cyclonedx/cyclonedx-library
version=10.3.0
# As the registry says: base64 of the archive's SHA-512.
integrity=RIT28sp1U0PCHaaeF3yNRwk6Jig/XJ8UsYAVOMYaHQ+0VVOvsjcp0PTWQFLUqJFF8XMud+Kdq6G+wtDAh+QJFA==

fail() {
	printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for program in npm openssl tar; do
	command -v "$program" >/dev/null 2>&1 || fail 'the schemas cannot be fetched' "the program '$program' in PATH" 'make setup'
done
cache="${XDG_CACHE_HOME:-${HOME:?}/.cache}/kube-hipaa/cyclonedx"
folder="$cache/$(sha256sum "$here/schemas.sh" | cut -d ' ' -f 1)"
if [ ! -d "$folder" ]; then
	mkdir -p "$cache" || fail 'the schemas cannot be kept' "$cache" 'make the folder writable, or set XDG_CACHE_HOME to one that is'
	unfinished=$(mktemp -d "$cache/unfinished.XXXXXX")
	trap 'rm -rf "$unfinished"' EXIT
	(cd "$unfinished" && npm pack --silent "$package@$version" >/dev/null) || fail 'the schemas cannot be fetched' "$package@$version" 'check that the npm registry can be reached'
	archive=$(find "$unfinished" -name '*.tgz')
	[ "$(openssl dgst -sha512 -binary "$archive" | openssl base64 -A)" = "$integrity" ] ||
		fail 'a package is not what it was' "$package@$version" 'compare its integrity with that of the registry before changing schemas.sh'
	tar -xzf "$archive" -C "$unfinished" package/res/schema
	mkdir "$unfinished/schemas"
	for schema in bom-1.6 spdx; do
		mv "$unfinished/package/res/schema/$schema.SNAPSHOT.schema.json" "$unfinished/schemas/$schema.json"
	done
	# Somebody else may have been faster; both are the same.
	mv "$unfinished/schemas" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
printf '%s\n' "$folder"
