#!/bin/sh
# shellcheck disable=SC2086
# Keeps the README's promise "Nothing wrong is silent" for warnings: a walk of every one that there
# is. Each appears once, with its figure, on standard error, and once under "warnings" of --json.
# (tests/laws/warnings.sh finds a warning that has no case here.)
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# A model's own figures, which are another processor's others: F.
number='[0-9.e+-]*'
some_figure="s/is $number, that of/is F, that of/; s/by $number % to $number:/by F % to F:/"
some_figure="$some_figure; s/loss of $number on/loss of F on/; s/with $number$/with F/"
some_figure="$some_figure; s/loss of $number instead of $number$/loss of F instead of F/"
# Runs the program: its warnings are, in this order, the lines of standard input, and no others.
walk() { # ARGUMENT...
    cat >wanted
    run "$@"
    sed -n "s/^mmoe $1: warning: //p" err | sed "$some_figure" >got
    [ "$status" -eq 0 ] && cmp -s got wanted &&
        [ "$(grep -c warning: err)" = "$(wc -l <wanted)" ]
    report $? "$(wc -l <wanted) warnings: mmoe $*"
    case " $* " in
    *" --json "*)
        python3 -c 'import json
for warning in json.load(open("out"))["warnings"]:
    print(warning)' | sed "$some_figure" >got
        check "and in JSON" cmp got wanted
        ;;
    esac
}
# Prices that tell labels, but for a few rows.
price='(i % 40 == 39 ? 0 : i % 8 / 8)'
rows() { # FILE LABELS-OF-ROW-i (awk's words)
    awk "BEGIN {print \"user,price,click,buy\"
        for (i = 0; i < 400; i++) print i % 9 \",\" $price \",\" $2}" >"$1"
}
train() { echo train --config config.json --output m.out --json --train "$@"; }

cat >config.json <<'JSON'
{"features": {"sparse": [{"name": "user", "embed_dim": 2}], "dense": [{"name": "price"}]},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}],
 "model": {"name": "mmoe", "n_expert": 3, "expert_params": {"dims": [4]}},
 "trainer": {"batch_size": 16, "n_epoch": 2, "earlystop_patience": 0,
             "optimizer_params": {"lr": 0.05}}}
JSON
rows good.csv '(i % 8 > 3) "," (i % 8 > 5)'
walk $(train good.csv --valid good.csv --test good.csv) </dev/null
cp m.out good.out
walk evaluate --model good.out --data good.csv --json </dev/null
walk inspect --model good.out --data good.csv --json </dev/null
walk predict --model good.out --data good.csv --output p.csv </dev/null
walk init good.csv --label click --label buy </dev/null
awk -F, 'BEGIN {OFS = ","} NR > 1 {$2 = (NR - 2) % 8 / 8} 1' good.csv >told.csv
walk init told.csv --label click --label buy <<END
told.csv: column "price" gives the label "click" in all 400 rows compared: it is kept, but is it \
known before the label is?
END
line() { # PRICE of row i, awk's words
    awk "BEGIN {print \"x,price\"; for (i = 0; i < 400; i++) print i / 7 \",\" $1}"
}
line '900 + 40 * i + 90 * (i % 5)' >bent.csv
walk init bent.csv --label price </dev/null
line '900 + 40 * i + i % 3' >near.csv
walk init near.csv --label price <<END
near.csv: a line of column "x" gives the label "price" with an R2 of 1 - 3.1e-08 in 400 rows \
compared: it is kept, but is it known before the label is?
END
line 1 >ones.csv
awk 'BEGIN {print "x,z,price"; for (i = 0; i < 400; i++)
    print i % 19 "," i % 23 "," 3 * (i % 19) - i % 23 + i % 2 / 50}' >both.csv
walk init both.csv --label price <<END
both.csv: a line of all columns of numbers gives the label "price" with an R2 of 1 - 3.1e-07 (most \
of it "x" and "z"): are they known before the label is?
END
awk 'BEGIN {print "x,click"
    for (i = 0; i < 400; i++) print i ^ 2 "," (i > 200) - (i == 205)}' >order.csv
walk init order.csv --label click <<END
order.csv: column "x" alone tells the label "click" with an AUC of 0.99990 in 400 rows compared: \
it is kept, but is it known before the label is?
END
walk init ones.csv --label price <<END
ones.csv: column "price" (--label) has one value only, 1, in 400 rows
END

# ---- Values of columns ----

awk -F, 'BEGIN {OFS = ","} NR > 1 {$1 = "A"; $2 = 2.5} 1' good.csv >same.csv
walk $(train same.csv) <<END
same.csv: column "user": all 400 values are the same: it tells nothing
same.csv: column "price": all 400 values are the same: it tells nothing
END
sed '7s/^[^,]*/?/' good.csv >text.csv
walk $(train text.csv) <<END
text.csv: column "user": 1 of 400 values is no integer, the first in row 7: its ids are texts; \
data.missing says what stands for nothing
END
sed '7s/^[^,]*/?/; 9s/^[^,]*/-/' good.csv >text.csv
walk $(train text.csv) <<END
text.csv: column "user": 2 of 400 values are no integers, the first in row 7: its ids are texts; \
data.missing says what stands for nothing
END
cat >lists.json <<'JSON'
{"features": {"sequence": [{"name": "tags", "column": "user", "max_len": 2}]},
 "tasks": [{"name": "ctr", "label": "click"}], "trainer": {"n_epoch": 1, "earlystop_patience": 0}}
JSON
sed '3s/^/1|2|/; 7s/^/1|/' good.csv >list.csv
cut='feature "tags" of column "user": of 400 lists 1 has more than max_len, 2, elements, the first'
walk train --config lists.json --output list.out --json --train list.csv <<END
list.csv: $cut in row 3: the last ones are read
END
for command in "predict --output p.csv" "inspect --json"; do
    walk $command --model list.out --data list.csv <<END
