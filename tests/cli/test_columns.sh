#!/bin/sh
# Features of several columns: lists with one element a column, and crosses.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# The same list in one cell, side by side, and side by side with a gap.
awk 'BEGIN {
    print "item,list,h_1,h_2,h_3,h_4,g_1,g_2,g_3,g_4,g_5,g_6,y"
    for (i = 0; i < 300; i++) {
        list = near = far = ""
        y = 0
        for (k = 0; k < 4; k++) {
            id = k < i % 5 ? (i * 3 + k * k + int(i / 11)) % 11 : ""
            if (id == 3) y = 1
            if (id != "") list = list (k ? "|" : "") id
            near = near "," id
            far = far "," (k == i % 3 ? "NA,," : "") id
        }
        print i * 7 % 11 "," list near far "," y
    }
}' >train.csv

# All that a list may be, three times.
config() { # NAME SOURCE-OF-LISTS
    cat >"$1.json" <<JSON
{
  "features": {"sparse": [{"name": "item", "vocab_size": 11, "embed_dim": 4}],
               "sequence": [{"name": "learnt", $2},
                            {"name": "shared", $2, "shared_with": "item", "pooling": "sum"},
                            {"name": "rows", $2, "vocab_size": 11, "padding_idx": 3,
                             "pooling": "max"},
                            {"name": "last", $2, "max_len": 2, "min_count": 30},
                            {"name": "first", $2, "max_len": 3, "truncate": "first",
                             "pooling": "concat", "hash_bucket_size": 40}]},
  "tasks": [{"name": "y", "label": "y"}],
  "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [8]}},
  "trainer": {"n_epoch": 2, "batch_size": 50, "earlystop_patience": 0}
}
JSON
}
config cell '"column": "list"'
config near '"columns": ["h_1", "h_2", "h_3", "h_4"]'
config far '"columns": ["g_*"]'
for name in cell near far; do
    expect 0 "" train --config $name.json --train train.csv --output $name
    sed -n 's/ of column "list"//; s/.*train.csv: feature/feature/p' err >$name.told
    expect 0 "" predict --model $name --data train.csv --output $name.csv
done
check "a cell and columns have the same scores" cmp cell.csv near.csv
check "a gap is no element" cmp cell.csv far.csv
check "what is cut is counted" grep -q 'feature "last": of 300 lists 120 have more than max_len' \
    near.told
check "as of a cell" cmp cell.told near.told
check "without the gaps" cmp cell.told far.told
expect 0 "" evaluate --model near --data train.csv
expect 0 "" inspect --model near
check "inspect names the columns" grep -q '^  first .* of columns h_1, h_2, h_3, h_4$' out
expect 0 "" inspect --model far
check "or the first and the last" grep -q '^  first .* of columns g_1 to g_6, 6$' out
expect 0 "" inspect --model far --json
check "in JSON, too" grep -q '"columns": \["g_1", "g_2", "g_3", "g_4", "g_5", "g_6"\]' out
cut -d, -f 2- train.csv >short.csv
expect 1 'short.csv: column "item": the file has no such column' \
    predict --model near --data short.csv --output -
cut -d, -f 1-5,7- train.csv >short.csv
expect 1 'short.csv: column "h_4": the file has no such column' \
    predict --model near --data short.csv --output -
sed '5s/$/,/; 5s/^\([^,]*,[^,]*\),[^,]*,/\1,11,/; 5s/,$//' train.csv >bad.csv
outside='"11" is outside of the table'"'"'s rows 0 to 10 (feature "shared")'
expect 1 "bad.csv: row 5: column \"h_1\": $outside" \
    predict --model near --data bad.csv --output -

