#!/bin/sh
# shellcheck disable=SC2016
# Train, save, load, evaluate, predict, continue: the same numbers on every way.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 2000

train() { # OUTPUT ARGUMENT...
    output=$1
    shift
    expect 0 "" train --config config.json --train train.csv --valid valid.csv --output "$output" \
        "$@"
}

train a.safetensors --test test.csv --log run.jsonl --json --threads 2
cp out result.json
check "a line an epoch on standard error" [ "$(grep -c '^epoch [123]/3 ' err)" -eq 3 ]
check "each of one terminal row" [ "$(grep '^epoch' err | awk 'length > 100' | wc -l)" -eq 0 ]
figure='auc 0\.[0-9]{5}'
check "with each task's figure" grep -Eq \
    "^epoch 2/3  .* rows/s  loss [0-9.]{7}  cvr $figure  ctr $figure" err
check "the log: a line for the run, one an epoch, one for the result" [ \
    "$(wc -l <run.jsonl)" -eq 5 ]
check "the log's first line describes the run" grep -q \
    '^{"version":.*"rows":{"train":2000,"valid":1000,"test":1000}' run.jsonl
epoch='^{"epoch":3,.*"losses":{"cvr":.*"factors":{"cvr":1.0,"ctr":1.0},'
check "an epoch has losses, metrics and speed" grep -q \
    "$epoch"'"valid":{"cvr":{"auc":.*"rows_per_second":' run.jsonl
check "and a learning rate" grep -q '^{"epoch":3,"lr":0\.001,' run.jsonl
check "the log ends with the test rows' metrics" grep -q \
    '^{"result":.*"tasks":\[{"name":"cvr",.*"auc":0\..*"data":"test"' run.jsonl
check "train gives the test rows' metrics" grep -q '"data": "test"' result.json
expect 0 "" evaluate --model a.safetensors --data test.csv --json
check "evaluate gives the figures that train gave" [ \
    "$(grep -E '"(auc|logloss|calibration)"' out)" = \
    "$(grep -E '"(auc|logloss|calibration)"' result.json)" ]
check "AUC is there for two tasks" [ "$(grep -c '"auc": 0\.' out)" -eq 2 ]
run inspect --model a.safetensors
check "inspect names tensors as torch-rechub does" grep -q "experts.0.mlp.0.weight" out
run inspect --model a.safetensors --json
check "inspect: the configuration with --set's keys" grep -q '"n_expert": 3' out

# The same bits
train b.safetensors --threads 2
check "a second run gives the same file" cmp a.safetensors b.safetensors
train c.safetensors --threads 1
check "one thread gives the same file as two" cmp a.safetensors c.safetensors
train d.safetensors --set trainer.seed=4
check "another seed gives another file" [ "$(cmp -s a.safetensors d.safetensors; echo $?)" -eq 1 ]
train e.safetensors --set model.n_expert=2 --set 'model.expert_params.dims=[6]' --set \
    trainer.shuffle=false
run inspect --model e.safetensors
check "--set reaches the model" grep -qE "experts.1.mlp.0.weight +F32  6 x" out

# Predictions
expect 0 "" predict --model a.safetensors --data test.csv --output p.csv
check "a column a task, a row a row" [ "$(head -n 1 p.csv) $(wc -l <p.csv)" = "cvr,ctr 1001" ]
check "probabilities" awk -F, \
    'NR > 1 && !(NF == 2 && $1 > 0 && $1 < 1 && $2 > 0 && $2 < 1) { bad = 1 } END { exit bad }' \
    p.csv
expect 0 "" predict --model a.safetensors --data test.csv --output -
check "predictions on standard output" cmp out p.csv
cut -d, -f 3- test.csv >unlabelled.csv
run predict --model a.safetensors --data unlabelled.csv --output q.csv
check "labels are not needed to predict" cmp p.csv q.csv
{ head -n 1 test.csv && tail -n +2 test.csv | sed '1!G;h;$!d'; } >backwards.csv
run predict --model a.safetensors --data backwards.csv --output q.csv
{ head -n 1 q.csv && tail -n +2 q.csv | sed '1!G;h;$!d'; } >forwards.csv
# A product's last bit may depend on a row's place in the batch.
paste -d, p.csv forwards.csv >both.csv
check "rows keep their order" awk -F, \
    'function off(a, b) { return a - b > 1e-6 || b - a > 1e-6 }
    NR > 1 && (off($1, $3) || off($2, $4)) { bad = 1 } END { exit bad }' both.csv