list.csv: $cut in row 3: the last ones are read
END
done
walk evaluate --json --model list.out --data list.csv <<END
list.csv: $cut in row 3: the last ones are read
list.csv: task "ctr": the log-loss of the 400 rows is F, that of always predicting the mean label, \
0.5, is 0.69315: the model is no better than none
END
sed -i '9s/^/3|4|5|/' list.csv
set='--set features.sequence.0.truncate=first'
walk train --config lists.json --output m.out --json --train list.csv $set <<END
list.csv: feature "tags" of column "user": of 400 lists 2 have more than max_len, 2, elements, \
the first in row 3: the first ones are read
END
sed '2,$s/^[^,]*,/,/' good.csv >list.csv
walk train --config lists.json --output m.out --json --train list.csv <<END
list.csv: feature "tags" of column "user": all 400 lists are the same: it tells nothing
END
sed '2,$s/^[^,]*/1;2/; 7s/^[^,]*//' good.csv >list.csv
walk train --config lists.json --output m.out --json --train list.csv <<END
list.csv: feature "tags" of column "user": none of 400 lists has more than one element; in a text \
"|" stands between them ("separator")
END
sed '7s/^[^,]*/?/; 9s/^/1|/' good.csv >list.csv
walk train --config lists.json --output m.out --json --train list.csv <<END
list.csv: feature "tags" of column "user": 1 of 401 values is no integer, the first in row 7: \
its ids are texts; data.missing says what stands for nothing
END
sed '3,25s/^[^,]*/77|78/' good.csv >list.csv
walk predict --model list.out --data list.csv --output p.csv <<END
list.csv: feature "tags" of column "user": of 423 values 10.9 % are unknown and 0.0 % missing, \
the first in row 3
END
set='--set features.sparse.0.min_count=45' # 0 to 3 come 45 times, 4 to 8 44 times
walk $(train good.csv $set) <<END
good.csv: column "user": 4 of 9 values have own rows; the others, 55 % of the cells, take row 0
END
cat >bins.json <<'JSON'
{"features": {"sparse": [{"name": "bins", "column": "price", "quantiles": 10}]},
 "tasks": [{"name": "ctr", "label": "click"}], "trainer": {"n_epoch": 1, "earlystop_patience": 0}}
JSON
walk train --config bins.json --output m.out --json --train good.csv <<END
good.csv: feature "bins" of column "price": 10 quantiles have 7 different boundaries, not 9: 8 bins
END
sed 's/"sparse"/"dense"/; s/"quantiles"/"encoding": "piecewise_linear", "bins"/' bins.json \
    >edges.json
walk train --config edges.json --output m.out --json --train good.csv <<END
good.csv: feature "bins" of column "price": equal quantiles leave 9 of 10 bins, for many rows have \
the same value
END
# What is made of a column is told of as that column, and once.
cat >made.json <<'JSON'
{"features": {"sparse": [{"name": "user"}, {"name": "bins", "column": "price", "quantiles": 4}],
  "dense": [{"name": "price", "missing": "mean"},
            {"name": "pieces", "column": "price", "encoding": "piecewise_linear", "bins": 4,
             "missing": "mean"}]},
 "tasks": [{"name": "ctr", "label": "click"}], "trainer": {"n_epoch": 1, "earlystop_patience": 0}}
JSON
awk 'BEGIN {print "user,price,click"
    for (i = 0; i < 400; i++) print i % 9 "," i * 7 % 400 / 400 "," int(i / 3) % 2}' >whole.csv
awk -F, 'BEGIN {OFS = ","} NR > 1 && NR % 10 == 0 {$2 = ""} 1' whole.csv >gaps.csv
run train --config made.json --output made.out --train whole.csv
walk predict --model made.out --data gaps.csv --output p.csv <<END
gaps.csv: column "price": of 400 values 0.0 % are unknown and 10.0 % missing, the first in row 10
END
check "a large share is not said once more" [ "$(grep -c missing err)" = 1 ]
sed '9s/,[^,]*,/,,/' whole.csv >gaps.csv
walk predict --model made.out --data gaps.csv --output p.csv </dev/null
check "a small one is, and once" [ "$(grep missing err)" = \
    'mmoe predict: gaps.csv: column "price": 0 % of the values are unknown and 0.25 % missing' ]
sed '7s/,[^,]*,/,-999,/; 9s/,[^,]*,/,-1,/' whole.csv >below.csv
set='--set features.dense.0.transform=log1p_standardize'
run train --config made.json --output log.out --train whole.csv $set
walk predict --model log.out --data below.csv --output p.csv <<END
below.csv: column "price": 2 of 400 values are not above -1, as log1p needs, the first in row 7: \
they are taken as missing
END
sed 's/"missing": "mean"\|"quantiles": 4/&, "gaps": ["*"]/' made.json >all.json
run train --config all.json --output all.out --train whole.csv
sed '7s/,[^,]*,/,1 - 2,/; 9s/,[^,]*,/,>3,/' whole.csv >texts.csv
walk predict --model all.out --data texts.csv --output p.csv <<END
texts.csv: column "price": 2 of 400 values (0.5 %) are no numbers, the first, "1 - 2", in row 7: \
they count as missing ("gaps")
END
sed '9s/,[^,]*,/,>3,/' whole.csv >texts.csv
walk predict --model all.out --data texts.csv --output p.csv <<END
texts.csv: column "price": 1 of 400 values (0.25 %) is no number, the first, ">3", in row 9: \
it counts as missing ("gaps")
END
awk -F, 'BEGIN {OFS = ","} NR == 1 {$4 = "cost"} NR > 1 {$4 = $2} 1' whole.csv >twice.csv
python3 - <<'PY'
import json
config = json.load(open("made.json"))
for kind in config["features"].values():
    for feature in [f for f in kind if "price" in f.values()]:
        kind.append({k: v.replace("price", "cost") if k == "column" or v == "price" else
                     v + "_of_cost" if k == "name" else v for k, v in feature.items()})
json.dump(config, open("copies.json", "w"))
PY
walk train --config copies.json --output m.out --json --train twice.csv <<END
column "cost": in all 400 training rows compared each of its values stands with one of column \
"price", and the other way round: one of the two tells nothing more
END
# A linear part begins as no line of rows that do not count, nor of very many inputs.
cat >linear.json <<'JSON'
{"features": {"dense": [{"name": "price"}]}, "model": {"name": "esmm", "linear": true},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}],
 "trainer": {"n_epoch": 1, "earlystop_patience": 0}}
JSON
rows unclicked.csv '0 "," (i % 8 > 5)'
walk train --config linear.json --output m.out --json --train unclicked.csv <<END
task "ctr": all 400 labels of the training rows are 0: one class alone has nothing that could be \
learnt
task "cvr": all 400 labels of the training rows are 0: one class alone has nothing that could be \
learnt
task "cvr": 100 of 400 training rows have a label of 1 where that of "ctr", which comes before, is \
0 (the first is row 8): there it counts as 0
task "cvr": no linear model of the dense columns was found (model.linear): it begins with a constant
END
awk 'BEGIN {print "v,click"
    for (i = 0; i < 100; i++) { for (k = 0; k < 513; k++) printf "%d|", (i * k) % 7
        print i % 3 "," i % 2 } }' >wide.csv
