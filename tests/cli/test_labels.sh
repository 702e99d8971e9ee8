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
for placeholder in -1 '?' nan 2 none 1e999 "''" 'a b'; do
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
quiet() { check "no warning" sh -c '! grep warning: err'; }

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
text='have a label of 1 where that of "ctr", which comes before, is 0 (the first is row 2): there'
warns "task \"cvr\": 200 of 400 training rows $text it counts as 0"
warns "task \"cvr\": 200 of 400 validation rows $text it counts as 0"
run evaluate --model full.safetensors --data wrong.csv --json
warns "wrong.csv: task \"cvr\": 200 of 400 rows $text"
in_json "wrong.csv: task \"cvr\": 200 of 400 rows $text"
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

finish
