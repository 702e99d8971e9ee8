#!/bin/sh
# shellcheck disable=SC2016
# Wrong usage ends with status 2, names the flag and points at the help; help and results end with
# 0. shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

expect 0 "" --help
check "the commands are listed" grep -q evaluate out
expect 0 "" --version
check "the version" grep -qE '^mmoe [0-9]+\.[0-9]+\.[0-9]+$' out
run
check "no command: exit 2" [ "$status" -eq 2 ]
check "no command: help on standard error" grep -q "^Usage:" err
expect 2 'unknown command "fly"' fly
for command in init train sweep evaluate predict inspect report import synth; do
    expect 0 "" $command --help
    check "help of $command" grep -q "^Usage: mmoe $command" out
    check "help of $command says nothing on standard error" [ ! -s err ]
    expect 2 "unknown flag --no-such-flag" $command --no-such-flag
    check "wrong usage of $command points at its help" grep -qF "mmoe $command --help" err
done
run train --help
check "train --help lists the keys" grep -q "trainer.optimizer_params.lr" out
check "train --help lists their defaults" grep -q "default 1024" out

# A set of kernels that this processor has not; help needs none.
for set in sse generic,avx2 GENERIC; do
    export MMOE_KERNELS=$set
    expect 2 "MMOE_KERNELS is \"$set\": the sets of kernels that this processor runs are generic" \
        inspect --model m
    expect 0 "" inspect --help
done
for set in "" generic; do
    export MMOE_KERNELS=$set
    expect 1 "m: cannot read" inspect --model m
done
unset MMOE_KERNELS

expect 2 "--config FILE is missing" train
expect 2 "--output FILE is missing" train --config c --train t
expect 2 '--meta: metadata "a b": a key is 1 to 128 letters' train --config c --train t --output o \
    --meta "a b=1"
expect 2 "--meta git: KEY=VALUE is needed" train --config c --train t --output o --meta git
expect 2 '--meta: the key "git" stands twice' import --config c --weights w --output o \
    --meta git=1 --meta git=2
expect 2 '--meta: the key "date" stands twice' train --config c --train t --output o --dated \
    --meta date=today
expect 2 "--config needs a value" train --config
expect 2 "--config needs a value" train --config --train t
expect 2 "--config: its value is empty" train --config "" --train t --output o
expect 2 "--output is given twice" train --config c --train t --output o --output p
expect 2 '--threads: "four" is not a whole number from 1 to 256' train --config c --train t \
    --output o --threads four
expect 2 '"0" is not a whole number' train --config c --train t --output o --threads 0
expect 2 '"257" is not a whole number' train --config c --train t --output o --threads=257
expect 2 '"1.5" is not a whole number' evaluate --model m --data d --threads 1.5
expect 2 "--json takes no value" evaluate --model m --data d --json=yes
expect 2 'unexpected argument "more"' evaluate --model m --data d more
expect 2 "unknown flag -x" inspect -x
expect 2 "--rows=5: the command comes first: mmoe COMMAND [FLAGS]" --rows=5 synth clicks
expect 2 "--wait is a flag of mmoe-mpi, before the command: mmoe-mpi --wait SECONDS train" \
    train --wait=5
expect 2 'unknown flag --no-such-flag' train --no-such-flag=5
expect 2 "--train and --output are the same file" train --config c --train t --output t
expect 2 "--output and --log are the same file" train --config c --train t --output o --log o
expect 2 "--output and --checkpoint are the same file" train --config c --train t --output o \
    --checkpoint o
expect 2 "--output and --checkpoint are the same file" train --config c --train t --output o \
    --resume o
expect 2 "--grow goes with --from" train --config c --train t --output o --grow --resume r
expect 2 "--config FILE is missing, or --shrink N" import --weights w --output o
expect 2 "--config and --shrink exclude each other" import --weights w --output o --config c \
    --shrink 2
expect 2 "--shrink needs --data, rows to count" import --weights w --output o --shrink 2
expect 2 "--data goes with --shrink" import --weights w --output o --config c --data d
expect 2 "--columns goes with --config" import --weights w --output o --shrink 2 --columns c
expect 2 "--data and --output are the same file" predict --model m --data d --output d
# Standard input has a name, and - is none, but for rows that are read once.
for flag in config from resume; do
    expect 2 "--$flag: - is no file that is read; standard input is /dev/stdin" train --$flag -
done
expect 2 "--data: - is no file that is read" report --log l --output o --model m --data -
expect 2 "--train and --valid cannot both be standard input" train --config c --output m --train - \
    --valid -
expect 2 "--keep reads --data a second time" predict --model m --output - --data - --keep user
for command in evaluate predict inspect report; do
    expect 2 "--model: - is no file that is read" $command --model -
done
expect 2 "--weights: - is no file that is read" import --weights -
expect 2 "--config: - is no file that is read" sweep --config -
expect 2 "DATA.csv: - is no file that is read" init - --label click
expect 2 "DATA.csv is missing" init --label click
expect 2 "--label COLUMN is missing" init data.csv
expect 2 "KIND" synth --rows 3 --output x
expect 2 "neither clicks nor paper" synth rain --rows 3 --output x
expect 2 "--rows N is missing" synth clicks --output x
expect 2 '"0" is not a whole number' synth clicks --rows 0 --output x
expect 2 '"1.5" is not a number from -1 to 1' synth paper --rows 3 --correlation 1.5 --output x
expect 2 '"nan" is not a number' synth paper --rows 3 --correlation nan --output x
expect 2 '"0x1" is not a number' synth paper --rows 3 --correlation 0x1 --output x
expect 2 'unknown command "a b"' "$(printf 'a\tb')"
expect 2 "belong to paper" synth clicks --rows 3 --correlation 0.9 --output x
expect 2 "belong to clicks" synth paper --rows 3 --truth t --output x
expect 2 "cannot both go to standard output" synth clicks --rows 3 --json --output -
expect 2 "--output and --truth are the same file" synth clicks --rows 3 --output x --truth x
make_data 400
expect 2 "is not KEY=VALUE" train --config config.json --train train.csv --output m --set \
    trainer.n_epoch
expect 2 "trainer.n_epochs" train --config config.json --train train.csv --output m --set \
    trainer.n_epochs=3
expect 2 "trainer.n_epoch" train --config config.json --train train.csv --output m --set \
    trainer.n_epoch=-1
finish