mkdir "another folder"
cp a.safetensors "another folder/model"
(cd "another folder" && "$mmoe" predict --model model --data ../test.csv --output q.csv)
check "the model is one file that may be moved" cmp p.csv "another folder/q.csv"
for locale in $(locale -a 2>/dev/null | grep -E '^(de|fr|pl|ru)_' | head -n 1); do
    LC_ALL=$locale "$mmoe" predict --model a.safetensors --data test.csv --output q.csv
    check "the locale $locale changes nothing" cmp p.csv q.csv
done

# The learning rate, epoch by epoch
train f.safetensors --log rates.jsonl --set trainer.scheduler=exponential --set \
    trainer.scheduler_params.gamma=0.5 --set trainer.warmup_steps=64
check "warm-up, then the schedule" [ "$(sed -n 's/^{"epoch":[0-9]*,"lr":\([0-9.e-]*\),.*/\1/p' \
    rates.jsonl | tr '\n' ' ')" = "0.0005 0.0005 0.00025 " ]
check "progress shows it" grep -q '^epoch 3/3 .* lr 0.00025 ' err
expect 1 "watches a metric of validation rows" train --config config.json --train train.csv \
    --output m --set trainer.scheduler=plateau
expect 1 "not finite" train --config config.json --train train.csv --output m --set \
    trainer.optimizer=sgd --set trainer.optimizer_params.lr=1000 \
    --set trainer.optimizer_params.weight_decay=1000
tensor='"(embedding|experts|gates|towers)'
check "a run that loses its weights names a tensor" grep -qE \
    "since (its|the) update.*$tensor|$tensor.*since the update" err
expect_nothing_left m

# Weights that are there already
train from.safetensors --from a.safetensors --log from.jsonl
check "--from begins where the model ended" awk -F'"loss":' \
    '/"epoch":1,/ { split($2, v, ","); loss[FILENAME] = v[1] }
    END { exit !(loss["from.jsonl"] < loss["run.jsonl"]) }' run.jsonl from.jsonl
expect 1 "--from: " train --config config.json --train train.csv --output m --from a.safetensors \
    --set 'model.expert_params.dims=[9]'
expect 1 "the features or tasks" train --config config.json --train train.csv --output m --from \
    a.safetensors --set features.dense.0.transform=minmax
expect 1 "--from: " train --config config.json --train train.csv --output m --from train.csv
expect_nothing_left m
sed -e 's/"embed_dim": 4/"embed_dim": 4, "vocab_size": 9000/' \
    -e 's/"D\*", "transform": "standardize"/"D*"/' config.json >sized.json
expect 0 "" train --config sized.json --train train.csv --output sized.safetensors
expect 0 "" import --config sized.json --weights sized.safetensors --columns test.csv --output \
    imported.safetensors
run predict --model sized.safetensors --data test.csv --output p.csv
run predict --model imported.safetensors --data test.csv --output q.csv
check "an imported model predicts the same" cmp p.csv q.csv
expect 1 "is a pattern" import --config sized.json --weights sized.safetensors --output m
expect 1 "vocab_size" import --config config.json --weights a.safetensors --columns test.csv \
    --output m
expect 1 "none.safetensors" import --config sized.json --weights none.safetensors --columns \
    test.csv --output m
expect_nothing_left m
# Whoever reads what it says may go: a pipe that nobody reads any more.
mkfifo pipe
exec 3<>pipe 4>pipe 3>&-
rm -f n.safetensors
"$mmoe" train --config config.json --train train.csv --output n.safetensors 2>&4
check "nobody hears of the epochs" [ $? -eq 0 -a -s n.safetensors ]
rm -f n.safetensors
"$mmoe" train --config config.json --train train.csv --valid valid.csv --output n.safetensors \
    >&4 2>err
check "nobody hears of the result: exit 1" [ $? -eq 1 -a -s n.safetensors ]
check "that is said" grep -q "cannot write standard output: Broken pipe" err
rm -rf n.d
"$mmoe" pack --config config.json --data train.csv --output n.d >&4 2>err
check "nobody hears of what is packed" [ $? -eq 1 -a -s n.d/manifest.json ]
exec 4>&-

# A signal when the model is written ends what is left, the test rows' metrics.
# Those of each try take twice as long as of the one before.
long=100000
no_model_is_there() {
    rm -f n.safetensors
    long=$((2 * long))
    "$mmoe" synth clicks --rows $long --seed 7 --output long.csv 2>err
}
a_model_is_there() { [ -e n.safetensors ]; }
cut_off TERM no_model_is_there a_model_is_there "$mmoe" train --config config.json --threads 1 \
    --train train.csv --test long.csv --output n.safetensors
ends_there() { [ "$status" -eq 143 ] || grep -q "stopped; n.safetensors is written" err; }
check "it ends by the signal (was $status)" ends_there
expect 0 "" inspect --model n.safetensors
finish
