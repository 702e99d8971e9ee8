#!/bin/sh
# Several features of one column: a number as it is, by another transform, and in bins; the same
# from a file, whatever the order of its columns.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN {
    print "age,town,y"
    for (i = 0; i < 400; i++) { a = i * 7 % 80; print a "," i % 5 "," (a >= 30 && a < 50) }
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {
    "sparse": [
      {"name": "age_bins", "column": "age", "embed_dim": 4, "boundaries": [30, 50]},
      {"name": "*"}
    ],
    "dense": [
      {"name": "a*", "transform": "standardize"},
      {"name": "age_log", "column": "age", "transform": "log1p_standardize"}
    ]
  },
  "tasks": [{"name": "y", "label": "y"}],
  "trainer": {"n_epoch": 60, "batch_size": 50, "optimizer_params": {"lr": 0.02}}
}
JSON
expect 0 "" train --config config.json --train train.csv --valid train.csv --output m --json
check "the bins are learned" [ "$(sed -n 's/.*"auc": *\([0-9.]*\).*/\1/p' out | head -n 1)" = 1.0 ]
expect 0 "" inspect --model m
check "inspect names features and their columns" \
    grep -q '^  age_bins  *4  boundaries .*  of column age$' out
check "also of numbers" grep -q '^  age_log  of column age$' out
check "and a column's own alone" grep -q '^  age$' out
check "the rest is the rest" grep -q '^  town  *6  vocabulary$' out
expect 0 "" inspect --model m --json
check "JSON, too" grep -q '"column": "age"' out
expect 0 "" predict --model m --data train.csv --output scores.csv
awk -F, '{ print $3 "," $2 "," $1 }' train.csv >turned.csv
expect 0 "" predict --model m --data turned.csv --output turned.out
check "columns are found by name" cmp -s scores.csv turned.out
printf 'age,town\nold,1\n' >wrong.csv
expect 1 'wrong.csv: row 2: column "age": "old" is not a number (feature "age_bins")' \
    predict --model m --data wrong.csv --output -
printf 'town\n1\n' >wrong.csv
expect 1 'wrong.csv: column "age": the file has no such column' \
    predict --model m --data wrong.csv --output -

refuse() { # SED MESSAGE
    sed "$1" config.json >wrong.json
    expect 1 "$2" train --config wrong.json --train train.csv --output n
}
refuse 's/"name": "age_log"/"name": "age_bins"/' '"age_bins" is already features.sparse[0].name'
refuse 's/"name": "age_log"/"name": "age"/' 'column "age": two features have this name'
refuse 's/"age_log", "column": "age"/"age_log", "column": "agee"/' \
    'train.csv: column "agee": the configuration'"'"'s feature "age_log" reads a column'
refuse 's/"age_log", "column": "age"/"age_log", "column": "y"/' \
    'tasks[0].label: "y" is already features.dense[1].column'
refuse 's/"age_log", "column"/"age_*", "column"/' \
    'features.dense[1].name: "age_*" is a pattern, but the feature has a "column"'
refuse 's/"age_log", "column": "age"/"age_log", "column": ""/' 'features.dense[1].column: ""'
refuse 's/"features": {/"features": {"weight": "age",/' \
    'features.weight: "age" is already features.sparse[0].column'
expect_nothing_left n
finish
