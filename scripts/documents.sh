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
mkdir -p "$1"
# The demo, and what the tests write: a hostile cluster, an empty one, a sample.
cargo run --quiet --locked -- demo --quiet --force -o "$1/demo"
REPORT_OUT=$1 cargo test --quiet --locked --test report write_samples -- --ignored --exact
set -- "$1"/*/report.html
[ -f "$1" ] || fail 'there are no reports to open' "$1" 'read the message above'
exec node tests/documents/check.mjs "$@"
