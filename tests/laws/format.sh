#!/bin/sh
# Every source and header is as clang-format leaves it, by the .clang-format of ROOT.
#   format.sh ROOT
# Versions of clang-format differ in small things: the law is that of 14, Debian 12's. Another one
# skips it.
set -u
cd "$1" || exit 2
command -v clang-format >/dev/null ||
    { echo "no clang-format: tools/install-deps --tests"; exit 2; }
version=$(clang-format --version | sed -nE 's/.* version ([0-9]+)\..*/\1/p')
[ "$version" = 14 ] || { echo "clang-format $version, not 14: skipped"; exit 77; }

files=$(find bench examples include python src tests tools \
    -name '*.[ch]' -o -name '*.cpp' -o -name '*.hpp' 2>/dev/null)
[ -n "$files" ] || { echo "no sources under $1" >&2; exit 2; }
# shellcheck disable=SC2086 # a list of names
clang-format --style=file --dry-run -Werror $files
