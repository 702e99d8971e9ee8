#!/bin/sh
# Numbers with gaps: what stands for them is learned, kept in the model and said.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN {
    print "x,z,y"
    for (i = 0; i < 300; i++) print (i % 9 ? i * 7 % 50 : "NA") "," i % 4 "," (i * 7 % 50 > 25)
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {"dense": [{"name": "x", "transform": "standardize", "missing": "mean"},
                         {"name": "z"}]},
  "tasks": [{"name": "y", "label": "y"}],
  "trainer": {"n_epoch": 3, "batch_size": 50}
}
JSON
expect 0 "" train --config config.json --train train.csv --valid train.csv --output m
mean=$(awk -F, 'NR > 1 && $1 != "NA" { s += $1; n++ } END { printf "%.17g", s / n }' train.csv)
printf 'x,z\nNA,1\n,1\n%s,1\n3,1\n' "$mean" >some.csv
said="of 4 values 0.0 % are unknown and 50.0 % missing (of the training rows' 11.3 %), the first"
expect 0 "column \"x\": $said in row 2" \
    predict --model m --data some.csv --output scores.csv
check "the mean and a gap have one score" [ "$(sed -n '2,4p' scores.csv | sort -u | wc -l)" -eq 1 ]
check "another number another one" [ "$(sed -n '2,5p' scores.csv | sort -u | wc -l)" -eq 2 ]
expect 0 "" evaluate --model m --data train.csv --json
check "missing values are counted" grep -q '"name": "x", "missing": 34' out
expect 1 'column "z": "NA" is not a number' train --config config.json --output n --train \
    /dev/stdin <<CSV
x,z,y
1,NA,0
CSV
sed 's/"mean"/"error"/' config.json >strict.json
expect 1 'train.csv: row 2: column "x": "NA" is not a number' \
    train --config strict.json --train train.csv --output n
sed 's/"mean"/-1/; s/"standardize"/"none"/' config.json >value.json
expect 0 "" train --config value.json --train train.csv --output v
sed 's/NA/-1/' train.csv >full.csv
expect 0 "" train --config value.json --train full.csv --output w
expect 0 "" predict --model v --data full.csv --output v.csv
expect 0 "" predict --model w --data full.csv --output w.csv
check "a value stands as if the file had it" cmp v.csv w.csv
for wrong in '"median"' '[1]' null true '"1"'; do
    sed "s/\"mean\"/$wrong/" config.json >wrong.json
    expect 1 "features.dense[0].missing" train --config wrong.json --train train.csv --output n
done
expect_nothing_left n

# ---- Numbers and words that a column has where it has none ----

# Ranges and a sentinel where the file of before has gaps: the same model, but for what is counted.
awk -F, 'NR > 1 && $1 == "NA" { $1 = n++ % 3 ? "-999.0" : "10 - " n } { print $1 "," $2 "," $3 }' \
    train.csv >texts.csv
expect 1 'texts.csv: row 2: column "x": "10 - 1" is not a number' \
    train --config config.json --train texts.csv --output n
sed 's/"missing": "mean"/&, "gaps": [-999, "*"]/' config.json >gaps.json
expect 2 'features.dense[0].gaps: a missing value is an error; say in "missing" what it becomes' \
    train --config gaps.json --set features.dense.0.missing=error --train texts.csv --output n
said='column "x": 12 of 300 values (4 %) are no numbers, the first, "10 - 1", in row 2: they count'
expect 0 "$said as missing (\"gaps\")" train --config gaps.json --train texts.csv --output g
check "once" [ "$(grep -c 'no numbers' err)" -eq 1 ]
expect 0 "" train --config config.json --train train.csv --output plain
expect 0 "" predict --model plain --data train.csv --output plain.csv
expect 0 "$said" predict --model g --data texts.csv --output g.csv
check "gaps are as empty cells" cmp plain.csv g.csv
expect 0 "$said" evaluate --model g --data texts.csv --json
check "and are counted so" grep -q '"name": "x", "missing": 34' out
expect 0 "$said" pack --config gaps.json --data texts.csv --output texts.d
expect 0 "" train --config gaps.json --train texts.d --output packed
expect 0 "" predict --model packed --data train.csv --output packed.csv
check "packed rows give the same model" cmp plain.csv packed.csv
expect 0 "$said" pack --like texts.d --data texts.csv --output like.d
check "so do files that are packed like it" cmp texts.d/part-0/000-x.npy like.d/part-0/000-x.npy
expect 1 'column "x": the rows were packed with another "gaps": pack them anew' \
    train --config config.json --train texts.d --output n
expect 1 "those of config.json" train --config config.json --train texts.csv --from g --output n
expect 0 "$said" train --config gaps.json --train texts.csv --from g --output onward
expect_nothing_left n
finish
