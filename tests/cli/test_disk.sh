#!/bin/sh
# shellcheck disable=SC2016
# Where nothing can be written: exit status 1, a message, and no half of a file.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 400
train="train --config config.json --train train.csv"
# shellcheck disable=SC2086
expect 0 "" $train --output m.safetensors

full() { # ARGUMENT...
    "$mmoe" "$@" >/dev/full 2>err
    status=$?
    [ "$status" -eq 1 ] && grep -qF "cannot write standard output: No space left on device" err &&
        [ "$(grep -vE ': (warning|[a-z.]*: column)' err |
            grep -vcE '^mmoe init: (column|batch|early|learning|embed|bins|with|a )')" -eq 1 ]
    report $? "standard output is full: mmoe $*"
}
if [ -c /dev/full ]; then
    full --help
    full --version
    full train --help
    full inspect --model m.safetensors
    full inspect --model m.safetensors --json
    full evaluate --model m.safetensors --data test.csv
    full evaluate --model m.safetensors --data test.csv --json
    full predict --model m.safetensors --data test.csv --output -
    full init train.csv --label click
    full synth paper --rows 100 --output -
    expect 1 "cannot write /dev/full: No space left on device" predict --model m.safetensors \
        --data test.csv --output /dev/full
    check "/dev/full is a device still" [ -c /dev/full ]
    # shellcheck disable=SC2086
    expect 1 "/dev/full is not a regular file" $train --output /dev/full
fi

# Files may have 4 KiB, as on a disk that is full.
printf '#!/bin/sh\nulimit -f 8\nexec "$@"\n' >limited
# shellcheck disable=SC2034 # used by run
wrapper="sh ./limited"
# shellcheck disable=SC2086
{
    expect 1 "File too large" $train --output full.safetensors
    expect 1 "File too large" $train --output full.safetensors --checkpoint full.ckpt
}
expect 1 "cannot write full.csv: File too large" predict --model m.safetensors --data train.csv \
    --output full.csv
expect 1 "cannot write full.csv: File too large" synth clicks --rows 1000 --output full.csv
expect 1 "cannot write full.csv: File too large" synth paper --rows 1000 --output full.csv
expect 1 "cannot write full.truth: File too large" synth clicks --rows 1000 --output /dev/null \
    --truth full.truth
sed 's/"seed": 3/"seed": 3, "memory": 500/' config.json >stream.json
expect 1 "cannot write to a temporary file there: File too large" pack --config config.json \
    --data train.csv --output full.d
wrapper="env TMPDIR=. sh ./limited"
expect 1 ".: cannot write to a temporary file there: File too large" train --config stream.json \
    --train train.csv --output full.safetensors
wrapper=""
expect_nothing_left full.d
expect_nothing_left full.safetensors
expect_nothing_left full.ckpt
expect_nothing_left full.csv
expect_nothing_left full.truth
echo old >kept.csv
wrapper="sh ./limited"
expect 1 "File too large" predict --model m.safetensors --data train.csv --output kept.csv
wrapper=""
check "a failure leaves the file that was there" [ "$(cat kept.csv)" = old ]

# A file system that is full, where one can be made: before the first step, and in the end.
mkdir small
echo 'mount -t tmpfs -o size=12k tmpfs small && exec "$@"' >mounted
wrapper="unshare --map-root-user --mount sh ./mounted"
if $wrapper true 2>err; then
    # shellcheck disable=SC2086
    expect 1 "small/m: cannot write: No space left on device" $train --output small/m
    check "that is told of before" grep -q \
        "warning: --output: small/m takes 0.[0-9] MB, and its file system has room for 0.0" err
    # shellcheck disable=SC2086
    expect 1 "warning: --checkpoint: small/k takes 0." $train --output m.out --checkpoint small/k
fi
wrapper=""

# shellcheck disable=SC2086
{
    expect 1 "--output: cannot write none/m: No such file or directory" $train --output none/m
    expect 1 "--checkpoint: cannot write none/c: No such file or directory" $train --output x \
        --checkpoint none/c
    expect 1 "--log: cannot write none/l: No such file or directory" $train --output x --log none/l
    expect 1 "is a folder" $train --output .
}
expect 1 "No such file or directory" predict --model m.safetensors --data test.csv --output \
    none/p.csv
expect 1 "No such file or directory" synth clicks --rows 3 --output none/x.csv
expect 1 "No such file or directory" init train.csv --label click --output none/c.json
expect 1 "No such file or directory" import --config config.json --weights m.safetensors --output \
    none/m
expect_nothing_left x
finish
