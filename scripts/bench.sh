#!/bin/sh
# Measures the optimised program on a real API server that is filled like a real cluster.
# $@: numbers of pods (500 2000 5000 20000 for the table of docs/performance.md); without any, 5000.
# KUBE_HIPAA_BENCH_ROUNDS: measured rounds of each size (7).
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the speed cannot be measured' go openssl
KUBE_HIPAA_CONTROL_PLANE=${KUBE_HIPAA_CONTROL_PLANE:-$(sh tests/control-plane/build.sh)}
export KUBE_HIPAA_CONTROL_PLANE
export KUBE_HIPAA_BENCH_PODS="${*:-5000}"
export KUBE_HIPAA_BENCH_OUT="${KUBE_HIPAA_BENCH_OUT:-${CARGO_TARGET_DIR:-$root/target}/bench.json}"
mkdir -p "$(dirname -- "$KUBE_HIPAA_BENCH_OUT")"
exec cargo test --quiet --release --locked --test it bench::measure_speed -- --ignored --exact --nocapture
