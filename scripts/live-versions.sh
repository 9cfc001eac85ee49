#!/bin/sh
# Runs the tests against the oldest and the newest supported version of Kubernetes, and an empty cluster on each.
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the tests against other versions cannot run' go openssl
# Those that need no kubelet: the kubelet of another version does not always fit the fixture.
modules='live_empty_cluster:: live_effects:: live_rbac:: live_pod_security::'
cargo test --locked --test it --no-run
for version in ${*:-v1.31.14 v1.37.2}; do
    KUBE_HIPAA_CONTROL_PLANE=$(tests/control-plane/version.sh "$version")
    export KUBE_HIPAA_CONTROL_PLANE
    # The clinic needs kubelets.
    with=$modules
    if "$KUBE_HIPAA_CONTROL_PLANE" kubelet --help >/dev/null 2>&1; then with="$modules live_clinic::"; fi
    say "Kubernetes $version: $with"
    # shellcheck disable=SC2086 # a list of words
    cargo test --locked --no-fail-fast --test it -- --ignored --test-threads=2 --skip keep_running --skip record_ $with
done
