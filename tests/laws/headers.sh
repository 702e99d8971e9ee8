#!/bin/sh
# Every public header compiles alone, and twice, as C99 and as C++11, those of C++ as C++17 with and
# without exceptions, without a warning, with every compiler there is.
#   headers.sh INCLUDE_FOLDER
set -u
include=$1
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
status=0 compiled=0

check() { # COMPILER SUFFIX OPTION...
    compiler=$1 suffix=$2
    shift 2
    command -v "$compiler" >/dev/null 2>&1 || return 0
    for header in "$include"/mmoe/*."$suffix"; do
        [ -e "$header" ] || continue
        name=mmoe/$(basename "$header")
        printf '#include <%s>\n#include <%s>\ntypedef int nothing;\n' "$name" "$name" >"$work/alone"
        compiled=$((compiled + 1))
        "$compiler" "$@" -Wall -Wextra -Werror -pedantic-errors -fsyntax-only -I "$include" \
            "$work/alone" || { echo "$compiler $*: $name" >&2; status=1; }
    done
}

for compiler in gcc clang; do check $compiler h -x c -std=c99; done
for compiler in g++ clang++; do
    check $compiler h -x c++ -std=c++11
    check $compiler hpp -x c++ -std=c++17 -Wconversion -Wshadow
    check $compiler hpp -x c++ -std=c++17 -fno-exceptions
done
[ $compiled -gt 0 ] || { echo "no compiler or no header" >&2; status=2; }
exit $status