sed 's/"sequence".*/"sequence": [{"name": "two", "columns": ["h_*"], "vocab_size": 11},/
    s/^.*"name": "shared".*/{"name": "all", "column": "list", "vocab_size": 11}]},/
    /^ *{"name": "\(rows\|last\|first\)"/d; /^ *"pooling"/d' near.json >rows.json
expect 0 "" train --config rows.json --train train.csv --output rows
expect 0 "" predict --model rows --data train.csv --output rows.csv
expect 0 "" export --model rows --format safetensors --output rows.w
expect 1 'rows.json: "h_*" is a pattern: give --columns' \
    import --config rows.json --weights rows.w --output again
sed 's/"h_\*"/"h_1", "h_2", "h_3", "h_4"/' rows.json >names.json
expect 0 "" import --config names.json --weights rows.w --output again
expect 0 "" predict --model again --data train.csv --output again.csv
check "import knows the columns of lists" cmp rows.csv again.csv

# ---- Which columns ----

trains() { # MESSAGE KEY=VALUE...
    message=$1
    shift
    for setting; do set -- "$@" --set "$setting"; shift; done
    code=$([ -z "$message" ] || case $message in column*) echo 1 ;; *) echo 2 ;; esac)
    expect "${code:-0}" "$message" \
        train --config near.json --train train.csv --output n "$@" --set trainer.n_epoch=1
}
first=features.sequence.0
trains "" "$first.columns=[\"h_2\",\"h_1\"]" "$first.pooling=sum"
trains "" "$first.pooling=concat" "$first.max_len=2"
trains "" "$first.columns=[\"h_2\",\"*_1\",\"h_*\",\"item\"]"
expect 0 "" inspect --model n
check "a pattern leaves what is named" grep -q '^  learnt .* of columns h_2 to item, 6$' out
rm n
trains 'column "h_9": the configuration'"'"'s feature "learnt" reads a column that is not there' \
    "$first.columns=[\"h_1\",\"h_9\"]"
trains 'column "x*": the pattern matches no column that is left' "$first.columns=[\"h_1\",\"x*\"]"
at=features.sequence[0]
trains "--set $first.pooling=concat: configuration: $at.pooling: concat needs max_len" \
    trainer.seed=3 "$first.pooling=concat"
expect 2 "--set, all together: configuration: $at.pooling: only mean and sum take weights" train \
    --config cell.json --train train.csv --output n --set "$first.weight_separator=:" \
    --set "$first.pooling=max"
trains "$at.columns[1]: \"h_1\" stands here twice" "$first.columns=[\"h_1\",\"h_1\"]"
trains "$at.columns[0]: \"h_*_*\" has more than one *" "$first.columns=[\"h_*_*\"]"
trains "$at.columns: [] is not allowed here; allowed is an array: 1 to 1024 strings" \
    "$first.columns=[]"
trains "$at.columns[0]: \"\" is not allowed here" "$first.columns=[\"\"]"
trains "$at.name: \"l*\" is a pattern, but the feature has a \"columns\"" "$first.name=l*"
for key in column separator weight_separator; do
    trains "$at: \"columns\" stands in the place of \"$key\"; give one" \
        "$first.$key=:"
done
trains 'features.sparse[0].columns: unknown key' 'features.sparse.0.columns=["h_1"]'
trains 'tasks[0].label: "h_1" is already features.sequence[0].columns' tasks.0.label=h_1
trains 'features.weight: "h_1" is already features.sequence[0].columns' features.weight=h_1
expect 2 'features.weight: "list" is already features.sequence[0].column' \
    train --config cell.json --train train.csv --output n --set features.weight=list
expect_nothing_left n

# ---- Crosses ----

# The label is neither column's: it is that of the pair.
awk 'BEGIN {
    print "age,cate,y"
    for (i = 0; i < 400; i++) {
        a = i % 5
        b = int(i / 5) % 4
        age = i == 3 ? "" : a (i % 2 ? ".0" : "")
        print age "," (i == 7 ? "NA" : "c" b) "," (a * 3 + b * 2) % 7 % 2
    }
}' >pairs.csv
cat >cross.json <<'JSON'
{
  "features": {"sparse": [{"name": "*"},
                          {"name": "pair", "cross": ["age", "cate"], "hash_bucket_size": 1000}]},
  "tasks": [{"name": "y", "label": "y"}],
  "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [8]}},
  "trainer": {"n_epoch": 20, "batch_size": 40, "earlystop_patience": 0,
              "optimizer_params": {"lr": 0.02}}
}
JSON
auc() { sed -n 's/.*"auc": *\([0-9.]*\).*/\1/p' out | tail -n 1; }
expect 0 "" train --config cross.json --train pairs.csv --valid pairs.csv --output pairs --json
learnt=$(auc)
check "pairs are learnt (AUC $learnt)" awk "BEGIN {exit !($learnt > 0.98)}"
expect 0 "" evaluate --model pairs --data pairs.csv --json
check "the model file has the cross" [ "$(auc)" = "$learnt" ]
expect 0 "" inspect --model pairs
check "inspect names its columns" grep -q '^  pair  *1001  hash  of columns age, cate$' out
check "* takes what a cross is of, too" sh -c 'grep -c "^  age  *6 \|^  cate  *5 " out | grep -x 2'
printf 'cate,age\nc1,2\n c1,2.0\nc1,NA\n,2\nNA,\n' >ask.csv
expect 0 "" train --config cross.json --train pairs.csv --output only --set trainer.n_epoch=1 \
    --set 'features.sparse=[{"name":"pair","cross":["age","cate"],"hash_bucket_size":1000}]'