cat >wide.json <<'JSON'
{"features": {"dense": [{"name": "v", "dim": 514}]}, "model": {"linear": true},
 "tasks": [{"name": "ctr", "label": "click"}], "trainer": {"n_epoch": 1, "earlystop_patience": 0}}
JSON
walk train --config wide.json --output m.out --json --train wide.csv <<END
the linear part (model.linear) begins with 0: its fit is of at most 512 dense inputs, and of fewer \
for many tasks; there are 514 for 1
END
sed '3,42s/^[^,]*/77/; 50s/^[^,]*//' good.csv >other.csv
cat >said <<END
other.csv: column "user": of 400 values 10.0 % are unknown and 0.2 % missing, the first in row 3
END
walk $(train good.csv --valid other.csv) <said
walk $(train good.csv --test other.csv) <said
walk $(train other.csv --from good.out) <said
run train --config config.json --train good.csv --output still.out \
    --set features.sparse.0.trainable=false
walk train --config config.json --train other.csv --output m.out --json --from still.out --grow \
    --set features.sparse.0.trainable=false <<END
still.out: column "user": its table does not learn ("trainable": false): the rows of 1 new values \
stay as they are drawn
END
walk evaluate --model good.out --data other.csv --json <said
walk inspect --model good.out --data other.csv --json <said
walk predict --model good.out --data other.csv --output p.csv <said

sed '9s/,[^,]*/,/' good.csv >gap.csv
walk predict --model good.out --data gap.csv --output p.csv <<END
gap.csv: 1 of 400 rows lack a value that a feature must have, the first is row 9 (column \
"price"): they have no scores; "missing" of a dense feature says what stands for one
END

# ---- Lines of files ----

sed '3s/$/\n\n/' good.csv | sed '4d' >lines.csv
echo 'lines.csv: 1 blank line is no row, the first behind row 3' >said
walk $(train lines.csv) <said
walk evaluate --model good.out --data lines.csv --json <said
walk inspect --model good.out --data lines.csv --json <said
walk predict --model good.out --data lines.csv --output p.csv <said
walk init lines.csv --label click --label buy <said
{ printf '\n  \n' && cat good.csv && echo; } >lines.csv
walk $(train lines.csv) <<END
lines.csv: 3 blank lines are no rows, the first before row 1
END
sed '2,$s/$/,/' good.csv >commas.csv
walk $(train commas.csv) <<END
commas.csv: 400 rows end with a comma behind the last column, which is passed over
END
head -n 2 commas.csv >comma.csv
walk predict --model good.out --data comma.csv --output p.csv <<END
comma.csv: 1 row ends with a comma behind the last column, which is passed over
END

mkfifo pipe.csv
printf %s "$(cat good.csv)" >pipe.csv &
walk evaluate --model good.out --data pipe.csv --json <<END
pipe.csv: row 401 is the last and has no line end: what writes it may have ended too early
END

sed '3s/^/,/; 5s/,[^,]*$/,x/' good.csv >bad.csv
walk evaluate --model good.out --data bad.csv --skip-bad 2 --json <<END
bad.csv: 2 of 400 rows are at fault and left out, the first for: bad.csv: row 3: 5 fields, but the \
header has 4
END
walk predict --model good.out --data bad.csv --output p.out --skip-bad 1 <<END
bad.csv: 1 of 400 rows are at fault and have no scores, the first for: bad.csv: row 3: 5 fields, \
but the header has 4
END

{ cat good.csv && echo "\"$(yes 1,2,3,4 | head -n 9000)\",0.5,0,0"; } >quote.csv
walk $(train quote.csv) <<END
quote.csv: column "user": its longest value has 71,999 bytes: is a quote missing, or the end of a \
line?
quote.csv: column "user": 1 of 401 values is no integer, the first in row 402: its ids are texts; \
data.missing says what stands for nothing
END
walk evaluate --model good.out --data quote.csv --json </dev/null

# ---- Several files ----

# One behind another, where no column refuses the second header.
cat >texts.json <<'JSON'
{"features": {"sparse": [{"name": "user"}, {"name": "price"}]},
 "tasks": [{"name": "ctr", "label": "click"}], "trainer": {"batch_size": 64, "n_epoch": 1}}
JSON
run train --config texts.json --train good.csv --output texts.out
cut -d, -f1,2 good.csv >texts.csv
{ printf '\357\273\277' && cat texts.csv; } >mark.csv
cat texts.csv mark.csv texts.csv >joined.csv
walk predict --model texts.out --data joined.csv --output p.csv <<END
joined.csv: 2 of 1202 rows are the header once more, the first is row 402, as where files were put \
one behind another: each is a row like any other; files may be given one by one
END
awk 'NR == 1 {header = $0} {print} END {
    for (i = 0; i < 300000; i++) print i % 9 ",0.5"
    print header}' texts.csv >joined.csv
walk predict --model texts.out --data texts.csv --data joined.csv --output p.csv <<END
texts.csv and 1 more: 1 of 300801 rows is the header once more, the first is row 300402 of \
joined.csv, as where files were put one behind another: it is a row like any other; files may be \
given one by one
END

sed '1s/$/,note/; 1!s/$/,x/; 3s/$/\n/' good.csv >day-1.csv
sed '1s/$/,shop/; 1!s/$/,x/; $s/$/\n/' good.csv >day-2.csv
head -n 1 good.csv >day-3.csv
walk evaluate --model good.out --data 'day-*.csv' --json <<END
day-1.csv and 2 more: 1 column of day-2.csv is not in day-1.csv ("shop"), and not read
day-1.csv and 2 more: 1 column of day-1.csv is not in day-2.csv ("note"), and not read
day-1.csv and 2 more: 1 column of day-1.csv is not in day-3.csv ("note"), and not read
day-1.csv and 2 more: day-3.csv has a header and 0 rows
day-1.csv and 2 more: 2 blank lines are no rows, the first behind row 3 of day-1.csv
END

sed '3s/^[^,]*/5" tv/' good.csv >inch.csv
walk init inch.csv --label click --label buy <<END
inch.csv: row 3: malformed quotes in field 1; they are taken as text
END

rows label.csv '(i == 7 ? 2 : i % 2) "," (i % 5 == 1)'
walk init label.csv --label click --label buy <<END
label.csv: column "click": 1 of 400 labels are neither 0 nor 1, the first in row 9, so it makes a \
regression
END

# ---- Labels ----

for class in 0 1; do
    rows class.csv "i % 2 \",$class\""
    walk $(train class.csv) <<END
