#!/bin/sh
# What gates and experts do: tables, JSON, the training log, the warning of a collapse.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 2000
sed -e 's/"embed_dim": 4/"embed_dim": 4, "vocab_size": 9000/' \
    -e 's/"D\*", "transform": "standardize"/"D*"/' config.json >sized.json
expect 0 "" train --config sized.json --train train.csv --valid valid.csv --output m.safetensors \
    --log run.jsonl --threads 2
check "sound training warns of nothing" \
    [ "$(grep warning err | grep -vc 'labels of the training\|than none$')" -eq 0 ]
check "the log has the gates of every epoch" [ "$(grep -c \
    '"gates":\[{"name":"gates.0","task":"cvr","level":1,"mean_weights":\[0\..*"warnings":\[\]' \
    run.jsonl)" -eq 3 ]
run inspect --model m.safetensors
kept='rows +2000|epoch +[1-3]|data +[0-9a-f]{16}|valid_rows +1000'
kept="$kept|ctr\.(auc|logloss|base_rate) +0\.[0-9]+"
check "what training told" [ "$(grep -cE "^  training\.($kept)\$" out)" -eq 7 ]
export SOURCE_DATE_EPOCH=1764150000
expect 0 "" train --config sized.json --train train.csv --output n.safetensors --log run.jsonl \
    --meta git=2ab4=f1 --dated --meta "note="
unset SOURCE_DATE_EPOCH
run inspect --model n.safetensors --json
check "the caller's texts" grep -q '"date": "2025-11-26T09:40:00Z", *$' out
check "a value may have =" grep -q '"git": "2ab4=f1", *$' out
check "or be empty" grep -q '"note": "", *$' out
sed "1s/D508/D508$(printf '\033[31m')/" train.csv >odd.csv
expect 0 "" train --config sized.json --train odd.csv --output o.safetensors \
    --set trainer.n_epoch=1 --meta "note=$(printf 'x\n  training.rows  9\033[31m')"
run inspect --model o.safetensors
check "a text neither adds a line nor moves the cursor" \
    grep -qF 'x?  training.rows  9?[31m' out
check "nor does a name" [ "$(grep -cF 'D508?[31m' out)/$(grep -c "$(printf '\033')" out)" = 1/0 ]
check "without validation rows, too" [ "$(grep -c \
    '"gates":\[{"name":"gates.0","task":"cvr","level":1,"mean_weights":\[0\..*"warnings":\[\]' \
    run.jsonl)" -eq 3 ]
expect 0 "" train --config sized.json --set 'model={"name":"shared_bottom"}' --train train.csv \
    --output n.safetensors --log run.jsonl
check "the log of a model without gates has none" [ "$(grep -c gates run.jsonl)" -eq 0 ]

# Tables and JSON
cut -d, -f 3- test.csv >unlabelled.csv
expect 0 "" inspect --model m.safetensors --data test.csv
cp out table
check "a row an expert: a weight and a share for each gate" [ \
    "$(grep -cE '^ +[012]  experts\.[012] +0\.[0-9]+ +[01]\.[0-9]+ +0\.[0-9]+ +[01]\.[0-9]+$' \
    table)" -eq 3 ]
check "a row an expert: units, dead ones, rank" [ "$(grep -cE \
    '^ +[012]  experts\.[012] +8 +8 +[0-8] +[0-9]\.[0-9]+$' table)" -eq 3 ]
check "the similarity of experts" grep -qE '^ +2 +0\.[0-9]+ +0\.[0-9]+ +1\.00$' table
check "at most 100 columns" awk 'length > 100 { bad = 1 } END { exit bad }' table
check "sound gates: no warning" [ "$(grep -c collapsed err)" -eq 0 ]
run inspect --model m.safetensors --data unlabelled.csv
check "labels are not needed" cmp out table
run inspect --model m.safetensors --data test.csv --json --threads 1
cp out one.json
run inspect --model m.safetensors --data test.csv --json --threads 3
check "three threads give the figures of one" cmp out one.json
cat >check.py <<'PY'
import json
import math

