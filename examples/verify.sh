#!/bin/sh
# Checks a bundle of kube-hipaa with standard tools only: sh, awk, sed, sort, find, cmp, od, sha256sum; unzip for the .zip form, ssh-keygen
# for a signature, openssl for a timestamp.
#
#   sh verify.sh BUNDLE [ID] [--allowed-signers FILE] [--require-signature] [--tsa-ca FILE] [--require-timestamp]
#
# BUNDLE is a folder or a .zip; ID is the id that was noted when it was sealed. The options are those of `kube-hipaa verify`. Exit status:
# 0 when it is what it claims to be; 5 when it is not, with one line for each file; 2 when it could not be looked at. docs/bundle.md
# describes the format.
set -u
LC_ALL=C
export LC_ALL
usage() {
    echo "usage: verify.sh BUNDLE [ID] [--allowed-signers FILE] [--require-signature] [--tsa-ca FILE] [--require-timestamp]" >&2
    exit 2
}
# The folder is changed below.
absolute() {
    case $1 in
        /*) printf '%s' "$1" ;;
        *) printf '%s' "$PWD/$1" ;;
    esac
}
bundle="" noted="" signers="" authority="" needs_signature="" needs_timestamp=""
while [ $# -gt 0 ]; do
    case $1 in
        --allowed-signers | --tsa-ca)
            [ $# -gt 1 ] && [ -f "$2" ] || usage
            if [ "$1" = --tsa-ca ]; then authority=$(absolute "$2"); else signers=$(absolute "$2"); fi
            shift
            ;;
        --require-signature) needs_signature=yes ;;
        --require-timestamp) needs_timestamp=yes ;;
        -*) usage ;;
        *) if [ -z "$bundle" ]; then bundle=$1; elif [ -z "$noted" ]; then noted=$1; else usage; fi ;;
    esac
    shift
done
[ -n "$bundle" ] && [ -e "$bundle" ] || usage
set -- "$bundle"

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
    [ ! -f "$work/marks" ] || cat "$work/marks"
    exit 0
}

# A number in hex digits, the last byte first: of a text, from this byte on, of so many bytes.
little() {
    echo "$1" | awk -v at="$2" -v bytes="$3" '{
        for (i = bytes - 1; i >= 0; i--) {
            for (d = 1; d <= 2; d++) sum = sum * 16 + index("0123456789abcdef", substr($0, 2 * (at + i) + d, 1)) - 1
        }
        printf "%.0f", sum
    }'
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
    # The table of contents, byte by byte: what unzip passes by, another program may not.
    size=$(little "$end" 12 4) begin=$(little "$end" 16 4)
    if [ $((begin + size + 22)) -ne "$(wc -c < "$1")" ]; then
        tell "the archive: its end does not fit"; finish
    fi
    tail -c $((size + 22)) "$1" | head -c "$size" | od -An -v -tu1 | awk '
        function two(at) { return h[at] + 256 * h[at + 1] }
        function check(    name, i, at, to, id, why, folder) {
            for (i = 0; i < two(28); i++) name = name sprintf("%c", h[46 + i])
            folder = name ~ /\/$/
            if (h[0] != 80 || h[1] != 75 || h[2] != 1 || h[3] != 2) why = "no entry: "
            if (h[8] % 2 || h[8] > 15 || h[9] != 0 && h[9] != 8 || h[11] || h[10] != 0 && h[10] != 8) why = "packed in a way that no bundle is: "
            if (h[10] == 0) for (i = 20; i < 24; i++) if (h[i] != h[i + 4]) why = "packed in a way that no bundle is: "
            at = int(h[41] / 16)
            if (at != 0 && at != 8 && !(at == 4 && folder)) why = "a link or a device: "
            if (int(h[38] / 16) % 2 && !folder) why = "a folder under the name of a file: "
            if (two(32)) why = "a comment: "
            for (at = 46 + two(28); at < (to = 46 + two(28) + two(30)); at += 4 + two(at + 2)) {
                id = two(at)
                if (at + 4 > to || at + 4 + two(at + 2) > to || id != 21589 && id != 30837 && id != 30805 && id != 22613 && id != 10) {
                    why = "additional fields that no bundle has: "; break
                }
            }
            if (why != "") print why name
        }
        { for (f = 1; f <= NF; f++) {
            h[n++] = $f + 0
            if (n == 46) need = 46 + two(28) + two(30) + two(32)
            if (n >= 46 && n == need) { check(); n = 0 }
        } }
        END { if (n) print "the archive: its table of contents is damaged" }' | tell_each ""
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
grep '^data/.*/' "$work/there" | grep -v -E '^data/(catalog|snapshot|workspace)/' | tell_each "added: "
for name in README.txt bag-info.txt bagit.txt manifest-sha256.txt tagmanifest-sha256.txt data/assessment.json data/snapshot/index.json \
    data/requests.jsonl data/summary.json data/previous.json; do
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

# Documents that are read below have one form: each member and each element on a line of its own, two spaces a level. So that what is read
# line by line is what whoever reads JSON sees.
utf8='function is_utf8(text) {
    if (text !~ /[\200-\377]/) return 1
    gsub(/[\302-\337][\200-\277]|\340[\240-\277][\200-\277]|[\341-\354\356\357][\200-\277][\200-\277]|\355[\200-\237][\200-\277]|\360[\220-\277][\200-\277][\200-\277]|[\361-\363][\200-\277][\200-\277][\200-\277]|\364[\200-\217][\200-\277][\200-\277]/, "", text)
    return text !~ /[\200-\377]/
}'
# Whether it holds nothing that text does not.
is_text() {
    [ "$(tr -d '\000-\011\013-\037' < "$1" | wc -c)" -eq "$(wc -c < "$1")" ]
}
check_form() {
    [ -f "$1" ] || return
    is_text "$1" || { tell "mixed: $1: it is not the text that it is in a bundle"; return; }
    awk "$utf8"'
        function wrong(what) { if (!said) print "line " NR ": " what; said = 1; exit }
        function begin(end) { depth++; kind[depth] = end; some[depth] = 0; number[depth] = ++all }
        function is_scalar(text) {
            return text ~ /^(null|true|false|\{\}|\[\])$/ || text ~ /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/ ||
                text ~ /^"([^"\\]|\\["\\\/bfnrt]|\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])*"$/
        }
        BEGIN { form = "it has not the form in which kube-hipaa writes it" }
        {
            if (ended) wrong("something follows behind its end")
            if (length($0) > 4194303) wrong("it is longer than any line")
            if (!is_utf8($0)) wrong("it is not UTF-8")
            match($0, /^ */); spaces = RLENGTH; rest = substr($0, spaces + 1); first = substr(rest, 1, 1)
            if (first == "}" || first == "]") {
                if (!depth || kind[depth] != first || !some[depth] || comma || spaces != 2 * (depth - 1)) wrong(form)
                rest = substr(rest, 2); depth--; comma = rest == ","; ended = !depth
                if (rest != "" && (!comma || ended)) wrong(form)
                next
            }
            if (!depth) { if ($0 != "{") wrong(form); begin("}"); next }
            if (spaces != 2 * depth || some[depth] != comma) wrong(form)
            some[depth] = 1
            if (kind[depth] == "}") {
                if (!match(rest, /^"([^"\\]|\\["\\\/bfnrt]|\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])*": /)) wrong(form)
                key = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
                if (depth <= 3) { if ((number[depth], key) in seen) wrong("a key stands twice"); seen[number[depth], key] }
            }
            if (rest == "{" || rest == "[") {
                if (depth == 100) wrong("it is nested too deeply")
                begin(rest == "{" ? "}" : "]"); comma = 0; next
            }
            comma = rest ~ /,$/
            if (comma) rest = substr(rest, 1, length(rest) - 1)
            if (!is_scalar(rest)) wrong(form)
        }
        END { if (!said && !ended) print "it ends before its end" }' "$1" | tell_each "mixed: $1: "
}
check_form data/assessment.json
check_form data/snapshot/index.json

