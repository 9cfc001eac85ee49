#!/bin/sh
# Writes what a package installs beside the program: manual pages and completions. Usage: package-files.sh PROGRAM FOLDER
set -eu
. "$(dirname -- "$0")/common.sh"
[ $# = 2 ] || fail 'a program and a folder are needed' "$*" 'for example: scripts/package-files.sh target/release/kube-hipaa dist'
program=$1
folder=$2
mkdir -p "$folder/man/man1" "$folder/completions"
"$program" man >"$folder/man/man1/kube-hipaa.1"
# Those that the help lists, so that none is forgotten.
commands=$("$program" --help | sed -n '/^Commands:$/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' | grep -vx help)
[ -n "$commands" ] || fail 'the manual pages cannot be written' "$program, whose help lists no commands" 'take a program of this version'
for command in $commands; do
    "$program" man "$command" >"$folder/man/man1/kube-hipaa-$command.1"
done
"$program" completions bash >"$folder/completions/kube-hipaa"
"$program" completions zsh >"$folder/completions/_kube-hipaa"
"$program" completions fish >"$folder/completions/kube-hipaa.fish"
