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
# "list {keys}" of each feature that reads column x, but for bins, of which bins() has how many.
features() {
    python3 -c 'import json
features = json.load(open("out"))["features"]
for kind in features:
    for feature in features[kind]:
        if feature.get("column", feature["name"]) == "x" and feature["name"] != "x_bins":
            print(kind, {k: v for k, v in feature.items() if v != "x"})'
}
bins() {
    python3 -c 'import json
print(*(f["quantiles"] for f in json.load(open("out"))["features"]["sparse"] if "quantiles" in f))'
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

# ---- Lists in several columns ----

# Columns named STEM_1, STEM_2, ..., whose cells are awk's CELL of row i and column k.
run_of() { # STEM COLUMNS CELL
    awk "BEGIN { srand(4); for (k = 1; k <= $2; k++) printf \"%s,\", \"$1_\" k
        print \"y\"; for (i = 0; i < 400; i++) { for (k = 1; k <= $2; k++) printf \"%s,\", $3
        print i * 7919 % 13 % 2 } }" >x.csv
}
run_of hist 10 '(k <= i % 11 ? int(60 * rand()) : "")'
list='columns "hist_1" to "hist_10" taken as one list (features.sequence, "columns")'
expect 0 "$list: 4.96 elements a row, of up to 60" init x.csv --label y --output config.json
check "written" python3 -c 'import json
assert json.load(open("config.json"))["features"] == {"sparse": [], "dense": [], "sequence": [
    {"name": "hist", "embed_dim": 4, "columns": ["hist_%d" % k for k in range(1, 11)]}]}'
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
run_of tag 3 '"t" (i * 5 + 3 * k) % 11'
expect 0 'columns "tag_1" to "tag_3" taken as one list' init x.csv --label y
sed -i '1s/y$/tag/' x.csv
expect 0 'columns "tag_1" to "tag_3" taken as one list' init x.csv --label tag
check "a name that is free" grep -qF '"name": "tag_"' out
while read -r names count cells; do
    run_of "$names" "$count" "$cells"
    run init x.csv --label y
    check "no list: $names $cells" sh -c "grep -q '\"features\"' out && ! grep -q sequence out"
done <<'END'
hist 2 int(60 * rand())
hist 4 int(60 * rand()) / 7
hist 4 100 * k + int(60 * rand())
clicked 6 int(2 * rand())
answer 5 "a" int(7 * rand())
pay 6 int(60 * rand())
C 4 "v" (i + k) % 90
END

# ---- Numbers and ids ----

number="'transform': 'standardize', 'missing': 'mean'"
make x 'i * 7919 % 63'
guess 'taken as numbers (dense): 63 integers, 6.35 rows a value'
writes "dense {$number}"
check "with bins" [ "$(bins)" = 10 ]
make x 'i * 7919 % 4' 600
run init x.csv --label y
check "a bin a value, of few" grep -qF '"boundaries": [1, 2, 3]}' out
make x 'i % 4 + (i < 5) * 4' 600
run init x.csv --label y
check "rare ones share theirs" grep -qF '"boundaries": [1, 2, 3]}' out
# Bins are as many as their quantiles, whatever is equal; alike ones of unlike columns are no news.
for x in '(i < 60 ? 3 : i % 9)' '(i % 3 ? i % 63 : 5)' 'int(exp(i % 29 / 5))'; do
    make x,z "$x \",\" $x ^ 2 + 1 / (1 + i)"
    expect 0 "" init x.csv --label y --output config.json
    expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
    check "no warning: $x" sh -c '! grep -q "different boundaries\|stands with one" err'
done
make x '(i % 3 ? int(i % 21 / 2) : i % 7)' 77
expect 0 "" init x.csv --label y --output config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
check "nor of quantiles that fall together" sh -c '! grep -q "different boundaries" err'
make x,z 'i * 7919 % 400 / 8 "," (i * 7919 % 400 / 8) ^ 2'
expect 0 "" init x.csv --label y --output config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
check "no warning of equal bins" sh -c '! grep -q "stands with one" err'
make x '(i % 4 ? "yes" : "")'
guess 'taken as ids (sparse): its one value, "yes", stands in 300 of 400 rows, and is missing in'
writes "sparse {'embed_dim': 4}"
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
make x,z '(i % 80 ? "yes" : "") "," i % 7'
guess 'left out: one value only'
make x 'sprintf("%.15g", i % 3 / 3 + 5)'
expect 0 "" init x.csv --label y --output config.json
check "of nine digits" grep -qF '"boundaries": [5.33333333, 5.5]' config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
make x 'i % 2 + 1'
guess 'taken as ids (sparse): 2 integers, 200 rows a value'
writes "sparse {'embed_dim': 4}"
make x 'i % 7 / 4'
run init x.csv --label y
check "numbers with fractions need no word" sh -c "! grep -q 'column \"x\"' err"
writes "dense {$number}"
make x '(i % 5 ? i % 63 : "")'
guess 'taken as numbers (dense): 63 integers, 5.08 rows a value; lacks 80 of 400 values: the mean'
writes "dense {$number, 'indicator': True}"
make x '(i % 5 ? i % 63 / 8 : "?")'
guess 'lacks 80 of 400 values (80 are "?", the first in row 2): the mean stands for them ("missing"'
writes "dense {$number, 'indicator': True}"
check "the mark is one of missing words" grep -qE '"missing": \[.*"NULL".*"\?"\]' out
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
make x '(i % 100 ? 20 + i % 63 : "n/k")'
guess 'taken as numbers (dense): 63 integers, 6.29 rows a value; lacks 4 of 400 values (4 are "n/'
writes "dense {$number, 'indicator': True}"
expect 0 "" init x.csv --label y --output config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
make x '(i % 5 ? i % 63 / 8 : "?")'
expect 0 "" init x.csv --label y --output config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
{ cat x.csv && echo ,; } >blank.csv
expect 0 "" predict --model m --data blank.csv --output p.csv
check "a blank in rows to come stops nothing" [ "$(wc -l <p.csv)" = 402 ]

