#!/bin/sh
# Builds the Kubernetes oracle and prints the path of the program.
exec sh "$(dirname -- "$0")/../build-oracle.sh" oracle 'Kubernetes oracle'
