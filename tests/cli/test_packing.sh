#!/bin/sh
# Rows from packed files: what the same text gives, to the bit; or an error, and nothing half read.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

few_clicks
train_on() { # FILE
    expect 0 "" train --config config.json --train "$1" --valid "$1" --output m.out
}
refuses() { # TEXT FILE
    expect 1 "mmoe train: $2: $1" train --config config.json --train "$2" --output n.out
    expect_nothing_left n.out
}

train_on rows.csv
mv m.out plain.out
run predict --model plain.out --data rows.csv --keep user --output plain.pred
run init rows.csv --label click
mv out plain.json
for packer in gzip bzip2 zstd; do
    $packer -c <rows.csv >rows.$packer
    train_on rows.$packer
    check "the same model from $packer" cmp m.out plain.out
    expect 0 "" predict --model m.out --data rows.$packer --keep user --output pred
    check "the same scores" cmp pred plain.pred
    run init rows.$packer --label click
    check "the same configuration" cmp out plain.json
    head -c 150 rows.$packer >cut
    refuses "the file is cut off: what $packer has packed does not end" cut
    { cat rows.$packer && echo 1,0,1; } >more
    refuses "something else follows what $packer has packed" more
    gzip -c <rows.$packer >twice
    refuses "packed twice, by gzip and by $packer before" twice
done
{ head -n 9 rows.csv | gzip -c && sed 1,9d rows.csv | gzip -c; } >members.gz
train_on members.gz
check "the same model from two members" cmp m.out plain.out
head -n 31 rows.csv | gzip -c >half.csv.gz
{ head -n 1 rows.csv && sed 1,31d rows.csv; } | zstd -c >rest.csv.zst
expect 0 "" train --config config.json --train half.csv.gz --train rest.csv.zst --valid rows.csv \
    --output m.out
check "the same model from two packed files" cmp m.out plain.out
{ sed '9s/.*/1,x,0/' rows.csv | zstd -c; } >bad.csv.zst
refuses 'row 9: column "price": "x" is not a number' bad.csv.zst
gzip -c </dev/null >empty.gz
refuses "the file is empty: it has no header" empty.gz

# ---- Standard input ----

expect_input() { # STATUS TEXT FILE ARGUMENT...
    wanted=$1 text=$2 input=$3
    shift 3
    run "$@" <"$input"
    [ "$status" -eq "$wanted" ] && { [ -z "$text" ] || grep -qF -e "$text" err; }
    report $? "exit $wanted \"$text\": mmoe $* <$input (was $status)"
}
run predict --model plain.out --data rows.csv --output plain.pred
for input in rows.csv rows.gzip; do
    expect_input 0 "" $input train --config config.json --train - --valid rows.csv --output m.out
    check "the same model from $input by standard input" cmp m.out plain.out
    expect_input 0 "" $input predict --model m.out --data - --output pred
    check "the same scores" cmp pred plain.pred
done
run evaluate --model m.out --data rows.csv
mv out plain.metrics
expect_input 0 "" rows.csv evaluate --model m.out --data -
check "the same metrics" cmp out plain.metrics
expect_input 0 "" rows.zstd pack --config config.json --data - --output folder
expect 0 "" train --config config.json --train folder --valid rows.csv --output m.out
check "the same model from rows that were packed from standard input" cmp m.out plain.out
cat rows.csv | "$mmoe" train --config config.json --train rows.csv --valid - --output m.out 2>err
check "validation rows from a pipe" cmp m.out plain.out

# ---- A stream that ends too early ----

last=$(($(wc -c <rows.csv) - 1))
said="row 61 is the last and has no line end: what writes it may have ended too early"
for threads in 1 2; do
    head -c $last rows.csv | "$mmoe" train --config config.json --train - --output m.out \
        --threads $threads 2>err
    check "a pipe whose last row has no end is warned of" grep -qF \
        "warning: standard input: $said" err
done
head -c $last rows.csv | "$mmoe" predict --model m.out --data - --output pred 2>err
check "and when rows are scored" grep -qF "warning: standard input: $said" err
head -c $last rows.csv | "$mmoe" pack --config config.json --data rows.csv --data - \
    --output more.d >out 2>err
check "and when they are packed" grep -qF "${said%% is*} of standard input is the last and" err
head -c $last rows.csv >unended.csv
expect 0 "" predict --model m.out --data unended.csv --output pred
check "a file may lack it" [ "$(grep -c 'no line end' err)" = 0 ]
cat rows.csv | "$mmoe" predict --model m.out --data - --output pred 2>err
check "a pipe that has it is none" [ "$(grep -c 'no line end' err)" = 0 ]
gzip -c <unended.csv | "$mmoe" predict --model m.out --data - --output pred 2>err
check "nor is an archive, which has an end of its own" [ "$(grep -c 'no line end' err)" = 0 ]
head -c $((last - 4)) rows.csv | "$mmoe" train --config config.json --train - --output n.out 2>err
check "within a row it is an error" grep -qF \
    "standard input: row 61: 2 fields, but the header has 3" err
expect_nothing_left n.out

sed '9s/.*/new,x,0/' rows.csv >bad.csv
expect_input 1 'mmoe train: standard input: row 9: column "price": "x" is not a number' bad.csv \
    train --config config.json --train - --output n.out
expect_input 1 'mmoe predict: standard input: row 9: column "price": ' bad.csv predict \
    --model m.out --data - --output n.out
sed '2,9s/^[^,]*/new/' rows.csv >new.csv
expect_input 0 'warning: standard input: column "user": ' new.csv predict --model m.out --data - \
    --output pred
expect_input 1 "standard input: the file is cut off" cut train --config config.json --train - \
    --output n.out
expect_input 0 '' rows.csv evaluate --model m.out --data - --by user
expect_input 1 "standard input: the file is empty" /dev/null train --config config.json --train - \
    --output n.out
run evaluate --model m.out --data - <&-
check "a closed standard input is none" \
    grep -qF "standard input: cannot read: Bad file descriptor" err
expect_nothing_left n.out

finish