task "cvr": all 400 labels of the training rows are $class: one class alone has nothing that could \
be learnt
END
done
rows few.csv 'i % 2 "," (i < 49)'
walk $(train few.csv) <<END
task "cvr": 49 of 400 labels of the training rows are positive, fewer than 50
END
rows few.csv '(i >= 7) "," (i >= 49)'
walk $(train few.csv) <<END
task "ctr": 7 of 400 labels of the training rows are negative, fewer than 50
task "cvr": 49 of 400 labels of the training rows are negative, fewer than 50
END
rows number.csv 'i % 2 ",7.5"'
walk $(train number.csv --set tasks.1.type=regression) <<END
task "cvr": all 400 labels of the training rows are 7.5: there is nothing to learn but this number
END
# Conversions without a click, of both models.
rows early.csv '(i % 8 > 3) "," (i % 8 < 2 || i % 8 > 3)'
cat >said <<END
task "cvr": 100 of 400 training rows have a label of 1 where that of "ctr", which comes before, \
is 0 (the first is row 2)
END
before=$(sed 's/.* training rows //' said)
for model in esmm aitm; do
    then=
    [ $model = aitm ] || then=': there it counts as 0'
    set="--set model={\"name\":\"$model\"} --set trainer.earlystop_task=cvr"
    set="$set --set trainer.n_epoch=4 --set trainer.optimizer_params.lr=0.02"
    walk $(train early.csv $set --valid early.csv --test early.csv) <<END
$(cat said)$then
task "cvr": 100 of 400 validation rows $before$then
early.csv: task "cvr": 100 of 400 rows $before$then
END
    walk evaluate --model m.out --data early.csv --json <<END
early.csv: task "cvr": 100 of 400 rows $before$then
END
    wanted=2 # of both tasks .5, where a conversion without a click counts as 0
    [ $model = esmm ] || wanted=1
    check "$model: the mean of the labels as they count" \
        [ "$(grep -c '"constant": 0.5,' out)" = $wanted ]
    walk predict --model m.out --data early.csv --output p.csv </dev/null
done
rows open.csv 'i % 2 "," (i % 2 ? i % 4 == 1 : "")'
walk $(train open.csv --set 'model={"name":"aitm"}') <<END
task "cvr": 200 of 400 training rows have no label where that of "ctr", which comes before, is 0 \
(the first is row 2): they do not count; where nothing followed, the label is 0
END

# ---- Before the first step ----

walk $(train told.csv) <<END
column "price": alone it tells the label of task "ctr" with an AUC of 1.00000 in 400 training rows \
compared: is it known before the label is?
column "price": alone it tells the label of task "cvr" with an AUC of 1.00000 in 400 training rows \
compared: is it known before the label is?
END
awk -F, 'BEGIN {OFS = ","} NR > 1 {$3 = 2 - $2} 1' good.csv >line.csv
walk $(train line.csv --set tasks.0.type=regression) <<END
column "price": alone it tells the label of task "ctr" with an R2 of 1 - 0 in 400 training rows \
compared: is it known before the label is?
END
awk -F, 'BEGIN {OFS = ","} NR == 1 {$5 = "nick"; $6 = "double"} NR > 1 {$5 = "n" $1 * 7
    $2 += NR % 5 / 16; $6 = 3 - 2 * $2} 1' good.csv >copies.csv
sed 's/"name": "user", "embed_dim": 2}/&, {"name": "nick"}/
    s/"name": "price"}/&, {"name": "double"}/' config.json >copies.json
walk train --config copies.json --output m.out --json --train copies.csv <<END
column "nick": in all 400 training rows compared each of its values stands with one of column \
"user", and the other way round: one of the two tells nothing more
column "double": in all 400 training rows compared each of its values stands with one of column \
"price", and the other way round: one of the two tells nothing more
END
rows labels.csv '(i % 8 > 3) "," (i % 8 > 3)'
walk $(train labels.csv) <<END
task "cvr": in all 400 training rows compared its label is that of "ctr"
END
awk -F, 'BEGIN {OFS = ","} NR > 1 && NR % 2 {$1 = ""} 1' good.csv >half.csv
walk $(train half.csv --valid good.csv) <<END
column "user": of the validation rows' values 0.0 % are missing and 0.0 % unknown, of the training \
rows' 50.0 % and 0.0 %
END
# Of few rows a share differs by chance.
awk -F, 'BEGIN {OFS = ","} NR > 1 && int(NR / 9) % 3 == 2 {$1 = ""} 1' good.csv >third.csv
sed 13q good.csv >dozen.csv
walk $(train third.csv --valid dozen.csv --set trainer.n_epoch=1) </dev/null
awk -F, 'BEGIN {OFS = ","} NR % 4 == 0 {$1 = 1} 1' good.csv >drift.csv
walk $(train good.csv --valid drift.csv) <<END
column "user": its values in the validation rows are not those of the training rows: the \
population stability index of 400 and 400 rows is 0.30, and more than 0.25 is a major shift
END
walk $(train same.csv) --set trainer.memory=500 <<END
same.csv: column "user": all 400 values are the same: it tells nothing
same.csv: column "price": all 400 values are the same: it tells nothing
END
sed 's/"name": "user", "embed_dim": 2}/&, {"name": "cost", "column": "price"}/' \
    config.json >both.json
walk train --config both.json --output m.out --json --train same.csv <<END
same.csv: column "user": all 400 values are the same: it tells nothing
same.csv: column "price": all 400 values are the same: it tells nothing
END
run pack --config config.json --data same.csv --output same.d
walk $(train same.d) <<END
column "user": all 400 values compared are the same: it tells nothing
column "price": all 400 values compared are the same: it tells nothing
END

# ---- What is watched ----

awk -F, 'BEGIN {OFS = ","} NR > 1 {$4 = 0} 1' good.csv >one.csv
walk $(train good.csv --valid one.csv --set trainer.earlystop_task=cvr) <<END
the AUC of the 400 validation rows is undefined for "cvr" (one class only): no epoch is the best, \
and the last weights are kept
task "cvr": the log-loss of the 400 validation rows is F, that of always predicting the mean \
label, 0.25, is 0.28768: the model is worse than none
END
walk $(train good.csv --valid one.csv --set trainer.earlystop_task=mean) <<END
the mean AUC that early stopping watches is of 1 of 2 tasks: on the validation rows it is \
undefined for "cvr" (one class only)
task "cvr": the log-loss of the 400 validation rows is F, that of always predicting the mean \
label, 0.25, is 0.28768: the model is worse than none
END
python3 - <<'PY' # forty tasks more: those that have no room are counted
import json
config = json.load(open("config.json"))
config["tasks"] += [{"name": "another_%d" % t, "label": "buy"} for t in range(40)]
json.dump(config, open("many.json", "w"))
PY
run train --config many.json --output m.out --train good.csv --valid one.csv \
    --set trainer.earlystop_task=mean