got = json.load(open("one.json"))["inspection"]
assert got["rows"] == 1000 and got["sampled_rows"] == 1000
assert [g["task"] for g in got["gates"]] == ["cvr", "ctr"]
for g in got["gates"]:
    assert g["experts"] == [e["name"] for e in got["experts"]] == [
        "experts.0", "experts.1", "experts.2"]
    assert abs(sum(g["mean_weights"]) - 1) < 1e-6 and abs(sum(g["largest"]) - 1) < 1e-9
    assert abs(g["entropy"] / math.log(3) - g["normalised_entropy"]) < 1e-9 and not g["collapsed"]
for i, e in enumerate(got["experts"]):
    assert e["width"] == e["units"] == 8 and 0 <= e["dead_units"] < 8
    assert not e["unused"] and 1 <= e["effective_rank"] <= 8
    assert got["similarity"][i][i] == 1
    assert all(0 < got["similarity"][i][k] == got["similarity"][k][i] <= 1 for k in range(3))
PY
check "the JSON is whole" python3 check.py
check "it has the model, too" grep -q '"tensors": ' one.json

for model in '{"name":"single_task"}' '{"name":"aitm"}' '{"name":"cross_stitch"}' \
    '{"name":"ple","n_level":2}' '{"name":"mmoe","n_expert":40}'; do
    "$mmoe" train --config sized.json --set "model=$model" --set trainer.n_epoch=1 --train \
        train.csv --output n.safetensors 2>/dev/null
    expect 0 "" inspect --model n.safetensors --data test.csv
    check "$model: at most 100 columns" awk 'length > 100 { bad = 1 } END { exit bad }' out
    check "$model: ranks" grep -q "effective rank" out
done
check "of many experts the most similar pairs" [ "$(sed -n '/most similar/,/^$/p' out |
    grep -cE '^ +[01]\.[0-9]+ +[0-9]+ +[0-9]+$')" -eq 10 ]
"$mmoe" train --config sized.json --set 'model={"name":"esmm"}' --set trainer.n_epoch=1 \
    --train train.csv --output n.safetensors 2>/dev/null
expect 0 "" inspect --model n.safetensors --data test.csv
check "a model with neither gates nor experts" grep -q "neither gates nor experts" out

# A gate that gives one expert everything
expect 0 "" export --model m.safetensors --format safetensors --output w.safetensors
cat >collapse.py <<'PY'
import json
import struct

data = bytearray(open("w.safetensors", "rb").read())
length = struct.unpack("<Q", data[:8])[0]
# Of the batch norm in front of the softmax.
entry = json.loads(data[8 : 8 + length])["gates.0.mlp.1.bias"]
begin, end = (8 + length + at for at in entry["data_offsets"])
assert entry["shape"] == [3]
data[begin:end] = struct.pack("<3f", 0, 60, 0)
open("w.safetensors", "wb").write(data)
PY
check "weights of a collapsed gate" python3 collapse.py
expect 0 "" import --config sized.json --weights w.safetensors --columns test.csv --output \
    c.safetensors
expect 0 "" inspect --model c.safetensors --data test.csv
check "inspect warns" grep -q \
    'warning: the gate gates.0 has collapsed: experts.1 has 1.000 of its weight$' err
run inspect --model c.safetensors --data test.csv --json
check "in JSON, too" grep -q '"the gate gates.0 has collapsed' out
for valid in "--valid valid.csv" ""; do
    # shellcheck disable=SC2086 # a flag and its value
    collapsed="the gate gates.0 has collapsed: experts.1 has 1.000 of its weight"
    expect 0 "mmoe train: warning: epoch 1: $collapsed" train --config sized.json \
        --from c.safetensors \
        --train train.csv $valid --output n.safetensors --log run.jsonl
    check "once, not in each epoch" \
        [ "$(grep warning err | grep -vc 'labels of the training\|than none$')" -eq 1 ]
    check "the log has it in each epoch" [ "$(grep -c \
        '"collapsed":true.*"warnings":\["the gate gates.0 has collapsed' run.jsonl)" -eq 3 ]
done

# What cannot be read
cut -d, -f 1-4,6- test.csv >lacking.csv
column=$(head -n 1 test.csv | cut -d, -f 5)
expect 1 "lacking.csv: column \"$column\"" inspect --model m.safetensors --data lacking.csv
check "nothing is printed then" [ ! -s out ]
expect 1 "none.csv" inspect --model m.safetensors --data none.csv
head -n 1 test.csv >empty.csv
expect 1 "empty.csv" inspect --model m.safetensors --data empty.csv
finish