expect 0 "" predict --model only --data ask.csv --output ask.out
check "spellings are one pair, a part that is missing makes the missing one" \
    awk '{y[NR] = $0}
        END {exit !(y[2] == y[3] && y[4] == y[5] && y[5] == y[6] && y[2] != y[4])}' ask.out
expect 0 "" export --model only --format onnx --output only.onnx
expect 0 "" export --model only --format safetensors --output only.w
printf 'age\n1\n' >ask.csv
expect 1 'ask.csv: column "cate": the file has no such column' \
    predict --model only --data ask.csv --output -

expect 0 "" train --config cross.json --train pairs.csv --output n --set trainer.n_epoch=1 --set \
    'features.sequence=[{"name":"q","columns":["cate"],"shared_with":"pair"}]'
expect 0 "" inspect --model n
check "* leaves the columns of lists" sh -c 'grep "^  age " out && ! grep "^  cate " out'
check "who shares a hash has its rows" grep -q '^  q  *1001  hash  of columns cate$' out
sed 's/}\]},$/}, {"name": "more", "cross": ["cate", "age"], "shared_with": "pair"}]},/' cross.json \
    >share.json
expect 0 "" train --config share.json --train pairs.csv --output n --set trainer.n_epoch=1
expect 0 "" inspect --model n
check "crosses share a table" grep -q '^  more  *1001  hash  of columns cate, age$' out
rm n

crosses() { # MESSAGE KEYS-OF-THE-CROSS...
    sed 's/"cross":.*}\]}/'"$2"'}]}/' cross.json >wrong.json
    expect 1 "$1" train --config wrong.json --train pairs.csv --output n
}
at='features.sparse[1]'
hashed='"hash_bucket_size": 9'
crosses 'the configuration'"'"'s feature "pair" reads a column that is not there' \
    "\"cross\": [\"age\", \"town\"], $hashed"
crosses 'tasks[0].label: "y" is already features.sparse[1].cross' \
    "\"cross\": [\"age\", \"y\"], $hashed"
crosses "$at.cross: needs hash_bucket_size beside it" '"cross": ["age", "cate"]'
crosses "$at.cross: needs hash_bucket_size: vocab_size is of one value" \
    '"cross": ["age", "cate"], "vocab_size": 9'
crosses "$at: \"vocab_size\" and \"hash_bucket_size\" both say what becomes of a value" \
    "\"cross\": [\"age\", \"cate\"], \"vocab_size\": 9, $hashed"
crosses "$at.cross: [\"age\"] is not allowed here; allowed is an array: 2 to 16 strings" \
    "\"cross\": [\"age\"], $hashed"
crosses "$at.cross[1]: \"age\" stands here twice" "\"cross\": [\"age\", \"age\"], $hashed"
crosses "$at.cross[1]: \"pair\" is the cross itself" \
    "\"cross\": [\"age\", \"pair\"], $hashed"
crosses "$at.cross[1]: \"c*\" is a pattern, but a cross is of whole names" \
    "\"cross\": [\"age\", \"c*\"], $hashed"
crosses "$at: \"cross\" stands in the place of \"column\"; give one" \
    "\"cross\": [\"age\", \"cate\"], \"column\": \"age\", $hashed"
crosses 'a cross cannot share the table of "age", whose rows are of one value' \
    '"cross": ["age", "cate"], "shared_with": "age"'
expect 2 'features.sequence[0].cross: unknown key' train --config cross.json --train pairs.csv \
    --output n --set 'features.sequence=[{"name": "q", "cross": ["age", "cate"]}]'
expect_nothing_left n
finish
