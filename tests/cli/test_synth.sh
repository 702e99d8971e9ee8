#!/bin/sh
# shellcheck disable=SC2016
# The synthetic data: the same rows whatever part of them is written, the columns, and the
# configuration that init guesses. shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

expect 0 "" synth clicks --rows 3000 --seed 5 --output all.csv --truth truth.csv --json
cp out all.json
check "figures of the log in JSON" grep -q '"click_rate"' all.json
check "3000 rows" [ "$(wc -l <all.csv)" -eq 3001 ]
check "3000 probabilities" [ "$(wc -l <truth.csv)" -eq 3001 ]
check "Ali-CCP's columns" [ "$(head -n 1 all.csv)" = \
    "click,purchase,101,121,122,124,125,126,127,128,129,205,206,207,210,216,508,509,702,853,301,\
109_14,110_14,127_14,150_14,D109_14,D110_14,D127_14,D150_14,D508,D509,D702,D853" ]
check "a purchase only after a click; clicks 4 to 8 %" awk -F, \
    'NR > 1 { c += $1; bad += $2 > $1; other += $1 !~ /^[01]$/ }
    END { exit !(bad + other == 0 && c > 120 && c < 240) }' all.csv
check "a purchase is less likely than its click" awk -F, \
    'NR > 1 && !($1 > 0 && $1 < $2 && $2 < 1) { bad = 1 } END { exit bad }' truth.csv
run synth clicks --rows 1000 --seed 5 --first-row 2000 --output part.csv
{ head -n 1 all.csv && tail -n 1000 all.csv; } >wanted.csv
check "rows 2000 to 2999 of the same world" cmp part.csv wanted.csv
expect 0 "" synth clicks --rows 500 --seed 5 --first-row 100 --output old.csv --truth old_truth.csv
check "without lists: the rows that it has always written" sh -c "cat old.csv old_truth.csv |
    sha256sum | grep -q '491c3fa1e950f3a919f494281d307b18dd2fe35b62ccf60a50b1fe155315148c'"
expect 0 "" synth clicks --rows 20000 --seed 5 --threads 3 --lists --output many.csv --truth 3.csv
expect 0 "" synth clicks --rows 20000 --seed 5 --threads 1 --lists --output one.csv --truth 1.csv
check "the same rows by any number of threads" sh -c 'cmp one.csv many.csv && cmp 1.csv 3.csv'
expect 0 "" synth clicks --rows 3000 --seed 5 --ali-ccp-sizes --output large.csv
check "items by the hundred thousand" awk -F, 'NR > 1 { rare += $12 > 4000; bad += $12 >= 467298 }
    END { exit !(rare > 100 && bad == 0) }' large.csv

# ---- Packed as they are drawn ----

cat >pack.json <<'JSON'
{"features": {"sparse": [{"name": "*", "embed_dim": 2, "min_count": 2}],
              "sequence": [{"name": "history", "shared_with": "205"},
                           {"name": "tags", "weight_separator": ":"}],
              "dense": [{"name": "D*", "transform": "standardize"}]},
 "tasks": [{"name": "cvr", "label": "purchase"}, {"name": "ctr", "label": "click"}],
 "model": {"name": "mmoe", "n_expert": 1, "expert_params": {"dims": [2]}}}
JSON
expect 0 "20000 rows" synth clicks --rows 20000 --seed 5 --lists --config pack.json --output drawn.d
expect 0 "" pack --config pack.json --data one.csv --output packed.d
check "a folder that is drawn is the one that is packed, but for its source" sh -c \
    "diff -r -x manifest.json drawn.d packed.d &&
    [ \$(diff drawn.d/manifest.json packed.d/manifest.json | grep -c '^>') -le 4 ]"
expect 0 'valid.d: column "205"' synth clicks --rows 500 --seed 5 --first-row 20000 --lists \
    --like drawn.d --json --output valid.d
