#!/bin/sh
# What a value becomes: hashed, in quantiles, of a vocabulary of frequent values; widths by rows.
# The same scores from a file however a value is written; the model keeps what was fitted.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN {
    print "user,town,age,income,y"
    for (i = 0; i < 600; i++) {
        a = i * 7 % 80
        m = i % 10 < 7 ? 0 : i % 11
        t = i % 50 == 3 ? "rare" i : "t" i % 6
        print i % 9 "," t "," a "," m "," (a >= 30 && a < 50)
    }
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {"sparse": [
    {"name": "user", "hash_bucket_size": 100, "hash_seed": 3, "embed_dim": "auto"},
    {"name": "town", "min_count": 5, "embed_dim": "auto"},
    {"name": "age", "quantiles": 8, "embed_dim": 4},
    {"name": "income", "quantiles": 10, "embed_dim": "auto"}
  ]},
  "tasks": [{"name": "y", "label": "y"}],
  "trainer": {"n_epoch": 40, "batch_size": 50, "optimizer_params": {"lr": 0.02}}
}
JSON
expect 0 "" train --config config.json --train train.csv --valid train.csv --output m --json
check "the bins are learned" [ "$(sed -n 's/.*"auc": *\([0-9.]*\).*/\1/p' out | head -n 1)" = 1.0 ]
check "rare towns are counted" grep -qF 'column "town": 6 of 18 values have own rows' err
check "so are bins" grep -Eq 'column "income": 10 quantiles have [0-9] different boundaries' err
run inspect --model m
check "tables have their rows" sh -c "grep -Eq 'user +101' out && grep -Eq 'town +7' out &&
    grep -Eq 'age +9' out"
check "and widths by them" sh -c "grep -q '101 x 19' out && grep -q '7 x 9' out &&
    grep -q '9 x 4' out"
check "and say what makes rows" sh -c "grep -Eq 'user +101  hash$' out &&
    grep -Eq 'age +9  quantiles 10, 20, 30, 40, 50, 60, 70$' out"
run inspect --model m --json
check "bins too" sh -c "tr -d ' \n' <out | grep -q \
    '\"kind\":\"quantiles\",\"side\":\"item\",\"boundaries\":\[10.0,20.0,30.0'"
check "the configuration says auto" grep -q '"embed_dim": "auto"' out

printf 'user,town,age,income\n7,t1,31,0\n 7.0,t1,3.1e1,0.0\n7,t1,NA,0\n8,rare3,31,\n8,new,31,NA\n' \
    >some.csv
expect 0 "" predict --model m --data some.csv --output scores.csv
check "a value is one in all its forms" [ "$(sed -n '2,3p' scores.csv | sort -u | wc -l)" -eq 1 ]
check "a rare value is an unknown one" [ "$(sed -n '5,6p' scores.csv | sort -u | wc -l)" -eq 1 ]
check "a missing number is no number" [ "$(sed -n '2p;4p' scores.csv | sort -u | wc -l)" -eq 2 ]
expect 0 "" export --model m --output m.onnx --format onnx
expect 0 "" train --config config.json --train train.csv --from m --output again --set \
    trainer.n_epoch=1

# What is of no file needs none.
cat >without.json <<'JSON'
{
  "features": {"sparse": [{"name": "user", "hash_bucket_size": 100, "embed_dim": "auto"},
                          {"name": "age", "boundaries": [30, 50]}]},
  "tasks": [{"name": "y", "label": "y"}],
  "trainer": {"n_epoch": 1}
}
JSON
expect 0 "" train --config without.json --train train.csv --output w
expect 0 "" predict --model w --data some.csv --output scores.csv
expect 0 "" export --model w --output w.weights --format safetensors
expect 0 "" import --config without.json --weights w.weights --output back
expect 0 "" predict --model back --data some.csv --output back.csv
check "an imported model scores as it did" cmp scores.csv back.csv

printf 'user,town,age,income\n7,t1,old,0\n' >wrong.csv
expect 1 'wrong.csv: row 2: column "age": "old" is not a number' \
    predict --model m --data wrong.csv --output -
awk -F, 'BEGIN { OFS = "," } NR > 1 { $3 = 5 } { print }' train.csv >constant.csv
expect 1 'constant.csv: column "age": all its values are 5, so there are no quantiles' \
    train --config config.json --train constant.csv --output n
sed 's/"min_count": 5/"max_distinct": 17/' config.json >wrong.json
expect 1 'train.csv: row 555: column "town": "rare553" is one more than 17 different' \
    train --config wrong.json --train train.csv --output m
check "and the way out" grep -qF '"hash_bucket_size" needs none, or "max_distinct" allows more' err
sed 's/"min_count": 5/"min_count": 500/' config.json >wrong.json
expect 1 'column "town": none of its 18 values stands there min_count times, 500' \
    train --config wrong.json --train train.csv --output n
sed 's/"hash_seed": 3/"vocab_size": 9/' config.json >wrong.json
expect 1 '"vocab_size" and "hash_bucket_size" both say what becomes of a value' \
    train --config wrong.json --train train.csv --output n
sed 's/"hash_bucket_size": 100/"hash_bucket_size": 0/' config.json >wrong.json
expect 1 'hash_bucket_size: 0 is not allowed here' train --config wrong.json --train train.csv \
    --output n
sed 's/"quantiles": 8/"num_bins": 8/' config.json >wrong.json
expect 1 'features.sparse[2].num_bins: unknown key; here it is features.sparse[].quantiles' \
    train --config wrong.json --train train.csv --output n
expect_nothing_left n
finish
