#!/bin/sh
# Runs the tests that need more than Rust: a real control plane, and Kubernetes' own code as judge.
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the live tests cannot run' go openssl
# Built before the clock of any test runs.
KUBE_HIPAA_CONTROL_PLANE=${KUBE_HIPAA_CONTROL_PLANE:-$(sh tests/control-plane/build.sh)}
export KUBE_HIPAA_CONTROL_PLANE
sh tests/oracle/build.sh >/dev/null
sh tests/oracle-network/build.sh >/dev/null
sh tests/store/build.sh >/dev/null
KUBE_HIPAA_STATIC=$(sh scripts/static.sh)
export KUBE_HIPAA_STATIC
# Built once, which takes ten minutes and more: what is there is asked, and what is not is said.
set --
if ! sh tests/oracle-mesh/build.sh --built >/dev/null; then
    set -- --skip mesh_oracle
    echo "left out: mesh_oracle, Istio's own code as judge, is not built here (CI_FULL=1 make setup builds it)"
fi
# Two at a time: each control plane takes a processor. Left out are no tests, but tools for developers: keep_running, record_…, write_samples. The browser has its own target.
exec cargo test --locked --no-fail-fast -- --ignored --test-threads=2 --skip keep_running --skip measure_ --skip record_ --skip write_samples --skip a_real_browser --skip add_a_large_file "$@"