check "rows by its schema follow" grep -q '"first_row": 20000' out
check "and are packed" grep -q '"rows": 500' valid.d/manifest.json
sed 's/"tags"/"tag"/' pack.json >other.json
expect 1 'column "tag"' synth clicks --rows 10000000000 --lists --config other.json --output x.d
expect 1 'column "history"' synth clicks --rows 10000000000 --like drawn.d --output x.d
check "rows that nobody takes end, and nothing is left" [ ! -e x.d ]
expect 2 "exclude each other" synth clicks --rows 3 --config pack.json --like drawn.d --output x.d
expect 2 "--truth goes with rows as CSV" synth clicks --rows 3 --like drawn.d --truth t --output x.d
expect 2 "not written to standard output" synth clicks --rows 3 --config pack.json --output -

run synth clicks --rows 1000 --seed 6 --first-row 2000 --output other.csv
check "another seed, other rows" [ "$(cmp -s part.csv other.csv; echo $?)" -eq 1 ]
expect 0 "AUC of the generator's own probabilities" synth clicks --rows 1000 --output -
rows_back=$(wc -l <out)
expect 0 "purchase undefined (one class only), click undefined" synth clicks --rows 10 --output -
check "rows on standard output" [ "$rows_back" -eq 1001 ]

expect 0 "" synth paper --rows 2000 --seed 3 --correlation 1 --dim 10 --output same.csv
check "paper's columns" [ "$(head -n 1 same.csv)" = "y1,y2,x0,x1,x2,x3,x4,x5,x6,x7,x8,x9" ]
# With p = 1 the tasks differ by their noise alone: a variance of 2 * 0.01.
check "correlation 1: labels differ by noise of variance 0.02" awk -F, \
    'NR > 1 { d = $1 - $2; s += d * d; n++ } END { exit !(s / n > 0.018 && s / n < 0.022) }' \
    same.csv
run synth paper --rows 2000 --seed 3 --correlation -1 --terms 0 --dim 10 --output opposite.csv
check "correlation -1, no sines: labels are opposite" awk -F, \
    'NR > 1 { d = $1 + $2; s += d * d; v += $1 * $1; n++ }
    END { exit !(s / n > 0.018 && s / n < 0.022 && v / n > 0.08 && v / n < 0.12) }' opposite.csv

expect 0 "" init all.csv --label purchase --label click
check "init: labels of 0 and 1 are classifications" [ "$(grep -c '"type": "classification"' out)" \
    -eq 2 ]
check "init: 23 ids" [ "$(grep '"embed_dim": 4' out | grep -vc quantiles)" -eq 23 ]
check "init: 8 dense columns" [ "$(grep -c '"transform": "standardize"' out)" -eq 8 ]
awk -F, 'BEGIN { OFS = "," }
    NR == 1 { print "key", "same", "gap", "many", "2nd label", $0; next }
    { print "r" NR, 7, NR % 3 ? NR + 0.5 : "", NR * 7919 % 2003, NR / 4, $0 }' all.csv >more.csv
expect 0 'column "key" left out' init more.csv --label click --label "2nd label" --output guess.json
check "init: a constant column is left out" grep -qF 'column "same" left out' err
check "init: a dense column has gaps" grep -qF 'column "gap" lacks 1000 of 3000 values' err
check "init: the mean stands for them" grep -q '"missing": "mean"' guess.json
check "init: so many integers are taken as dense" \
    grep -qF 'column "many" taken as numbers (dense): 2003 integers, 1.5 rows a value' err
check "init: a label of other numbers is a regression" grep -q regression guess.json
check "init: a task's name is a word" grep -q '"_2nd_label"' guess.json
expect 1 'there is no column "clicks"' init all.csv --label clicks
expect 1 "values that are no numbers" init more.csv --label key
expect 2 "given twice" init all.csv --label click --label click
expect 1 "No such file" init none.csv --label click
: >empty.csv
expect 1 "empty" init empty.csv --label click
head -n 1 all.csv >header.csv
expect 1 "no rows" init header.csv --label click
printf 'a,b\n1,2\n3\n' >short.csv
expect 1 "row 3: 1 fields, but the header has 2" init short.csv --label a
printf 'a,a\n1,2\n' >twice.csv
expect 1 'the name "a"' init twice.csv --label a
printf 'a,b\n1,"2\n' >open.csv
expect 1 "row 2" init open.csv --label a
finish
