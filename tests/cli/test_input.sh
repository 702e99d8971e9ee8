#!/bin/sh
# shellcheck disable=SC2016
# Bad input: a message with its place and exit status 1, or the right result; never half a file.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >config.json <<'JSON'
{
  "features": {"sparse": [{"name": "c", "embed_dim": 2}],
      "dense": [{"name": "x", "transform": "standardize"}]},
  "tasks": [{"name": "task", "label": "y", "type": "classification",
  "tower_params": {"dims": [4]}}],
  "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [4]}},
  "trainer": {"batch_size": 4, "n_epoch": 2}
}
JSON
printf 'y,c,x\n1,a,0.5\n0,b,1.5\n1,a,-2\n0,c,3\n0,b,0\n1,c,1\n' >plain.csv

trains() { # FILE
    expect 0 "" train --config config.json --train "$1" --output m.safetensors
}
fails() { # TEXT FILE
    rm -f m.safetensors
    expect 1 "$1" train --config config.json --train "$2" --output m.safetensors
    expect_nothing_left m.safetensors
}

trains plain.csv
mv m.safetensors plain.safetensors
run predict --model plain.safetensors --data plain.csv --output plain.pred
check "a row a row, under the task's name" [ "$(head -n 1 plain.pred) $(wc -l <plain.pred)" = \
    "task 7" ]

# Standard input has a name.
same_from_input() { "$mmoe" predict --model plain.safetensors --data /dev/stdin --output - \
    <plain.csv | cmp - plain.pred; }
check "rows come from standard input, too" same_from_input

# Variants of the same rows give the same model and the same predictions.
printf '\357\273\277y,c,x\n1,a,0.5\n0,b,1.5\n1,a,-2\n0,c,3\n0,b,0\n1,c,1\n' >bom.csv
sed 's/$/\r/' plain.csv >crlf.csv
printf '%s' "$(cat plain.csv)" >unended.csv
sed 's/,/","/g; s/^/"/; s/$/"/' plain.csv >quoted.csv
awk -F, 'BEGIN { OFS = "," } { print $3, "unused " NR, $2, $1 }' plain.csv >moved.csv
for variant in bom crlf unended quoted moved; do
    trains $variant.csv
    check "the same model from $variant.csv" cmp m.safetensors plain.safetensors
    run predict --model plain.safetensors --data $variant.csv --output variant.pred
    check "the same predictions of $variant.csv" cmp variant.pred plain.pred
done
printf 'y,c,x\n1,"a,\nA ""q""",0.5\n0,b,1.5\n1,"a,\nA ""q""",-2\n' >newline.csv
trains newline.csv
run inspect --model m.safetensors
check "a quoted field with a comma and a newline is one value" grep -qE '^ +c +3  vocabulary$' out
printf 'y,c,x\n1,"a,\nA",0.5\n0,b,bad\n' >newline_bad.csv
fails 'newline_bad.csv: row 3: column "x": "bad" is not a number' newline_bad.csv

fails "none.csv" none.csv
check "the system's reason" grep -q "No such file" err
fails "the folder has no manifest.json" .
: >empty.csv
fails "empty.csv: the file is empty" empty.csv
printf 'y,c,x\n' >header.csv
fails "header.csv: the file has a header but no rows" header.csv
printf 'y,c,x\n1,a,0.5\n0,b\n' >short.csv
fails "short.csv: row 3: 2 fields, but the header has 3" short.csv
printf 'y,c,x\n1,a,0.5,9\n' >long.csv
fails "long.csv: row 2: 4 fields, but the header has 3" long.csv
for value in abc nan NaN inf -inf 1e999 0x10 1,5 ''; do
    printf 'y,c,x\n1,a,0.5\n0,b,"%s"\n' "$value" >number.csv
    fails 'number.csv: row 3: column "x": ' number.csv
done
for label in 2 -1 0.5 yes -nan "?" inf; do
    printf 'y,c,x\n1,a,0.5\n%s,b,1\n' "$label" >label.csv
    fails 'label.csv: row 3: column "y": ' label.csv
done
printf 'y,c,x,c\n1,a,0.5,b\n' >twice.csv
fails "same name" twice.csv
check "which name stands twice" grep -qF 'column "c"' err
cat plain.csv plain.csv >joined.csv
fails "joined.csv: row 8: column \"x\": \"x\" is not a number: it is the column's name" joined.csv
printf 'y,c\n1,a\n0,b\n' >lacking.csv
fails 'column "x"' lacking.csv
printf 'y,c,x\n1,a,"0.5\n0,b,1\n' >quote.csv
fails "quote.csv: row 2: the file ends within quotes" quote.csv
printf 'y,c,x\n1,a"b,0.5\n' >stray.csv
fails "stray.csv: row 2: malformed quotes" stray.csv
printf 'y,c,x\n1,a\0b,0.5\n' >zero.csv
fails "zero.csv: row 2: a zero byte" zero.csv

