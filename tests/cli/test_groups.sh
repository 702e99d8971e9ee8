#!/bin/sh
# shellcheck disable=SC2086
# Metrics within groups of rows, and of slices: figures by hand, in every place where results go.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >config.json <<'JSON'
{"features": {"sparse": [{"name": "item", "embed_dim": 2}], "dense": [{"name": "age"}]},
 "data": {"group": "user"},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "paid", "label": "pay",
                                               "type": "regression"}],
 "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [4]}},
 "trainer": {"batch_size": 32, "n_epoch": 8, "optimizer_params": {"lr": 0.02}}}
JSON
awk 'BEGIN {
    srand(4)
    print "item,age,device,user,click,pay"
    for (i = 0; i < 600; i++) {
        v = int(rand() * 12)
        u = int(rand() * 60)
        click = i % 50 == 7 ? "" : (rand() < .1 + .03 * v + .006 * u)
        print v "," u % 7 / 7 "," (i % 5 ? "phone" : i % 3 ? "tv set" : "") "," \
            (i % 20 ? "u" u : "") "," click "," v / 3
    }
}' >rows.csv
head -n 301 rows.csv >train.csv
{ head -n 1 rows.csv; tail -n 300 rows.csv; } >valid.csv
train() { # METRIC ARGUMENT...
    watched=$1
    shift
    run train --config config.json --train train.csv --valid valid.csv --output m.safetensors \
        --set trainer.earlystop_metric=$watched --log log.jsonl "$@"
    report "$status" "train, watching $watched"
}

# ---- What is watched ----

cat >watched.py <<'PY'
import json, sys
figure, better = sys.argv[1], int(sys.argv[2])
lines = [json.loads(line) for line in open("log.jsonl")]
epochs = [line for line in lines if "epoch" in line]
best, wait = None, 0
for e in epochs:
    value = e["valid"]["ctr"][figure]
    assert abs(e["score"] - value) < 1e-9, e
    is_best = best is None or better * value > better * best
    assert e["best"] == is_best, e
    best, wait = (value, 0) if is_best else (best, wait + 1)
assert len(epochs) == 8 or wait == 2, wait
PY
for metric in "gauc 1" "ece -1" "ne -1"; do
    train ${metric% *} --set trainer.earlystop_patience=2
    check "${metric% *} decides which epoch is the best, and when to stop" \
        python3 watched.py $metric
    check "and stands in an epoch's line" grep -qE "^epoch 1/8 .*ctr auc [0-9.]+ ${metric% *} " err
done
cp log.jsonl ne.jsonl
train auto --json
check "groups' own stands there, too, where another is watched" \
    grep -qE "^epoch 1/8 .*ctr auc [0-9.]+ gauc [0-9.]+  " err
cp out train.json

# ---- Figures ----

cat >by_hand.py <<'PY'
import csv, json, math
rows = list(csv.DictReader(open("valid.csv")))
scores = [float(r["ctr"]) for r in csv.DictReader(open("scores.csv"))]
def auc(some):
    pairs = [(p > q) + (p == q) / 2 for p, y in some for q, z in some if y > z]
    return sum(pairs) / len(pairs) if pairs else None