# Texts among numbers, and numbers that stand for none.
gaps() { # CELL GAPS LACKING SAID [TRANSFORM] [ROWS]
    make x "$1" "${6:-400}"
    expect 0 "lacks $3 of ${6:-400} values ($4" init x.csv --label y
    check "and why" grep -qF '"gaps"): the mean stands for them ("missing"), and an' err
    keys="'transform': '${5:-standardize}', 'missing': 'mean', 'indicator': True"
    writes "dense {$keys, 'gaps': [$2]}"
    check "bins have them, too" [ "$(grep -c '"gaps"' out)" -eq 2 ]
    cp out config.json
    expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
}
gaps '(i % 80 ? 20 + i % 63 / 4 : 10 + i " - 500")' "'*'" 5 \
    '5 are no numbers, the first "10 - 500" in row 2'
gaps '(i % 40 ? 20 + i % 63 / 4 : (i % 80 ? "varies" : (i % 3 ? "studio" : ">100")))' "'*'" 10 \
    '10 are no numbers, the first ">100" in row 2'
gaps '(i % 4 ? i % 63 : 3 + i % 7 "-" 12)' "'*'" 100 '100 are no numbers, the first "3-12" in row 2'
gaps '(i % 4 ? i % 63 / 4 : "studio")' "'*'" 100 '100 are no numbers, the first "studio" in row 2'
gaps '(i % 4 ? i % 63 / 4 : (i % 8 ? "N.A." : "unknown"))' "'*'" 100 \
    '100 are no numbers, the first "unknown" in row 2'
gaps '(i % 100 ? 20 + i % 63 / 4 : "n/k" i)' "'*'" 4 '4 are no numbers, the first "n/k0" in row 2'
gaps '(i % 50 ? 5 + i % 63 / 4 : -999)' -999 8 '8 are -999, apart from the others, 5 to 20.5'
gaps '(i % 50 ? i % 63 / 63 : -1)' -1 8 '8 are -1, apart from the others, 0 to 0.984127'
gaps '(i % 50 ? 18 + i % 63 : 999)' 999 8 '8 are 999, apart from the others, 18 to 80'
gaps '(i % 3 ? -1 : 1 + i % 81)' -1 266 '266 are -1, apart from the others, 1 to 79'
gaps '(i % 20 ? i % 63 / 4 : (i % 40 ? -999 : "x" i))' "-999, '*'" 20 \
    '10 are no numbers, the first "x0" in row 2; 10 are -999, apart from the others, 0 to 15.5'
gaps '(i % 20 ? i % 63 / 4 - 7 : (i % 40 ? -999 : 9999))' '-999, 9999' 20 \
    '10 are -999, apart from the others, -7 to 8.5; 10 are 9999, apart from the others, -7 to 8.5'
gaps '(i % 50 ? exp(8 * rand()) : -1)' -1 12 '12 are -1, apart from the others, 1.0' \
    log1p_standardize 600
gaps '(i % 20 ? 0.1 + i % 63 / 4 : -200)' -200 20 '20 are -200, apart from the others, 0.1 to 15.6'
gaps '(i % 20 ? 650 + i * 17 % 1400 : -200)' -200 20 \
    '20 are -200, apart from the others, 655 to 2049'
gaps '(i % 20 ? i % 63 / 4 - 7 : 999.9)' 999.9 20 '20 are 999.9, apart from the others, -7 to 8.5'
gaps '(i % 20 ? i % 63 / 4 - 7 : "1.0E20")' 1e+20 20 '20 are 1e+20, apart from the others, -7 to'
gaps '(i % 20 ? 1 + i % 20 : (i % 40 ? 97 : 98))' '97, 98' 20 \
    '10 are 97, apart from the others, 2 to 20'
gaps '(i % 10 ? i * 613 % 90001 : 99999)' 99999 40 \
    '40 are 99999, apart from the others, 110 to 89608'
gaps '(i % 10 ? 1 + i % 5 : (i % 20 ? 88 : 99))' '88, 99' 40 \
    '20 are 88, apart from the others, 1 to 5; 20 are 99, apart from the others, 1 to 5'
# What is near others, or as rare or as frequent as they are, or stands among few values.
while IFS='|' read -r cell kind; do
    make x "$cell"
    run init x.csv --label y
    check "no gaps: $cell" sh -c '! grep -q gaps out err'
    [ -z "$kind" ] || check "$kind" grep -qF "$kind" err
done <<'END'
i % 10
1960 + i % 60
(i % 50 ? 18 + i % 63 : 99)
i % 37 - 1
i % 3 - 1
(i % 5 ? i % 5 : 9)
(i % 5 ? i % 3 : 99)
(i % 5 ? i % 4 * 7 : 99)
(i % 40 ? 5.5 + i % 45 : 99)
(i % 10 ? 1 + i % 80 : 97)
(i % 10 ? i * 61 % 900 : 999)
(i % 150 ? i * 613 % 90001 : 99999)
(i % 10 ? i * 613 % 30 * 3000 : 99999)
(i % 20 ? i * 17 % 140 - 40 : -200)
(i % 200 ? 5 + i % 63 / 4 : -999)
(i % 10 ? 100 + i % 63 / 4 : "V" 10 + i % 3)
(i % 40 ? 100 + i % 63 : "c" i)
(i % 4 ? i % 63 : (i % 8 ? "low" : "high"))
(i % 4 ? 1000 + i * 7 : "A/5 " i)|left out: all its 400 values differ
END

