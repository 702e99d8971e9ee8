#!/bin/sh
# Rows that are at fault may be left out: the model is that of the others.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

few_clicks
sed '1a\
new,1,x
21a\
new,1
61a\
new,x,1' rows.csv >bad.csv
sed '2a1,2' rows.csv >short.csv
train="train --config config.json --valid rows.csv --output m.out"
said='3 of 63 rows are at fault and left out, the first for: bad.csv: row 2: column "click": "x"'

# shellcheck disable=SC2086 # words
{
    expect 0 "" $train --train rows.csv
    mv m.out plain.out
    for threads in 1 2; do
        expect 0 "warning: bad.csv: $said" $train --train bad.csv --skip-bad 3 --threads $threads
        check "the same model" cmp m.out plain.out
    done
    expect 1 '; 2 rows before it were at fault, too, and left out' $train --train bad.csv \
        --skip-bad 2
    check "the third" grep -qF 'bad.csv: row 64: column "price": "x" is not a number; 2 rows' err
    expect 1 'bad.csv: row 2: column "click": "x" is not a number' $train --train bad.csv
    expect 0 "$said" pack --config config.json --data bad.csv --output folder --skip-bad 9
    expect 0 "" $train --train folder
    check "the same model of packed rows" cmp m.out plain.out
    expect 0 "$said" pack --append --grow --data bad.csv --output folder --skip-bad 9
    expect 0 "" $train --train rows.csv --from plain.out --grow
    mv m.out grown.out
    expect 0 "$said" $train --train bad.csv --from plain.out --grow --skip-bad 3 --threads 2
    check "the same grown model" cmp m.out grown.out
    run evaluate --model m.out --data rows.csv --by user
    mv out plain.metrics
    expect 0 "$said" evaluate --model m.out --data bad.csv --by user --skip-bad 3
    check "the same metrics" cmp out plain.metrics
    expect 0 "2 of 63 rows are at fault" inspect --model m.out --data bad.csv --skip-bad 3
    echo '{"config": "config.json", "train": "bad.csv", "valid": "rows.csv"}' >sweep.json
    expect 0 "$said" sweep --config sweep.json --skip-bad 3
    expect 0 "" train --config config.json --train rows.csv --output m.out --log log.jsonl
    expect 0 "$said" report --log log.jsonl --model m.out --data bad.csv --output page.html \
        --skip-bad 3
    check "the page says it" grep -q '3 of 63 rows are at fault and left out' page.html
    expect 0 "1 of 61 rows are at fault and left out, the first for: short.csv: row 3: 2 fields" \
        init short.csv --label click --output i.json --skip-bad 1
    expect 1 "short.csv: row 3: 2 fields, but the header has 3" init short.csv --label click

    # Rows to score keep their places.
    expect 0 "$said" plan --config config.json --train bad.csv --skip-bad 3
    expect 2 "--skip-bad goes with --train" plan --config config.json --skip-bad 3
    expect 0 "3 of 63 rows are at fault" export --model m.out --tables int8 --output n.out --data \
        bad.csv --skip-bad 3
    expect 2 "--skip-bad goes with --data" export --model m.out --tables int8 --output n.out \
        --skip-bad 3
    expect 0 "2 of 63 rows are at fault" import --shrink 1 --weights m.out --output n.out --data \
        bad.csv --skip-bad 3
    expect 2 "--skip-bad goes with --data" import --config config.json --weights m.out --output \
        n.out --skip-bad 3
    expect 0 "--skip-bad: packed rows were judged when they were packed" $train --train folder \
        --skip-bad 3

    run predict --model m.out --data rows.csv --output plain.scores --keep user
    expect 0 "2 of 63 rows are at fault and have no scores, the first for: bad.csv: row 23: 2 f" \
        predict --model m.out --data bad.csv --output scores --keep user --skip-bad 2
    check "with nan for scores" [ "$(sed -n '23p;64p' scores | tr '\n' ' ')" = ",nan new,nan " ]
    check "the others' are the same" sh -c "sed '2d;23d;64d' scores | cmp - plain.scores"
    expect 1 "bad.csv: row 64: column \"price\": \"x\" is not a number; 1 row before it was at" \
        predict --model m.out --data bad.csv --output scores --skip-bad 1
    printf '7,"1"2,1\n' >>bad.csv
    expect 1 "malformed quotes in field 2" $train --train bad.csv --skip-bad 9
    check "why it is not left out" grep -q "; such a row is not left out, for where it ends" err
    expect 2 "--skip-bad: \"0\" is not a whole number from 1" $train --train bad.csv --skip-bad 0
}
finish
