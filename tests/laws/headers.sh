#!/bin/sh
# Every public header compiles alone, and twice, as C99 and as C++11, without a warning, with every
# compiler there is.
#   headers.sh INCLUDE_FOLDER
set -u
include=$1
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
status=0 compiled=0

check() { # COMPILER STANDARD SUFFIX
    command -v "$1" >/dev/null 2>&1 || return 0
    for header in "$include"/mmoe/*.h; do
        name=mmoe/$(basename "$header")
        printf '#include <%s>\n#include <%s>\ntypedef int nothing;\n' "$name" "$name" \
            >"$work/alone.$3"
        compiled=$((compiled + 1))
        "$1" "-std=$2" -Wall -Wextra -Werror -pedantic-errors -fsyntax-only -I "$include" \
            "$work/alone.$3" || { echo "$1 -std=$2: $name" >&2; status=1; }
    done
}

for compiler in gcc clang; do check $compiler c99 c; done
for compiler in g++ clang++; do check $compiler c++11 cc; done
[ $compiled -gt 0 ] || { echo "no compiler or no header" >&2; status=2; }
exit $status