for name in user_id ITEM zipCode 'postal code' userid 101_14 categorical_3 C14; do
    awk -v n="$name" 'BEGIN { print n ",y"
        for (i = 0; i < 400; i++) print i * 7919 % 63 "," i % 2 }' >x.csv
    expect 0 "column \"$name\" taken as ids (sparse) by its name: 63 integers, 6.35 rows a value" \
        init x.csv --label y
done
for name in user_age follow_user_num paid I1 12 items_sold c2; do
    sed -i "1s/.*/$name,y/" x.csv
    expect 0 "column \"$name\" taken as numbers (dense)" init x.csv --label y
done

# Labels that are amounts are numbers, and none of them a code.
for mark in '$%d' '%d%%' '%d kg'; do
    awk -v mark="$mark" 'BEGIN { print "x,y"
        for (i = 0; i < 400; i++) printf "%d," mark "\n", i * 7 % 13, i % 10 }' >amounts.csv
    expect 0 'column "y": labels taken as numbers' init amounts.csv --label y
    check "with all of them ($mark)" sh -c '! grep -q "no label" err && ! grep -q gaps out'
done

# An effect that is no line's, of a number without and with gaps; a line, and a coin, have none.
curve() { # LABEL: awk's words, x being from 0 to 10
    awk "BEGIN { srand(3); print \"x,z,y\"; for (i = 0; i < 400; i++) {
        x = int(1000 * rand()) / 100
        print (i % 7 ? x : \"\") \",\" i % 5 \",\" $1 } }" >x.csv
}
curve '(x > 3 && x < 6)'
guess 'lacks 58 of 400 values: the mean stands for them ("missing"), and an indicator says so; be'
check "both shares are said" \
    grep -qE 'explain [89].* % in 342 rows, a line [0-9.]+ %: a line of 16' err
writes "dense {$number, 'indicator': True}
dense {'name': 'x_pieces', 'encoding': 'piecewise_linear', 'bins': 16, 'missing': 'mean'}"
expect 0 "" init x.csv --label y --output config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
curve '(x > 3 && x < 6 ? "on" : "off")'
run init x.csv --label y
check "so of words" grep -qF 'bends: of the label "y" its bins explain' err
curve '9e4 + 4e4 * x + 5e4 * rand()'
run init x.csv --label y
check "a line of labels on a scale of their own is one" sh -c '! grep -q bends err'
# Lines of two columns are no bends of either; a threshold is no line, but tells a class by itself.
awk 'BEGIN { srand(4); print "x,z,y"; for (i = 0; i < 400; i++) { a = rand()
    print a "," a ^ 2 + i % 20 / 1000 "," i % 20 / 1000 + a ^ 2 - a } }' >x.csv
expect 0 'a line of all columns of numbers gives the label "y" with an R2 of 1 - ' \
    init x.csv --label y
check "and the columns that do most" \
    grep -qE '\(most of it "[xz]" and "[xz]"\): are they known' err
awk 'BEGIN { srand(5); print "x,z,y"
    for (i = 0; i < 400; i++)
        print 1e300 * rand() "," 1e200 * rand() "," 1e180 * rand() }' >huge.csv
run init huge.csv --label y
check "of numbers whose squares are infinite no line is told" sh -c '! grep -q warning: err'
run init x.csv --label y
check "what all columns tell bends none" sh -c '! grep -q bends err'
curve '(x > 7 ? "late" : "in time")'
run init x.csv --label y
check "a line parts classes, and is said to tell them" sh -c 'grep -q \
    "column \"x\" alone tells the label \"y\" with an AUC of 1.00000 in 342 rows compared" err'
check "with a share near all" sh -c '! grep bends err | grep -v "a line 9[0-9.]* %"'
# Integers that are names by what their values tell beyond their order; not those that bend.
wards() { # EFFECT OF W: awk's words
    awk "BEGIN { srand(6); print \"w,x,y\"; for (i = 0; i < 400; i++) {
        w = i % 40 + 1; x = int(1000 * rand())
        print w \",\" x \",\" x / 500 + rand() + $1 } }" >wards.csv
}
wards 'w * w * 7 % 11'
expect 0 'and as ids (sparse): of what a line of all numbers leaves of the label "y", its values' \
    init wards.csv --label y
check "beside the number" grep -qF '"column": "w"' out
check "under a name of its own" grep -qF '"name": "w_ids"' out
for effect in 0 'w / 10' '(w > 16) * 5' 'w * w / 100'; do
    wards "$effect"
    run init wards.csv --label y
    check "numbers stay numbers ($effect)" sh -c '! grep -q w_ids out && ! grep -q "as ids" err'
done
curve 'x * x'
run init x.csv --label y
check "and a parabola" grep -qE 'its bins explain 9[0-9.]+ % in 342 rows, a line 9' err
for label in '2 * x + rand()' 'int(2 * rand())'; do
    curve "$label"
    run init x.csv --label y
    writes "dense {$number, 'indicator': True}"
done

make x 'exp(8 * rand())' 600
expect 0 'column "x" has a skewness of 2' init x.csv --label y
check "bins are said" \
    grep -qF 'bins (10 "quantiles" at most, or "boundaries") beside 1 of the columns' err
