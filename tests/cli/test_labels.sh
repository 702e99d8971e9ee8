#!/bin/sh
# Labels: read where they are needed alone, and what cannot be right of them is said.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

config() { # MODEL TASKS [TRAINER]
    cat <<JSON
{"features": {"sparse": [{"name": "user", "embed_dim": 2}], "weight": "w"}, "tasks": [$2],
 "model": {"name": "$1"},
 "trainer": {"batch_size": 64, "n_epoch": 2, "earlystop_patience": 0${3:-}}}
JSON
}
rows() { # LABELS-OF-ROW-i (awk's words)
    awk "BEGIN {print \"user,w,click,buy\"; for (i = 0; i < 400; i++) print i % 9 \",1,\" $1}"
}

# ---- Rows to score ----

config mmoe '{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}' >plain.json
rows 'i % 2 "," (i % 4 == 1)' >plain.csv
expect 0 "" train --config plain.json --train plain.csv --output plain.safetensors
run predict --model plain.safetensors --data plain.csv --output plain.pred
for placeholder in -1 '?' -nan 2 none 1e999 "''" 'a b'; do
    sed "2,\$s/^\([^,]*\),.*/\1,$placeholder,$placeholder,$placeholder/" plain.csv >odd.csv
    expect 0 "" predict --model plain.safetensors --data odd.csv --output odd.pred
    check "the same scores beside labels and weights of $placeholder" cmp plain.pred odd.pred
    expect 0 "" inspect --model plain.safetensors --data odd.csv
    expect 1 'row 2: column "click"' evaluate --model plain.safetensors --data odd.csv
done
sed '2,$s/,1,/,,/' plain.csv >odd.csv
expect 0 "" predict --model plain.safetensors --data odd.csv --output odd.pred
check "the same scores beside weights that are missing" cmp plain.pred odd.pred
expect 1 'row 2: column "w"' evaluate --model plain.safetensors --data odd.csv
for weight in 1e-46 1e-300; do # single precision has 0 for these
    sed "3s/,1/,$weight/" plain.csv >odd.csv
    expect 1 "odd.csv: row 3: column \"w\": \"$weight\" is too small for single precision" \
        evaluate --model plain.safetensors --data odd.csv
done
sed '3s/,1/,1e-45/; 4s/,1/,0/' plain.csv >odd.csv
expect 0 "" evaluate --model plain.safetensors --data odd.csv

# ---- Nothing to learn from ----

trains() { # DATA [ARGUMENT...]
    data=$1
    shift
    rm -f m.safetensors
    expect 0 "" train --config plain.json --train "$data" --output m.safetensors "$@"
}
refuses() { # TEXT DATA
    rm -f m.safetensors
    expect 1 "$1" train --config plain.json --train "$2" --output m.safetensors
    check "no step is taken" sh -c '! grep -q epoch err'
    expect_nothing_left m.safetensors
}
warns() { # TEXT: once on standard error, and in --json's result
    check "once: $1" [ "$(grep -cF "warning: $1" err)" = 1 ]
}
in_json() { # TEXT
    check "in \"warnings\": $1" sh -c 'tr -d "\n" <out | grep -qF "$1"' - \
        "$(printf %s "$1" | sed 's/"/\\"/g')"
}
quiet() { # but for what so small a model is worth
    check "no warning" sh -c '! grep warning: err | grep -v "than none$\|hardly trained"'
}

rows 'i % 2 "," (i % 4 == 1)' >good.csv
trains good.csv
quiet
rows 'i % 2 ","' >none.csv
refuses 'task "cvr": none of the 400 training rows has a label (column "buy")' none.csv
rows 'i % 2 ",NA"' >none.csv
refuses 'task "cvr": none of the 400 training rows has a label' none.csv
rows 'i % 2 "," (i % 4 == 1)' | sed '2,$s/,1,/,0,/' >weightless.csv
refuses 'task "ctr": all 400 training rows that have a label have a weight of 0' weightless.csv
# neighbours: the labels that are there stand in rows of weight 0; one class, of either kind; few
awk -F, 'BEGIN { OFS = "," } NR > 1 { $2 = NR % 2; $4 = $2 ? "" : 1 } 1' good.csv >weightless.csv
refuses 'task "cvr": all 200 training rows that have a label have a weight of 0' weightless.csv
for class in 0 1; do
    rows "i % 2 \",$class\"" >class.csv
    trains class.csv --json
    warns "task \"cvr\": all 400 labels of the training rows are $class: one class alone"
    in_json "task \"cvr\": all 400 labels of the training rows are $class"
    rows "i % 2 \",\" (i < 49 ? $class : 1 - $class)" >few.csv
    trains few.csv
    kind=positive
    [ $class = 1 ] || kind=negative
    warns "task \"cvr\": 49 of 400 labels of the training rows are $kind, fewer than 50"
    rows "i % 2 \",\" (i < 50 ? $class : 1 - $class)" >few.csv
    trains few.csv
    quiet
