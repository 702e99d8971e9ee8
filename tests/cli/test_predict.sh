#!/bin/sh
# shellcheck disable=SC2046
# A file to score: every row keeps its place, columns of the input stand beside the scores.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN {
    print "key,user,tags,fee,buy"
    for (i = 0; i < 300; i++) print "k" i "," i % 7 "," i % 3 "|" i % 5 "," i % 9 / 4 "," i % 2
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {"sparse": [{"name": "user", "vocab_size": 7}],
               "sequence": [{"name": "tags", "vocab_size": 5}], "dense": [{"name": "fee"}]},
  "tasks": [{"name": "buys", "label": "buy"}, {"name": "again", "label": "buy"}],
  "trainer": {"n_epoch": 1}
}
JSON
expect 0 "" train --config config.json --train train.csv --output m
predict() { # FLAG...
    echo predict --model m --output p.csv --data "$@"
}
head -n 7 train.csv >whole.csv
expect 0 "" $(predict whole.csv)
check "without a warning" [ "$(grep -c warning err)" = 0 ]
cp p.csv whole.scores

# ---- Empty cells ----

# An id of a table without a row for it, numbers, an element; rows 5 and 6 are whole.
sed '2s/,0,/,,/; 3s/,0.25,/,NA,/; 4s/,2|2,/,1||2,/; 7s/1.25/ /' whole.csv >gaps.csv
expect 0 'gaps.csv: 4 of 6 rows lack a value that a feature must have, the first is row 2 (column' \
    $(predict gaps.csv)
check "which is said once" [ "$(grep -c warning err)" = 1 ]
check "the other rows' scores are those of the whole file" \
    [ "$(sed -n 5,6p p.csv)" = "$(sed -n 5,6p whole.scores)" ]
check "the others' are nan" [ "$(grep -c '^nan,nan$' p.csv)" = 4 ]
sed '5s/0.75/half/' gaps.csv >wrong.csv
expect 1 'wrong.csv: row 5: column "fee": "half" is not a number' $(predict wrong.csv)
expect 1 'gaps.csv: row 2: column "user"' inspect --model m --data gaps.csv
expect 1 'gaps.csv: row 2: column "user"' evaluate --model m --data gaps.csv

# ---- Columns of the input ----

sed '3s/^k1/" a, ""b"" "/' whole.csv >keys.csv
expect 0 "" $(predict keys.csv --keep key --keep buy)
cut -d, -f 1-3 p.csv | sed 's/0\.[0-9]*$/F/' | head -n 3 >got
check "before the scores, as they were" cmp - got <<'CSV'
key,buy,buys
k0,0,F
" a, ""b"" ",1
CSV
check "the scores are the same" cmp whole.scores - <<CSV
$(sed 's/^".*",/k1,/; s/^[^,]*,[^,]*,//' p.csv)
CSV
expect 1 '--keep: whole.csv has no column "kex"' $(predict whole.csv --keep kex)
expect 1 '"key" is given twice' $(predict whole.csv --keep key --keep key)
sed 's/key/again/' whole.csv >task.csv
expect 1 '"again" is the name of a task, too' $(predict task.csv --keep again)
# As the model's configuration says that files are read.
tail -n +2 train.csv | tr , ';' >plain.csv
sed 's/"user"/"c2"/; s/"tags"/"c3"/; s/"fee"/"c4"/; s/"buy"/"c5"/g
    1s/{/&"data": {"header": "none", "separator": "semicolon"},/' config.json >plain.json
expect 0 "" train --config plain.json --train plain.csv --output n
sed '2s/,[^,]*,0$/,,0/' whole.csv | tail -n +2 | tr , ';' >plain.csv
expect 0 'the first is row 1 (column "c4")' predict --model n --output p.csv --keep c1 \
    --data plain.csv
check "a file without a header, of semicolons" \
    [ "$(head -n 3 p.csv | cut -d, -f 1 | tr '\n' ,)" = "c1,k0,k1," ]
rm p.csv
cat whole.csv | "$mmoe" $(predict /dev/stdin --keep key) 2>err
check "what cannot be read twice is an error" [ $? = 2 ]
check "that says so: $(cat err)" grep -q -- '--data a second time, and /dev/stdin is read once' err
mkfifo pipe
expect 2 "pipe is read once" $(predict pipe --keep key)
expect_nothing_left p.csv
finish