check "and written" [ "$(bins)" = 10 ]
writes "dense {'transform': 'log1p_standardize', 'missing': 'mean'}"
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
check "without a warning" sh -c '! grep -q warning err'
sed 's/^x/x_bins,&/; 2,$s/^/4.5,/; 3s/^4/5/' x.csv >bins.csv
expect 0 "" init bins.csv --label y
check "a name that is free" grep -qF '"name": "x_bins_", "column": "x"' out
make x '(i % 3 ? 0 : exp(8 * rand()))' 600
run init x.csv --label y
check "most are one value: no bins" [ -z "$(bins)" ]
writes "dense {'transform': 'log1p_standardize', 'missing': 'mean'}"
make x 'exp(8 * rand()) - 5' 600
run init x.csv --label y
writes "dense {$number}"

# ---- Columns that give a label ----

shape() { # CELLS: of columns x and y; a and b are any numbers, as z is
    awk "BEGIN { srand(2); print \"z,a,b,x,y\"; for (i = 0; i < 400; i++) {
        a = int(99 * rand()) / 4; b = int(50 * rand()); y = int(2.5 * rand()) % 2
        print rand() \",\" a \",\" b \",\" $1 } }" >x.csv
}
leak() { # CELLS SAID [LABELS]
    shape "$1"
    expect 0 "column \"x\" left out: $2 in all 400 rows compared" init x.csv ${3:---label y}
}
leak 'y "," y' 'it gives the label "y"'
leak '1 - y "," y' 'it gives the label "y"'
leak '(y ? "on" : "off") "," y' 'it gives the label "y"'
leak '7 - 2 * a "," a' 'it gives the label "y"'
leak '100 * a + b "," 100 * a' 'less "b" it is the label "y"'
leak 'i % 60 "," b + i % 60' 'with "b" it sums to the label "y"'
check "nor its other part" grep -qF 'column "b" left out: with "x" it sums to the label "y"' err
leak 'i % 37 + b "," i % 37' 'less "y" it is the label "b"' '--label b --label y'
leak 'a + b + i "," i' 'it is the sum of the labels' '--label y --label a --label b'
while read -r cells; do
    shape "$cells"
    expect 0 "" init x.csv --label y
    check "no leak: $cells" sh -c '! grep "column \"x\"" err | grep -q compared'
done <<'END'
(i % 100 ? y : 1 - y) "," y
i % 9 "," (i % 80 == 1)
a + b + (i == 300) / 2 "," a
END

# ---- Other files than with commas and a header ----

awk 'BEGIN { for (i = 1; i <= 400; i++)
    print i % 9 / 2 "," (i % 3 ? "a" : "b") "," i % 2 }' >rows.csv
layout() { # NAME WORD LABEL SAID
    expect 0 "$1: $4" init $1 --label $3 --output config.json
    check "$1: the key" grep -qF "\"data\": {$2}" config.json
    expect 0 "" train --config config.json --train $1 --set trainer.n_epoch=1 --output m
    expect 0 "" predict --model m --data $1 --output p.csv
    check "$1: all rows" [ "$(wc -l <p.csv)" = 401 ]
}
while read -r word character; do
    { echo n,kind,buy && cat rows.csv; } | tr , "$character" >"$word".csv
    layout "$word".csv "\"separator\": \"$word\"" buy "${word}s separate columns"
done <<'END'
semicolon ;
tab \t
bar |
END
layout rows.csv '"header": "none"' c3 'no header: columns are c1, c2, ...'
expect 1 'there is no column "buy" (--label); row 1 has 2 numbers in 3 fields: if it is no header' \
    init rows.csv --label buy
tr , ' ' <rows.csv >blanks.csv
expect 1 'no column "c3" (--label); row 1 has 2 blanks and no comma: blanks separate no columns' \
    init blanks.csv --label c3
printf '0,0,a\n' >twice.csv
expect 1 'two columns bear the name "0"; row 1 has 2 numbers in 3 fields' init twice.csv --label 0
tr , ';' <rows.csv >semicolon.csv
layout semicolon.csv '"separator": "semicolon", "header": "none"' c3 'no header'
expect 1 '"data": {"separator": ...}' train --config config.json --set 'data={}' \
    --train semicolon.csv --output m
expect 2 'data.separator: "x" is not allowed here; allowed is a string: comma | semicolon | tab' \
    train --config config.json --set data.separator=x --train semicolon.csv --output m
printf '1,2\n' >one.csv
expect 1 'one.csv' init one.csv --label c1

# ---- Texts that are numbers or dates ----

make x '"\"$" 1 + i % 9 "," 100 + i ".50\""'
guess 'taken as numbers: 400 of 400 have marks, of "$," ("strip")'
writes "dense {$number, 'strip': '\$,'}"
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
make x '(i % 3 ? 5 * (i % 7) ".25" : "($" i % 9 ".75)")'
guess 'taken as numbers: 134 of 400 have marks, of "()$" ("strip")'
writes "dense {$number, 'strip': '()\$'}"
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
sed 's/(\$\(.*\))/-\1/' x.csv >below.csv
for file in x below; do run predict --model m --data $file.csv --output $file.scores; done
check "between parentheses are numbers below 0" cmp x.scores below.scores
check "so are their bins" python3 -c 'import json
assert [f["strip"] for f in json.load(open("config.json"))["features"]["sparse"]] == ["()$"]'
make x '1 + i % 3 " " 100 + i'
guess 'taken as numbers: 400 of 400 have marks, of " " ("strip")'
curve '(x > 3 && x < 6)'
sed 's/^\([0-9.]*\),\([0-9]\)/$\1,\2/; s/^\$,/,/' x.csv >marks.csv
expect 0 'bends: of the label "y"' init marks.csv --label y --output marked.json
check "pieces and bins have the marks" [ "$(grep -c '"strip": "\$"' marked.json)" = 3 ]
expect 0 "" init x.csv --label y --output plain.json
for form in plain marked; do
    file=x.csv
    [ $form = plain ] || file=marks.csv
    expect 0 "" train --config $form.json --train $file --set trainer.n_epoch=2 --output $form.m
    expect 0 "" predict --model $form.m --data $file --output $form.scores
