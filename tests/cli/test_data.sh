#!/bin/sh
# Values that are not what they seem, rows that are none, files that are no CSV: read alike by all
# commands, and said.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >config.json <<'JSON'
{"features": {"sparse": [{"name": "user"}], "dense": [{"name": "price"}]},
 "tasks": [{"name": "ctr", "label": "click"}], "model": {"n_expert": 2},
 "trainer": {"n_epoch": 3, "batch_size": 64}}
JSON
says() { # DESCRIPTION TEXT [FILE]
    check "$1" grep -qF -e "$2" "${3:-err}"
}
silent_on() { # DESCRIPTION TEXT
    check "$1" [ "$(grep -cF -e "$2" err)" = 0 ]
}
rows() { # WORD-AT-ROW-7
    awk -v word="$1" 'BEGIN { print "user,price,click"
        for (i = 0; i < 300; i++) print (i == 5 ? word : i * 7 % 10) "," i % 8 / 8 "," i % 3 % 2 }'
}
train_on() { # FILE [FLAG...]
    file=$1
    shift
    expect 0 "" train --config config.json --train "$file" --output m.out "$@"
}

# ---- Missing values ----

rows "" >empty.csv
train_on empty.csv
mv m.out empty.out
for word in NA N/A nan NaN null NULL None '\\N' '" null "'; do
    rows "$word" >word.csv
    train_on word.csv
    silent_on "nothing is wrong with $word" warning
    run export --model m.out --format safetensors --output a
    run export --model empty.out --format safetensors --output b
    check "$word is as good as an empty field" cmp a b
done
printf 'user,price\n1,0.5\n8,0.5\n' >ints.csv
printf 'user,price\n1.0,0.5\n" 8.0",0.5\n' >floats.csv
run predict --model m.out --data ints.csv --output -
mv out ints
run predict --model m.out --data floats.csv --output -
check "the same scores for 8, 8.0 and \" 8.0\"" cmp ints out

# A word that is none: the ids are texts, and that is said once; still 8 is 8.0.
for word in '?' unknown 08 -; do
    rows "$word" >word.csv
    train_on word.csv --json
    says "of $word" "column \"user\": 1 of 300 values is no integer, the first in row 7: its ids \
are texts"
    says "$word in JSON" 'is no integer, the first in row 7' out
    check "once" [ "$(grep -c 'no integer' err)" = 1 ]
    run predict --model m.out --data ints.csv --output -
    mv out ints
    run predict --model m.out --data floats.csv --output -
    check "the same scores of texts" cmp ints out
done
# By choice it is missing, and the model remembers.
rows '?' >word.csv
train_on word.csv --set 'data.missing=["?"]'
silent_on "? is missing by choice" warning
printf 'user,price,click\n?,0.5,1\nNA,0.5,0\n1,.5,?\n' >valid.csv
expect 0 "" evaluate --model m.out --data valid.csv --json
says "unknown and missing values are counted" \
    '"columns": [{"name": "user", "missing": 1, "unknown": 1, "values": 3}]' out
said="33.3 % missing (of the training rows' 0.3 %), the first in row"
says "and said" "column \"user\": of 3 values 33.3 % are unknown and $said"
# NA as a category
awk 'BEGIN { print "user,price,click"; for (i = 0; i < 90; i++)
    print (i % 3 ? "NA" : "EU") "," i % 8 "," (i % 3 ? 1 : 0) }' >regions.csv
train_on regions.csv --set 'data.missing=[]'
expect 0 "" evaluate --model m.out --data regions.csv
silent_on "NA is a value" missing
train_on regions.csv
expect 0 "" evaluate --model m.out --data regions.csv
says "NA is none, as in training" \
    'regions.csv: column "user": 0 % of the values are unknown and 67 % missing'
expect 2 'data.missing[0]' train --config config.json --train regions.csv --output m.out \
    --set 'data.missing=[7]'
expect 2 'data.missing' train --config config.json --train regions.csv --output m.out \
    --set 'data.missing=NA'

