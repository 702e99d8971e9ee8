#!/bin/sh
# shellcheck disable=SC2016,SC2317
# A sweep: the same figures whatever the threads and however often it was cut off; a failed run
# stands in the table; a file that asks for the impossible is refused before anything runs.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 600

plan() { # NAME REST: a sweep's file; REST is what stands behind the data, with a comma before it
    cat >"$1.json" <<JSON
{"config": "config.json", "train": "train.csv", "valid": "valid.csv"$2}
JSON
}
# Rows without what a clock measured, in an order of their own.
figures() { awk -F, -v OFS=, '{ $(NF - 1) = $(NF - 2) = ""; print }' "$1/results.csv" | sort; }
column() { # FILE NAME: a column's values; no field has a comma
    awk -F, -v name="$2" \
        'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' "$1"
}

# ---- Results ----
grid=', "test": "test.csv", "seeds": [3, 11], "grid": {"trainer.optimizer_params.lr": [0.001, 0.01],
    "model.n_expert": [2, 3]}'
plan s "$grid"
expect 0 "run 8/8" sweep --config s.json --threads 1
cp out table
check "a row a run" [ "$(wc -l <s.sweep/results.csv)" -eq 9 ]
check "keys, seed, status, metrics of both files, speed" [ "$(head -n 1 s.sweep/results.csv)" = \
    "trainer.optimizer_params.lr,model.n_expert,seed,status,message,\
$(for task in valid.cvr valid.ctr test.cvr test.ctr; do
    for figure in auc logloss ece calibration base_logloss ne; do printf "$task.$figure,"; done
done)epochs,best_epoch,seconds,rows_per_second,parameters" ]
expect 0 "" sweep --config s.json --threads 3 --output three
check "three threads give the figures of one" [ "$(figures s.sweep)" = "$(figures three)" ]
run train --config config.json --train train.csv --valid valid.csv --test test.csv --output m \
    --set trainer.seed=11 --set model.n_expert=2 --set trainer.optimizer_params.lr=0.01 --json
auc=$(sed -n '/"ctr"/,$s/.*"auc": \(0\.[0-9]*\).*/\1/p' out)
check "a run gives what train gives" grep -q "^0.01,2,11,ok,.*,$(echo "$auc" |
    cut -c 1-12)" s.sweep/results.csv

summary_is_right() {
    awk -F, '
        FNR == 1 { for (i = 1; i <= NF; i++) at[FILENAME, $i] = i; next }
        FILENAME == ARGV[1] && $1 == 0.01 && $2 == 3 { x[++n] = $at[FILENAME, "valid.ctr.auc"] }
        FILENAME == ARGV[2] && $1 == 0.01 && $2 == 3 { mean = $at[FILENAME, "valid.ctr.auc.mean"];
            deviation = $at[FILENAME, "valid.ctr.auc.deviation"]; best = $at[FILENAME,
                "valid.ctr.auc.best"] }
        function off(a, b) { return a - b > 1e-8 || b - a > 1e-8 }
        END { d = x[1] - x[2];
            exit !(n == 2 && !off(mean, (x[1] + x[2]) / 2) && !off(deviation, sqrt(d * d / 2)) &&
                !off(best, d > 0 ? x[1] : x[2])) }
    ' s.sweep/results.csv s.sweep/summary.csv
}
check "mean, deviation and best" summary_is_right
check "the best setting first, by what early stopping watches" [ \
    "$(column s.sweep/summary.csv valid.cvr.auc.mean)" = \
    "$(column s.sweep/summary.csv valid.cvr.auc.mean | sort -gr)" ]
plan t "$grid, \"select\": {\"task\": \"mean\", \"metric\": \"logloss\"}"
expect 0 "8 of 8 runs are done already" sweep --config t.json --output s.sweep
check "or by the metric that is asked for" awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    { x = $at["valid.cvr.logloss.mean"] + $at["valid.ctr.logloss.mean"]; if (x < last) exit 1;
        last = x }' s.sweep/summary.csv
