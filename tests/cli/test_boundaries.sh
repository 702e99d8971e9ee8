#!/bin/sh
# Numbers in bins: the same scores from a file, whatever a number's form; the model keeps its bins.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN {
    print "age,y"
    for (i = 0; i < 400; i++) { a = i * 7 % 80; print a "," (a >= 30 && a < 50) }
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {"sparse": [{"name": "age", "embed_dim": 4, "boundaries": [30, 50]}]},
  "tasks": [{"name": "y", "label": "y"}],
  "trainer": {"n_epoch": 60, "batch_size": 50, "optimizer_params": {"lr": 0.02}}
}
JSON
expect 0 "" train --config config.json --train train.csv --valid train.csv --output m --json
check "the bins are learned" [ "$(sed -n 's/.*"auc": *\([0-9.]*\).*/\1/p' out | head -n 1)" = 1.0 ]
printf 'age\n30\n49.5\n 4.0e1\n29.99\n50\n-7\nNA\n' >some.csv
expect 0 "" predict --model m --data some.csv --output scores.csv
check "numbers of one bin have one score" [ "$(sed -n '2,4p' scores.csv | sort -u | wc -l)" -eq 1 ]
check "and other bins another" [ "$(sed -n '2p;5,8p' scores.csv | sort -u | wc -l)" -eq 4 ]
printf 'age\nold\n' >wrong.csv
expect 1 'wrong.csv: row 2: column "age": "old" is not a number' \
    predict --model m --data wrong.csv --output -
for wrong in '[]' '[5, 5]' '[2, 1]' '"5"' '["a"]' '5' '[1e999]'; do
    sed "s/\[30, 50\]/$wrong/" config.json >wrong.json
    expect 1 "" train --config wrong.json --train train.csv --output n
    check "the key is named for $wrong" grep -Eq 'boundaries|line' err
done
sed 's/"boundaries"/"vocab_size": 9, "boundaries"/' config.json >wrong.json
expect 1 "boundaries" train --config wrong.json --train train.csv --output n
expect_nothing_left n
finish
