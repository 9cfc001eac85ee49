#!/bin/sh
# Installs the packages of the browser checks into tests/documents/node_modules, unless they are those of the lock file already.
set -eu
. "$(dirname -- "$0")/common.sh"
need 'the browser checks cannot be set up' npm node
cd tests/documents
lock=$(cat package.json package-lock.json | cksum)
stamp=node_modules/.kube-hipaa-lock
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$lock" ]; then
    say 'installing the packages of the browser checks'
    npm ci --no-audit --no-fund --loglevel=error >&2 </dev/null ||
        fail 'the packages of the browser checks cannot be installed' 'npm ci in tests/documents' 'check that the npm registry can be reached'
    printf '%s\n' "$lock" >"$stamp"
fi
