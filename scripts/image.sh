#!/bin/sh
# Puts a static program into a container image, without a daemon and without a network: an OCI layout that skopeo, crane, podman and
# `docker load` (packed with tar) take. Usage: image.sh PROGRAM FOLDER
#
# The same program and the same CA certificates give the same digest, which is printed. Beside the folder lies FOLDER.cdx.json, its list of
# parts (CycloneDX). Variables: SOURCE_DATE_EPOCH (the time of the last commit), KUBE_HIPAA_CA (/etc/ssl/certs/ca-certificates.crt).
set -eu
called_from=$PWD
. "$(dirname -- "$0")/common.sh"
[ $# = 2 ] || fail 'a program and a folder are needed' "$*" 'for example: scripts/image.sh target/x86_64-unknown-linux-musl/release/kube-hipaa image'
need 'the image cannot be made' tar gzip sha256sum jq od git
absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$called_from" "$1" ;; esac; }
program=$(absolute "$1")
out=$(absolute "$2")
ca=${KUBE_HIPAA_CA:-/etc/ssl/certs/ca-certificates.crt}
[ -f "$program" ] || fail 'the image cannot be made' "$program, which is no file" 'build the program first (docs/operator.md)'
[ -s "$ca" ] || fail 'the image cannot be made without CA certificates' "$ca" 'install ca-certificates, or name a file in KUBE_HIPAA_CA'
[ ! -e "$out" ] || fail 'the image is not written over' "$out, which exists" 'remove it, or choose another place'
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
commit=${KUBE_HIPAA_COMMIT:-$(git rev-parse HEAD)}

# What the kernel reads of it: the machine, and whether it asks for a loader, which an empty image does not have.
number() { od -An -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }
[ "$(od -An -tx1 -N4 "$program" | tr -d ' ')" = 7f454c46 ] || fail 'the image cannot be made' "$program, which is no ELF program" 'build it for Linux'
case $(number "$program" 18 2) in
62) architecture=amd64 ;;
183) architecture=arm64 ;;
*) fail 'the image cannot be made' "$program, which is for another processor" 'build it for x86_64 or aarch64' ;;
esac
headers=$(number "$program" 32 8)
size=$(number "$program" 54 2)
count=$(number "$program" 56 2)
while [ "$count" -gt 0 ]; do
    count=$((count - 1))
    [ "$(number "$program" $((headers + count * size)) 4)" != 3 ] || fail 'the image would not start' "$program, which needs a loader and libraries" \
        'build it static: cargo build --release --target x86_64-unknown-linux-musl, or with RUSTFLAGS="-C target-feature=+crt-static" for the target x86_64-unknown-linux-gnu'
done

work=$(mktemp -d "$out.XXXXXX") || fail 'the image cannot be made' "$out" 'make its folder first'
trap 'rm -rf "$work"' EXIT
root_folder=$work/root
mkdir -p "$root_folder/usr/bin" "$root_folder/etc/ssl/certs" "$root_folder/tmp" "$root_folder/home/nonroot"
cp "$program" "$root_folder/usr/bin/kube-hipaa"
cp "$ca" "$root_folder/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n' >"$root_folder/etc/passwd"
printf 'root:x:0:\nnonroot:x:65532:\n' >"$root_folder/etc/group"
printf 'hosts: files dns\n' >"$root_folder/etc/nsswitch.conf"
mkdir -p "$root_folder/usr/share/doc/kube-hipaa"
cp LICENSE "$root_folder/usr/share/doc/kube-hipaa/LICENSE"
find "$root_folder" -type d -exec chmod 0755 {} +
find "$root_folder" -type f -exec chmod 0644 {} +
chmod 0755 "$root_folder/usr/bin/kube-hipaa"
chmod 1777 "$root_folder/tmp"

blobs=$work/layout/blobs/sha256
mkdir -p "$blobs"
digest() { sha256sum "$1" | cut -d ' ' -f 1; }
keep() { # $1: a file; prints its digest
    sum=$(digest "$1")
    mv "$1" "$blobs/$sum"
    printf '%s' "$sum"
}
# Nothing of this machine: order, owners and times are fixed.
tar --sort=name --format=ustar --mtime="@$epoch" --owner=0 --group=0 --numeric-owner -C "$root_folder" -cf "$work/layer.tar" .
layer_id=$(digest "$work/layer.tar")
gzip -n "$work/layer.tar"
layer_size=$(wc -c <"$work/layer.tar.gz")
layer=$(keep "$work/layer.tar.gz")
labels=$(jq -n --arg version "$version" --arg commit "$commit" --arg created "$created" '{
    "org.opencontainers.image.title": "kube-hipaa",
    "org.opencontainers.image.description": "Collects from a Kubernetes cluster evidence of the kind that the audit protocol of OCR for the HIPAA Security Rule asks for. It only looks.",
    "org.opencontainers.image.licenses": "Apache-2.0",
    "org.opencontainers.image.version": $version,
    "org.opencontainers.image.revision": $commit,
    "org.opencontainers.image.created": $created}')
jq -cn --arg created "$created" --arg architecture "$architecture" --arg layer "sha256:$layer_id" --argjson labels "$labels" '{
    created: $created, architecture: $architecture, os: "linux",
    config: {User: "65532:65532", Env: ["PATH=/usr/bin", "HOME=/home/nonroot"], Entrypoint: ["/usr/bin/kube-hipaa"], WorkingDir: "/", Labels: $labels},
    rootfs: {type: "layers", diff_ids: [$layer]},
    history: [{created: $created, created_by: "scripts/image.sh", comment: "the program, CA certificates, a user"}]}' >"$work/config.json"
config_size=$(wc -c <"$work/config.json")
config=$(keep "$work/config.json")
jq -cn --arg config "sha256:$config" --argjson config_size "$config_size" --arg layer "sha256:$layer" --argjson layer_size "$layer_size" --argjson labels "$labels" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $config_size},
    layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: $layer, size: $layer_size}],
    annotations: $labels}' >"$work/manifest.json"
manifest_size=$(wc -c <"$work/manifest.json")
manifest=$(keep "$work/manifest.json")
jq -cn --arg manifest "sha256:$manifest" --argjson size "$manifest_size" --arg version "$version" --arg architecture "$architecture" '{
    schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $manifest, size: $size,
        platform: {architecture: $architecture, os: "linux"}, annotations: {"org.opencontainers.image.ref.name": $version}}]}' >"$work/layout/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
SOURCE_DATE_EPOCH=$epoch sh scripts/sbom.sh >"$work/sbom.json"
chmod 0755 "$work/layout"
mv "$work/layout" "$out"
mv "$work/sbom.json" "$out.cdx.json"
printf 'sha256:%s\n' "$manifest"