done
check "both forms are one file" cmp plain.scores marked.scores
expect 1 'column "x": "$' train --config plain.json --train marks.csv --output m \
    --set 'features.sparse=[{"name": "b", "column": "x", "boundaries": [3]}]' \
    --set 'features.dense=[]'
expect 0 "" train --config plain.json --train marks.csv --output m --set trainer.n_epoch=1 \
    --set 'features.sparse=[{"name": "x", "boundaries": [3], "strip": "$"}]' \
    --set 'features.dense=[]'
expect 2 'features.sparse[0].strip: "$" needs boundaries beside it' train --config plain.json \
    --set 'features.sparse=[{"name": "x", "strip": "$"}]' --train marks.csv --output m
expect 2 'features.sparse[0].strip: has a character that is in a number' train --train marks.csv \
    --set 'features.sparse=[{"name": "x", "quantiles": 4, "strip": "1"}]' --config plain.json \
    --output m
make x '(i % 4 ? "Some-college" : i % 8 + 5 "th")'
run init x.csv --label y
check "of words a few numbers with a unit need no word" sh -c "! grep -q 'column \"x\"' err"
make x '(i % 20 ? 2 + 2 * (i % 2) : "A") "WD"'
guess 'taken as ids (sparse): 3 values, of which "AWD" in row 2 is no number of "WD"'
writes "sparse {'embed_dim': 4}"
make x '"$" 5 + i % 2'
guess 'taken as ids (sparse): 2 integers, 200 rows a value'
make x '(i % 5 ? i % 63 / 8 : "#N/A")'
guess 'lacks 80 of 400 values (80 are "#N/A"'
make x '10 * i % 63 " kg"'
guess 'taken as numbers: 400 of 400 have marks, of "kg " ("strip")'
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
make x '10 * i % 63 " min"'
guess 'taken as numbers: 400 of 400 have marks, of "min " ("strip")'
make x '"USD " i % 63 / 8'
guess 'taken as numbers: 400 of 400 have marks, of "USD " ("strip")'
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
while IFS='|' read -r cell marks; do
    make x "$cell"
    guess "taken as numbers: 400 of 400 have marks, of \"$marks\" (\"strip\")"
    cp out config.json
    expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
done <<'END'
"\"" i % 63 ",100 mi.\""|mi ,
i % 63 / 8 "°C"|°C
i % 63 / 8 " µg/m³"|µg/m³ 
i % 63 / 8 " m/s"|m/s 
10 * i % 63 " CC"|C 
"₹" i % 63 "€"|₹€
END
make x 'i % 63 "/m"'
run init x.csv --label y
check "a unit begins with no slash" sh -c '! grep -q strip out'
make x '"Room " i % 63'
run init x.csv --label y
writes "sparse {'embed_dim': 4}"
make x '10 * i % 63 (i % 2 ? " kg" : " lb")'
run init x.csv --label y
check "two units are no number's" sh -c '! grep -q strip out'
awk 'BEGIN { print "x;z;y"; for (i = 0; i < 400; i++)
    print (i % 2 ? i " kg" : i " lb") ";" (i % 3 ? "1," 100 + i % 800 : 900 + i % 90) ";" i % 2
    }' >units.csv
run init units.csv --label y
check "nor do they make another column's commas decimal" sh -c '! grep -q decimal out'
make x '"\"[\047a" i % 5 "\047,\047b" i % 3 "\047]\""'
guess 'taken as lists (features.sequence) with "," between elements and brackets round them'
writes "sequence {'embed_dim': 4, 'separator': ',', 'brackets': True}"
make x 'i % 7 / 4 (i % 5 ? "%" : "")'
guess 'taken as numbers: 320 of 400 have marks, of "%" ("strip")'
expect 2 'features.dense[0].strip: has a character that is in a number' train --config config.json \
    --set 'features.dense=[{"name": "x", "strip": "$1"}]' --train x.csv --output m
expect 1 'column "x": "0.25%" is not a number' train --config config.json \
    --set 'features.dense=[{"name": "x", "strip": "$"}]' --train x.csv --output m
# Numbers with a comma before their fraction, thousands by points or blanks; labels are as features.
awk 'BEGIN { print "x;z;w;y"; for (i = 0; i < 400; i++)
    printf "%d.%03d,%d;%d,%03d;%d,05;1 %03d,%d\n",
    i % 9 + 1, i * 7 % 1000, i % 10, i % 7, 100 + i, i % 8, i * 13 % 1000, i % 7 }' >commas.csv
expect 0 'column "x" taken as numbers: 400 of 400 have marks, of "." ("strip"), or a comma before' \
    init commas.csv --label y --output config.json
check "1,234 is as its neighbours are" \
    grep -qF 'columns "z" and "w" taken as numbers: 400 of 400 have a comma' err
check "and labels" \
    grep -qF 'labels taken as numbers: 400 of 400 have marks, of " " ("strip"), or' err
check "range" grep -qF 'column "y": labels from 1000' err
check "written" python3 -c 'import json
c = json.load(open("config.json"))
assert [(f["name"], f.get("strip"), f["decimal"]) for f in c["features"]["dense"]] == [
    ("x", ".", ","), ("z", None, ","), ("w", None, ",")], c
