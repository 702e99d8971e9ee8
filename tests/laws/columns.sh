#!/bin/sh
# Lines of at most 100 columns (characters, not bytes) in everything that people write: sources,
# scripts, builds, pages. Of a page, free are the rows of a table, fenced blocks that name no
# language (what a program printed), and a line that has no space to break it at.
#   columns.sh ROOT
set -uf
export LC_ALL=C
cd "$1" || exit 2
# Written by programs: a manual page, what fuzzing and torch-rechub gave, and measured figures.
pages=
# shellcheck disable=SC2086 # a list of conditions
files=$(find . -type d \( -name .git -o -name 'build*' -o -name corpus \
    -o -path ./bench/results \) -prune \
    -o -type f \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.sh' -o -name '*.py' \
    -o -name '*.js' -o -name 'meson*' -o -name '*.md' -o -path './tools/*' -o -path './bench/*' \
    -o -path './examples/*' -o -path './.ci/*' \) ! -name '*.svg' \
    $pages -print | sort)
[ -n "$files" ] || { echo "no files under $1" >&2; exit 2; }
# shellcheck disable=SC2086 # a list of names
awk '
FNR == 1 { fenced = 0 }
FILENAME ~ /\.md$/ && /^ *```/ {
    if (fenced) fenced = 0
    else fenced = /^ *```[a-z]/ ? 2 : 1
}
length($0) > 100 {
    line = $0
    gsub(/[\200-\277]/, "", line)
    if (length(line) <= 100) next
    if (FILENAME ~ /\.md$/ && (fenced == 1 || line ~ /^ *\|/ || line !~ /[^ ] +[^ ].* /)) next
    printf "%s:%d: %d columns\n", FILENAME, FNR, length(line)
    faults++
}
END { exit faults > 0 }
' $files