# The assessment names the index of the snapshot, and that its files; and the files of the workspace.
digest_of() {
    awk -v name="$1" 'substr($0, 67) == name { print substr($0, 1, 64) }' "$work/digests"
}
# Files below a folder that nothing names; $2 holds what is named.
others() {
    sed 's/^.\{66\}//' "$2" | sort > "$work/expected"
    grep "^$1" "$work/there" | grep -v -x data/snapshot/index.json | comm -23 - "$work/expected" | tell_each "mixed: "
}
if [ -f data/assessment.json ] && [ -f data/snapshot/index.json ]; then
    named=$(sed -n 's/^  "snapshot_sha256": "\([0-9a-f]*\)",*$/\1/p' data/assessment.json | head -n 1)
    [ "$named" = "$(digest_of data/snapshot/index.json)" ] || tell "mixed: data/snapshot/index.json"
    awk -F '"' '/^    \{/ { file = ""; digest = "" } /^      "file": / { file = $4 } /^      "sha256": / { digest = $4 }
        /^    }/ && file != "" && digest != "" { print digest "  data/snapshot/" file }' data/snapshot/index.json > "$work/named"
    compare index.json "" "$work/named"
    others data/snapshot/ "$work/named"
fi
if [ -f data/assessment.json ]; then
    awk -F '"' '/^  "workspace": \{$/ { inside = 1; next } /^  }/ { inside = 0 } inside && /^    "files": \{$/ { files = 1; next }
        /^    }/ { files = 0 } files { print $4 "  data/workspace/" $2 }' data/assessment.json > "$work/used"
    compare assessment.json "" "$work/used"
    others data/workspace/ "$work/used"
