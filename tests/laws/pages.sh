#!/bin/sh
# The README has at most 150 lines, and what README and docs/ refer to is there: links to files, and
# paths in `quotes` that begin with a folder of ours.
#   pages.sh ROOT
set -u
cd "$1" || exit 2
[ -s README.md ] || { echo "no README.md under $1" >&2; exit 2; }
status=0
lines=$(wc -l <README.md)
[ "$lines" -le 150 ] || { echo "README.md: $lines lines, more than 150"; status=1; }

for page in README.md docs/*.md; do
    [ -f "$page" ] || continue
    folder=$(dirname "$page")
    for target in $(grep -o '](\([^)]*\))' "$page" | sed 's/^](//; s/)$//; s/#.*//' |
        grep -v '^https\{0,1\}:' | sort -u); do
        [ -e "$folder/$target" ] || { echo "$page: no file $target"; status=1; }
    done
    folders='src|include|tools|bench|tests|examples|docs|man|python'
    for target in $(grep -oE "\`($folders)/[A-Za-z0-9_./-]*" "$page" | tr -d '\140' | sort -u); do
        case $target in
        *NAME* | *WORD*) continue ;;
        esac
        [ -e "$target" ] || { echo "$page: no file $target"; status=1; }
    done
done
exit $status
