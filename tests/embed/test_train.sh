#!/bin/sh
# test_train.sh MMOE_PROGRAM EXAMPLE SOURCE README: the example does what the program does, and
# stands in the README.
example=$(realpath "$2") source=$(realpath "$3") page=$(realpath "$4") \
    here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
make_data 2000

check "the page shows the example" sh "$here/shown.sh" "$page" "$source"
root=$(dirname "$(dirname "$page")")
check "a page shows the tutorial's configuration" sh "$here/shown.sh" \
    "$root/docs/configuration.md" "$root/examples/ali-ccp.json"

"$example" config.json train.csv valid.csv example.safetensors >scores.csv 2>err
check "the example trains and scores" [ $? -eq 0 ]
expect 0 "" train --config config.json --train train.csv --valid valid.csv --output \
    program.safetensors
check "its model is the program's" cmp example.safetensors program.safetensors
expect 0 "" predict --model example.safetensors --data valid.csv --output all.csv
sed -n 2,4p all.csv >expected.csv
check "its scores are the program's" cmp scores.csv expected.csv

"$example" config.json missing.csv valid.csv none.safetensors >out 2>err
check "a failure is said and has an exit status" [ $? -eq 1 ]
check "it names the file" grep -q missing.csv err
check "no model is left" [ ! -e none.safetensors ]

finish