assert (c["tasks"][0]["strip"], c["tasks"][0]["decimal"]) == (" ", ",")'
awk 'BEGIN { print "x;z;w;y"; for (i = 0; i < 400; i++)
    printf "%d%03d.%d;%d.%03d;%d.05;1%03d.%d\n",
    i % 9 + 1, i * 7 % 1000, i % 10, i % 7, 100 + i, i % 8, i * 13 % 1000, i % 7 }' >points.csv
expect 0 "" init points.csv --label y --output points.json
for form in commas points; do
    [ $form = points ] || cp config.json commas.json
    expect 0 "" train --config $form.json --train $form.csv --set trainer.n_epoch=2 \
        --output $form.m
    expect 0 "" evaluate --model $form.m --data $form.csv --json
    mv out $form.out
done
check "both forms are one file" cmp commas.out points.out
expect 1 'row 2: column "z": "0.100" is not a number' predict --model commas.m --data points.csv \
    --output p.csv
make x 'i % 9 "\",\"" i % 8'
sed 's/^\([0-9]\)"*,"*\([0-9]\)/"\1,\2"/' x.csv >lists.csv
run init lists.csv --label y
check "3,5 between commas may be a list" sh -c '! grep -q decimal out'
expect 2 'tasks[0].decimal: is not ",", the one decimal mark' train --config commas.json \
    --set 'tasks.0.decimal=.' --train commas.csv --output m
expect 2 'tasks[0].strip: has a character that is in a number' train --config commas.json \
    --set 'tasks.0.strip=,' --train commas.csv --output m
date() { # CELL ORDER SAID
    make x "$1"
    guess "taken as dates, in the order $2$3"
    writes "dense {'date': '$2', 'missing': 'mean'}"
}
date '"2024-0" 1 + i % 9 "-1" i % 8' ymd ': 72 differ, the first is "2024-01-10"'
date '20240010 + 100 * (1 + i % 9) + i % 8' ymd ': 72 differ, the first is "20240110"'
date '20240010 + 100 * (1 + i % 9) + i % 8 "T000000"' ymd ': 72 differ'
date '1 + i % 12 "/" 13 + i % 9 "/24 15:0" i % 9' mdy ': 36 differ'
date '"1" i % 3 "." 1 + i % 12 ".2024"' dmy ' (no day above 12 tells it from another)'
date '(i == 9 ? 31 : "1" i % 3) "." 1 + i % 6 * 2 ".2024"' dmy ': '
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
expect 0 "" predict --model m --data x.csv --output p.csv
date '"\"Jan 1" i % 9 ", 2024\""' mdy ': 9 differ, the first is "Jan 10, 2024"'
make x '10 + i % 9 " Sept 2024 0" i % 5 ":30"'
guess 'taken as dates, in the order dmy: 45 differ, the first is "10 Sept 2024 00:30"; of 5 hours'
writes "dense {'date': 'dmy', 'missing': 'mean', 'hours': True}"
date '(i % 2 ? "Dec-20" : "Apr-20") 10 + i % 9' my ': 18 differ, the first is "Apr-2010"'
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
date '1 + i % 12 "/2024"' my ': 12 differ'
date '"20" 10 + i % 9 "-0" 1 + i % 9' ym ': 9 differ, the first is "2010-01"'
make x 'i % 30 "-Dec"'
run init x.csv --label y
check "a day without a year is no date" sh -c '! grep -q "\"date\"" out'
make x '"2024-01-" 10 + i % 9 " " i % 24 ":30"'
guess 'taken as dates, in the order ymd: 72 differ, the first is "2024-01-10 0:30"; of 24 hours'
writes "dense {'date': 'ymd', 'missing': 'mean', 'hours': True}"
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
date '"2024-01-" 10 + i % 9 " " (i % 99 ? i % 24 ":00" : "noon")' ymd ': 73 differ'
make x '1 + i % 12 "/" 13 + i % 9 "/24 " 1 + i % 12 ":00 " (i % 5 ? "AM" : "PM")'
guess 'taken as dates, in the order mdy: 72 differ, the first is "1/13/24 1:00 PM"; of 24 hours of'
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
# What is no date among them, and days that stand for none.
dates() { # CELL ORDER SAID GAPS
    make x "$1"
    expect 0 "; lacks $3 (\"gaps\")" init x.csv --label y
    writes "dense {'date': '$2', 'missing': 'mean', 'indicator': True, 'gaps': [$4]}"
    cp out config.json
    expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
}
apart=' apart from the others'
day='"2024-0" 1 + i % 9 "-" 10 + i % 18'
dates "(i % 20 ? $day : \"TBD\")" ymd \
    '20 of 400 values: 20 are no dates, the first "TBD" in row 2' "'TBD'"
expect 0 'the first is "2024-02-11"; lacks 20' init x.csv --label y
dates "(i % 2 ? $day : \"never\")" ymd \
    '200 of 400 values: 200 are no dates, the first "never" in row 2' "'never'"
dates "(i % 20 ? $day : (i % 3 ? \"late \" i : \"2023-02-29\"))" ymd \
    '20 of 400 values: 20 are no dates, the first "2023-02-29" in row 2' "'*'"
dates "(i % 20 ? $day : (i % 40 ? \"?\" : \"9999-12-31\"))" ymd \
    "20 of 400 values: 10 are no dates, the first \"?\" in row 22; 10 are 9999-12-31,$apart" \
    "'9999-12-31', '?'"
dates '(i % 20 ? 20240110 + i % 20 : 99991231)' ymd \
    '20 of 400 values: 20 are no dates, the first "99991231" in row 2' "'99991231'"
dates '(i % 20 ? 1 + i % 12 "/" 13 + i % 9 "/2024" : "01/01/1900")' mdy \
    '20 of 400 values: 20 are 1900-01-01, apart from the others' "'01-01-1900'"
