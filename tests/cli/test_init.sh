#!/bin/sh
# shellcheck disable=SC2016
# What init makes of a file's columns: what it recognises, what it says, what it writes.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# Writes x.csv, its lines made by awk's words (i from 0, a label y behind them): CELLS is one or
# more columns, NAMES theirs.
make() { # NAMES CELLS [ROWS]
    awk "BEGIN { srand(1); print \"$1,y\"
        for (i = 0; i < ${3:-400}; i++) print $2 \",\" i * 7919 % 13 % 2 }" >x.csv
}
guess() { # SAID: one line of standard error, after the column's name; the configuration is `out`
    expect 0 "column \"x\" $1" init x.csv --label y
}
# "list {keys}" of each feature that reads column x.
features() {
    python3 -c 'import json
features = json.load(open("out"))["features"]
for kind in features:
    for feature in features[kind]:
        if feature.get("column", feature["name"]) == "x":
            print(kind, {k: v for k, v in feature.items() if v != "x"})'
}
writes() { # FEATURES of x
    check "written: $1" [ "$(features)" = "$1" ]
}

# ---- Lists ----

list() { # SEPARATOR KEYS CELL SAID...
    make x "\"\\\"\" $3 \"\\\"\""
    guess "taken as lists (features.sequence) with \"$1\" between elements$4"
    writes "sequence {'embed_dim': 4, 'separator': '$1'$2}"
    cp out config.json
    expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
}
tag='"tag" int(9 * rand())'
more='(i % 4 ? s tag() (i % 3 ? s tag() : "") : "")'
for s in '|' ';' ','; do
    list "$s" '' "$(echo "$tag $more" | sed "s/tag()/$tag/g; s/ s / \"$s\" /g")" \
        ': 75 % of the cells have more than one, the longest 3; 9 elements differ'
done
list ' ' '' "$(echo "$tag $more" | sed "s/tag()/$tag/g; s/ s / \" \" /g")" \
    ': 75 % of the cells have more than one, the longest 3; 9 elements differ'
list '|' ", 'weight_separator': ':'" \
    "$tag \":0.5\" (i % 2 ? \"|new:\" i % 3 : \"\")" \
    ' and ":" before their weights: 50 % of the cells have more than one, the longest 2; 10'
# A history: ids of which many come once.
list '|' '' 'i * 7919 % 5003 "|" i * 31 % 4001 (i % 2 ? "|" i : "")' \
    ': 100 % of the cells have more than one, the longest 3;'

no_list() { # CELL
    make x,z "\"\\\"\" $1 \"\\\",\" i % 5"
    run init x.csv --label y
    check "no list: $1" sh -c "grep -q '\"features\"' out && ! grep -q sequence out"
}
no_list '"Row " i " was seen" (i % 2 ? ", the cat, too" : "") ", a dog " i % 7'
no_list '(i % 3 ? "red" : "the blue one") " of " i % 4 (i % 2 ? "" : " boxes")'
no_list '"Smith" i % 9 ", Mr. J" i % 7'
no_list '(i % 2 ? "New York" : "San Juan")'
no_list '"2024-01-" 10 + i % 9 " 10:00:00"'
no_list '"Jan " 10 + i % 9 ", 2024"'
no_list '1 + i % 9 "," 100 + i % 800'
no_list '(i % 3 ? "Sales, retail" : "Mfg, metal")'

# ---- Files that cannot be ----

make x '"r" i'
expect 1 'x.csv: no column is left that could be a feature' init x.csv --label y --output n
expect_nothing_left n

# ---- Names ----

printf 'x,Paperless Billing\n%s\n' "$(seq 40 | awk '{ print $1 / 7 "," $1 % 2 }')" >names.csv
expect 0 'column "Paperless Billing": its task is named "Paperless_Billing"' init names.csv \
    --label "Paperless Billing"
finish
