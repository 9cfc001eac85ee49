#!/bin/sh
# Builds the mesh oracle and prints the path of the program; with --built, only where it is built already (else status 3).
exec sh "$(dirname -- "$0")/../build-oracle.sh" oracle-mesh 'mesh oracle' "$@"