fi

# Manifests that were laid over a snapshot are no evidence of anything.
if [ -f data/assessment.json ] && grep -q '^  "hypothetical": ' data/assessment.json; then tell "mixed: data/assessment.json: it is hypothetical"; fi

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
        sed -n '/^  "catalog": {/,/^  }/s/^        "name": "\(.*\)",*$/\1/p' data/assessment.json | sed 's/\\\(["\\/]\)/\1/g' | while IFS= read -r name; do
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
# Times are in UTC, as 2026-11-28T16:03:00Z, with or without a fraction of a second.
is_utc() {
    printf '%s\n' "$1" | awk '{
        y = substr($0, 1, 4) + 0; m = substr($0, 6, 2) + 0; d = substr($0, 9, 2) + 0
        split("31 28 31 30 31 30 31 31 30 31 30 31", days, " ")
        if (y % 4 == 0 && y % 100 || y % 400 == 0) days[2] = 29
        good = /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)?Z$/ && length($0) <= 30
        exit !(good && m >= 1 && m <= 12 && d >= 1 && d <= days[m] && substr($0, 12, 2) < 24 && substr($0, 15, 2) < 60 && substr($0, 18, 2) < 60)
    }'
}
if [ -f data/assessment.json ]; then
    is_utc "$(field collected started)" && is_utc "$(field collected finished)" || tell "mixed: data/assessment.json: it was not collected at a time in UTC"
