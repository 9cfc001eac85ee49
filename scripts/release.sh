#!/bin/sh
# Makes what a release consists of, from programs that are built already. Usage: release.sh FOLDER ADDRESS TARGET=PROGRAM…
#
# ADDRESS is where the source lies, such as https://forge.example/team/kube-hipaa; the files are expected below
# ADDRESS/releases/download/vVERSION/. In FOLDER come, for each TARGET (a Rust target), kube-hipaa-TARGET.tar.gz with the program, manual
# pages and completions, and its list of parts, kube-hipaa-TARGET.cdx.json; and SHA256SUMS, hipaa.yaml (krew) and kube-hipaa.rb (Homebrew).
# One of the programs has to run here: the manual pages come from it. The same programs give the same bytes.
set -eu
called_from=$PWD
. "$(dirname -- "$0")/common.sh"
[ $# -ge 3 ] || fail 'a folder, an address and programs are needed' "$*" 'for example: scripts/release.sh dist https://forge.example/team/kube-hipaa x86_64-unknown-linux-musl=target/…/kube-hipaa'
need 'the release cannot be made' tar gzip sha256sum jq git
absolute() { case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$called_from" "$1" ;; esac; }
folder=$(absolute "$1")
address=${2%/}
shift 2
case $address in http://* | https://*) ;; *) fail 'the release cannot be made' "the address $address" 'begin it with https://' ;; esac
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
mkdir -p "$folder"
[ -z "$(ls -A "$folder")" ] || fail 'the release is not written over' "$folder, which is not empty" 'choose a new folder'
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT

for pair in "$@"; do
    program=$(absolute "${pair#*=}")
    [ -f "$program" ] || fail 'the release cannot be made' "$program, which is no file" 'build it first'
    if [ ! -d "$work/files" ] && [ "$("$program" --version 2>/dev/null || true)" = "kube-hipaa $version" ]; then
        sh scripts/package-files.sh "$program" "$work/files"
    fi
done
[ -d "$work/files" ] || fail 'the release cannot be made' "none of the programs runs here as version $version" 'build one for this machine, from this version'

krew='' formula=''
for pair in "$@"; do
    target=${pair%%=*}
    program=$(absolute "${pair#*=}")
    inside=kube-hipaa-$version-$target
    mkdir "$work/$inside"
    cp "$program" "$work/$inside/kube-hipaa"
    cp LICENSE README.md CHANGELOG.md "$work/$inside/"
    cp -R "$work/files/man" "$work/files/completions" "$work/$inside/"
    find "$work/$inside" -type d -exec chmod 0755 {} +
    find "$work/$inside" -type f -exec chmod 0644 {} +
    chmod 0755 "$work/$inside/kube-hipaa"
    archive=$folder/kube-hipaa-$target.tar.gz
    tar --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$work" -cf "$work/tar" "$inside"
    gzip -n -9 <"$work/tar" >"$archive"
    sh scripts/sbom.sh "$target" >"$folder/kube-hipaa-$target.cdx.json"
    sum=$(sha256sum "$archive" | cut -d ' ' -f 1)
    from=$address/releases/download/v$version/kube-hipaa-$target.tar.gz
    case $target in *-linux-*) os=linux brew_os=on_linux ;; *-apple-darwin) os=darwin brew_os=on_macos ;; *) fail 'the release cannot be made' "the target $target" 'name one of Linux or macOS' ;; esac
    case $target in x86_64-*) arch=amd64 brew_arch=on_intel ;; aarch64-*) arch=arm64 brew_arch=on_arm ;; *) fail 'the release cannot be made' "the target $target" 'name one of x86_64 or aarch64' ;; esac
    krew="$krew
  - selector:
      matchLabels: {os: $os, arch: $arch}
    uri: $from
    sha256: $sum
    files:
    - {from: $inside/kube-hipaa, to: .}
    - {from: $inside/LICENSE, to: .}
    bin: kube-hipaa"
    formula="$formula
  $brew_os do
    $brew_arch do
      url \"$from\"
      sha256 \"$sum\"
    end
  end"
done

cat >"$folder/hipaa.yaml" <<EOF
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: hipaa
spec:
  version: v$version
  homepage: $address
  shortDescription: Evidence for audits of the HIPAA Security Rule
  description: |
    Looks at a cluster through its API, never changes it, and writes evidence
    of the kind that OCR's audit protocol for the HIPAA Security Rule (45 CFR
    Part 164 Subpart C) asks for: what was observed, where it stands, and what could not be seen. It
    makes no statement about compliance.
  caveats: |
    See what this identity can read:  kubectl hipaa preflight
    The least rights for a scan:      kubectl hipaa permissions
  platforms:$krew
EOF
cat >"$folder/kube-hipaa.rb" <<EOF
# Homebrew formula of kube-hipaa $version.
class KubeHipaa < Formula
  desc "Evidence for audits of the HIPAA Security Rule, read from a Kubernetes cluster"
  homepage "$address"
  version "$version"
  license "Apache-2.0"
$formula

  def install
    bin.install "kube-hipaa"
    bin.install_symlink "kube-hipaa" => "kubectl-hipaa"
    man1.install Dir["man/man1/*.1"]
    bash_completion.install "completions/kube-hipaa"
    zsh_completion.install "completions/_kube-hipaa"
    fish_completion.install "completions/kube-hipaa.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/kube-hipaa --version")
    system bin/"kube-hipaa", "demo", "--quiet", "-o", testpath/"demo"
    assert_path_exists testpath/"demo/report.html"
  end
end
EOF
(cd "$folder" && LC_ALL=C && export LC_ALL && sha256sum -- * >"$work/SHA256SUMS")
mv "$work/SHA256SUMS" "$folder/SHA256SUMS"