done
sed 's/"label": "buy"/&, "type": "regression"/' plain.json >money.json
mv plain.json classes.json
mv money.json plain.json
rows 'i % 2 ",7.5"' >same.csv
trains same.csv
warns 'task "cvr": all 400 labels of the training rows are 7.5: there is nothing to learn but'
refuses 'task "cvr": none of the 400 training rows has a label' none.csv
mv classes.json plain.json

# ---- What stands for no label ----

# Numbers in any spelling and words, as if the cells were empty; of each type of task.
cat >gaps.json <<'JSON'
{"features": {"sparse": [{"name": "user"}]}, "trainer": {"n_epoch": 2},
 "tasks": [{"name": "ctr", "label": "click", "gaps": [-1, "don't know"]},
           {"name": "said", "label": "said", "positive": "yes", "gaps": ["?", 9]},
           {"name": "paid", "label": "paid", "type": "regression", "gaps": [-999]}]}
JSON
awk 'BEGIN { print "user,click,said,paid"; for (i = 0; i < 400; i++)
    print i % 9 "," (i % 7 ? i % 2 : i % 3 ? -1.0 : "don\047t know") "," \
        (i % 5 ? (i % 2 ? "yes" : "no") : i % 3 ? "?" : "9.0") "," (i % 11 ? i % 13 : "-999.0") }' \
    >gaps.csv
sed "s/-1,/,/; s/don't know//; s/[?]//; s/9\.0\(,[0-9-]\)/\1/; s/-999\.0//" gaps.csv >blanks.csv
sed 's/, "gaps": [^]]*]//' gaps.json >blanks.json
for data in gaps blanks; do
    expect 0 "" train --config $data.json --train $data.csv --output $data.m
    run predict --model $data.m --data blanks.csv --output $data.pred
done
check "words are gone" sh -c '! grep -q "[?]\|know\|9[.]0\|-" blanks.csv'
check "what is named is no label" cmp gaps.pred blanks.pred
expect 0 "" evaluate --model gaps.m --data gaps.csv --json
grep -v csv out >figures
expect 0 "" evaluate --model gaps.m --data blanks.csv --json
check "nor one of other rows" sh -c 'grep -v csv out | cmp - figures'
expect 1 'gaps.csv: row 2: column "click": "don'"'"'t know" is not a number' \
    train --config blanks.json --train gaps.csv --output n
expect 0 "" pack --config gaps.json --data gaps.csv --output gaps.d
expect 0 "" train --config gaps.json --train gaps.d --output packed.m
expect 1 'column "click": the rows were packed with another "gaps": pack them anew' \
    train --config blanks.json --train gaps.d --output n
expect 2 'tasks[0].gaps: "*" is of features: name what stands for no label' \
    train --config gaps.json --set 'tasks.0.gaps=["*"]' --train gaps.csv --output n
expect 2 'tasks[1].gaps: one is the task'"'"'s "positive" label' \
    train --config gaps.json --set 'tasks.1.gaps=["yes"]' --train gaps.csv --output n
# A bit may be one, too.
sed 's/,0,/,1,/' gaps.csv >bits.csv
expect 0 "" train --config gaps.json --set 'tasks.0.gaps=[0, -1, "don'"'"'t know"]' \
    --set 'tasks.2.gaps=[-999, 0]' --train bits.csv --output n.m
check "zeros are none" grep -qF 'task "ctr": all 342 labels' err

# ---- Features that tell nothing ----

cat >same.json <<'JSON'
{"features": {"sparse": [{"name": "id"}, {"name": "row", "vocab_size": 9}, {"name": "any"}],
    "dense": [{"name": "x"}, {"name": "s", "transform": "standardize"}, {"name": "t"}]},
 "tasks": [{"name": "y", "label": "y"}], "trainer": {"n_epoch": 1}}
