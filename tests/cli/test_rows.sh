#!/bin/sh
# Row numbers: of errors and warnings alike they count records, the header being row 1. Neither
# blank lines, nor newlines within quotes, nor a line "sep=" count.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >config.json <<'JSON'
{"features": {"sparse": [{"name": "user"}], "dense": [{"name": "price"}], "weight": "w"},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}],
 "model": {"name": "aitm"}, "trainer": {"n_epoch": 1, "batch_size": 64}}
JSON
awk 'BEGIN {print "user,price,click,buy,w"; for (i = 0; i < 200; i++)
    print i % 9 "," i % 7 / 8 "," i % 2 "," (i % 4 == 1) ",1"}' >plain.csv
expect 0 "" train --config config.json --train plain.csv --output m.out
check "nothing is wrong" [ "$(grep -c warning: err)" = 0 ]

# Before record 6: three blank lines, three newlines within quotes; it stands on line 12.
drift() { # RECORD-6
    printf '\n"us\ner"\n' >header
    {
        printf '\nuser,price,click,buy,w,"a\nnote"\n\n1,2,1,0,1,"two\n\nlines"\n'
        printf '2,3,0,0,1,\n  \n3,4,1,1,1,"\n"\n4,5,0,0,1,x\n%s\n' "$1"
        awk 'BEGIN {for (i = 0; i < 200; i++)
            print i % 9 "," i % 7 / 8 "," i % 2 "," (i % 4 == 1) ",1,"; print ""}'
    } >drift.csv
    { echo 'sep=;' && tr , ';' <drift.csv; } >sep.csv
    sed 's/$/\r/' drift.csv >crlf.csv
}
fails() { # SAID RECORD-6 COMMAND...: at row 6 of each of the files
    said=$1
    drift "$2"
    shift 2
    for file in drift sep crlf; do expect 1 "$file.csv: row 6: $said" "$@" $file.csv; done
}
train="train --config config.json --output n.out --train"
# shellcheck disable=SC2086 # words
{
    fails 'column "price": "bad" is not a number' 1,bad,0,0,1, $train
    fails 'column "price": "bad" is not a number' 1,bad,0,0,1, evaluate --model m.out --data
    fails 'column "price": "bad" is not a number' 1,bad,0,0,1, predict --model m.out --output - \
        --data
    fails 'column "click": "7" is neither 0 nor 1' 1,2,7,0,1, $train
    fails 'column "w": "-1" is a weight less than 0' 1,2,0,0,-1, $train
    fails '5 fields, but the header has 6' 1,2,0,0,1 $train
    fails '7 fields, but the header has 6' 1,2,0,0,1,, $train
    fails 'malformed quotes in field 2' '1,2"3,0,0,1,' $train
    fails 'malformed quotes in field 2' '1,"2"3,0,0,1,' evaluate --model m.out --data
}
drift '1,2,0,0,1,"'
expect 1 "drift.csv: row 6: the file ends within quotes, in field 6" evaluate --model m.out \
    --data drift.csv
drift '1,2,0,0,1,@'
tr @ '\0' <drift.csv >zero.csv
expect 1 "zero.csv: row 6: a zero byte" evaluate --model m.out --data zero.csv

warns() { # SAID COMMAND...: the row stands in each of the files' warnings
    said=$1
    shift
    for file in drift sep crlf; do
        expect 0 "" "$@" $file.csv
        check "once: $said" [ "$(grep -c "$said" err)" = 1 ]
    done
}
blank='4 blank lines are no rows, the first before row 1'
drift ?,2,0,0,1,
# shellcheck disable=SC2086 # words
{
    warns 'column "user": 1 of 205 values is no integer, the first in row 6:' $train
    warns "$blank" $train
    drift 1,2,0,1,1,
    warns '1 of 205 training rows have a label of 1 where .*(the first is row 6)' $train
    warns '1 of 205 rows have a label of 1 where .*(the first is row 6)' evaluate --model m.out \
        --data
    drift 1,2,0,,1,
    warns '1 of 205 training rows have no label where .*(the first is row 6)' $train
    warns "$blank" predict --model m.out --output p.csv --data
}
for id in 77 ''; do
    drift $id,2,0,0,1,
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "$id,2,0,0,1," >>drift.csv; done
    expect 0 'missing, the first in row 6' predict --model m.out --output p.csv --data drift.csv
done
drift 1,maybe,0,0,1,
for file in drift sep crlf; do
    expect 0 '(1 is "maybe", the first in row 6)' init $file.csv --label click
done
finish