make x '(i % 20 ? 1930 + i % 70 : 1900) "-01-01"'
guess 'taken as dates, in the order ymd: 71 differ'
writes "dense {'date': 'ymd', 'missing': 'mean'}"
while read -r date; do
    make x,z "$date \",\" i % 5"
    guess "left out: 400 of 400 values are dates"
done <<'END'
"\"the 1" i % 9 "th of Jan 2024\""
(i % 2 ? 30 : 1) "/" (i % 2 ? 1 : 30) "/2024"
END

# ---- Keys of the rows ----

make x,z '"r" i "," i % 5'
guess 'left out: all its 400 values differ, as a row'
make x,z '"r" i % 201 "," i % 5'
guess 'left out: 201 different values in 400 rows, nearly a row'
make x,z '"r" i % 200 "," i % 5'
run init x.csv --label y
writes "sparse {'embed_dim': 4}"
make x,z 'int(i / 20) % 24 ":" i * 7 % 50 + 10 "," i % 5'
guess 'left out: 400 of 400 values are times, the first "0:10", and'
make x,z 'i % 9 ":00," i % 5'
run init x.csv --label y
writes "sparse {'embed_dim': 4}"
make x,z '1000 + int(i * 1.4) "," i % 5'
guess 'left out: all its 400 values differ'
make x,z '1000 + 3 * i "," i % 5'
guess 'taken as numbers (dense): 400 integers, 1 rows a value'
sed -i '1s/x/rowKey/' x.csv
expect 0 'column "rowKey" left out' init x.csv --label y
make x '0.5 + i' 40
run init x.csv --label y
writes "dense {$number}"

# Texts that are nearly numbers, and capitals, are told of; bands and the parts of a phone are not.
order=' most begin as numbers do, and the first that is none is'
make x 'i % 30 + 1 "h " i * 7 % 60 "m"'
guess "taken as ids (sparse): 60 values;$order \"1h 0m\" in row 2: as numbers, in one unit,"
make x,z '(i % 3 ? i / 8 "K" : ">" i ".5") "," i % 5'
guess "left out: all its 400 values differ, as a row's key does;$order \">0.5\" in row 2"
make x,z '120 + i % 60 "/" 60 + i * 7 % 50 "," i % 5'
guess "left out: 300 different values in 400 rows, nearly a row's key;$order \"120/60\" in"
make x '(i % 4 ? (i % 3 ? "M" : "f") : (i % 8 ? "m" : "F"))'
guess 'taken as ids (sparse): 4 values, of which 2 differ from another by capitals only, and are'
make x 'i * 7 % 90 / 16 "s"'
guess 'taken as numbers: 400 of 400 have marks, of "s" ("strip")'
make x 'i % 8 + 1 "\302\240" 100 + i * 7 % 900'
guess 'taken as numbers: 400 of 400 have marks, of "' # blanks that break no line
cp out config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
make x,z '(i % 2 ? "\342\210\222" : "") i ".5," i % 5'
guess "left out: all its 400 values differ, as a row's key does;$order"
# What is alike is said once; columns without a name are passed over.
make 'x,,,z,c,d,e' 'i % 9 / 2 ",,," i % 2 "," i % 3 "," i % 3 "," i % 3'
expect 0 'columns "c" to "e" (3) taken as numbers (dense): 3 integers, 133 rows a value' \
    init x.csv --label y --output config.json
expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
expect 0 "" predict --model m --data x.csv --output p.csv
make x,z 'i % 4 "," i % 4'
expect 0 'columns "x" and "z" taken as numbers (dense): 4 integers' init x.csv --label y
for cell in '10 + i % 7 * 10 "-" 19 + i % 7 * 10' '"10.0." i % 90 "." i % 3' \
    '"212-555-0" 100 + i % 90' '"a" i % 60' 'i % 23 + 1 ":00"'; do
    make x "$cell"
    run init x.csv --label y
    check "no word: $cell" sh -c '! grep -q "begin as numbers\|capitals" err'
done

# ---- Training ----

make x 'i % 9 / 2' 30
sed -i '1s/y/y or not/' x.csv
expect 0 'column "y or not": its task is named "y_or_not"' init x.csv --label 'y or not'

make x '(i % 9 ? "a" i % 7 : "b")'
expect 0 'embeddings begin with a deviation of 0.5' init x.csv --label y
check "and so it is written" grep -qF '"embedding_init_scale": 0.5' out
sed '2,11s/[01]$//' x.csv >some.csv
expect 0 'column "y": 10 of 400 labels are missing: their rows do not count' init some.csv --label y
make x 'i % 9 / 2' 30
expect 0 'batch size 16 for 30 rows: an epoch has 2 updates' init x.csv --label y
check "the steps are said" grep -qF 'learning rate 0.003, weight decay 0.001 (4 /' err
check "and written" grep -qF '"ema_decay": 0.99' out
make x 'i % 9 / 2' 10000
expect 0 'batch size 64 for 10000 rows: an epoch has 157 updates; no batch norm' \
    init x.csv --label y
check "batch size" grep -q '"batch_size": 64' out
check "the decay falls with the rows" grep -q '"weight_decay": 0.0004' out
check "few rows have several models" grep -q '"members": 4' out
check "which is said" grep -qF 'a mean of 4 whole models predicts ("members"): for the 10000' err
make x 'i % 9 / 2' 20001
expect 0 'batch size 128 for 20001 rows' init x.csv --label y
check "many have one" sh -c '! grep -q members out err'
check "log-loss" grep -q '"earlystop_metric": "logloss"' out
check "what is worse than its constant is drawn to it" grep -q '"shrink": true' out
check "one task has no mean" sh -c '! grep -q earlystop_task out'
make x,z '(i % 9 + 11) / 2 "," i % 2' 100
expect 0 "the mean of the tasks'" init x.csv --label y --label z
check "written" grep -q '"earlystop_task": "mean"' out
expect 0 'column "x": labels from 5.5 to 9.5, standardized for the loss' \
    init x.csv --label x --label y
