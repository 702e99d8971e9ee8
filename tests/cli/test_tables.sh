#!/bin/sh
# mmoe export --tables: a model file with smaller tables, its scores, and who refuses it.
# shellcheck shell=sh source=tests/cli/lib.sh
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
make_data 3000
sed -e 's/"embed_dim": 4/"embed_dim": 8, "vocab_size": 9000/' \
    -e 's/"D\*", "transform": "standardize"/"D*"/' config.json >sized.json
"$mmoe" train --config sized.json --train train.csv --output a.safetensors --set \
    trainer.n_epoch=1 2>/dev/null

expect 2 "--format NAME is missing, or --tables TYPE" export --model a.safetensors --output x
expect 2 "--format and --tables exclude each other" export --model a.safetensors --format onnx \
    --tables int8 --output x
expect 2 "\"int4\" is not bf16 or int8" export --model a.safetensors --tables int4 --output x
expect 2 "--data: rows are compared with --tables alone" export --model a.safetensors \
    --format onnx --output x --data valid.csv
expect 2 "--json: results are those of --tables alone" export --model a.safetensors \
    --format onnx --output x --json
expect 2 "--threads: they evaluate the rows of --data" export --model a.safetensors \
    --tables int8 --output x --threads 2
expect 2 "--output" export --model a.safetensors --tables int8 --output valid.csv --data valid.csv
expect 1 "none.csv" export --model a.safetensors --tables int8 --output x --data none.csv
expect_nothing_left x
expect 1 "missing/x: cannot write" export --model a.safetensors --tables int8 --output missing/x
expect 0 "nothing was compared: --data gives rows" export --model a.safetensors --tables int8 \
    --output s.safetensors
cp s.safetensors alone.safetensors
for type in bf16 int8; do
    expect 0 "" export --model a.safetensors --tables $type --output s.safetensors \
        --data valid.csv
    check "$type: both models and the difference" grep -Eq \
        "^ctr +auc +0\.[0-9]{5} +0\.[0-9]{5} +[-+][0-9.]+e[-+][0-9]+\$" out
    check "$type: the loss, too" grep -Eq "^cvr +logloss " out
    check "$type: the sizes" grep -qx "$(stat -c %s s.safetensors) bytes, the float model's file \
has $(stat -c %s a.safetensors)" out
    expect 0 "" export --model a.safetensors --tables $type --output s.safetensors \
        --data valid.csv --threads 1 --json
    run evaluate --model s.safetensors --data valid.csv --json
    grep -E '"(auc|logloss)"' out >figures
    run export --model a.safetensors --tables $type --output again.safetensors --data valid.csv \
        --json
    check "$type: the same file" cmp s.safetensors again.safetensors
    expect 0 "" inspect --model s.safetensors --data valid.csv
    expect 0 "" predict --model s.safetensors --data test.csv --output p.csv
    expect 1 "are for scoring alone; take the model" train --config sized.json --train train.csv \
        --output x --from s.safetensors
    expect 1 "are for scoring alone; take the model" import --config sized.json --weights \
        s.safetensors --columns test.csv --output x
    expect 1 "are for scoring alone; use the model" export --model s.safetensors --format \
        safetensors --output x
    expect 1 "scoring alone; use the model" export --model s.safetensors --tables bf16 --output x
    expect_nothing_left x
    [ $type = bf16 ] || check "without rows: the same file" cmp s.safetensors alone.safetensors
    command -v python3 >/dev/null || continue
    check "$type: other programs read the rows" python3 "$here/widen_tables.py" $type \
        s.safetensors w.safetensors
    expect 0 "" import --config sized.json --weights w.safetensors --columns test.csv --output \
        twin.safetensors
    run predict --model twin.safetensors --data test.csv --output q.csv
    check "$type: scores are those of the floats" cmp p.csv q.csv
    run evaluate --model twin.safetensors --data valid.csv --json
    grep -E '"(auc|logloss)"' out >twins
    check "$type: figures are those of the floats" cmp figures twins
done

# A value of a table that does not learn, in a row that is never read, which bfloat16 has not.
{
    printf '\223NUMPY\001\000v\000%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }"
    for _ in 1 2 3; do printf '\000\000\200\077\000\000\000\277'; done
    printf '\000\000\000\100\377\377\177\177'
} >v.npy
awk 'BEGIN {
    print "u,w,y"
    for (i = 0; i < 200; i++) print i % 7 "," i % 3 "," (i % 4 < 2)
}' >u.csv
cat >u.json <<'JSON'
{"features": {"sparse": [{"name": "u"}, {"name": "w", "vocab_size": 4, "pretrained": "v.npy",
  "trainable": false}]}, "tasks": [{"name": "y", "label": "y"}], "trainer": {"n_epoch": 1}}
JSON
expect 0 "" train --config u.json --train u.csv --output u.safetensors
expect 1 'value 1 of row 3, both counted from 0, is 3.4028235e+38: no finite BF16 is near it' \
    export --model u.safetensors --tables bf16 --output x --data u.csv
expect_nothing_left x
expect 0 "" export --model u.safetensors --tables int8 --output x --data u.csv
finish