# Shares
train_on empty.csv
sed '2,20s/^[^,]*/77/' empty.csv >unknown.csv
expect 0 "" train --config config.json --train empty.csv --valid unknown.csv --output m.out --json
says "train --valid" 'warning: unknown.csv: column "user": of 300 values 6.3 % are unknown'
says "and in JSON" '"unknown": 19' out
says "as a warning too" 'unknown.csv: column \"user\": of 300 values 6.3 %' out
sed '2,5s/^[^,]*/77/' empty.csv >few.csv
for command in evaluate "predict --output p.csv"; do
    # shellcheck disable=SC2086 # a command and its flag
    expect 0 "few.csv: column \"user\": 1.3 % of the values are unknown and 0.33 % missing" \
        $command --model m.out --data few.csv
    silent_on "$command: no warning below a twentieth" 'warning:.*column'
    # shellcheck disable=SC2086
    expect 0 "warning: unknown.csv: column \"user\": of 300 values 6.3 % are unknown" \
        $command --model m.out --data unknown.csv
done

# ---- Rows ----

sed 's/, "dense": \[[^]]*\]//' config.json >one.json
expect 0 "" train --config one.json --train empty.csv --output one.out
printf 'user\n1\n\n2\n""\n  \n1\n' >lines.csv
expect 0 "" predict --model one.out --data lines.csv --output -
check "a blank line is a row" [ "$(wc -l <out)" = 7 ]
printf 'user\r\n1\r\n\r\n2\r\n' >lines.csv
expect 0 "" predict --model one.out --data lines.csv --output -
check "a blank line ended by CR LF, too" [ "$(wc -l <out)" = 4 ]
awk '{ print } NR % 100 == 0 { print "\n  " }' empty.csv >blank.csv
train_on blank.csv
says "skipped lines" "warning: blank.csv: 6 blank lines are no rows, the first behind row 100"
expect 0 "6 blank lines are no rows" predict --model m.out --data blank.csv --output p.csv
printf 'user,price\n' >header.csv
for data in header.csv; do
    expect 0 "" predict --model m.out --data $data --output p.csv
    check "no rows, no scores, but their header" [ "$(cat p.csv)" = ctr ]
    expect 1 "" inspect --model m.out --data $data
done
printf 'user,price,click\n' >header.csv
expect 1 "a header but no rows" evaluate --model m.out --data header.csv
expect 1 "a header but no rows" train --config config.json --train header.csv --output n.out

# ---- Files ----

train_on empty.csv
mv m.out plain.out
sed '2,$s/$/,/' empty.csv >commas.csv
{ echo 'sep=,' && cat empty.csv; } >excel.csv
{ echo 'SEP=;' && tr , ';' <empty.csv; } >semi.csv
{ printf '\357\273\277sep=\t\n' && tr , '\t' <empty.csv; } >tab.csv
for file in commas excel semi tab; do
    train_on $file.csv
    check "the same model of $file.csv" cmp plain.out m.out
done
run train --config config.json --train commas.csv --output m.out
says "commas at the end" "300 rows end with a comma behind the last column"
tr , ';' <empty.csv >semicolon.csv
tr , '\t' <empty.csv >empty.tsv
sed 's/,/|/g; s/[^|]*/"&"/g' empty.csv >bar.csv
printf '\3757zXZ\0...' >packed.csv.xz
{ printf '\377\376' && sed 's/./&\n/g' empty.csv | awk '{ printf "%s", $0 }' | sed 's/./&\x0/g'; } \
    >utf16.csv
for case in "semicolon.csv:separated by ';'" "empty.tsv:separated by tabs" \
    "bar.csv:separated by '|'" "packed.csv.xz:compressed by xz" "utf16.csv:like UTF-16"; do
    expect 1 "${case%%:*}: row 1: the file looks ${case#*:}" train --config config.json \
        --train "${case%%:*}" --output n.out
    expect 1 "${case%%:*}: row 1: the file looks ${case#*:}" predict --model m.out \
        --data "${case%%:*}" --output p.csv
    case $case in
    *separated*) expect 0 "${case%%:*}: " init "${case%%:*}" --label click ;;
    *) expect 1 "${case%%:*}: row 1: the file looks ${case#*:}" init "${case%%:*}" --label click ;;
    esac
done
sed '3s/^[^,]*/5" tv/' empty.csv >inch.csv
expect 1 '"data": {"quotes": "lenient"} takes them as text' train --config config.json \
    --train inch.csv --output n.out