JSON
awk 'BEGIN { print "id,row,any,x,s,t,y"; for (i = 0; i < 200; i++)
    print "A,3," i % 7 ",2.5,-1," i / 90 "," i % 2 }' >same.csv
expect 0 "" train --config same.json --train same.csv --valid same.csv --output m.safetensors --json
for column in id row x s; do
    warns "same.csv: column \"$column\": all 200 values are the same"
    in_json "same.csv: column \"$column\": all 200 values are the same"
done
check "no other column is named" [ "$(grep -c 'warning: .*column' err)" = 4 ]
run evaluate --model m.safetensors --data same.csv # neighbour: rows to score may well be alike
quiet
head -n 2 same.csv >one.csv
expect 0 "" train --config same.json --train one.csv --output m.safetensors
check "one row says nothing of a column" sh -c '! grep "column .*the same" err'

# ---- What comes before ----

config esmm '{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}' >plain.json
rows 'i % 2 "," (i % 4 == 1)' >full.csv
rows 'i % 2 "," (i % 2 ? i % 4 == 1 : "")' >missing.csv
rows 'i % 2 "," (i % 2 ? i % 4 == 1 : 1)' >wrong.csv
for kind in full missing wrong; do
    trains $kind.csv --valid $kind.csv
    grep -v warning: err | grep -o 'loss [^ ]*' >$kind.losses
    mv m.safetensors $kind.safetensors
    [ $kind = wrong ] || quiet
    run evaluate --model full.safetensors --data $kind.csv --json
    sed -n '/"tasks"/,$p' out | sed '/"warnings"/,$d' >$kind.metrics
done
for kind in missing wrong; do
    check "esmm learns the same from $kind.csv" cmp full.losses $kind.losses
    check "esmm's metrics are the same on $kind.csv" cmp full.metrics $kind.metrics
done
trains wrong.csv --valid wrong.csv
said='have a label of 1 where that of "ctr", which comes before, is 0 (the first is row 2): there'
warns "task \"cvr\": 200 of 400 training rows $said it counts as 0"
warns "task \"cvr\": 200 of 400 validation rows $said it counts as 0"
run evaluate --model full.safetensors --data wrong.csv --json
warns "wrong.csv: task \"cvr\": 200 of 400 rows $said"
in_json "wrong.csv: task \"cvr\": 200 of 400 rows $said"
rows '(i % 3 ? 0 : "") "," (i % 3 ? "" : i % 2)' >unknown.csv
trains unknown.csv # neighbour: where the click is not known, its conversion says what it says
warns 'task "ctr": all 266 labels of the training rows are 0'
rows '0 ","' >clickless.csv
trains clickless.csv # neighbour: without any click there is no label to look for
warns 'task "cvr": all 400 labels of the training rows are 0'
config aitm '{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}' >plain.json
trains full.csv
quiet
trains wrong.csv
warns 'task "cvr": 200 of 400 training rows have a label of 1 where that of "ctr", which comes'
trains missing.csv
warns 'task "cvr": 200 of 400 training rows have no label where that of "ctr", which comes before'
config mmoe '{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}' >plain.json
trains wrong.csv # neighbour: tasks of other models say nothing of each other
quiet

# A sweep says each once, whatever its runs.
cat >sweep.json <<'JSON'
{"config": "plain.json", "train": "wrong.csv", "valid": "full.csv", "test": "wrong.csv",
 "seeds": [1, 2], "grid": {"model": [{"name": "esmm"}, {"name": "aitm"}]}}
JSON
expect 0 "run 4/4" sweep --config sweep.json --threads 2
warns "task \"cvr\": 200 of 400 training rows $said it counts as 0"
warns "wrong.csv: task \"cvr\": 200 of 400 rows $said it counts as 0"
check "and aitm's, of both files" [ "$(grep -c 'warning: .*label of 1' err)" = 4 ]

# ---- Where a head's bias begins ----

