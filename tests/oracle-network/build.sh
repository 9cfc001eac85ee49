#!/bin/sh
# Builds the network oracle and prints the path of the program.
exec sh "$(dirname -- "$0")/../build-oracle.sh" oracle-network 'network oracle'
