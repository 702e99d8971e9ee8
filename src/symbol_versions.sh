#!/bin/sh
# The linker's version script: every function that the public headers declare, and no other symbol.
#   symbol_versions.sh SOVERSION HEADER...
set -eu
soversion=$1
shift
echo "MMOE_$soversion {"
echo "    global:"
sed -nE 's/^MMOE_API [^(]*[ *](mmoe_[a-z0-9_]+)\(.*/        \1;/p' "$@" | LC_ALL=C sort
echo "    local: *;"
echo "};"
