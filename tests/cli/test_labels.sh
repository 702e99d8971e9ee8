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

finish