train_on inch.csv --set data.quotes=lenient
expect 0 "" predict --model m.out --data inch.csv --output p.csv
expect 0 "they are taken as text" init inch.csv --label click
says "init writes it" '"quotes": "lenient"' out

# ---- Text that is no UTF-8 ----

latin=$(printf 'caf\351')
sed "1s/user/$latin/" empty.csv >latin.csv
sed 's/"name": "user"/"name": "*"/' config.json >star.json
for bytes in '\351' '\300\257' '\355\240\200' '\364\220\200\200'; do
    { printf "${bytes},price,click\n" && tail -n +2 empty.csv; } >header.csv
    expect 1 "header.csv: row 1: the name of column 1 is not UTF-8" train --config star.json \
        --train header.csv --output n.out
    expect_nothing_left n.out
    expect 1 "row 1: the name of column 1 is not UTF-8" init header.csv --label click
    check "no epoch is trained" [ "$(grep -c epoch err)" = 0 ]
done
expect 2 "tasks.0.label: the value is not UTF-8" train --config config.json --train empty.csv \
    --output n.out --set "tasks.0.label=$latin"
expect 2 "the key to set is not UTF-8" train --config config.json --train empty.csv \
    --output n.out --set "$latin=1"
# Paths and values may be any bytes.
mkdir "$latin"
cp empty.csv "$latin/a.csv"
expect 0 "" train --config config.json --train "$latin/a.csv" --valid "$latin/a.csv" \
    --output "$latin/m" --log "$latin/log" --json
says "a path in JSON" '"model": "caf?/m"' out
check "and in the log" [ "$(grep -cF '"train":"caf?/a.csv"' "$latin/log")" = 1 ]
cp "$latin/log" log
check "the log is JSON" python3 -c 'import json
for line in open("log", encoding="utf-8"): json.loads(line)'
expect 0 "" predict --model "$latin/m" --data "$latin/a.csv" --output "$latin/p"
sed "2,\$s/^[^,]*/$latin&/" empty.csv >values.csv
train_on values.csv
expect 0 "" evaluate --model m.out --data values.csv
silent_on "values of any bytes" 'warning:.*column'
sed "2,\$s/,0\$/,$latin/" empty.csv >labels.csv
expect 1 'row 2: column "click": ' train --config config.json --train labels.csv --output n.out \
    --set 'tasks.0.positive="1"'
says "a label must be UTF-8" "is not UTF-8, as a label must be"
expect 1 "has a value that is not UTF-8" init labels.csv --label click
check "no lack of memory is ever without bytes" [ "$(grep -c 'out of memory' err)" = 0 ]

# ---- init ----

for word in '' NA nan NaN null None '\\N'; do
    awk -v word="$word" 'BEGIN { print "user,price,click"; for (i = 0; i < 2000; i++)
        print i % 10 "," (i == 40 ? word : i * 7919 % 1000 / 8) "," i % 2 }' >gap.csv
    expect 0 'column "price" lacks 1 of 2000 values: the mean stands for them' \
        init gap.csv --label click
    cp out gap.json
    expect 0 "" train --config gap.json --train gap.csv --output gap.out --set trainer.n_epoch=1
done
expect 0 "6 blank lines are no rows" init blank.csv --label click
# ---- Files that are open ----

# A stream has a file a column.
awk 'BEGIN {
    for (r = 0; r < 9; r++) for (i = 0; i < 90; i++)
        printf "%s%s", r ? (r * i) % 7 : "x" i, i < 89 ? "," : r ? "," r % 2 "\n" : ",y\n"
}' >wide.csv
cat >wide.json <<'JSON'
{"features": {"dense": [{"name": "x*"}]}, "tasks": [{"name": "y", "label": "y"}],
 "model": {"name": "single_task"}, "trainer": {"n_epoch": 1, "memory": 900}}
JSON
few_files() { (ulimit -n 64 && exec "$@"); }
wrapper=few_files
expect 1 "and streaming needs 91, one a column: ulimit -n must be larger" train \
    --config wide.json --train wide.csv --output w.out
expect 0 "" pack --config wide.json --data wide.csv --output wide.d
expect 0 "" train --config wide.json --train wide.d --output w.out
wrapper=""
finish