fi
# null, or name and id of the bundle before, in the form in which they are written.
if [ -f data/previous.json ] && ! printf 'null\n' | cmp -s - data/previous.json; then
    is_text data/previous.json && [ "$(tail -c 1 data/previous.json | od -An -tx1 | tr -d ' \n')" = 0a ] && awk "$utf8"'
        NR == 1 { bad = $0 != "{" }
        NR == 2 {
            if ($0 !~ /^  "name": "([^"\\\/\177]|\\["\\])+",$/ || $0 ~ /\302[\200-\237]/ || !is_utf8($0)) bad = 1
            name = substr($0, 12, length($0) - 13)
            gsub(/\\["\\]/, "x", name); gsub(/[\200-\277]/, "", name)
            if (length(name) > 255) bad = 1
        }
        NR == 3 { if ($0 !~ /^  "id": "[0-9a-f]+"$/ || length($0) != 74) bad = 1 }
        NR == 4 { if ($0 != "}") bad = 1 }
        END { exit bad || NR != 4 }' data/previous.json || tell "chain: data/previous.json: it names no bundle in the way that bundles are named"
fi
id=$(digest_of tagmanifest-sha256.txt)
[ -z "$noted" ] || [ "$noted" = "$id" ] || tell "chain: tagmanifest-sha256.txt: the bundle's id is $id"

# Signature and timestamp are over the list that gives the id.
list=tagmanifest-sha256.txt
signature=$list.sig
stamp=$list.tsr
[ -z "$needs_signature" ] || [ -f "$signature" ] || tell "signature: $signature: it is not there, and a signature is required"
[ -z "$needs_timestamp" ] || [ -f "$stamp" ] || tell "timestamp: $stamp: it is not there, and a timestamp is required"
needs() {
    command -v "$1" > /dev/null 2>&1 && return
    echo "cannot look at $2 without $1" >&2
    exit 2
}
# Seconds since 1970 of YYYYMMDDHHMMSS in UTC.
seconds() {
    echo "$1" | awk '{
        y = substr($0, 1, 4) + 0; m = substr($0, 5, 2) + 0; d = substr($0, 7, 2) + 0
        if (m <= 2) { y--; m += 12 }
        days = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 1 - 719468
        printf "%.0f\n", days * 86400 + substr($0, 9, 2) * 3600 + substr($0, 11, 2) * 60 + substr($0, 13, 2)
    }'
}
collected=""
[ ! -f data/assessment.json ] || collected=$(field collected finished | tr -d -c '0-9' | cut -c1-14)
at=$collected
mark() {
    printf '%s\n' "$1" | tr -c '[:print:]\n' '?' >> "$work/marks"
}

# What the authority says is in the token; the rest of the answer is not signed.
if [ -f "$stamp" ] && [ -f "$list" ]; then
    needs openssl "$stamp"
    time=""
    if openssl ts -reply -in "$stamp" -text > "$work/text" 2> /dev/null && grep -q '^Status: Granted' "$work/text"; then
        time=$(sed -n 's/^Time stamp: //p' "$work/text" | awk '{
            split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
            for (m = 1; m <= 12 && names[m] != $1; m++) { }
            split($3, clock, "[:.]")
            if (m <= 12) printf "%04d%02d%02d%02d%02d%02d", $4, m, $2, clock[1], clock[2], clock[3]
        }')
    fi
    # openssl neither looks at what follows behind the end, nor whether what holds others says that it does.
    well_formed() {
        begin=$(od -An -v -tx1 -N5 "$stamp" | tr -d ' \n')
        case $begin in
            3082*) length=$((4 + 0x$(echo "$begin" | cut -c5-8))) ;;
            3083*) length=$((5 + 0x$(echo "$begin" | cut -c5-10))) ;;
            *) return 1 ;;
        esac
        [ "$length" -eq "$(wc -c < "$stamp")" ] && openssl asn1parse -inform DER -in "$stamp" > "$work/parsed" 2> /dev/null &&
            awk '/ prim: (SET|SEQUENCE)/ || /l=inf/ { bad = 1 }
                / prim: cont \[ 0 \]/ { size = $0; sub(/.* l= */, "", size); if (size + 0 > 64) bad = 1 }
                END { exit bad }' "$work/parsed"
    }
    # Whatever digest the request named.
    over() {
        openssl ts -reply -in "$stamp" -token_out -out "$work/token" 2> /dev/null &&
            openssl cms -verify -noverify -binary -inform DER -in "$work/token" ${authority:+-certfile} ${authority:+"$authority"} -signer "$work/signer" -out "$work/info" 2> /dev/null ||
            return 1
        openssl x509 -in "$work/signer" -noout -purpose 2> /dev/null | grep -q '^Time Stamp signing : Yes' || return 1
        # The signature names the certificate by its digest.
        named=""
        token=$(od -An -v -tx1 "$work/token" | tr -d ' \n')
        for digest in sha1 sha256 sha384 sha512; do
            hex=$(openssl x509 -in "$work/signer" -outform DER | openssl dgst -r "-$digest" | cut -d' ' -f1)
            case $token in *"04$(printf %02x $((${#hex} / 2)))$hex"*) named=yes ;; esac
        done
        [ -n "$named" ] || return 1
        for digest in sha256 sha384 sha512; do
            hex=$(openssl dgst -r "-$digest" "$list" | cut -d' ' -f1)
            od -An -v -tx1 "$work/info" | tr -d ' \n' | grep -q "04$(printf %02x $((${#hex} / 2)))$hex" && return
        done
        return 1
    }
    if [ -z "$time" ] || ! well_formed; then
        tell "timestamp: $stamp: it cannot be read as the answer of a timestamp authority"
    elif ! over; then
        tell "timestamp: $stamp: it was not made over this bundle, or it was changed"
    elif [ -n "$authority" ] && ! openssl ts -verify -data "$list" -in "$stamp" -CAfile "$authority" -untrusted "$authority" \
        -attime "$(seconds "$time")" > /dev/null 2>&1; then
        tell "timestamp: $stamp: no certificate of the file stands behind it"
    elif [ -n "$collected" ] && [ $(($(seconds "$time") + 60)) -lt "$(seconds "$collected")" ]; then
        tell "timestamp: $stamp: it is from before the end of the collection"
    else
        by=$(openssl x509 -in "$work/signer" -noout -subject | sed 's/^subject= *//')
        if [ -n "$authority" ]; then
            at=$time
            mark "Timestamp $time UTC by $by"
        else
            mark "Timestamp $time UTC by $by, not checked against an authority"
        fi
    fi