plan t ', "seeds": 1, "grid": {"trainer.n_epoch": [1]}, "select": {"task": "mean"}'
sed '0,/classification/s//regression/' config.json >mixed.json
sed -i 's/config.json/mixed.json/' t.json
expect 0 "" sweep --config t.json --output mixed --json
check "tasks of two types by what compares each with none" \
    grep -qF '"selected_by": ["valid.cvr.r2", "valid.ctr.ne"]' out
check "the table has short names and a line a setting" [ "$(head -n 1 table |
    cut -d ' ' -f 1) $(wc -l <table)" = "lr 6" ]
run sweep --config s.json --json
check "what no model would give" [ "$(tail -n 1 table | sed 's/0\.[0-9]*/F/g')" = \
    "without a model: test.cvr.logloss F, test.ctr.logloss F" ]
check "JSON" grep -q '"selected_by": \["valid.cvr.auc"\]' out

# ---- Going on ----
cp s.sweep/results.csv whole.csv
expect 0 "8 of 8 runs are done already" sweep --config s.json
check "a finished sweep is left alone" cmp s.sweep/results.csv whole.csv
check "and prints the same table" cmp out table
{ head -n 4 whole.csv && head -n 5 whole.csv | tail -n 1 | head -c 40; } >three/results.csv
expect 0 "3 of 8 runs are done already" sweep --config s.json --output three
check "a sweep that was killed while it wrote goes on" [ "$(figures s.sweep)" = "$(figures three)" ]
plan s "$(echo "$grid" | sed 's/\[3, 11\]/[3, 11, 12]/')"
expect 0 "8 of 12 runs are done already" sweep --config s.json
check "seeds may be added" [ "$(wc -l <s.sweep/results.csv)" -eq 13 ]

cp -r s.sweep newer
sed -i '1s/{/{"layout": 2,/' newer/sweep.json
cp newer/results.csv results.before
expect 1 "or of a newer version than mmoe" sweep --config s.json --output newer
check "nothing is overwritten" cmp newer/results.csv results.before

is_sanitized && least=8 || least=40
# The sweep of each try takes twice as long as that of the one before.
no_sweep_is_there() {
    rm -rf cut
    long=$((2 * long))
    plan slow ", \"seeds\": 6, \"grid\": {\"trainer.n_epoch\": [$long],
        \"trainer.earlystop_patience\": [0]}"
}
one_run_is_done() { [ "$(cat cut/results.csv 2>/dev/null | wc -l)" -ge 2 ]; }
all_are_done() { [ "$(wc -l <cut/results.csv)" -ge 7 ]; }
# shellcheck disable=SC2034 # used by cut_off
too_late=all_are_done
# What differs by the signal is the same under sanitizers.
is_sanitized && signals="INT KILL" || signals="INT $hangup KILL"
for signal in $signals; do
    long=$((least / 2))
    cut_off $signal no_sweep_is_there one_run_is_done \
        "$mmoe" sweep --config slow.json --output cut --threads 2
    [ $signal = KILL ] && wanted=137 || wanted=1
    check "SIG$signal ends it with $wanted" [ "$status" -eq "$wanted" ]
    [ $signal = KILL ] || check "and says that it can go on" grep -q "the same command goes on" err
    check "no run is half done" [ "$(column cut/results.csv epochs | sort -u)" = $long ]
    expect 0 "of 6 runs are done already" sweep --config slow.json --output cut
    rm -rf slow
    expect 0 "" sweep --config slow.json --output slow
    check "it goes on to the same figures (SIG$signal)" [ "$(figures slow)" = "$(figures cut)" ]
done

# ---- Stopped while it reads ----