def judge(keep):
    groups, without, whole = {}, 0, []
    for r, p in zip(rows, scores):
        if r["click"] == "" or not keep(r):
            continue
        whole.append((p, int(r["click"])))
        without += r["user"] == ""
        if r["user"]:
            groups.setdefault(r["user"], []).append((p, int(r["click"])))
    areas = [(auc(g), len(g), sum(y for _, y in g)) for g in groups.values()]
    some = [a for a in areas if a[0] is not None]
    sizes = [n for a, n, _ in areas if a is None]
    mean = lambda w: some and sum(a[0] * w(a) for a in some) / sum(w(a) for a in some)
    whole.sort()
    bins, first = {}, 0
    for k, (p, y) in enumerate(whole):
        first = first if k and whole[k - 1][0] == p else k
        b = next(b for b in range(10) if len(whole) * (b + 1) // 10 > first)
        bins[b] = bins.get(b, 0) + p - y
    return {"gauc": mean(lambda a: a[1]), "positives": mean(lambda a: a[2]),
            "equal": mean(lambda a: 1), "ece": sum(map(abs, bins.values())) / len(whole),
            "groups": {"column": "user", "count": len(areas), "one_class": len(sizes),
                       "one_class_rows": sum(sizes), "single": sizes.count(1),
                       "rows_without": without}}
def compare(task, wanted, weighted="gauc"):
    gauc = wanted[weighted]
    assert abs(task["gauc"] - gauc) < 1e-6 if gauc else task["gauc"] is None, (task, gauc)
    assert abs(task["ece"] - wanted["ece"]) < 1e-6, (task["ece"], wanted["ece"])
    assert task["groups"] == wanted["groups"], (task["groups"], wanted["groups"])
everything = judge(lambda r: True)
for name in "train", "all", "positives", "equal":
    result = json.load(open(name + ".json"))
    compare(result["tasks"][0], everything, name if name in everything else "gauc")
    assert "gauc" not in result["tasks"][1] and "groups" not in result["tasks"][1]
by = json.load(open("all.json"))["by"]
assert by["column"] == "device" and (by["left_out"], by["rows_left_out"]) == (0, 0)
assert [s["value"] for s in by["slices"]] == ["phone", "tv set", None]
assert sum(s["rows"] for s in by["slices"]) == len(rows)
for s in by["slices"]:
    compare(s["tasks"][0], judge(lambda r: r["device"] == (s["value"] or "")))
PY
evaluate="evaluate --model m.safetensors --data valid.csv"
run predict --model m.safetensors --data valid.csv --output scores.csv
run $evaluate --by device --json
cp out all.json
for weight in positives equal; do
    run $evaluate --group-weight $weight --json
    cp out $weight.json
done
check "all figures are those by hand" python3 by_hand.py
run $evaluate --by device --slices 1
check "as text: a table a task" [ "$(grep -c '^\(ctr\|paid\) by "device"$' out)" = 2 ]
check "of the largest slice" [ "$(grep -c '^phone  *[0-9]' out)" = 2 ]
check "what is left out is counted" grep -qx '2 more values of "device" have 60 rows' out
check "what gauc is of" grep -qE '^gauc of ctr: [0-9]+ of 294 rows, [0-9]+ of [0-9]+ groups by' out
run $evaluate --group device
check "another column's groups" grep -q 'of 2 groups by "device"' out
train auto --set 'data={}'
run $evaluate --json
check "no groups: no such figure" sh -c '! grep -q gauc out'
run $evaluate --group user --json
check "the flag's groups" grep -q '"gauc": 0' out

# ---- Packed ----

run $evaluate --group device --by user --slices 3
cp out csv.txt
expect 0 "" pack --like m.safetensors --data valid.csv --output valid.d --keep user --keep device
packed="evaluate --model m.safetensors --data valid.d"
run $packed --group device --by user --slices 3
check "a folder gives the same figures" cmp csv.txt out
run $packed --auc binned --group user --by user --json
cp out binned.json
cat >bound.py <<'PY'
import json
def read(name):
    result = json.load(open(name))
    return result, {t["name"]: t for t in result["tasks"]}
(binned, some), (_, exact) = read("binned.json"), read("exact.json")
assert binned["auc_method"] == "binned"
a, b = some["ctr"], exact["ctr"]
assert abs(a["auc"] - b["auc"]) <= a["auc_bound"] + 1e-6, (a, b)
assert "auc_bound" not in b and 0 < a["auc_bound"] < 0.05
assert a["gauc"] == b["gauc"] and a["logloss"] == b["logloss"]
PY
run $packed --group user --json
cp out exact.json
check "a binned AUC is within its bound" python3 bound.py
run $packed --auc binned
check "which is told" grep -q '^auc of ctr is binned: it is within' out
expect 2 '--auc most: allowed are exact, binned' $packed --auc most
expect 0 "" pack --config config.json --data train.csv --output train.d
check "groups are kept without asking" grep -q '"user"' train.d/manifest.json
run train --config config.json --train train.csv --valid valid.csv --output c.safetensors
cp out csv.txt
run train --config config.json --train train.d --valid valid.d --output d.safetensors
check "validation rows are streamed, to the same figures" cmp csv.txt out
stream="train --config config.json --train train.d --output d.safetensors --set trainer.memory=100"
expect 0 "" $stream --valid - <valid.csv
check "and so are those of a file, with their groups" cmp csv.txt out
TMPDIR=none expect 1 "none: cannot make a temporary file there" $stream --valid valid.csv
run $evaluate --by device --json
cp out csv.txt
expect 0 "" evaluate --model m.safetensors --data - --by device --json <valid.csv
check "columns are kept while rows are read, once" cmp csv.txt out
expect 0 "" pack --like train.d --data valid.csv --output like.d
check "and as in the folder that is taken for example" grep -q '"user"' like.d/manifest.json
expect 1 '--by: like.d: column "device": the rows were packed without it (mmoe pack --keep)' \
    evaluate --model m.safetensors --data like.d --by device
expect 1 '--keep: the rows of like.d were packed without the column "device"' \
    pack --append --data valid.csv --output like.d --keep device

# ---- Elsewhere ----

run report --log ne.jsonl --output page.html
check "the page has the figure and its curve" \
    sh -c 'grep -q ">group AUC<" page.html && grep -q "group AUC of ctr" page.html'
expect 0 "" train --config config.json --train train.csv --set trainer.n_epoch=1 \
    --output g.safetensors
check "rows are read once: those of a pipe, too" sh -c 'cat valid.csv |
    "$0" report --log ne.jsonl --model g.safetensors --data /dev/stdin --output page.html' "$mmoe"
sed 's/,user,/,people,/' valid.csv >people.csv
expect 1 'people.csv: column "user": the file has no such column' report --log ne.jsonl \
    --model g.safetensors --data people.csv --output page.html
check "and the rest is in the page" grep -q "rows of people.csv" page.html
cat >s.json <<'JSON'
{"config": "config.json", "train": "train.csv", "valid": "valid.csv",
 "grid": {"trainer.n_epoch": [1]}, "select": {"metric": "gauc"}}
JSON
run sweep --config s.json
check "a sweep's table has it, and ranks by it" grep -q 'valid.ctr.gauc.mean' s.sweep/summary.csv
check "with a figure" sh -c '! grep -q nan s.sweep/results.csv'

# ---- What cannot be ----

expect 1 'data.group: people.csv: column "user": the file has no such column' \
    train --config config.json --train train.csv --valid people.csv --output x.safetensors
expect 1 '--by: valid.csv: column "color": the file has no such column' $evaluate --by color
expect 1 '--group: valid.csv: column "color": the file has no such column' $evaluate --group color
expect 2 '--slices: there are none without --by' $evaluate --slices 3
expect 1 'group_weight is "most"; allowed are impressions | rows | positives | equal' \
    $evaluate --group user --group-weight most
awk -F, 'BEGIN {OFS = ","} NR > 1 {$5 = substr($4, 2) % 2} 1' valid.csv >pure.csv
undefined='which is undefined for "ctr" (no group has both classes)'
expect 1 "early stopping watches the group AUC of validation rows, $undefined" \
    train --config config.json --train train.csv --valid pure.csv --output x.safetensors \
    --set trainer.earlystop_metric=gauc
expect_nothing_left x.safetensors

finish
