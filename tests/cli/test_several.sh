#!/bin/sh
# Rows from several files: an option that is repeated, or a pattern. What comes of them is the same
# to the bit as of one file.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

few_clicks
sed -n '1,21p' rows.csv >day-1.csv
awk -F, 'BEGIN {OFS = ","} NR == 1 || (NR > 21 && NR < 40) {print $3, $1, $2}' rows.csv >day-2.csv
{ head -n 1 rows.csv && sed '1,39d' rows.csv; } >day-3.csv
train="train --config config.json --output m.out --threads 2"

# shellcheck disable=SC2086 # words
{
    expect 0 "" $train --train rows.csv --valid rows.csv --log run.log
    mv m.out plain.out
    expect 0 "" $train --train 'day-*.csv' --valid day-1.csv --valid 'day-[23].csv' --log run.log
    check "the same model of a pattern" cmp m.out plain.out
    check "the log names them" grep -qF '"day-1.csv and 2 more"' run.log
    run evaluate --model m.out --data rows.csv --by user
    mv out plain.metrics
    expect 0 "" evaluate --model m.out --data 'day-*.csv' --by user
    check "the same metrics" cmp out plain.metrics
    run inspect --model m.out --data rows.csv
    mv out plain.inspect
    expect 0 "" inspect --model m.out --data 'day-*.csv'
    check "the same of inspect" cmp out plain.inspect
    run predict --model m.out --data rows.csv --keep user --output plain.pred
    expect 0 "scores 21 to 38 are of the rows of day-2.csv" predict --model m.out --output pred \
        --data 'day-*.csv' --keep user
    check "the same scores" cmp pred plain.pred
    run predict --model m.out --data day-1.csv --data day-2.csv --data - --output pred <day-3.csv
    cut -d, -f2- plain.pred >wanted
    check "the same scores, the last from standard input" cmp pred wanted
    expect 0 "" pack --config config.json --data 'day-*.csv' --output folder
    expect 0 "" $train --train folder --valid 'day-*.csv'
    check "the same model of packed rows" cmp m.out plain.out
    sources=$(python3 -c 'import json
sources = json.load(open("folder/manifest.json"))["parts"][0]["sources"]
print(*[s["path"] for s in sources if s["bytes"] > 0 and s["modified"] > 0])')
    check "its sources" [ "$sources" = "day-1.csv day-2.csv day-3.csv" ]
    expect 0 "" report --log run.log --model m.out --data 'day-*.csv' --output page.html
    check "the page names them" grep -q "rows of day-1.csv and 2 more" page.html
    cat >s.json <<'JSON'
{"config": "config.json", "train": ["day-1.csv", "day-[23].csv"], "valid": "day-*.csv",
 "grid": {"trainer.n_epoch": [1]}}
JSON
    expect 0 "" sweep --config s.json --output sweep
    printf '2,1,x\n' | cat day-3.csv - >day-4.csv
    expect 1 'day-4.csv: row 24: column "click": "x" is not a number' $train --train 'day-*.csv'
    cut -d, -f1,2 day-3.csv >day-4.csv
    expect 1 'day-4.csv: column "click": the file has no such column, and day-1.csv, whose rows' \
        $train --train 'day-*.csv'
    rm day-4.csv
    expect 1 "mmoe train: --train: no file is like dat-*.csv" $train --train 'dat-*.csv'
    expect 1 "mmoe train: folder: it is a folder of packed rows, which are read alone" \
        $train --train day-1.csv --train folder
    expect 2 "mmoe train: --train: day-1.csv is given twice" $train --train 'day-*.csv' --train \
        day-1.csv
    ln -s day-2.csv day-last.csv
    expect 2 "mmoe train: --train: day-2.csv and day-last.csv are the same file" $train --train \
        'day-*.csv'
    rm day-last.csv
    expect 2 "mmoe train: --train: standard input is given twice" $train --train - --train -
    expect 2 "mmoe train: --train and --valid cannot both be standard input" $train \
        --train rows.csv --train - --valid day-1.csv --valid -
    expect 2 "mmoe predict: --data and --output are the same file, day-2.csv" predict \
        --model m.out --data 'day-*.csv' --output day-2.csv
    expect 0 "" evaluate --model m.out --data day-1.csv --data - --by user <day-2.csv
    sed 's/day-\[23\]/dat-*/' s.json >t.json
    expect 1 "mmoe sweep: t.json: train: no file is like dat-*.csv" sweep --config t.json
}
mv day-1.csv 'day-[1].csv'
expect 0 "" predict --model m.out --data 'day-[1].csv' --output pred
check "a file whose name is a pattern" [ "$(wc -l <pred)" = 21 ]
finish
