#!/bin/sh
# Builds the mesh oracle and prints the path of the program.
exec sh "$(dirname -- "$0")/../build-oracle.sh" oracle-mesh 'mesh oracle'