named=$(grep -o "(one class only)" err | wc -l)
more=$(sed -n 's/.*warning: the mean AUC .*) and \([0-9]*\) more$/\1/p' err)
check "41 tasks: some by name, the others by their number" \
    [ $((named > 9 && named + more == 41)) = 1 ]
check "so are those without room in an epoch's line" [ "$(grep '^epoch' err |
    grep -E 'ctr auc .*  and [0-9]+ more' | awk 'length <= 100' | wc -l)" = 2 ]
awk -F, 'BEGIN {OFS = ","} NR > 1 {$2 /= 1000} 1' good.csv >tiny.csv
sed '9s/^\([^,]*\),[^,]*/\1,3e38/' tiny.csv >huge.csv
walk $(train tiny.csv --valid huge.csv --set trainer.batch_size=8) <<END
column "price": its inputs go from 0 to 0.000875 and have a root mean square of 0.0005 in 400 \
training rows compared, far from 1: "transform": "standardize" scales a number
epoch 1: the AUC that early stopping watches is undefined for "ctr" (a prediction is not a \
number): such an epoch is neither the best nor one of those that are waited for
END
walk predict --model m.out --data huge.csv --output p.csv <<END
huge.csv: 1 of 400 rows have a score that is not finite, the first is row 9
END
check "and the score is nan" [ "$(sed -n 9p p.csv)" = nan,nan ]

# A value beside which all others are one; of files and rows that are left out where it stands.
cat >far.json <<'JSON'
{"features": {"dense": [{"name": "x", "transform": "standardize", "missing": "mean"}]},
 "tasks": [{"name": "y", "label": "y"}], "trainer": {"n_epoch": 1}}
JSON
far() { # CELL: of row i
    awk "BEGIN { print \"x,y\"; for (i = 0; i < 400; i++) print ($1) \",\" i * 7 % 13 % 2 }"
}
says_far() { # TEXT FILE...: of its own row
    text=$1
    shift
    data=$(printf ' --train %s' "$@")
    # shellcheck disable=SC2086
    expect 0 "column \"x\": $text" train --config far.json $data --skip-bad 9 --output m
}
rest='so far off that the others, 5'
far 'i ? (i == 16 ? "1e39" : (i % 9 ? 5 + i % 63 / 4 : "")) : "1,2"' >far.csv
says_far "1 of 355 values, the farthest 1e+39 in row 18, is $rest.25 to 20.5, are within 0 of" \
    far.csv
far 'i ? (i % 150 ? 5 + i % 63 / 4 : -9e5) : "1,2"' >low.csv
says_far "2 of 399 values, the farthest -900000 in row 152, are $rest" low.csv
check "logarithms are of no use" sh -c '! grep -q log1p err'
far 'i ? (i == 1 ? "" : 5 + i % 63 / 4) : 1e39' >first.csv
says_far "1 of 399 values, the farthest 1e+39 in row 2, is $rest" first.csv
far '5 + i % 63 / 4' >near.csv
says_far "1 of 755 values, the farthest 1e+39 in row 18 of far.csv, is $rest" near.csv far.csv
expect 0 "1 of 355 values, the farthest 1e+39 in row 18" \
    pack --config far.json --data far.csv --output far.d --skip-bad 9
for cell in '(i == 16 ? 900 : 5 + i % 63 / 4)' '(i == 16 ? 1e9 : 0)' 'exp(i % 97 / 4)' \
    '(i % 20 ? 5 + i % 63 / 4 : 1e6)'; do
    far "$cell" >some.csv
    run train --config far.json --train some.csv --output m
    check "no word: $cell" sh -c '! grep -q "far off" err'
done
far 'i == 16 ? "1e39" : 5 + i % 63 / 4' >alone.csv
walk train --config far.json --train alone.csv --output m <<END
alone.csv: column "x": 1 of 400 values, the farthest 1e+39 in row 18, is so far off that the \
others, 5 to 20.5, are within 0 of each other, where the deviation is 1, as good as one number: \
"gaps" takes it as missing, "log1p_standardize" brings it nearer
END
far 'i % 7 / 3' | awk -F, 'BEGIN { OFS = "," } NR > 1 && NR % 8 == 1 { $2 = -1 } 1' >third.csv
walk init third.csv --label y <<END
third.csv: column "y": beside 0 and 1, 50 of 400 labels are -1, so it makes a regression: if they \
stand for no label, "gaps": [-1] makes it a classification
END
run train --config far.json --set 'features.dense.0.gaps=[1e39]' --train far.csv --skip-bad 9 \
    --output m
check "nor of what is a gap" sh -c '! grep -q "far off" err'
run train --config far.json --set features.dense.0.transform=log1p_standardize --train far.csv \
    --skip-bad 9 --output m
check "nor of a logarithm" sh -c '! grep -q "far off" err'

# ---- Groups ----

# Each twentieth row is of none, and the others' label says which they are of.
awk -F, 'BEGIN {OFS = ","} {print $0, NR == 1 ? "id" : NR % 20 ? $3 + 2 * $4 : ""}' good.csv >of.csv
for task in ctr cvr; do
    cat <<END
of.csv: task "$task": 20 of the 400 rows have no value of "id": group AUC leaves them out
of.csv: task "$task": 3 of the 3 groups of "id" have one class only, 0 of them one row: \
group AUC leaves out 400 of the 400 rows
END
done >said
walk evaluate --model good.out --data of.csv --group id --json <said

# ---- Models that are no better than none ----

# A step that changes nothing; the output's bias is drawn.
still="--set trainer.optimizer_params.lr=1e-20 --set trainer.earlystop_patience=1"
cat >said <<END
task "cvr": the log-loss of the 400 validation rows is F, that of always predicting the mean \
label, 0.25, is 0.56234: the model is worse than none
END
walk $(train good.csv --valid good.csv $still --checkpoint k) <<END
the best of 2 epochs is epoch 1, after 25 updates: its weights are hardly trained; a smaller \
trainer.batch_size makes more updates an epoch, and trainer.earlystop_metric may watch another \
figure
$(cat said)
END
walk $(train good.csv --valid good.csv $still --set trainer.shrink=true) <<END
the best of 2 epochs is epoch 1, after 25 updates: its weights are hardly trained; a smaller \
trainer.batch_size makes more updates an epoch, and trainer.earlystop_metric may watch another \
figure
task "cvr": the best weights had a log-loss of F on the validation rows, always predicting the \
mean label has 0.56234: 7/16 of the scores' distance from that of the mean label is left \
(trainer.shrink), with F
END
# Coins, and others: a task that is its constant says so once, and where it is read again.
rows coins.csv '(i * 7919 + 1) % 101 % 2 "," (i * 31 + 1) % 103 % 2'
rows others.csv '(i * 7919 + 68) % 101 % 2 "," (i * 31 + 68) % 103 % 2'
walk $(train coins.csv --valid others.csv --test others.csv --set trainer.n_epoch=1) \
    --set trainer.shrink=true <<END
