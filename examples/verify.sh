#!/bin/sh
# Checks a bundle of kube-hipaa with standard tools only: sh, awk, sed, sort, find, cmp, od, sha256sum, and unzip for the .zip form.
#
#   sh verify.sh BUNDLE [ID]
#
# BUNDLE is a folder or a .zip; ID is the id that was noted when it was sealed. Exit status: 0 when it is what it claims to be; 5 when
# it is not, with one line for each file; 2 when it could not be looked at. docs/bundle.md describes the format.
set -u
LC_ALL=C
export LC_ALL
if [ $# -lt 1 ] || [ $# -gt 2 ] || [ ! -e "$1" ]; then
    echo "usage: verify.sh BUNDLE [ID]" >&2
    exit 2
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM
: > "$work/problems"

# Names of files may hold anything: only what can be printed is printed.
tell() {
    printf '%s\n' "$1" | tr -c '[:print:]\n' '?' >> "$work/problems"
}
tell_each() {
    while IFS= read -r line; do tell "$1$line"; done
}
finish() {
    if [ -s "$work/problems" ]; then
        echo "Not what it claims to be:"
        sort -u "$work/problems" | sed 's/^/  /'
        exit 5
    fi
    echo "Whole, as it was sealed under the id $id"
    exit 0
}

if [ -d "$1" ]; then
    root=$1
else
    # Nothing is unpacked that says to be more than any bundle, that is linked, or that has two readings.
    end=$(tail -c 22 "$1" | od -An -v -tx1 | tr -d ' \n')
    case $end in
        504b050600000000*0000) ;;
        *) tell "the archive: it is no zip archive, it is cut off, or something follows behind its end"; finish ;;
    esac
    if ! unzip -Z1 "$1" > "$work/names" 2> /dev/null || ! unzip -Zs "$1" > "$work/list" 2> /dev/null; then
        tell "the archive: its table of contents is damaged"; finish
    fi
    unzip -Zt "$1" | awk '$1 > 40000 || $3 > 4294967295 { exit 1 }' || { tell "the archive: it is larger than any bundle"; finish; }
    sort "$work/names" | uniq -d | tell_each "twice in the archive: "
    grep -v '^[A-Za-z0-9._/-]*$' "$work/names" | tell_each "a name that no bundle has: "
    grep -E '^/|(^|/)\.\.?(/|$)|//' "$work/names" | tell_each "a name that leads elsewhere: "
    # A name that a program in C would see end early.
    said=$(unzip -Zv "$1" 2> /dev/null | sed -n 's/^  length of filename: *\([0-9]*\) characters$/\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
    [ "$said" = "$(tr -d '\n' < "$work/names" | wc -c | tr -d ' ')" ] || tell "the archive: names that are longer than they look"
    awk '/^[lbcps][r-][w-]/ { print $NF }' "$work/list" | tell_each "a link or a device: "
    awk '/^[^ ]*[r-][w-][x-]/ && $6 !~ /^(stor|def[NXFS])$/ { print $NF }' "$work/list" | tell_each "packed in a way that no bundle is: "
    [ -s "$work/problems" ] && finish
    # A warning is as bad as an error: it says that another program could see something else.
    mkdir "$work/bag" || exit 2
    if ! unzip -qq "$1" -d "$work/bag" > "$work/said" 2>&1 < /dev/null || [ -s "$work/said" ]; then
        tell "the archive: it cannot be unpacked without an error"
        grep 'bad CRC' "$work/said" | sed "s|^ *$work/bag/[^/]*/||; s/ *bad CRC.*//" | tell_each "altered: "
        finish
    fi
    root=$work/bag
    if [ ! -f "$root/bagit.txt" ]; then
        for folder in "$root"/*/; do
            [ -f "${folder}bagit.txt" ] && root=$folder
        done
        # Without that file, the only folder is the bundle.
        if [ "$root" = "$work/bag" ] && [ "$(find "$root" ! -path "$root" -prune | wc -l)" -eq 1 ]; then
            root=$(echo "$root"/*)
        fi
        find "$work/bag" ! -path "$work/bag" -prune ! -path "${root%/}" | sed "s|^$work/bag/||" | tell_each "outside of the bundle's folder: "
    fi
fi
cd "$root" || exit 2

# What there is.
find . ! -type f ! -type d | sed 's|^\./||' | tell_each "a link or a device: "
find . -type d ! -path . | while IFS= read -r folder; do
    [ -n "$(find "$folder" ! -path "$folder" -prune)" ] || printf '%s\n' "${folder#./}"
done | tell_each "an empty folder: "
find . -type f | sed 's|^\./||' | sort > "$work/there"
grep -v '^[A-Za-z0-9._/-]*$' "$work/there" | tell_each "a name that no bundle has: "
tr 'A-Z' 'a-z' < "$work/there" | sort | uniq -d | tell_each "names that differ only by upper and lower case: "
[ "$(wc -l < "$work/there")" -le 20000 ] || { tell "more files than any bundle has"; finish; }
grep -v '^data/' "$work/there" | grep -v -x -e README.txt -e bag-info.txt -e bagit.txt -e manifest-sha256.txt -e tagmanifest-sha256.txt \
    -e tagmanifest-sha256.txt.sig -e tagmanifest-sha256.txt.tsr | tell_each "added: "
for name in README.txt bag-info.txt bagit.txt manifest-sha256.txt tagmanifest-sha256.txt data/assessment.json data/snapshot/index.json \
    data/summary.json data/previous.json; do
    [ -f "$name" ] || tell "missing: $name"
done
find . -type f -exec sha256sum {} + 2> /dev/null | sed 's|  \./|  |' > "$work/digests"

# A list has one form: DIGEST, two spaces, NAME; sorted, each name once, a line feed at the end of each line.
check_list() {
    [ -f "$1" ] || return
    [ "$(tr -d '\000\r' < "$1" | wc -c)" -eq "$(wc -c < "$1")" ] || tell "list: $1: characters that no list has"
    [ ! -s "$1" ] || [ "$(tail -c 1 "$1" | od -An -tx1 | tr -d ' \n')" = 0a ] || tell "list: $1: its last line is cut off"
    awk '{
        name = substr($0, 67)
        if (substr($0, 1, 64) ~ /[^0-9a-f]/ || substr($0, 65, 2) != "  " || name !~ /^[A-Za-z0-9._\/-]+$/ || name ~ /(^|\/)(\.\.?)?(\/|$)/)
            print "line " NR " is not of the form"
        else if (name in seen) print name " stands twice"
        else if (name < before) print "the lines are not sorted"
        seen[name]; before = name
    }' "$1" | tell_each "list: $1: "
}
check_list tagmanifest-sha256.txt
check_list manifest-sha256.txt
cut -c67- tagmanifest-sha256.txt > "$work/tags" 2> /dev/null
printf 'README.txt\nbag-info.txt\nbagit.txt\nmanifest-sha256.txt\n' | cmp -s - "$work/tags" ||
    tell "list: tagmanifest-sha256.txt: it does not name the four files that it names in every bundle"

# Every file against the list that names it.
compare() {
    awk -v list="$1" -v below="$2" '
        FILENAME == ARGV[1] { if (!(substr($0, 67) in listed)) listed[substr($0, 67)] = substr($0, 1, 64); next }
        { name = substr($0, 67); there[name] = substr($0, 1, 64) }
        END {
            for (name in listed) {
                if (!(name in there)) print "missing: " name
                else if (there[name] != listed[name]) print "altered: " name
            }
            if (below != "") for (name in there) if (index(name, below) == 1 && !(name in listed)) print "added: " name
            if (below != "") for (name in listed) if (index(name, below) != 1) print "list: " list ": it names " name
        }' "$3" "$work/digests" | tell_each ""
}
# Of a list that is missing, no file is listed.
there() {
    if [ -f "$1" ]; then echo "$1"; else echo /dev/null; fi
}
compare tagmanifest-sha256.txt "" "$(there tagmanifest-sha256.txt)"
compare manifest-sha256.txt data/ "$(there manifest-sha256.txt)"

if [ -f bagit.txt ]; then
    printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | cmp -s - bagit.txt || tell "altered: bagit.txt"
fi
if [ -f bag-info.txt ]; then
    sed 's/: .*//' bag-info.txt > "$work/labels"
    printf 'Bag-Software-Agent\nBagging-Date\nExternal-Description\nExternal-Identifier\nPayload-Oxum\n' | cmp -s - "$work/labels" ||
        tell "list: bag-info.txt: it has not the lines that this file has in a bundle"
    oxum=$(find data -type f -exec wc -c {} + 2> /dev/null | awk '$2 != "total" { bytes += $1; files++ } END { printf "%.0f.%d", bytes, files }')
    [ "$(sed -n 's/^Payload-Oxum: //p' bag-info.txt)" = "$oxum" ] || tell "list: bag-info.txt: it counts other files than there are"
fi

# The assessment names the index of the snapshot, and that its files.
digest_of() {
    awk -v name="$1" 'substr($0, 67) == name { print substr($0, 1, 64) }' "$work/digests"
}
if [ -f data/assessment.json ] && [ -f data/snapshot/index.json ]; then
    named=$(sed -n 's/^  "snapshot_sha256": "\([0-9a-f]*\)",*$/\1/p' data/assessment.json | head -n 1)
    [ "$named" = "$(digest_of data/snapshot/index.json)" ] || tell "mixed: data/snapshot/index.json"
    awk -F '"' '/^      "file": / { file = $4 } /^      "sha256": / && file != "" { print $4 "  data/snapshot/" file; file = "" }' \
        data/snapshot/index.json > "$work/named"
    compare index.json "" "$work/named"
    sed 's/^.\{66\}//' "$work/named" | sort > "$work/expected"
    grep '^data/snapshot/' "$work/there" | grep -v -x data/snapshot/index.json | comm -23 - "$work/expected" | tell_each "mixed: "
fi

# The assessment names the rules: its digest is over names and digests, each preceded by its length as eight bytes.
field() {
    sed -n '/^  "'"$1"'": {/,/^  }/s/^    "'"$2"'": "\(.*\)",*$/\1/p' data/assessment.json | head -n 1
}
lengths='function be(n) { return sprintf("\\000\\000\\000\\000\\%03o\\%03o\\%03o\\%03o", n / 16777216 % 256, n / 65536 % 256, n / 256 % 256, n % 256) }'
length() {
    printf "$(awk -v n="$1" "$lengths"' BEGIN { printf "%s", be(n) }')"
}
part() {
    length "$(printf '%s' "$1" | wc -c)"
    printf '%s' "$1"
}
if [ -f data/assessment.json ]; then
    # shellcheck disable=SC2059  # what awk prints is a format: plain names, and lengths as octal numbers
    {
        printf "$(sort -k 2 "$work/digests" | awk "$lengths"' index(substr($0, 67), "data/catalog/built-in/") == 1 {
            name = substr($0, 89); printf "%s%s%s%s", be(length(name)), name, be(64), substr($0, 1, 64) }')"
        number=0
        sed -n '/^  "catalog": {/,/^  }/s/^        "name": "\(.*\)",*$/\1/p' data/assessment.json | while IFS= read -r name; do
            number=$((number + 1))
            part "overlay $name"
            part "$(grep "^data/catalog/overlay-$number/" "$work/there" | while IFS= read -r file; do
                echo "$file" >> "$work/overlays"
                part "${file#data/catalog/overlay-*/}"
                length "$(wc -c < "$file")"
                cat "$file"
            done | sha256sum | cut -c1-64)"
        done
    } | sha256sum | cut -c1-64 > "$work/catalog"
    [ "$(cat "$work/catalog")" = "$(field catalog sha256)" ] || tell "mixed: data/catalog/: it is not the catalog that data/assessment.json names"
    grep '^data/catalog/' "$work/there" | grep -v '^data/catalog/built-in/' | cat > "$work/others"
    [ ! -f "$work/overlays" ] || sort -o "$work/overlays" "$work/overlays"
    [ -f "$work/overlays" ] || : > "$work/overlays"
    comm -23 "$work/others" "$work/overlays" | tell_each "mixed: "
    if [ -f bag-info.txt ]; then
        uid=$(field cluster uid)
        [ "$(sed -n 's/^External-Identifier: //p' bag-info.txt)" = "${uid:-unknown}" ] &&
            [ "$(sed -n 's/^Bagging-Date: //p' bag-info.txt)" = "$(field collected finished | cut -c1-10)" ] ||
            tell "mixed: bag-info.txt: it is about another cluster or day than data/assessment.json"
    fi
fi
if [ -f data/previous.json ]; then
    case $(tr -d ' \n' < data/previous.json) in
        null) ;;
        *) grep -E -q '^  "id": "[0-9a-f]{64}"$' data/previous.json && grep -q '^  "name": ".' data/previous.json ||
            tell "chain: data/previous.json" ;;
    esac
fi
id=$(digest_of tagmanifest-sha256.txt)
[ $# -lt 2 ] || [ "$2" = "$id" ] || tell "chain: tagmanifest-sha256.txt: the bundle's id is $id"
finish
