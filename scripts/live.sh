#!/bin/sh
# Runs the tests that need more than Rust: a real control plane, and Kubernetes' own code as judge.
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the live tests cannot run' go openssl
# Built before the clock of any test runs.
KUBE_HIPAA_CONTROL_PLANE=${KUBE_HIPAA_CONTROL_PLANE:-$(sh tests/control-plane/build.sh)}
export KUBE_HIPAA_CONTROL_PLANE
sh tests/oracle/build.sh >/dev/null
# keep_running and record_... are no tests: they keep a plane for a developer and record snapshots. write_samples is called by scripts/documents.sh.
exec cargo test --locked -- --ignored --skip keep_running --skip record_ --skip write_samples
