#!/bin/sh
# shellcheck disable=SC2016,SC2046,SC2086
# What early stopping watches is defined, or it is said: before the first epoch where the labels of
# the validation rows show it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >config.json <<'JSON'
{"features": {"sparse": [{"name": "user", "embed_dim": 2}], "weight": "w"},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}],
 "trainer": {"batch_size": 64, "n_epoch": 6, "earlystop_patience": 2}}
JSON
rows() { # FILE LABELS-AND-WEIGHT-OF-ROW-i (awk's words)
    awk "BEGIN {print \"user,click,buy,w\"; for (i = 0; i < 400; i++) print i % 9 \",\" $2}" >"$1"
}
rows train.csv 'i % 2 "," (i % 4 == 1) ",1"'
cp train.csv both.csv
rows one.csv 'i % 2 ",0,1"'
rows none.csv 'i % 2 ",,1"'
rows weightless.csv 'i % 2 "," (i % 4 == 1) "," (i % 4 != 1)'
rows zero.csv 'i % 2 "," (i % 4 == 1) ",0"'
rows nothing.csv '"1,0,1"'
watch() { # KEYS ARGUMENT...: train's arguments
    set_keys=
    for key in $1; do set_keys="$set_keys --set trainer.$key"; done
    shift
    echo --config config.json --train train.csv --output m.safetensors $set_keys "$@"
}
refused() { # SAID KEYS DATA
    rm -f m.safetensors
    expect 1 "$1" train $(watch "$2" --valid "$3")
    check "no epoch was trained" sh -c '! grep -q "^epoch" err'
    expect_nothing_left m.safetensors
}
warned() { # SAID KEYS DATA: once, and in --json
    expect 0 "mmoe train: warning: $1" train $(watch "$2" --valid "$3" --json)
    check "once" [ "$(grep -cF "$1" err)" -eq 1 ]
    check "and in JSON" grep -qF "$(echo "$1" | sed 's/"/\\"/g')" out
}
quiet() { # KEYS DATA
    expect 0 "" train $(watch "$1" --valid "$2")
    check "nothing is said of what is watched" sh -c '! grep -q "undefined for" err'
}

# ---- A task ----

quiet "" both.csv
quiet "" one.csv
auc='early stopping watches the AUC of validation rows, which is undefined for'
refused "$auc \"cvr\" (one class only): name another task or metric" earlystop_task=cvr one.csv
refused "$auc \"cvr\" (no labels)" earlystop_task=cvr none.csv
refused "$auc \"cvr\" (one class only)" earlystop_task=cvr weightless.csv
refused "$auc \"ctr\" (one class only)" "" nothing.csv
refused "$auc \"ctr\" (weights sum to zero)" "" zero.csv
quiet "earlystop_task=cvr earlystop_metric=logloss" one.csv
refused 'the log-loss of validation rows, which is undefined for "cvr" (no labels)' \
    "earlystop_task=cvr earlystop_metric=logloss" none.csv
refused 'the scheduler watches the AUC of validation rows, which is undefined for "cvr"' \
    "earlystop_task=cvr earlystop_patience=0 scheduler=plateau" one.csv
warned 'the AUC of the 400 validation rows is undefined for "cvr" (one class only): no epoch is' \
    "earlystop_task=cvr earlystop_patience=0" one.csv

# ---- A mean ----

quiet earlystop_task=mean both.csv
mean='the mean AUC that early stopping watches is of 1 of 2 tasks: on the validation rows it is'
warned "$mean undefined for \"cvr\" (one class only)" earlystop_task=mean one.csv
check "epochs are better and worse" grep -q '"best_epoch": [1-6]' out
cp m.safetensors mean.safetensors
expect 0 "" train $(watch earlystop_task=ctr --valid one.csv)
for model in mean m; do
    run export --model $model.safetensors --format safetensors --output $model.weights
done
check "as the defined task alone decides" cmp mean.weights m.weights
refused "$auc \"ctr\" (one class only), \"cvr\" (one class only)" earlystop_task=mean nothing.csv

# ---- Tasks of several types ----

cp config.json classes.json
sed -i 's/"label": "buy"/&, "type": "regression"/' config.json
is_mean() { # of the tasks' losses, each as a part of the constant's
    python3 - <<'PY'
import json
epochs = [line for line in map(json.loads, open("log")) if "score" in line]
assert len(epochs) > 1
for epoch in epochs:
    click, buy = epoch["valid"]["ctr"], epoch["valid"]["cvr"]
    relative = click["ne"] / 2 + buy["rmse"] / buy["base_rmse"] / 2
    assert abs(epoch["score"] - relative) < 1e-9, epoch
assert min(epochs, key=lambda epoch: epoch["score"]) == [e for e in epochs if e["best"]][-1]
PY
}
for keys in earlystop_task=mean "earlystop_task=mean earlystop_metric=relative"; do
    expect 0 "" train $(watch "$keys" --valid both.csv --log log)
    check "the mean relative loss of both types: $keys" is_mean
done
mean='the mean relative loss that early stopping watches is of 1 of 2 tasks: on the validation'
warned "$mean rows it is undefined for \"cvr\" (no labels)" earlystop_task=mean none.csv
expect 2 'trainer.earlystop_metric: tasks of several types have no mean AUC; allowed are auto and' \
    train $(watch "earlystop_task=mean earlystop_metric=auc" --valid both.csv)
quiet "earlystop_task=ctr earlystop_metric=relative" one.csv
mv classes.json config.json

# ---- Regressions ----

sed 's/"label": "[a-z]*"/&, "type": "regression"/g' config.json >regression.json
mv regression.json config.json
quiet earlystop_task=cvr one.csv
refused 'the MSE of validation rows, which is undefined for "cvr" (no labels)' earlystop_task=cvr \
    none.csv
finish