fi

if [ -f "$signature" ] && [ -f "$list" ]; then
    needs ssh-keygen "$signature"
    # There is one way to write it, but for the width of its lines.
    form=yes
    [ "$(tr -d '\000' < "$signature" | wc -c)" -eq "$(wc -c < "$signature")" ] || form=""
    [ "$(tail -c 1 "$signature" | od -An -tx1 | tr -d ' \n')" = 0a ] || form=""
    awk 'NR == 1 { bad = $0 != "-----BEGIN SSH SIGNATURE-----"; next }
        ended { bad = 1 }
        $0 == "-----END SSH SIGNATURE-----" { ended = 1; next }
        length($0) < 1 || length($0) > 76 || $0 !~ /^[A-Za-z0-9+\/=]+$/ { bad = 1 }
        END { exit bad || !ended }' "$signature" || form=""
    if [ -z "$form" ]; then
        tell "signature: $signature: it has not the form of an SSH signature"
    elif ! ssh-keygen -Y check-novalidate -n kube-hipaa -s "$signature" < "$list" > "$work/said" 2> /dev/null; then
        tell "signature: $signature: it was not made over this bundle, or it was changed"
    elif grep -E -q 'with (DSA|[A-Z0-9-]*-CERT) key' "$work/said"; then
        tell "signature: $signature: keys of this kind are not taken"
    elif [ -z "$signers" ]; then
        mark "Signature by $(sed -n 's/.* key \(SHA256:[^ ]*\).*/\1/p' "$work/said"), not checked against a list"
    else
        # Each line of the list is tried by every name that it gives; those behind a ! are left out.
        sed 's/^[[:space:]]*//' "$signers" | awk '/^#/ || /^$/ { next }
            # Characters that nobody sees, a mark of byte order among them, are no part of a name.
            BEGIN { hidden = "[\001-\037\177]|\302[\200-\240\255]|\342\200[\200-\217\250-\257]|\342\201[\237-\244]|\357\273\277" }
            { if (sub(/^"/, "")) sub(/".*/, ""); else sub(/[ \t].*/, "") }
            { for (n = split($0, names, ","); n > 0; n--) if (names[n] != "" && names[n] !~ /^!/ && names[n] !~ hidden) print names[n] }' | sort -u > "$work/who"
        who=""
        while IFS= read -r one; do
            # Times without a zone are those of UTC.
            [ -z "$at" ] || ! TZ=UTC ssh-keygen -Y verify -f "$signers" -I "$one" -n kube-hipaa -s "$signature" -Overify-time="$at" \
                < "$list" > /dev/null 2>&1 || who=$one
        done < "$work/who"
        if [ -n "$who" ]; then
            mark "Signature by $who"
        else
            tell "signature: $signature: nobody in the list of allowed signers made it then"
        fi
    fi
fi
finish