too_late=false
rows_are_many() {
    rm -rf early
    more=$((2 * more))
    { cat train.csv && yes "$(sed 1d train.csv)" | head -n $more; } >long.csv
    echo '{"config": "config.json", "train": "long.csv", "valid": "valid.csv",
        "grid": {"trainer.n_epoch": [1]}}' \
        >early.json
}
# Its results are open, and then its rows, which it had read for their checksum before.
it_reads() { [ -s early/results.csv ] && ls -l /proc/$pid/fd 2>/dev/null | grep -q 'long.csv$'; }
more=30000
cut_off TERM rows_are_many it_reads "$mmoe" sweep --config early.json --output early
check "a sweep that is stopped while it reads exits with 1" [ "$status" -eq 1 ]
check "and says so" grep -qF "stopped with 0 of 1 runs done; the same command goes on" err
check "no run has a row" [ "$(wc -l <early/results.csv)" -eq 1 ]
expect 0 "run 1/1" sweep --config early.json --output early
rm long.csv

# ---- A run that fails ----
plan fail ', "seeds": 2, "grid": {"model.expert_params.batch_norm": [false],
    "tasks.0.tower_params.batch_norm": [false], "trainer.optimizer": ["sgd"],
    "trainer.optimizer_params.lr": [0.01, 1000], "trainer.optimizer_params.weight_decay": [50]}'
expect 1 "2 of 4 runs failed; fail.sweep/results.csv has their messages" sweep --config fail.json
check "its row has the message" [ "$(grep -c ',1000.*,failed,"*[a-z].*not finite' \
    fail.sweep/results.csv)" -eq 2 ]
check "the others are done" [ "$(grep -c ',ok,' fail.sweep/results.csv)" -eq 2 ]
check "it stands in the table, last" [ "$(column fail.sweep/summary.csv failed |
    tr '\n' ' ')" = "0 2 " ]
expect 1 "2 of 4 runs failed" sweep --config fail.json
check "it is not repeated" [ "$(wc -l <fail.sweep/results.csv)" -eq 5 ]

# ---- Figures that are undefined ----
awk -F, 'BEGIN { OFS = "," } NR > 1 { $1 = 0 } { print }' valid.csv >no_clicks.csv
undefined() { # NAME REST: a sweep over rows of which a task has one class
    cat >"$1.json" <<JSON
{"config": "config.json", "train": "train.csv", "valid": "no_clicks.csv", "grid":
    {"trainer.earlystop_patience": [0], "trainer.optimizer_params.lr": [0.0001, 0.01]}$2}
JSON
}
undefined u ", \"select\": {\"task\": \"ctr\"}"
expect 0 "valid.ctr.auc is undefined in each of 2 runs: the settings stand in no order" \
    sweep --config u.json --threads 1
check "it is no number" sh -c '! grep -qw nan err out'
check "a run says so" [ "$(grep -c "^run.*valid.ctr.auc undefined" err)" -eq 2 ]
check "and the table" [ "$(grep -c undefined out)" -eq 2 ]
check "the settings stand as they were given" [ "$(column u.sweep/summary.csv \
    trainer.optimizer_params.lr | tr '\n' ' ')" = "0.0001 0.01 " ]
run sweep --config u.json --json
check "JSON has the warning" grep -q "^ *\"valid.ctr.auc is undefined" out
undefined v ', "select": {"task": "mean", "metric": "auc"}'
expect 0 "valid.ctr.auc is undefined in each of 2 runs: the order is that of the others" \
    sweep --config v.json
check "which decide" [ "$(column v.sweep/summary.csv valid.cvr.auc.mean)" = \
    "$(column v.sweep/summary.csv valid.cvr.auc.mean | sort -gr)" ]
undefined w ", \"select\": {\"task\": \"ctr\", \"metric\": \"logloss\"}"
expect 0 "" sweep --config w.json
check "another metric is defined" sh -c '! grep -q "undefined in" err'

# ---- Random, features, models ----
plan r ', "random": {"runs": 6, "seed": 5, "keys": {"trainer.optimizer_params.lr": {"low": 0.001,
    "high": 0.1, "log": true},
    "model.n_expert": {"low": 1, "high": 4, "integer": true},
    "model.expert_params.dropout": [0, 0.25]}}'