task "ctr": the best weights had a log-loss of F on the validation rows, always predicting the \
mean label has 0.69305, and no mixture of both is better by more than chance: the model now \
predicts the mean label (trainer.shrink)
task "cvr": the best weights had a log-loss of F on the validation rows, always predicting the \
mean label has 0.69318, and no mixture of both is better by more than chance: the model now \
predicts the mean label (trainer.shrink)
END
walk evaluate --model m.out --data others.csv --json <<END
others.csv: task "ctr": the log-loss of the 400 rows is F, that of always predicting the mean \
label, 0.495, which is what the model does
others.csv: task "cvr": the log-loss of the 400 rows is F, that of always predicting the mean \
label, 0.4925, which is what the model does
END
# A best epoch is hardly trained where training began with nothing, not with a linear model.
rows weak.csv '(i * 7919 % 101 < 42 + 16 * (i % 9 % 2)) "," 0'
rows weaker.csv '((i * 7919 + 33) % 101 < 42 + 16 * (i % 9 % 2)) "," 0'
for linear in false true; do
    run $(train weak.csv --valid weaker.csv --set trainer.n_epoch=60 --set trainer.batch_size=200) \
        --set "tasks=[{\"name\":\"ctr\",\"label\":\"click\"}]" --set model.linear=$linear \
        --set trainer.earlystop_metric=logloss
    [ "$(grep -c 'hardly trained' err)" = $([ $linear = true ]; echo $?) ]
    report $? "hardly trained: linear is $linear"
done
# A task that is its constant without having been drawn there, as a shaped loss never is.
cat >still.json <<'JSON'
{"features": {"sparse": [{"name": "user", "embed_dim": 2, "trainable": false}]},
 "tasks": [{"name": "ctr", "label": "click", "focal_gamma": 1}],
 "model": {"name": "mmoe", "n_expert": 3, "embedding_init_scale": 1e-30,
           "expert_params": {"dims": [4], "batch_norm": false}},
 "trainer": {"batch_size": 400, "n_epoch": 400, "shrink": true, "earlystop_metric": "logloss",
             "optimizer": "sgd", "optimizer_params": {"lr": 0.5}}}
JSON
run train --config still.json --output m.out --train good.csv --valid good.csv
check "it says so, though trainer.shrink did not" \
    grep -q 'validation rows is 0.69315, .*, 0.5, which is what the model does' err
check "which it did not" sh -c '! grep trainer.shrink err'
awk -F, 'BEGIN {OFS = ","} NR % 20 == 2 {$4 = 1 - $4} 1' good.csv >slips.csv
walk $(train good.csv --valid slips.csv --set trainer.shrink=true) <<END
task "cvr": the best weights were too sure, as the validation rows say: 10/16 of the scores' \
distance from that of the mean label is left (trainer.shrink), with a log-loss of F instead of F
END
run $(train good.csv --valid slips.csv --set trainer.shrink=true) --log run.jsonl
run report --log run.jsonl --output page.html
check "the report has the figures of what is left" python3 -c 'import json, re
result = json.loads(open("run.jsonl").readlines()[-1])["result"]["tasks"][1]
row = re.search(r">cvr</th><td>validation.*?</tr>", open("page.html").read(), re.S)[0]
assert "%.5f" % result["logloss"] in row, row'
# Labels whose scale the steps do not reach: the output begins at their mean.
awk -F, 'BEGIN {OFS = ","} NR > 1 {$3 = 1e5 * $2 + 1000 * (NR % 7)} 1' good.csv >scale.csv
set="--set tasks.0.type=regression --set trainer.earlystop_task=ctr --set trainer.n_epoch=6"
set="$set --set trainer.optimizer_params.lr=0.001"
walk $(train scale.csv --valid scale.csv $set) <<END
the MSE of the validation rows was still improving at the end, in the last 5 epochs by F % to F: \
more epochs (trainer.n_epoch) or a larger learning rate (trainer.optimizer_params.lr) may do \
better
task "ctr": the RMSE of the 400 validation rows is F, that of always predicting the mean label, \
44560, is 28593: the model is hardly better than none
END
walk evaluate --model m.out --data scale.csv --json <<END
scale.csv: task "ctr": the RMSE of the 400 rows is F, that of always predicting the mean label, \
44560, is 28593: the model is hardly better than none
END

# ---- Runs that are over ----

walk $(train good.csv --valid good.csv $still --resume k) <<END
the run that is continued is over: it had no better score for 1 epochs (trainer.earlystop_patience)
$(cat said)
END
walk $(train good.csv --checkpoint k) </dev/null
walk $(train good.csv --resume k) <<END
the run that is continued is over: it has done all 2 epochs (trainer.n_epoch)
END

# ---- Weights of others ----

sed 's/"embed_dim": 2/&, "vocab_size": 9/' config.json >sized.json
run train --config sized.json --output sized.out --train good.csv
run export --model sized.out --format safetensors --output w.safetensors
sed 's/"vocab_size": 9/&, "padding_idx": 3, "pretrained": '\
'"w.safetensors:embedding.embed_dict.user.weight"/' sized.json >begun.json
walk train --config begun.json --output m.out --train good.csv <<END
begun.json: column "user": 2 of 2 values of its padding row, 3 of "w.safetensors", are not 0: they \
are kept, and no part of lists
END
cat >change.py <<'PY'
"""change.py OUT [TYPE=BYTES]... [WORD...] [GATE:EXPERT...]: weights as others have them."""
import json
import struct
import sys

