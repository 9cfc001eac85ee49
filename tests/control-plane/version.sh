#!/bin/sh
# Builds the control plane of another version of Kubernetes and prints the path of the binary: version.sh v1.31.14
#
# Only main.go and this script decide how: go.mod is derived from that of the release, whose staging repositories become
# the modules that are published from them. Cached like that of build.sh, about 6 minutes the first time. The kubelet is
# left out where that release's does not fit main.go: everything but the kubelets' own tests runs without it.
set -eu

fail() { # $1: what failed, $2: on what, $3: what to do
    printf 'error: %s\n  on: %s\n  do: %s\n' "$1" "$2" "$3" >&2
    exit 1
}

[ $# -eq 1 ] || fail 'no version was named' "$*" 'run tests/control-plane/version.sh v1.31.14'
version=$1
number=${version#v}
minor=$(printf '%s' "$number" | cut -d. -f2)
patch=$(printf '%s' "$number" | cut -d. -f3)
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

if command -v sha256sum >/dev/null 2>&1; then sha256() { sha256sum; }; else sha256() { shasum -a 256; }; fi
go_version=$(go version) || fail 'the Go compiler does not run' "PATH=$PATH" 'install Go from https://go.dev/dl/'
key=$({ cat "$here/main.go" "$here/version.sh"; printf '%s %s\n' "$version" "$go_version"; } | sha256 | cut -d' ' -f1)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/kube-hipaa/control-plane/$key
binary=$folder/control-plane
if [ -x "$binary" ]; then
    printf '%s\n' "$binary"
    exit
fi
mkdir -p "$folder/source"
if command -v flock >/dev/null 2>&1; then
    exec 9>"$folder/lock"
    flock 9
fi
cd "$folder/source"

# The newest published module that is not newer than the release: not every patch of every module is.
published() { # $1: module
    go list -m -versions "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^v0\.$minor\.\([0-9]*\)$/\1/p" | sort -n |
        awk -v most="$patch" '$1 <= most {last = $1} END {print last}'
}

describe() {
    printf 'module kube-hipaa/tests/control-plane\n\n'
    sed -n 's/^go .*/&/p' "$1"
    printf '\nrequire k8s.io/kubernetes %s\n\nreplace (\n' "$version"
    sed -n 's|^[[:space:]]*\(k8s.io/[a-z-]*\) => ./staging/.*|\1|p' "$1" | while read -r module; do
        of=$(published "$module")
        [ -z "$of" ] || printf '\t%s => %s v0.%s.%s\n' "$module" "$module" "$minor" "$of"
    done
    printf ')\n'
}

# Everything from the kubelet's options on, its entry in the table, and what only it imports.
without_kubelet() {
    sed -e '/^type kubeletOptions struct/,$d' -e '/"kubelet": *newKubeletCommand/d' \
        -e '/"context"$/d; /"crypto\/tls"$/d; /"path\/filepath"$/d; /"time"$/d' \
        -e '/otel\/trace\/noop"$/d; /client-go\/kubernetes"$/d; /tools\/clientcmd"$/d; /component-base\/configz"$/d' \
        -e '/cri-client\//d; /k8s.io\/kubelet\//d; /kubernetes\/pkg\//d; /sigs.k8s.io\/yaml"$/d' "$here/main.go"
}

build() {
    go mod tidy >"$folder/tidy.log" 2>&1 || return 1
    v=k8s.io/component-base/version
    CGO_ENABLED=0 go build -p 2 -trimpath \
        -ldflags "-s -w -X $v.gitVersion=$version -X $v.gitMajor=1 -X $v.gitMinor=$minor" \
        -o "$binary.tmp" . >"$folder/build.log" 2>&1
}

echo "building Kubernetes $version for the live tests: once, about 6 minutes" >&2
module=$(go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p')
[ -f "$module" ] || fail "Kubernetes $version cannot be fetched" "k8s.io/kubernetes@$version" 'check the version and that the Go module proxy can be reached'
describe "$module" >go.mod.derived
cp go.mod.derived go.mod
cp "$here/main.go" main.go
if ! build; then
    echo 'its kubelet does not fit main.go: building without' >&2
    cp go.mod.derived go.mod
    rm -f go.sum
    without_kubelet >main.go
    build || fail "go build of Kubernetes $version failed" "$folder/build.log and tidy.log" "$(tail -n 5 "$folder/build.log" "$folder/tidy.log" 2>/dev/null)"
fi
mv -f "$binary.tmp" "$binary"
printf '%s\n' "$binary"