bias_of() { # TASK: its head's, as the file of the weights has it
    run export --model m.safetensors --format safetensors --output w.safetensors
    python3 - "towers.$1" <<'PY'
import json, struct, sys
b = open("w.safetensors", "rb").read()
n = struct.unpack("<Q", b[:8])[0]
h = json.loads(b[8 : 8 + n])
name = [k for k in h if k.startswith(sys.argv[1]) and k.endswith("bias") and h[k]["shape"] == [1]]
at = h[name[-1]]["data_offsets"][0] + 8 + n
print("%.6g" % struct.unpack("<f", b[at : at + 4])[0])
PY
}
config mmoe '{"name": "ctr", "label": "click"}, {"name": "secs", "label": "buy",
    "type": "regression"}' >plain.json
rows '(i % 10 == 3) "," 600 + i % 4 * 100' | awk -F, 'BEGIN {OFS = ","}
    NR > 1 {$2 = NR % 2 ? 1 : 3} 1' >plain.csv # rows of 600 and 800 weigh 3, of 700 and 900 1
still="--set trainer.optimizer_params.lr=1e-20 --set trainer.optimizer_params.weight_decay=0"
# shellcheck disable=SC2086 # words
begins() { # TASK WANTED ARGUMENT...
    head=$1 bias=$2
    shift 2
    trains plain.csv $still "$@"
    check "the bias of task $head is $bias: $*" [ "$(bias_of "$head")" = "$bias" ]
}
begins 1 725
begins 1 725 --set model.init_bias=labels --set model.init=xavier_uniform
begins 0 -2.94444 --set model.init_bias=labels # a tenth, of half the weight: 1 of 20
# shellcheck disable=SC2086 # words
trains plain.csv $still
drawn=$(bias_of 0)
check "a classification's is drawn" [ "$drawn" != -2.94444 ]
# shellcheck disable=SC2086 # words
trains plain.csv $still --set model.init_bias=torch
check "as torch's" [ "$(bias_of 0)" = "$drawn" ]
check "and so is a regression's then" [ "$(bias_of 1 | cut -d. -f1 | tr -d -)" = 0 ]
expect 2 'model.init_bias: "zero" is not allowed here; allowed is a string: labels | torch' train \
    --config plain.json --train plain.csv --output m.safetensors --set model.init_bias=zero

# ---- Labels that are not 0 and 1 ----

