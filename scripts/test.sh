#!/bin/sh
# Runs every check, cheap ones first, and closes with the sum. A failing check does not hide the later ones.
set -u
. "$(dirname -- "$0")/common.sh"
make=${MAKE:-make}
log=$(mktemp "${TMPDIR:-/tmp}/kube-hipaa-test.XXXXXX") || fail 'there is no place for the log' "${TMPDIR:-/tmp}" 'make it writable, or set TMPDIR'
trap 'rm -f "$log"' EXIT
broken=''

run() { # $1: target
    start=$(date +%s)
    printf '\n== %s\n' "$1"
    # The status is that of make, not of tee.
    { "$make" --no-print-directory "$1" 2>&1 </dev/null; echo "$?" >"$log.status"; } | tee -a "$log"
    status=$(cat "$log.status")
    rm -f "$log.status"
    printf '== %s: %s in %s s\n' "$1" "$([ "$status" = 0 ] && echo good || echo FAILED)" "$(($(date +%s) - start))"
    [ "$status" = 0 ] || broken="$broken $1"
}

run setup
# Without what it installs, the rest would only fail in less clear ways.
[ -z "$broken" ] || { printf '\nsetup failed; nothing else was run\n0 passed, 1 failed\n'; exit 1; }
for target in lint deny unit live documents; do
    run "$target"
done

# Sums of cargo's own lines, such as: test result: ok. 12 passed; 0 failed; 3 ignored; …
# and of the browser checks, which close with: 12 passed, 0 failed
sums=$(awk '
    /^test result: / { p += $4; f += $6; i += $8 }
    /^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3 }
    END { printf "%d %d %d", p, f, i }' "$log")
passed=${sums%% *}
rest=${sums#* }
failed=${rest%% *}
ignored=${rest#* }
# Checks that count nothing themselves (lint, deny) or broke before they could.
for target in $broken; do
    case $target in
    unit | live | documents) [ "$failed" -gt 0 ] || failed=$((failed + 1)) ;;
    *) failed=$((failed + 1)) ;;
    esac
done
printf '\n'
[ -z "$broken" ] || printf 'failed:%s\n' "$broken"
# Each run of cargo test counts as ignored or filtered what another one runs.
grep '^left out: ' "$log" || true
printf 'unit leaves %s tests to live\n' "$ignored"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ] && [ -z "$broken" ]