expect 0 "" sweep --config r.json
check "six different settings within their bounds" awk -F, \
    'NR > 1 && !($1 >= 0.001 && $1 <= 0.1 && $2 ~ /^[1-4]$/ && ($3 == 0 ||
        $3 == 0.25)) { bad = 1 } END { exit bad || NR != 7 }' r.sweep/results.csv
sed -i 's/"runs": 6/"runs": 8/' r.json
expect 0 "6 of 8 runs are done already" sweep --config r.json
plan f ', "grid": {"features.sparse.0.embed_dim": [2, 4], "model": [{"name": "mmoe",
    "n_expert": 2}, {"name": "shared_bottom", "bottom_params": {"dims": [8, 4]}}]}'
expect 0 "" sweep --config f.json --threads 2
run train --config config.json --train train.csv --valid valid.csv --output m --set \
    features.sparse.0.embed_dim=2 --set \
    'model={"name": "shared_bottom", "bottom_params": {"dims": [8, 4]}}' --json
check "settings of other features have data of their own" grep -q \
    "^2,.*shared_bottom.*,3,ok,,$(sed -n '/"cvr"/s/.*"auc": \(0\.[0-9]*\).*/\1/p' out |
    cut -c 1-12)" f.sweep/results.csv
plan one ', "seeds": 2'
expect 0 "" sweep --config one.json
check "no search: one setting" [ "$(wc -l <one.sweep/summary.csv)" -eq 2 ]

# ---- Bad input ----
refuse() { # TEXT REST
    plan bad "$2"
    expect 1 "$1" sweep --config bad.json
    expect_nothing_left bad.sweep
}
refuse 'bad.json: unknown key "gird"' ', "gird": {}'
refuse '"grid" is empty' ', "grid": {}'
refuse 'the list of "model.n_expert" is empty' ', "grid": {"model.n_expert": []}'
refuse '"model.n_expert" must be a list' ', "grid": {"model.n_expert": 3}'
refuse 'entries 1 and 3 of "model.n_expert" are equal' ', "grid": {"model.n_expert": [2, 3, 2]}'
refuse '"grid" and "random" exclude each other' ', "grid": {"model.n_expert": [2]}, "random": {}'
refuse 'setting 1 (n_experts=2): ' ', "grid": {"model.n_experts": [2]}'
refuse 'setting 3 (n_expert=0): ' ', "grid": {"model.n_expert": [2, 3, 0]}'
refuse 'model.n_expert' ', "grid": {"model.n_expert": [2, 3, 0]}'
refuse 'not in trainer.seed' ', "grid": {"trainer.seed": [1, 2]}'
refuse 'its tasks have not the names' ', "grid": {"tasks.0.name": ["other"]}'
refuse '"seeds" is empty' ', "seeds": []'
refuse 'seeds: 0 is not from 1' ', "seeds": 0'
refuse 'seeds: entry 2' ', "seeds": [1, -1]'
refuse 'seeds: 4 stands there twice' ', "seeds": [4, 4]'
refuse 'unknown key "on"' ', "select": {"on": "cvr"}'
refuse '"buy" is no task' ', "select": {"task": "buy"}'
refuse 'has no metric "mse"' ', "select": {"metric": "mse"}'
refuse '"runs" must be' ', "random": {"keys": {"model.n_expert": [1]}}'
refuse 'unknown key "maximum"' \
    ', "random": {"runs": 1, "keys": {"model.n_expert": {"low": 1, "maximum": 2}}}'
refuse 'low is above high' \
    ', "random": {"runs": 1, "keys": {"model.n_expert": {"low": 3, "high": 2}}}'
refuse 'low must be above 0' \
    ', "random": {"runs": 1, "keys": {"trainer.optimizer_params.lr": {"low": 0, "high": 2,
        "log": true}}}'
refuse 'have not 3 different settings; 2 were found' \
    ', "random": {"runs": 3, "keys": {"model.n_expert": [1, 2]}}'