same_model() { # FILE TEXT: the model that stands has FILE's weights
    run export --model m.safetensors --format safetensors --output w.safetensors
    check "$2" cmp w.safetensors "$1"
}
positive() { # TEXT
    config mmoe "{\"name\": \"ctr\", \"label\": \"click\", \"positive\": \"$1\"},
        {\"name\": \"cvr\", \"label\": \"buy\"}" >plain.json
}
config mmoe '{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}' >plain.json
rows '(i % 7 ? i % 3 > 0 : "") "," (i % 4 == 1)' >plain.csv
trains plain.csv
run export --model m.safetensors --format safetensors --output plain.weights
run evaluate --model m.safetensors --data plain.csv
cp out plain.metrics
# what counts as 1, how the file has it, the other one
while IFS='|' read -r one shown other; do
    awk -F, -v OFS=, -v one="$shown" -v other="$other" \
        'NR > 1 && $3 != "" { $3 = $3 ? one : other } 1' plain.csv >words.csv
    positive "$one"
    trains words.csv
    same_model plain.weights "labels \"$shown\" and \"$other\" are 1 and 0"
    run evaluate --model m.safetensors --data words.csv
    check "evaluate reads them so" cmp out plain.metrics
    sed "10s/.*/1,1,maybe,0/" words.csv >third.csv
    third="row 10: column \"click\": \"maybe\" is neither \"$one\", the task's positive label, nor"
    expect 1 "$third \"$other\"" evaluate --model m.safetensors --data third.csv
    expect 0 "" predict --model m.safetensors --data third.csv --output p.csv
    awk -F, -v one="$shown" '$3 != one' words.csv >others.csv
    run evaluate --model m.safetensors --data others.csv
    check "a file of one of them, too" grep -q 'one class only' out
    refuses "$third \"$other\"" third.csv
done <<'WORDS'
1|1|-1
1|1.0|-1.0
1| 1|2
2|2|1
yes|yes|no
gekauft ja|gekauft ja|nein
WORDS
rows '(i % 2 ? "yes" : "maybe") "," (i % 4 == 1)' >words.csv
positive no # neighbour: a word that never comes, so that two others do
refuses '"yes" is neither "no", the task'"'"'s positive label, nor "maybe", its other one' words.csv
sed 's/"positive": "no"/&, "type": "regression"/' plain.json >money.json
expect 1 'tasks[0].positive: "ctr" is of the type regression; only a classification takes this' \
    train --config money.json --train words.csv --output m.safetensors

# ---- Labels on another scale ----

transformed() { # WORD
    config mmoe "{\"name\": \"ctr\", \"label\": \"click\"}, {\"name\": \"secs\",
        \"label\": \"buy\", \"type\": \"regression\", \"label_transform\": \"$1\"}" >plain.json
}
scores() { # NAME FILE
    run predict --model "$1.safetensors" --data "$2" --output "$1.pred"
}
near() { # FORMULA-OF-x LEAST: secs of x.pred are that of plain.pred
    paste -d, x.pred plain.pred | awk -F, "function f(x) { return $1 } NR > 1 {
        d = \$2 - f(\$4); if (d < 0) d = -d; if (d > $2 * (1 + f(\$4))) bad++; n++ }
        END { exit bad || n != 400 }"
}
rows 'i % 2 "," (i % 4 < 2 ? -1 : 1)' >plain.csv
rows 'i % 2 "," (i % 4 < 2 ? 600 : 800)' >large.csv # the same, standardised, to the bit
transformed none
trains plain.csv --valid plain.csv
cp m.safetensors plain.safetensors
run export --model m.safetensors --format safetensors --output plain.weights
scores plain plain.csv
transformed standardize
trains large.csv --valid large.csv
cp m.safetensors x.safetensors
same_model plain.weights "standardised labels train as what they become"
scores x large.csv
check "scores are of the labels as they stand" near '700 + 100 * x' 1e-6
run evaluate --model x.safetensors --data large.csv --json
cp out large.json
run evaluate --model plain.safetensors --data plain.csv --json
cat >metrics.py <<'PY'
import json
a, b = (json.load(open(f))["tasks"] for f in ("large.json", "out"))
a, b = ([t for t in x if t["name"] == "secs"][0] for x in (a, b))
assert abs(a["rmse"] - 100 * b["rmse"]) < 1e-3 * a["rmse"], (a, b)
assert abs(a["mae"] - 100 * b["mae"]) < 1e-3 * a["mae"], (a, b)
assert abs(a["calibration"] - 1) < 0.2, a
PY
check "so are metrics" python3 metrics.py
rows 'i % 2 "," (i % 4 < 2 ? 1 : 3) / 2' >plain.csv
awk -F, -v OFS=, 'NR > 1 { $4 = sprintf("%.17g", exp($4) - 1) } 1' plain.csv >large.csv
transformed none
trains plain.csv
cp m.safetensors plain.safetensors
scores plain plain.csv
transformed log1p
trains large.csv
cp m.safetensors x.safetensors
scores x large.csv
check "log1p, too" near 'exp(x) - 1' 1e-4
sed '7s/[^,]*$/-1/' large.csv >bad.csv
refuses 'row 7: column "buy": "-1" is not above -1, as log1p needs' bad.csv
expect 1 'row 7: column "buy": "-1" is not above -1' evaluate --model x.safetensors --data bad.csv
expect 1 "--from: the features or tasks of x.safetensors are not those of" train \
    --config plain.json --set tasks.1.label_transform=standardize --train large.csv \
    --from x.safetensors --output m.safetensors
sed 's/"label": "click"/&, "label_transform": "log1p"/' plain.json >bad.json
expect 1 'tasks[0].label_transform: "ctr" is of the type classification; only a regression takes' \
    train --config bad.json --train plain.csv --output m.safetensors
rows 'i % 2 ",7.5"' >same.csv # neighbour: a deviation of 0
transformed standardize
trains same.csv
run predict --model m.safetensors --data same.csv --output p.csv
check "labels that are all the same" sh -c 'tail -n 1 p.csv | grep -qE ",[678]\."'

# ---- What init makes of labels ----

