#!/bin/sh
# Writes the reports and opens them in a headless browser.
# $1: the folder for the reports.
set -eu
. "$(dirname -- "$0")/common.sh"
sh scripts/npm.sh
need 'the reports cannot be checked' java pdftotext
for program in chromium chromium-browser google-chrome; do
    [ -n "${CHROMIUM:-}" ] || CHROMIUM=$(command -v "$program" || true)
done
[ -n "$CHROMIUM" ] || fail 'the reports cannot be checked' 'a browser: neither chromium nor google-chrome is on the PATH' 'make setup'
export CHROMIUM
rm -rf "$1"
mkdir -p "$1"
# What the tests make up: a sample, a hostile cluster, one in which all is well.
REPORT_OUT=$1 cargo test --quiet --locked --test it report::write_samples -- --ignored --exact >/dev/null
# What the program makes of real ones.
cargo run --quiet --locked -- demo --quiet -o "$1/demo"
cargo run --quiet --locked -- assess tests/golden/empty-cluster.zip --allow-incomplete --quiet -o "$1/empty-cluster"
status=0
# The first one is also spoilt in several ways, so it is a small one.
node tests/documents/check.mjs "$1"/sample/report.html "$1"/[!s]*/report.html "$1"/*/diff.html "$1"/*/history.html >"$1/result.txt" || status=$?
cat "$1/result.txt"
# One line per report, one per spoilt report that has to be noticed, and one below each per complaint.
good=$(grep -cE '^(ok|noticed): ' "$1/result.txt" || true)
bad=$(grep -cvE '^(ok|noticed): ' "$1/result.txt" || true)
[ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
printf '%s passed, %s failed\n' "$good" "$bad"
[ "$bad" = 0 ]
