#!/bin/sh
# Records examples/clinic-snapshot.zip, the snapshot inside the program, from the reference clinic on a real control plane.
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the demo snapshot cannot be recorded' go openssl
KUBE_HIPAA_CONTROL_PLANE=${KUBE_HIPAA_CONTROL_PLANE:-$(sh tests/control-plane/build.sh)}
export KUBE_HIPAA_CONTROL_PLANE
KUBE_HIPAA_RECORD=examples/clinic-snapshot.zip cargo test --locked --test it live_clinic::record_demo_snapshot -- --ignored --exact --nocapture
say 'recorded; now UPDATE_GOLDEN=1 cargo test --test it golden::, read the difference, and run make test'