out, changes = sys.argv[1], sys.argv[2:]
data = open("w.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header, rest, blob, whole = json.loads(data[8 : 8 + size]), data[8 + size :], b"", {}
types = [c[:-1] for c in changes if c.endswith("=")]
floats = 0
for name, t in header.items():
    begin, end = t["data_offsets"]
    part = rest[begin:end]
    n = len(part) // 4
    for c in changes:
        gate, _, expert = c.partition(":")
        if expert and name == "gates.%s.mlp.1.bias" % gate:
            part = struct.pack("<3f", *(60.0 * (i == int(expert)) for i in range(3)))
    if t["dtype"] == "F32" and types:
        values = struct.unpack("<%df" % n, part)
        t["dtype"] = types[floats % len(types)]
        floats += 1
        if t["dtype"] == "BF16":
            part = b"".join(part[i + 2 : i + 4] for i in range(0, len(part), 4))
        else:
            part = struct.pack("<%d%s" % (n, {"F64": "d", "F16": "e"}[t["dtype"]]), *values)
    if "before" in changes:
        name = "module." + name
    if "within" in changes and name.startswith("towers.1"):
        name = name.replace("towers.", "towers.module.")
    whole[name] = dict(t, data_offsets=[len(blob), len(blob) + len(part)])
    blob += part
text = json.dumps(whole).encode()
open(out, "wb").write(struct.pack("<Q", len(text)) + text + blob)
for type in types:
    print(type, sum(t["dtype"] == type for t in whole.values()))
print("all", len(whole))
print("within", sum("module" in name for name in whole))
PY
import() { # NAME CHANGE...: of the weights; the figures stand in counts
    name=$1
    shift
    python3 change.py $name.safetensors "$@" >counts || exit 1
    echo import --config sized.json --weights $name.safetensors --output $name.out
}
count() { sed -n "s/^$1 //p" counts; }
walk evaluate --model sized.out --data good.csv --json </dev/null
import none >command
run $(cat command)
walk evaluate --model none.out --data good.csv --json <<END
good.csv: task "ctr": the model file has no mean of training labels: its log-loss is compared with \
that of 0.5, the mean label of the rows
good.csv: task "cvr": the model file has no mean of training labels: its log-loss is compared with \
that of 0.25, the mean label of the rows
END
import types F64= F16= BF16= >command
walk $(cat command) <<END
types.safetensors: $(count F64) of $(count all) tensors are F64: rounded to single precision
types.safetensors: $(count F16) of $(count all) tensors are F16: widened to single precision
types.safetensors: $(count BF16) of $(count all) tensors are BF16: widened to single precision
END
import names before >command
walk $(cat command) <<END
names.safetensors: $(count all) of $(count all) tensors have words of a wrapper in their names \
("module."), which were passed over
END
import part within >command
walk $(cat command) <<END
part.safetensors: $(count within) of $(count all) tensors have words of a wrapper in their names \
("towers.module.1.mlp.0.weight"), which were passed over
END
sed 's/"vocab_size": 9/&, "padding_idx": 3/' sized.json >padded.json
walk import --config padded.json --weights w.safetensors --output m.out <<END
w.safetensors: 1 of 1 tables have a padding row that is not 0 ("embedding.embed_dict.user.weight", \
row 3): it is kept, and no part of lists
END

# ---- Experts that collapse ----

import gate 0:1 >command
walk $(cat command) </dev/null
import gates 0:1 1:1 >command
walk $(cat command) </dev/null
echo 'the gate gates.0 has collapsed: experts.1 has 1.000 of its weight' >said
walk inspect --model gate.out --data good.csv --json <said
walk inspect --model gate.out --data good.csv <said
check "the table has nothing of warnings" sh -c '! grep -q warning out'
cat >said <<END
experts have collapsed: 2 of the 3 that gates.0 mixes are used by no gate; experts.1 has 1.000 of \
its weight
experts have collapsed: 2 of the 3 that gates.1 mixes are used by no gate; experts.1 has 1.000 of \
its weight
END
walk inspect --model gates.out --data good.csv --json <said
sed 's/^/epoch 1: /' said >said.epoch
walk train --config sized.json --output m.out --json --train good.csv --from gates.out \
    --log run.jsonl <said.epoch

# ---- A page ----

awk -F, 'BEGIN {OFS = ","} NR > 2 && NR < 30 {$1 = ""} {print} NR == 5 {print ""}' early.csv \
    >page.csv
run train --config config.json --output m.out --train good.csv --set 'model={"name":"esmm"}'
walk report --log run.jsonl --model m.out --data page.csv --output page.html <<END
page.csv: 1 blank line is no row, the first behind row 5
page.csv: column "user": of 400 values 0.0 % are unknown and 6.8 % missing, the first in row 3
page.csv: task "cvr": 100 of 400 rows $before: there it counts as 0
END
for figure in '1 blank line' '6.8 % missing' '100 of 400 rows'; do
    check "the page says so, too: $figure" \
        [ "$(grep -o "Note:</strong> [^<]*$figure" page.html | wc -l)" = 1 ]
done
of="the model file has no mean of training labels: its log-loss is compared with that of"
walk report --log run.jsonl --model gates.out --data good.csv --output page.html <<END
good.csv: task "ctr": $of 0.5, the mean label of the rows
good.csv: task "cvr": $of 0.25, the mean label of the rows
$(cat said)
END

# ---- Deferred tables ----

# The row of unknown users is never read.
set='--set trainer.batch_size=4 --set trainer.embedding_update=deferred'
walk $(train good.csv) $set <<END
of 10 rows of embeddings 10.0 % were not read in the last 100 updates, each of which moved them \
towards 0 by about the learning rate, however small the decay: adam takes it up in its moments \
(trainer.optimizer_params.weight_decay); adamw decays them by their own size, and in no time
END
walk $(train good.csv) $set --set trainer.optimizer=adamw </dev/null

# ---- Lanes ----

walk $(train good.csv) --set trainer.lanes=true <<END
trainer.lanes: trainer.segments is 1, so no second rank can have lanes of its own to read
END

# ---- Sweeps ----

sweep() { # SELECTED: cvr or mean
    cat >sweep.json <<JSON
{"config": "config.json", "train": "early.csv", "valid": "one.csv", "seeds": [1, 2],
 "grid": {"model": [{"name": "aitm"}]}, "select": {"task": "$1", "metric": "auc"}}
JSON
    echo sweep --config sweep.json --threads 1 --json
}
cat >said <<END
valid.cvr.logloss is worse than valid.cvr.base_logloss, that of always predicting the mean label, \
in 2 of 2 runs: their models are worse than none
END
walk $(sweep cvr) <<END
task "cvr": 100 of 400 training rows $before
valid.cvr.auc is undefined in each of 2 runs: the settings stand in no order, and none is the best
$(cat said)
END
walk $(sweep mean) <<END
valid.cvr.auc is undefined in each of 2 runs: the order is that of the others
$(cat said)
END
sed -i 's/, "checksum": "[0-9a-f]*"//' sweep.sweep/sweep.json
walk $(sweep mean) <<END
sweep.sweep/sweep.json is of an older version and knows the length of 2 data files alone: that \
their rows are those of the results cannot be checked
valid.cvr.auc is undefined in each of 2 runs: the order is that of the others
$(cat said)
END

# Vectors that the results began with, which a record of before does not know.
sed 's/"embed_dim": 2/"vocab_size": 9, "pretrained": "v.npy"/' config.json >begun.json
{
    printf '\223NUMPY\001\000v\000%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9, 2), }"
    head -c 72 /dev/zero
} >v.npy
cat >begun.sweep.json <<'JSON'
{"config": "begun.json", "train": "good.csv", "valid": "good.csv", "seeds": [1],
 "grid": {"trainer.n_epoch": [2]}}
JSON
walk sweep --config begun.sweep.json --output begun --threads 1 --json </dev/null
python3 -c 'import json
record = json.load(open("begun/sweep.json"))
del record["pretrained"]
json.dump(record, open("begun/sweep.json", "w"))'
walk sweep --config begun.sweep.json --output begun --threads 1 --json <<END
begun/sweep.json is of an older version and does not know the "pretrained" files: that they are \
those of the results cannot be checked
END

# ---- A machine without TCP to itself ----

walk_plan() { # WRAPPER
    wrapper=$1
    walk plan --config fixed.json --ranks 2 --bandwidth 1 --latency 1 --json <<END
no TCP within this machine: what processors spend on messages is not counted
END
    wrapper=""
}
sed 's/"user", /"user", "vocab_size": 9, /' config.json >fixed.json
if unshare --map-root-user --net true 2>err; then walk_plan "unshare --map-root-user --net"; fi

# ---- A control group that is too small for the rows ----

# In folders that look like the system's.
mkdir -p groups/memory
for file in groups/memory.max groups/memory/memory.limit_in_bytes; do echo 61000000 >$file; done
for file in groups/memory.current groups/memory/memory.usage_in_bytes; do echo 60000000 >$file; done
echo 'mount --bind groups /sys/fs/cgroup && exec "$@"' >group.sh
{ echo user,price && yes 1,0.5 | head -n 4000000; } >long.csv
wrapper="unshare --map-root-user --mount sh group.sh"
if $wrapper true 2>err; then
    run predict --model texts.out --data long.csv --output p.csv
    sed "s/some $number MB of/some F MB of/" err >got
    cat >said <<END
mmoe predict: warning: long.csv: the rest of its rows seems to take some F MB of memory, and 1.0 \
MB are available to this process, which the system may end
END
    check "rows that a control group has no memory for" grep -qxFf said got
    check "which is said once" [ "$(grep -c warning: got)" -eq 1 ]
fi
wrapper=""
run predict --model texts.out --data long.csv --output p.csv
check "and not where there is memory" sh -c '! grep warning: err'
rm long.csv p.csv

# ---- A file system that is full ----

# It cannot be written in the end either.
mkdir small
echo 'mount -t tmpfs -o size=4k tmpfs small && echo full >small/f && exec "$@"' >mounted
wrapper="unshare --map-root-user --mount sh ./mounted"
if $wrapper true 2>err; then
    expect 1 "--output: small/m takes 0.0 MB, and its file system has room for 0.0 MB now" train \
        --config config.json --train good.csv --output small/m
fi
wrapper=""

# ---- Files and folders that are removed meanwhile ----

# Once the command has looked at where it will write, it waits for the first row.
remove_meanwhile() { # COMMAND: behind which rows come
    timeout 100 sh -c "exec 3>pipe.csv; $1; cat good.csv >&3"
}
train_to() { echo "train --config $work/config.json --train $work/pipe.csv --json --output $*"; }
mkdir -p gone/model gone/state
remove_meanwhile 'rm -r gone' &
walk $(train_to gone/model/m.out --checkpoint gone/state/k) <<END
--output: the folder $work/gone/model was removed meanwhile: it is made again
--checkpoint: the folder $work/gone/state was removed meanwhile: it is made again
END
check "with the model and the checkpoint" [ -s gone/model/m.out -a -s gone/state/k ]
rm -r gone
mkdir gone here
ln -s gone link
remove_meanwhile 'rm -r gone' &
walk $(train_to link/m.out) <<END
--output: the folder $work/gone was removed meanwhile: it is made again
END
remove_meanwhile 'rm -r gone link' &
walk $(train_to link/m.out) <<END
--output: the folder $work/gone was removed meanwhile: it is made again
END
check "and what the link was" [ -s link/m.out ]
wrapper="env -C here"
remove_meanwhile 'rm -r here' &
walk $(train_to m.out) <<END
--output: the folder $work/here was removed meanwhile: it is made again
END
wrapper=""
check "where the program runs, too" [ -s here/m.out ]
remove_meanwhile 'rm -r here; : >here' &
expect 1 "here/m.out: cannot write: Not a directory" $(train_to here/m.out)
cat >said <<END
mmoe train: warning: --output: the folder $work/here was removed meanwhile, and cannot be made \
again: Not a directory
END
check "which it tells before" grep -qxFf said err

"$mmoe" $(train good.csv --set trainer.n_epoch=1000000) --log removed.jsonl >out 2>err &
until grep -qs '"epoch":1,' removed.jsonl; do sleep 0.01; done
rm removed.jsonl
said="--log: removed.jsonl was removed meanwhile: what is written there is lost"
until grep -q "warning: $said" err; do sleep 0.01; done
kill $!
wait $!
check "a log that is removed while it is written" [ "$(grep -c warning: err)" -eq 1 ]

# In the first epoch, not in the end alone.
if [ -c /dev/full ]; then
    run $(train good.csv) --log /dev/full
    warning="mmoe train: warning: --log: cannot write /dev/full: No space left on device"
    check "a log that cannot be written" [ "$(grep -nxF "$warning" err | cut -d: -f1)" -eq 2 ]
    check "is a failure in the end" [ "$status" -eq 1 ]
fi

# ---- Long names ----

# A sentence is one line, and whole, however long the file's path is.
folder=$(printf '%0200d' 0)
folder=$folder/$folder/$folder/$folder/$folder/$folder
mkdir -p "$folder"
{ printf '"us\ner",' && head -n 1 good.csv | cut -d, -f 2-; } >"$folder/same.csv"
tail -n +2 same.csv >>"$folder/same.csv"
sed 's/"user"/"*"/' config.json >star.json
walk train --config star.json --output m.out --json --train "$folder/same.csv" <<END
$folder/same.csv: column "us er": all 400 values are the same: it tells nothing
$folder/same.csv: column "price": all 400 values are the same: it tells nothing
END
finish
