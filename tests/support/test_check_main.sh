#!/bin/sh
# test_check_main.sh WRONG NOTHING: the main of all test programs tells what failed by its exit
# status.
told=$("$1")
status=$?
wanted="40%: Checks: 10, Failures: 5, Errors: 1"
if [ "$status" -eq 1 ] && printf '%s\n' "$told" | grep -qF "$wanted"; then
    echo "ok a failing case fails its program"
else
    echo "not ok a failing case fails its program: exit $status"
    printf '%s\n' "$told" | sed 's/^/  /'
    failed=1
fi
"$2" >/dev/null
status=$?
if [ "$status" -eq 1 ]; then
    echo "ok a program without a case fails"
else
    echo "not ok a program without a case fails: exit $status"
    failed=1
fi
exit "${failed:-0}"
