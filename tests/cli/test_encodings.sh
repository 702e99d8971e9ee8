#!/bin/sh
# Dense features of more than one input: bins, vectors and indicators are learned, kept, resumed
# and said.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN {
    print "x,v,y"
    for (i = 0; i < 400; i++) {
        x = i * 7 % 80
        print (i % 11 ? x : "") "," i % 3 "|" i % 5 "|" x / 80 "," (x >= 30 && x < 50)
    }
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {"dense": [
    {"name": "bins", "column": "x", "encoding": "piecewise_linear", "bins": 8, "missing": "mean",
     "indicator": true},
    {"name": "x", "transform": "standardize", "missing": "mean"},
    {"name": "v", "dim": 3}
  ]},
  "tasks": [{"name": "y", "label": "y"}],
  "trainer": {"n_epoch": 40, "batch_size": 50, "optimizer_params": {"lr": 0.02}}
}
JSON
expect 0 "" train --config config.json --train train.csv --valid train.csv --output m --json
auc=$(sed -n 's/.*"auc": *\([0-9.]*\).*/\1/p' out | head -n 1)
check "a hump is learned ($auc)" awk -v auc="$auc" 'BEGIN { exit !(auc > .97) }'
expect 0 "" inspect --model m
check "inspect says how wide a feature is" grep -q '^  bins  9 inputs  of column x$' out
check "of a vector, too" grep -q '^  v  3 inputs$' out
expect 0 "" inspect --model m --json
check "JSON, too" grep -q '"inputs": 9' out
expect 0 "" predict --model m --data train.csv --output scores.csv
expect 0 "" evaluate --model m --data train.csv
sed 's/"n_epoch": 40/"n_epoch": 20/' config.json >half.json
expect 0 "" train --config half.json --train train.csv --valid train.csv --output h --checkpoint c
expect 0 "" train --config config.json --train train.csv --valid train.csv --output r --resume c
expect 0 "" predict --model r --data train.csv --output resumed.csv
check "a run that is resumed ends the same" cmp -s scores.csv resumed.csv

refuse() { # SED MESSAGE
    sed "$1" config.json >wrong.json
    expect 1 "$2" train --config wrong.json --train train.csv --output n
}
refuse 's/"dim": 3/"dim": 4/' \
    'train.csv: row 2: column "v": "0|0|0" is a vector of 3 numbers, not of 4'
refuse 's/"dim": 3/"dim": 3, "transform": "minmax"/' \
    'features.dense[2].transform: "dim" says already'
refuse 's/"mean",$/"error",/' 'features.dense[0].indicator: a missing value is an error'
refuse 's/"bins": 8/"bins": 2000/' 'features.dense[0].bins: 2000'
sed 's/^[0-9]*,/5,/' train.csv >constant.csv
expect 1 'column "x": all values are 5: there is nothing to cut into bins (feature "bins")' \
    train --config config.json --train constant.csv --output n
awk -F, -v OFS=, 'NR > 1 && $1 < 60 && $1 != "" { $1 = 0 } { print }' train.csv >heap.csv
expect 0 'feature "bins" of column "x": equal quantiles leave' \
    train --config config.json --train heap.csv --output k
expect_nothing_left n
finish