refuse '"random.keys" is empty' ', "random": {"runs": 3, "keys": {}}'
refuse 'cannot open none.csv' ', "test": "none.csv"'
mkfifo pipe
refuse 'pipe is not a regular file, and a sweep reads its files more than once' ', "test": "pipe"'
echo '{"config": "config.json", "train": "train.csv"}' >bad.json
expect 1 'the key "valid" is missing' sweep --config bad.json
printf '{"config": "config.json",\n "train" "x"}\n' >bad.json
expect 1 'bad.json: line 2, column ' sweep --config bad.json
expect 1 'none.json' sweep --config none.json
expect 1 'cannot read .: Is a directory' sweep --config .
mkdir pipe.sweep
mkfifo pipe.sweep/results.csv
expect 1 'pipe.sweep/results.csv is not a regular file' sweep --config s.json --output pipe.sweep
sed 's/n_expert/n_experts/' config.json >wrong.json
echo '{"config": "wrong.json", "train": "train.csv", "valid": "valid.csv"}' >bad.json
expect 1 'n_experts' sweep --config bad.json
{ head -n 3 valid.csv && echo "2,$(sed -n 4p valid.csv | cut -d , -f 2-)"; } >two.csv
echo '{"config": "config.json", "train": "train.csv", "valid": "two.csv"}' >bad.json
expect 1 'two.csv: row 4' sweep --config bad.json

# ---- Results of another sweep ----
plan s ', "seeds": [3], "grid": {"model.n_expert": [2, 3]}'
expect 1 's.sweep has the results of another sweep: its "test" is not' sweep --config s.json
plan s ', "test": "test.csv", "seeds": [3], "grid": {"model.n_expert": [2, 3]}'
expect 1 'its "keys" is not' sweep --config s.json
plan s "$grid"
sed -i 's/"dropout": 0.1/"dropout": 0.2/' config.json
expect 1 'its "config" is not' sweep --config s.json
sed -i 's/"dropout": 0.2/"dropout": 0.1/' config.json
check "a refused sweep leaves the results alone" [ "$(wc -l <s.sweep/results.csv)" -eq 13 ]
# Data of the same length are not the same.
for file in train valid test; do
    cp $file.csv kept.csv
    awk -F, 'BEGIN { OFS = "," } NR == 9 { $1 = 1 - $1 } { print }' kept.csv >$file.csv
    expect 1 "another sweep: \"$file\" has changed, the file $file.csv" sweep --config s.json
    check "the length of $file.csv is as it was" [ "$(wc -c <kept.csv)" -eq "$(wc -c <$file.csv)" ]
    cp kept.csv $file.csv
    touch -d 2001-01-01 $file.csv
done
expect 0 "8 of 8 runs are done already" sweep --config s.json
# Some editors set a byte order mark before UTF-8.
LC_ALL=C sed -i '1s/^/\xef\xbb\xbf/' config.json s.json
expect 0 "8 of 8 runs are done already" sweep --config s.json
LC_ALL=C sed -i '1s/^...//' config.json s.json
# A record of version 0.1 knows paths and lengths.
sed -i 's/, "checksum": "[0-9a-f]*"//' s.sweep/sweep.json
expect 0 "knows the length of 3 data files alone" sweep --config s.json
expect 0 "8 of 8 runs are done already" sweep --config s.json
check "which is said once" [ "$(grep -c 'older version' err)" -eq 0 ]
sed -i 's/, "checksum": "[0-9a-f]*"//' s.sweep/sweep.json
echo "$(tail -n 1 train.csv)" >>train.csv
expect 1 '"train" has changed' sweep --config s.json
sed -i '$d' train.csv

sed -i '3s/ok/perhaps/' s.sweep/results.csv
expect 1 'row 3 is no run'"'"'s result' sweep --config s.json
rm three/sweep.json
expect 1 'which would say of what sweep it is' sweep --config s.json --output three
if command -v flock >/dev/null; then
    exec 9>>one.sweep/results.csv
    flock 9
    expect 1 'is being written by another sweep' sweep --config one.json
    exec 9>&-
fi
finish
