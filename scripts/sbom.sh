#!/bin/sh
# Prints what the program is made of, as CycloneDX 1.6 (JSON): every crate that is compiled into it or runs while it is built, with version,
# licence and the digest of Cargo.lock. Tests' crates are left out. The same Cargo.lock gives the same bytes.
# $1: the target, such as aarch64-unknown-linux-musl (that of this machine).
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the list of parts cannot be made' cargo rustc jq awk sha256sum
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
# A name for this list that is another one when what it lists is.
serial=$( { cat Cargo.lock; printf '%s %s' "$target" "$epoch"; } | sha256sum | sed 's/^\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\).*/urn:uuid:\1-\2-5\3-8\4-\5/')
checksums=$(awk -F '"' '/^name = /{n=$2} /^version = /{v=$2} /^checksum = /{printf "%s@%s %s\n", n, v, $2}' Cargo.lock)
cargo metadata --locked --format-version 1 --filter-platform "$target" |
    jq --arg created "$created" --arg serial "$serial" --arg checksums "$checksums" '
        ($checksums | split("\n") | map(split(" ") | {(.[0]): .[1]}) | add) as $sums
        | (.packages | map({(.id): .}) | add) as $packages
        | (.resolve.nodes | map({(.id): [.deps[] | select(any(.dep_kinds[]; .kind != "dev")) | .pkg]}) | add) as $needs
        | .resolve.root as $root
        # What is reached from the program, first come first seen.
        | ({seen: {($root): true}, todo: [$root]}
            | until(.todo == []; .todo[0] as $one | .todo |= .[1:]
                | reduce $needs[$one][] as $next (.; if .seen[$next] then . else .seen[$next] = true | .todo += [$next] end))
            | .seen) as $reached
        | def ref: "pkg:cargo/\(.name)@\(.version)";
        def licence: if .license then [{expression: (.license | gsub("/"; " OR "))}] else null end;
        def component($type): {type: $type, "bom-ref": ref, name: .name, version: .version, description: .description, licenses: licence, purl: ref,
                hashes: (if $sums["\(.name)@\(.version)"] then [{alg: "SHA-256", content: $sums["\(.name)@\(.version)"]}] else null end)} | with_entries(select(.value != null));
        ($reached | keys | map($packages[.])) as $parts
        | {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", bomFormat: "CycloneDX", specVersion: "1.6", serialNumber: $serial, version: 1,
            metadata: {timestamp: $created, component: ($packages[$root] | component("application"))},
            components: [$parts[] | select(.id != $root) | component("library")] | sort_by(."bom-ref"),
            dependencies: [$parts[] | {ref: ref, dependsOn: ([$needs[.id][] | $packages[.] | ref] | unique)}] | sort_by(.ref)}'
