#!/bin/sh
# run_or_skip.sh PROGRAM ARGUMENT...: runs an interpreter that the tests can do without; 77
# (skipped) where there is none.
command -v "$1" >/dev/null || { echo "skipped: $1 is not installed"; exit 77; }
exec "$@"