names() { # of the tasks; the last name of all is the model's
    tr -d ' \n' <out | grep -o '"tasks":.*' | grep -o '"name":"[^"]*"' | sed '$d' | tr '\n' ' '
}
guesses() { # NAMES LABEL...: the tasks' names, and the file trains as they say
    guessed=$(printf '"name":"%s" ' $1)
    shift
    set -- $(printf -- '--label\n%s\n' "$@")
    run init labels.csv "$@"
    cp err err.init
    check "init $*: $guessed" [ "$(names)" = "$guessed" ]
    cp out guess.json
    expect 0 "" train --config guess.json --set trainer.n_epoch=1 --train labels.csv --output \
        m.safetensors
}
labelled() { # COLUMN COLUMN
    awk -v a="$1" -v b="$2" 'BEGIN { print "user," a "," b
        for (i = 0; i < 400; i++) print i % 9 "," i % 2 "," (i % 4 == 1) }' >labels.csv
}
labelled 点击 购买
guesses 'task_1 task_2' 点击 购买
guesses task_1 购买
labelled 'click?' 'click!'
guesses 'click click_2' 'click?' 'click!'
labelled mean task_mean
guesses 'task_mean task_mean_2' mean task_mean
labelled ';' нет_2
guesses '____2 task_2' нет_2 ';'
labelled "$(printf 'l%099d' 0)" "$(printf 'l%098d!' 0)"
guesses "$(printf 'l%063d' 0) $(printf 'l%052d_2' 0)" "$(printf 'l%099d' 0)" "$(printf 'l%098d!' 0)"
while IFS='|' read -r other one; do
    awk -v a="$one" -v b="$other" 'BEGIN { print "user,y"
        for (i = 0; i < 400; i++) print i % 9 "," (i % 3 ? b : a) }' >labels.csv
    guesses y y
    check "of $other and $one, $one is 1" grep -qF "\"positive\": \"$one\"" guess.json
    check "it is a classification" grep -qF '"type": "classification"' guess.json
    check "and said" grep -qF "\"$one\" is taken as the positive label" err.init
done <<'PAIRS'
-1|1
1|2
-1.0|1.0
no|yes
FALSE|TRUE
stay|leave
7|300
PAIRS
awk 'BEGIN { print "user,y"; for (i = 0; i < 400; i++) print i % 9 "," i % 2 ".0" }' >labels.csv
guesses y y
check "0.0 and 1.0 need no key" sh -c '! grep -q positive guess.json'
awk 'BEGIN { print "user,y"; for (i = 0; i < 400; i++)
    print i % 9 "," i % 3 + (i % 7 == 0) - 1 }' >labels.csv
guesses y y
check "four numbers are a regression" grep -q regression guess.json
check "which needs no word" sh -c '! grep -q warning err'
for slip in 2 0.5 -1; do # one among zeros and ones
    awk -v slip=$slip 'BEGIN { print "user,y"; for (i = 0; i < 400; i++)
        print i % 9 "," (i == 7 ? slip : i % 2) }' >slip.csv
    expect 0 'slip.csv: column "y": 1 of 400 labels are neither 0 nor 1, the first in row 9, so' \
        init slip.csv --label y
done
sed '2s/,.*/,maybe/; 3s/,.*/,no/' labels.csv >words.csv
expect 1 'not two in all: the first is "maybe", in row 2' init words.csv --label y

# Numbers are no ids for a word among them, which stands for a missing one; nor for another number.
for odd in '?!' oops inf 12,5; do
    awk -v odd="\"$odd\"" 'BEGIN { srand(9); print "x,n,c,y"; for (i = 0; i < 2000; i++)
        print (i == 41 ? odd : i * 7919 % 1000 / 8) "," (i == 7 ? odd : i * 7919 % 1999) "," \
            (i == 9 ? odd : i % 50) "," int(2 * rand()) }' >odd.csv
    said="\"$odd\", the first in row 43): the"
    [ "$odd" = 12,5 ] && said='no number, the first "12,5" in row 43: "gaps"): the'
    expect 0 "column \"x\" lacks 1 of 2000 values (1 is $said" init odd.csv --label y
    check "of integers, too" \
        [ "$(grep embed_dim out | grep -vc quantiles) $(grep -c standardize out)" = "0 3" ]
    sed "3s/[^,]*/other/; 4s/,[^,]*/,other/; 5s/,[^,]*,y/,other,y/" odd.csv >odds.csv
    expect 0 "column \"x\" lacks 2 of 2000 values (2 are no numbers, the first \"other\" in row 3" \
        init odds.csv --label y
    check "nor are many integers" grep -qF '1 rows a value; lacks 2 of 2000 values (2 are no' err
done

finish