head -c 10000000 /dev/zero | tr '\0' z >big
{ printf 'y,c,x\n1,' && cat big && printf ',0.5\n0,b,1\n'; } >big_id.csv
trains big_id.csv
{ printf 'y,c,x\n1,a,0.5\n0,b,' && cat big && printf '\n'; } >big_number.csv
fails 'big_number.csv: row 3: column "x"' big_number.csv
rm -f big big_*.csv

# One class, or no label at all, trains where nothing watches its AUC, which is undefined; the
# reason stands there.
printf 'y,c,x\n1,a,0.5\n1,b,1.5\n1,a,-2\n' >one.csv
expect 0 "" train --config config.json --train plain.csv --valid one.csv --test one.csv --output \
    m.safetensors --json --set trainer.earlystop_patience=0
check "AUC of one class is null" grep -q '"auc": null' out
check "and why" grep -q '"why": "one class only"' out
trains one.csv
expect 0 "" evaluate --model plain.safetensors --data one.csv --json
check "evaluate: AUC of one class is null" grep -q '"auc": null' out
expect 0 "" evaluate --model plain.safetensors --data one.csv
check "evaluate: the table says why" grep -q "undefined.*one class only" out
printf 'y,c,x\n,a,0.5\nNA,b,1.5\n' >unlabelled.csv
expect 0 "" evaluate --model plain.safetensors --data unlabelled.csv --json
check "evaluate without labels: null, and why" grep -q '"why": "no labels"' out
check "evaluate counts the rows that have a label" grep -q '"rows": 0' out

# Configurations
broken() { # TEXT SED
    sed "$2" config.json >broken.json
    rm -f m.safetensors
    expect 1 "$1" train --config broken.json --train plain.csv --output m.safetensors
    expect_nothing_left m.safetensors
}
broken "n_epochs" 's/n_epoch/n_epochs/'
broken "batch_size" 's/"batch_size": 4/"batch_size": "four"/'
broken "n_expert" 's/"n_expert": 2/"n_expert": 0/'
broken "line 5" '5s/:/;/'
broken 'column "z"' 's/"name": "c"/"name": "z"/'
broken 'column "z"' 's/"label": "y"/"label": "z"/'
expect 1 "No such file" train --config none.json --train plain.csv --output m.safetensors
: >empty.json
expect 1 "empty.json" train --config empty.json --train plain.csv --output m.safetensors

# Row numbers as ids
sed 's/"embed_dim": 2/"embed_dim": 2, "vocab_size": 3/' config.json >sized.json
printf 'y,c,x\n1,0,0.5\n0,1,1.5\n1,2,-2\n' >ids.csv
printf 'y,c,x\n1,0,0.5\n0,3,1.5\n' >outside.csv
expect 0 "" train --config sized.json --train ids.csv --output ids.safetensors
expect 1 'outside.csv: row 3: column "c": "3" is outside of the table' train --config sized.json \
    --train outside.csv --output m.safetensors
expect 1 'outside.csv: row 3: column "c": "3" is outside of the table' predict --model \
    ids.safetensors --data outside.csv --output p.csv
expect_nothing_left p.csv
expect 1 "row 3" evaluate --model ids.safetensors --data outside.csv
sed 's/"vocab_size": 3/"vocab_size": 3, "oov_id": 1/' sized.json >oov.json
expect 0 "" train --config oov.json --train outside.csv --output m.safetensors

# Files to evaluate and to predict
for command in "evaluate" "predict --output p.csv"; do
    # shellcheck disable=SC2086 # a command and its flag
    {
        expect 1 "none.csv" $command --model plain.safetensors --data none.csv
        expect 1 "short.csv: row 3" $command --model plain.safetensors --data short.csv
        expect 1 "empty" $command --model plain.safetensors --data empty.csv
        expect 1 'column "x"' $command --model plain.safetensors --data lacking.csv
        expect 1 "none.safetensors" $command --model none.safetensors --data plain.csv
        expect 1 "plain.csv" $command --model plain.csv --data plain.csv
    }
    expect_nothing_left p.csv
done
printf 'c,x\na,0.5\nnever seen,1\n' >nolabel.csv
expect 0 "" predict --model plain.safetensors --data nolabel.csv --output p.csv
expect 1 'column "y"' evaluate --model plain.safetensors --data nolabel.csv

# Model files that are cut or changed
size=$(wc -c <plain.safetensors)
for length in 0 7 8 100 $((size / 2)) $((size - 1)); do
    head -c "$length" plain.safetensors >cut.safetensors
    expect 1 "cut.safetensors" inspect --model cut.safetensors
done
{ cat plain.safetensors && printf 'x'; } >longer.safetensors
expect 1 "longer.safetensors" inspect --model longer.safetensors
{ head -c $((size - 3)) plain.safetensors && printf '\377\377\377'; } >tampered.safetensors
expect 1 "tampered.safetensors" inspect --model tampered.safetensors
{ printf '\377\377\377\377\377\377\377\177' && tail -c +9 plain.safetensors; } >huge.safetensors
expect 1 "huge.safetensors" predict --model huge.safetensors --data plain.csv --output m.csv
expect_nothing_left m.csv
finish