check "label_transform" grep -q '"label_transform": "standardize"' out
check "tasks of two types are watched together" grep -qF "the mean of the 2 tasks' losses, each" err
check "by their relative losses" grep -q '"earlystop_metric": "relative"' out
check "a line of the dense columns" grep -qF 'linear model of the dense columns (1)' err
expect 0 'linear model of the dense columns (' init x.csv --label z
check "of classes, too" grep -qF '"linear": true' out
expect 0 "" init x.csv --label x
check "one regression by its error" sh -c '! grep -qE "earlystop_(task|metric)" out'

# What stands for no label beside others, and what is one.
labels() { # CELL SAID KEYS
    awk "BEGIN { print \"x,y\"; for (i = 0; i < 400; i++) print i % 9 / 2 \",\" $1 }" >x.csv
    expect 0 "column \"y\"$2" init x.csv --label y
    check "task: $3" [ "$(python3 -c 'import json
task = json.load(open("out"))["tasks"][0]
print(*(task.get(k) for k in ("type", "positive", "gaps")))')" = "$3" ]
    cp out config.json
    expect 0 "" train --config config.json --train x.csv --set trainer.n_epoch=1 --output m
}
none=' of 400 labels are missing: their rows do not count for its task: '
labels '(i % 8 ? i % 2 : "?")' ": 50$none"'50 are "?", the first in row 2 ("gaps")' \
    "classification None ['?']"
labels '(i % 8 ? (i % 2 ? "yes" : "no") : (i % 16 ? "Don\047t know" : 9))' \
    ": 50$none"'25 are "9",' "classification yes ['9', \"Don't know\"]"
labels '(i % 8 ? 1 + i % 2 : 99)' ": 50$none" "classification 2 ['99']"
labels '(i % 8 ? 1 + i % 2 : 8 + i % 16 / 8)' ": 50$none" "classification 2 ['8', '9']"
labels '(i % 8 ? 5 + i % 2 : 8)' ': labels from 5 to 8' 'regression None None'
labels '(i % 50 ? i * 7 % 60 / 4 : "pending")' ": 8$none" "regression None ['pending']"
labels '(i % 20 ? i * 7 % 60 : -999)' ": 20$none"'20 are -999, apart from the others, 1 to 5' \
    'regression None [-999]'
expect 0 'column "y": labels from 1 to 59, standardized' init x.csv --label y
labels '(i % 8 ? i % 2 : -1)' ': beside 0 and 1, 50 of 400 labels are -1, so it makes a reg' \
    'regression None None'
labels '5 + i * 7 % 5' ': labels from 5 to 9' 'regression None None'
labels '(i % 2 ? "-" : "+")' ': of its two values, "+" and "-", "+" is taken as the positive' \
    'classification + None'
labels '(i % 3 ? 9 : "?")' '' 'classification ? None'
awk 'BEGIN { print "x,y"
    for (i = 0; i < 99; i++) print i "," (i % 3 ? (i % 2 ? "none" : "mild") : "severe") }' >x.csv
expect 1 'column "y" (--label) has values that are no numbers, and not two' init x.csv --label y

# Words that say yes and no, whichever is rarer.
while read -r yes no; do
    make x 'i % 9 / 2' 30
    sed "2,\$s/,1\$/,$no/; 2,\$s/,0\$/,$yes/" x.csv >words.csv
    expect 0 "\"$yes\" is taken as the positive label" init words.csv --label y
    sed "2,\$s/,1\$/,$yes/; 2,\$s/,0\$/,$no/" x.csv >words.csv
    expect 0 "\"$yes\" is taken as the positive label" init words.csv --label y
done <<'END'
Oui Non
ja nein
Sí No
да нет
TRUE FALSE
END

# ---- Files that cannot be, or hardly ----

make x 'i % 9 / 2' 30
expect 0 "" init x.csv --label y --output config.json
expect 0 "" train --config config.json --train x.csv --valid x.csv --output m
sed 's/,[01]$/,/' x.csv >none.csv
expect 1 'none.csv: column "y" (--label) has no value' init none.csv --label y --output n
expect 1 'y' train --config config.json --train none.csv --output n
sed '3s/[01]$/no/; 4s/[01]$/yes/; 5s/[01]$/perhaps/' x.csv >three.csv
expect 1 'values that are no numbers, and not two in all: the first is "no", in row 3' \
    init three.csv --label y --output n
sed 's/1$/Yes/; 2,$s/0$/no/; 10s/Yes$/YES/' x.csv >capitals.csv
expect 1 'column "y" (--label): 1 of 30 labels differ from another by capitals only, the first is' \
    init capitals.csv --label y --output n
sed '2,$s/[01]$/yes/' x.csv >yes.csv
expect 1 'column "y" (--label) has one value only, "yes", in 30 rows: there is nothing to learn' \
    init yes.csv --label y --output n

make x '"r" i'
expect 1 'x.csv: no column is left that could be a feature' init x.csv --label y --output n
check "and nothing of a trainer" sh -c '! grep -qE "batch|learning rate" err'
expect_nothing_left n

# ---- Names ----

printf 'x,Paperless Billing\n%s\n' "$(seq 40 | awk '{ print $1 / 7 "," $1 % 2 }')" >names.csv
expect 0 'column "Paperless Billing": its task is named "Paperless_Billing"' init names.csv \
    --label "Paperless Billing"
finish
