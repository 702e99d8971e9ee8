#!/bin/sh
# shellcheck disable=SC2086
# The synthetic lists: the same in any part of the rows, now and then empty, and such that a model
# that reads them is nearer to the generator than one that does not.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

expect 0 "" synth clicks --lists --rows 20000 --seed 7 --output train.csv
expect 0 "" synth clicks --lists --rows 10000 --seed 7 --first-row 20000 --output test.csv --json
best=$(sed -n 's/.*"click": \([0-9.]*\).*/\1/p' out)
run synth clicks --rows 10000 --seed 7 --first-row 20000 --output plain.csv --json
check "lists raise what can be known of a click: $best" \
    awk "BEGIN {exit !($best > $(sed -n 's/.*"click": \([0-9.]*\).*/\1/p' out) + 0.03)}"
expect 0 "" synth clicks --lists --rows 1000 --seed 7 --first-row 19500 --output part.csv
{ head -n 1 train.csv && tail -n 500 train.csv && sed -n 2,501p test.csv; } >wanted.csv
check "rows 19500 to 20499 of the same world" cmp part.csv wanted.csv
check "behind the columns of a log without lists" \
    [ "$(head -n 1 train.csv)" = "$(head -n 1 plain.csv),history,tags" ]
cut -d, -f 3-33 plain.csv >left.csv
cut -d, -f 3-33 test.csv >right.csv
check "whose values are the same" cmp left.csv right.csv
check "histories: items of 205, a tenth is empty, 50 at most; tags: a fifth" awk -F, 'NR > 1 {
        n = split($34, e, "|")
        for (i = 1; i <= n; i++) if (e[i] !~ /^[0-9]+$/ || e[i] > 3999) exit bad = 1
        most = n > most ? n : most
        sum += n
        bare += n == 0
        if ($35 !~ /^(t[0-9]+:(0[.][0-9][0-9]|1[.]00)([|]|$))*$/) exit bad = 1
        if ($35 ~ /[|]$|:0[.]00/) exit bad = 1
        none += $35 == ""
    }
    END {
        rows = NR - 1
        exit bad || most != 50 || sum < 7 * rows || sum > 9 * rows || bare < 0.09 * rows ||
            bare > 0.11 * rows || none < 0.18 * rows || none > 0.22 * rows
    }' train.csv
expect 2 "belong to clicks" synth paper --lists --rows 3 --output x

# Other lists, those of the rows 500 further on, tell nothing.
turn() { # FILE
    tail -n +2 $1.csv | cut -d, -f 34- >lists
    { head -n 1 $1.csv | cut -d, -f 34- && tail -n +501 lists && head -n 500 lists; } >turned
    cut -d, -f 1-33 $1.csv | paste -d, - turned >turned_$1.csv
}
turn train
turn test
cat >lists.json <<'JSON'
{"features": {"sparse": [{"name": "205", "embed_dim": 8, "max_vocab": 300}, {"name": "301"}],
              "sequence": [{"name": "history", "embed_dim": 8, "shared_with": "205"},
                           {"name": "tags", "embed_dim": 8, "weight_separator": ":"}],
              "dense": [{"name": "D*"}]},
 "tasks": [{"name": "cvr", "label": "purchase"}, {"name": "ctr", "label": "click"}],
 "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [16]}},
 "trainer": {"batch_size": 256, "n_epoch": 4, "optimizer_params": {"lr": 0.005},
             "earlystop_patience": 0}}
JSON
sed 's/"sequence".*/"sequence": [],/; /"tags"/d' lists.json >plain.json
auc() { # CONFIG ROWS: of ctr
    "$mmoe" train --config $1.json --train ${2}train.csv --output m 2>err &&
        "$mmoe" evaluate --model m --data ${2}test.csv --json 2>err |
        sed -n 's/.*"auc": *\([0-9.]*\).*/\1/p' | tail -n 1
}
with=$(auc lists "") without=$(auc plain "") others=$(auc lists turned_)
check "with lists $with, without $without, of $best" awk "BEGIN {exit !($with > $without + 0.03)}"
check "with other rows' lists $others" awk "BEGIN {exit !($others < $without + 0.01)}"
finish
