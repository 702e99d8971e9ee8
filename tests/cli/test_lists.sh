#!/bin/sh
# shellcheck disable=SC2016,SC2086,SC2317
# Lists of ids in one cell: features.sequence, from files.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# The label is whether 3 is in the list of items.
awk 'BEGIN {
    print "item,hist,tags,words,y"
    for (i = 0; i < 400; i++) {
        hist = tags = words = ""
        y = 0
        for (k = 0; k < i % 5; k++) {
            id = (i * 3 + k * k + int(i / 11)) % 11
            if (id == 3) y = 1
            hist = hist (k ? "|" : "") id
        }
        for (k = 0; k < i % 4; k++) {
            tags = tags (k ? "|" : "") (i + k * 2) % 9 ":" (k + 1) / 2
            words = words (k ? ";" : "") substr("abcdefg", (i + k * 2) % 7 + 1, 1)
        }
        print i * 7 % 11 "," hist "," tags "," words "," y
    }
}' >train.csv
cat >config.json <<'JSON'
{
  "features": {
    "sparse": [{"name": "item", "vocab_size": 11, "embed_dim": 4}],
    "sequence": [
      {"name": "hist", "shared_with": "item", "pooling": "sum"},
      {"name": "tags", "embed_dim": 3, "weight_separator": ":"},
      {"name": "words", "embed_dim": 2, "separator": ";"}
    ]
  },
  "tasks": [{"name": "y", "label": "y"}],
  "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [8]}},
  "trainer": {"n_epoch": 30, "batch_size": 50, "optimizer_params": {"lr": 0.02},
              "earlystop_patience": 0}
}
JSON
auc() { sed -n 's/.*"auc": *\([0-9.]*\).*/\1/p' out | tail -n 1; }
flat_has() { tr -s ' \n' ' ' <out | grep -qF "$1"; } # TEXT: of JSON on one line
few="--set trainer.n_epoch=2"

# ---- Learned, kept, served ----

expect 0 "" train --config config.json --train train.csv --valid train.csv --output m --json
learned=$(auc)
check "what a list holds is learned (AUC $learned)" awk "BEGIN {exit !($learned > 0.98)}"
told="column \"hist\": alone it tells the label of task \"y\" with an AUC of 1.00000 in 201 "
told="${told}training rows compared: is it known before the label is?"
check "no warning but that it does" [ "$(sed -n 's/.*warning: //p' err)" = "$told" ]
expect 0 "" evaluate --model m --data train.csv --json
check "the model file has all of it: AUC $learned" [ "$(auc)" = "$learned" ]
expect 0 "" predict --model m --data train.csv --output whole.csv
awk -F, '{print $4 "," $3 "," $1 "," $2}' train.csv >turned.csv
expect 0 "" predict --model m --data turned.csv --output turned.out
check "columns are found by name" cmp whole.csv turned.out

# Every pooling, in batches of several chunks, by any number of threads.
cat >every.json <<'JSON'
{"features": {"sequence": [{"name": "a", "column": "hist", "vocab_size": 11},
                           {"name": "b", "column": "hist", "shared_with": "a", "pooling": "sum"},
                           {"name": "c", "column": "hist", "shared_with": "a", "pooling": "max"},
                           {"name": "d", "column": "hist", "shared_with": "a", "max_len": 4,
                            "pooling": "concat"},
                           {"name": "tags", "weight_separator": ":", "padding_idx": 0}]},
 "tasks": [{"name": "y", "label": "y"}], "model": {"name": "mmoe", "n_expert": 2},
 "trainer": {"n_epoch": 2, "batch_size": 1200, "earlystop_patience": 0}}
JSON
{ head -n 1 train.csv && for _ in 1 2 3 4 5; do tail -n +2 train.csv; done; } >long.csv
for threads in 1 2 3 7; do
    run train --config every.json --train long.csv --output t$threads --threads $threads
    check "$threads threads" cmp t$threads t1
done
expect 0 "" inspect --model m
check "a list's table, pooling, separators" \
    grep -q '^  tags  *10  vocabulary  mean, "|" and ":"  3 inputs$' out

# A row alone scores as among others; what is sent in place of nothing.
scores_of() { # CELLS-OF-A-ROW...: each a row of item,hist,tags,words; scores stand in p.csv
    { echo item,hist,tags,words && printf '%s\n' "$@"; } >rows.csv
    expect 0 "" predict --model m --data rows.csv --output p.csv
}
lines_are() { # GROUPS: which rows have one score, as "a a b"
    tail -n +2 p.csv | awk -v groups="$1" 'BEGIN {n = split(groups, g, " ")}
        {if (g[NR] in of) {if (of[g[NR]] != $0) exit 1}
         else {if ($0 in seen) exit 1; of[g[NR]] = $0; seen[$0] = 1}}
        END {exit NR != n}'
}
scores_of '3,,1,a' '3,NA,1,a' '3,NULL,1,a' '3,"",1,a' '3,0,1,a'
check "empty cells and missing words are empty lists" lines_are "a a a a b"
scores_of '3,1|3,1:1,a' '3,"1|3",1,a' '3,01|3.0,1:1e0,a' '3, 1| 3,1:1.0,a' '3,3|1,1,a' '3,3|1|1,1,a'
check "spellings of a number, duplicates count, a weight is 1" lines_are "a a a a a b"
scores_of '3,1,1:2,a' '3,1,1:0.5,a' '3,1,1,a' '3,1,1:2|4:0,a' '3,1,1:2|4:1,a' '3,1,,a' '3,1,4:0,a' \
    '3,1,1:0|4:0,a'
check "a mean divides by the weights; weights of 0 are an empty list" \
    lines_are "a a a a b c c c"
scores_of '3,1,77,a' '3,1,NA|77,a' '3,1,x,a' '3,1,1,zz' '3,1,1,a;zz' '3,1,1,a;' '3,1,1,a'
check "unknown elements take row 0, as missing ones do, and count" lines_are "a a a b c c d"
expect 0 "" predict --model m --data rows.csv --output p.csv
warning='column "tags": of 8 values 37.5 % are unknown and 12.5 % missing, the first in row 2'
check "unknown elements are counted" grep -q "rows.csv: $warning" err
run evaluate --model m --data train.csv --json
check "JSON counts elements" flat_has '"name": "tags", "missing": 0, "unknown": 0, "values": 600,'

# ---- Runs that go on; sweeps ----

expect 0 "" train --config config.json --train train.csv --output whole $few --checkpoint k
run train --config config.json --train train.csv --output half --set trainer.n_epoch=1 \
    --checkpoint half.ckpt
expect 0 "" train --config config.json --train train.csv --output resumed $few --resume half.ckpt
check "a run that is continued ends with the same bits" cmp whole resumed
sed 's/4:1,\(.*\)$/4:2,\1/' train.csv >other.csv
check "a list's weights belong to the rows" sh -c '! cmp -s train.csv other.csv'
expect 1 "" train --config config.json --train other.csv --output n $few --resume half.ckpt
sed 's/"n_epoch": 30/"n_epoch": 2/' config.json >short.json
cat >sweep.json <<'JSON'
{"config": "short.json", "train": "train.csv", "valid": "train.csv", "seeds": [1],
 "grid": {"features.sequence.0.pooling": ["mean", "sum", "max", "concat"],
          "features.sequence.0.max_len": [2, 4], "features.sequence.1.embed_dim": [2, "auto"]}}
JSON
expect 0 "run 16/16" sweep --config sweep.json --threads 1
as_of_train() { # POOLING MAX_LEN EMBED_DIM: this run of the sweep
    run train --config short.json --train train.csv --valid train.csv --output one --json \
        --set trainer.seed=1 --set features.sequence.0.pooling=$1 \
        --set features.sequence.0.max_len=$2 --set features.sequence.1.embed_dim=$3
    auc=$(auc | cut -c 1-12)
    tr -d '"' <sweep.sweep/results.csv >results
    check "a sweep's run by $1, $2, $3 is that of train: AUC $auc" \
        grep -q "^$1,$2,$3,1,ok,,$auc" results
}
as_of_train mean 4 2
as_of_train concat 2 auto

# ---- Cuts ----

cut="--set features.sequence.0.max_len=2"
# i % 5 of 3 and 4 elements: 80 rows each; the first is row 5 (i = 3).
warning='train.csv: column "hist": of 400 lists 160 have more than max_len, 2, elements, the first '
warning="${warning}in row 5: the last ones are read"
expect 0 "$warning" train --config config.json --train train.csv --output last --json $few $cut
check "once" [ "$(grep -c 'max_len' err)" = 1 ]
check "and in JSON" python3 -c 'import json, sys
assert json.load(open("out"))["warnings"] == sys.argv[1:]' "$warning" "$told"
expect 0 "$(echo "$warning" | sed 's/last/first/2; s/the last/the first/')" \
    train --config config.json --train train.csv --output first --json $few $cut \
    --set features.sequence.0.truncate=first
cut_by() { # AWK-STATEMENT on the list e[1..n]
    awk -F, -v OFS=, "NR > 1 {n = split(\$2, e, \"|\")
        if (n > 2) {$1}} 1" train.csv
}
cut_by '$2 = e[n - 1] "|" e[n]' >tail.csv
cut_by '$2 = e[1] "|" e[2]' >head.csv
for end in last:tail first:head; do
    model=${end%:*} file=${end#*:}.csv
    run train --config config.json --train $file --output c $few $cut \
        --set features.sequence.0.truncate=$model
    expect 0 "" export --model c --format safetensors --output c.safetensors
    expect 0 "" export --model $model --format safetensors --output $model.safetensors
    check "$model: as if the file had only these" cmp c.safetensors $model.safetensors
done
expect 0 'of 400 lists 160 have' evaluate --model last --data train.csv --json
expect 0 'of 400 lists 160 have' predict --model last --data train.csv --output p.csv
run predict --model last --data tail.csv --output q.csv
check "cut where a model is served, too" cmp p.csv q.csv

# ---- Cells as other programs print lists ----

# With and without quotes of CSV; elements with commas and apostrophes, empty lists, blanks.
python3 - <<'END'
import csv
words = ["a", "b,c", "d's", "7", "e f", 'g"h']
rows = [[words[(i * 3 + k * k) % 6] for k in range(i % 4)] for i in range(300)]
def write(name, cell, separator):
    with open(name, "w", newline="") as f:
        w = csv.writer(f, delimiter=separator)
        w.writerow(["hist", "y"])
        w.writerows([cell(r, i), int("b,c" in r)] for i, r in enumerate(rows))
write("plain.csv", lambda r, i: "|".join(r), ",")
quoted = lambda e: f"'{e}'" if "'" not in e else f'"{e}"'
def brackets(r, i):
    return " " * (i % 2) + "[({"[i % 3] + ", "[:1 + i % 2].join(map(quoted, r)) + "])}"[i % 3]
write("commas.csv", brackets, ",")
write("semicolons.csv", brackets, ";")
END
cat >plain.json <<'JSON'
{"data": {"separator": "comma"}, "features": {"sequence": [{"name": "hist", "max_len": 2}]},
 "tasks": [{"name": "y", "label": "y"}], "model": {"name": "mmoe", "n_expert": 2},
 "trainer": {"n_epoch": 2, "batch_size": 50, "earlystop_patience": 0}}
JSON
sed 's/"max_len"/"separator": ",", "brackets": true, &/' plain.json >commas.json
sed 's/"comma"/"semicolon"/' commas.json >semicolons.json
for form in plain commas semicolons; do
    expect 0 "" train --config $form.json --train $form.csv --output $form.m
    expect 0 "" predict --model $form.m --data $form.csv --output $form.scores
    check "$form: the same lists" cmp $form.scores plain.scores
done
expect 0 "" inspect --model commas.m
check "brackets are told" grep -q 'mean of the last 2, "," in brackets  ' out
run inspect --model commas.m --json
check "and in JSON" flat_has '"separator": ",", "truncate": "last", "brackets": true,'
sed 's/(/[/; s/)/]/' commas.csv >square.csv
expect 0 "" init square.csv --label y --output init.json
said="column \"hist\" taken as lists (features.sequence) with \",\" between elements and brackets"
check "init sees them" grep -qF "$said round them (\"brackets\"): 50 % of the cells" err
check "and writes them" grep -qF '"separator": ",", "brackets": true' init.json
sed '3s/.*/plain,1/; s/{/[/; s/}/]/' square.csv >mixed.csv
expect 0 "299 of 300 cells stand between brackets" init mixed.csv --label y
expect 2 "features.sequence[0].brackets: cannot be used with weight_separator" train \
    --config commas.json --set features.sequence.0.weight_separator=: --train commas.csv --output n
expect 2 'brackets: cannot be used with columns' train \
    --config plain.json --train commas.csv --output n --set \
    'features.sequence=[{"name": "h", "columns": ["hist"], "brackets": true}]'

# ---- What the lists of rows are, in figures ----

# hist: an element; none; padding alone; 4, the last 3 being read, of which 1 is padding; 2.
printf '%s\n' item,hist,tags,words,y '3,7,,zz,0' '3,,,a,1' '3,0|0,,a;;b,0' '3,1|2|0|4,,a,1' \
    '3,1|2,,,0' >few.csv
expect 0 "" train --config config.json --train train.csv --output m --log run.jsonl $few \
    --set features.sequence.0.padding_idx=0 --set features.sequence.0.max_len=3
lengths='"lengths": {"mean": 1.0, "median": 1, "longest": 2, "empty": 2, "cut": 1}'
for command in evaluate inspect; do
    run $command --model m --data few.csv --json
    check "$command: of a column's lists" flat_has "$lengths"
    check "$command: of another's elements" flat_has '"missing": 1, "unknown": 1, "values": 6,'
done
expect 0 "" inspect --model m --data few.csv
check "in a table" grep -Eqx '  hist +8 +1[.]00 +1 +2 +40[.]0 +20[.]0 +0[.]0 +0[.]0' out
check "and its model" sh -c '"$1" inspect --model m | grep -Eq "$2"' . "$mmoe" \
    '^  hist +11  row  sum of the last 3, "[|]", padding 0  4 inputs$'
expect 0 "" report --log run.jsonl --model m --data few.csv --output page.html
check "in a page" grep -qF '<th scope="row">hist</th><td>sum</td><td class="n">8</td>' page.html

# ---- Values to rows ----

one() { # KEYS: a configuration of one list
    cat <<JSON
{"features": {"sequence": [{"name": "tags", "embed_dim": 3, "weight_separator": ":", $1}]},
 "tasks": [{"name": "y", "label": "y"}], "model": {"name": "mmoe", "n_expert": 2},
 "trainer": {"n_epoch": 2, "batch_size": 50, "earlystop_patience": 0}}
JSON
}
rows_are() { # KEYS ROWS: of the table
    one "$1" >one.json
    expect 0 "" train --config one.json --train train.csv --output v
    run inspect --model v --json
    check "$1: $2 rows" python3 -c 'import json, sys
assert json.load(open("out"))["features"]["sequence"][0]["rows"] == int(sys.argv[1])' "$2"
}
rows_are '"vocab_size": 9' 9
rows_are '"min_count": 1' 10
rows_are '"max_vocab": 4' 5
rows_are '"hash_bucket_size": 20' 21
rows_are '"boundaries": [2, 5]' 4
rows_are '"quantiles": 3' 4
# 0 to 5 occur 67 times, 6 to 8 66 times: elements are counted, not cells.
counts=$(awk -F, 'NR > 1 {n = split($3, e, /[|]/); for (k = 1; k <= n; k++) {
    sub(/:.*/, "", e[k]); c[e[k]]++}} END {for (v in c) print c[v]}' train.csv | sort -n)
most=$(echo "$counts" | tail -n 1)
rows_are "\"min_count\": $most" $((1 + $(echo "$counts" | grep -cx "$most")))
one '"boundaries": [2, 5]' >one.json
sed 's/\([,|]\)\([0-9]\):/\1\2.5:/g' train.csv >real.csv
expect 0 "" train --config one.json --train real.csv --output v
one '"vocab_size": 9, "oov_id": 8' >one.json
sed '2,$s/|7:/|99:/' train.csv >far.csv
expect 0 "" train --config one.json --train far.csv --output v

# ---- Pooling ----

# A list of one is what a column of one value is, by every pooling: the same weights and scores.
awk -F, -v OFS=, 'NR == 1 {print "a,y"; next} {print $1, $5}' train.csv >single.csv
single() { # "sparse" or "sequence", KEYS: scores in s.csv, weights in s.safetensors
    cat >single.json <<JSON
{"features": {"$1": [{"name": "a", "vocab_size": 11, "embed_dim": 3 $2}]},
 "tasks": [{"name": "y", "label": "y"}], "model": {"name": "mmoe", "n_expert": 2},
 "trainer": {"n_epoch": 3, "batch_size": 50, "earlystop_patience": 0}}
JSON
    run train --config single.json --train single.csv --output s
    run predict --model s --data single.csv --output s.csv
    run export --model s --format safetensors --output s.safetensors
}
single sparse ""
mv s.csv sparse.csv
mv s.safetensors sparse.safetensors
for keys in mean sum max 'concat", "max_len": "1'; do
    single sequence ", \"pooling\": \"$keys\""
    sed -i 's/: "1"/: 1/' single.json
    case $keys in concat*)
        run train --config single.json --train single.csv --output s
        run predict --model s --data single.csv --output s.csv
        run export --model s --format safetensors --output s.safetensors ;;
    esac
    check "a list of one is a value: $keys" cmp s.csv sparse.csv
    check "and its weights are the same" cmp s.safetensors sparse.safetensors
done
concat="--set features.sequence.0.max_len=4 --set features.sequence.0.pooling=concat"
expect 0 "" train --config config.json --train train.csv --output concat $few $concat
expect 0 "" inspect --model concat
check "concat is max_len embeddings wide: 4 + 4 x 4 + 3 + 2" \
    grep -q 'experts.0.mlp.0.weight  *F32  8 x 25$' out
expect 0 "" predict --model concat --data train.csv --output p.csv # beside a list with weights

# ---- Padding ----

# 0 stands for nothing: rows that are padded, and the same lists without.
awk -F, -v OFS=, 'NR == 1 {print "a,y"; next} {gsub(/(^|[|])0/, "", $2); sub(/^[|]/, "", $2)
    print $2, $5}' train.csv >ragged.csv
awk -F, -v OFS=, 'NR > 1 {n = $1 == "" ? 0 : split($1, e, "|")
    for (; n < 5; n++) $1 = n % 2 || $1 == "" ? ($1 == "" ? "0" : $1 "|0") : "0|" $1} 1' \
    ragged.csv >padded.csv
padded() { # FILE POOLING: its weights in FILE.safetensors
    cat >padding.json <<JSON
{"features": {"sequence": [{"name": "a", "vocab_size": 11, "embed_dim": 3, "padding_idx": 0,
                            "max_len": 5, "pooling": "$2"}]},
 "tasks": [{"name": "y", "label": "y"}], "model": {"name": "mmoe", "n_expert": 2},
 "trainer": {"n_epoch": 3, "batch_size": 50, "earlystop_patience": 0,
             "optimizer_params": {"weight_decay": 0.01}}}
JSON
    run train --config padding.json --train $1.csv --output $1
    run export --model $1 --format safetensors --output $1.safetensors
    run predict --model $1 --data $1.csv --output $1.scores
}
check "padded rows have 5 elements" \
    sh -c '[ "$(tail -n +2 padded.csv | sed "s/,.*//; s/[^|]//g" | sort -u)" = "||||" ]'
for pooling in mean sum max concat; do
    padded ragged $pooling
    padded padded $pooling
    check "$pooling: padded rows and ragged ones make one model" \
        cmp ragged.safetensors padded.safetensors
    check "$pooling: and one score" cmp ragged.scores padded.scores
done
cat >zero.py <<'PY'
"""zero.py FILE TABLE: whether its row 0 is 0, and no other is."""
import json
import struct
import sys

data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
table = json.loads(data[8 : 8 + size])["embedding.embed_dict.%s.weight" % sys.argv[2]]
begin, end = table["data_offsets"]
values = struct.unpack("<%df" % ((end - begin) // 4), data[8 + size :][begin:end])
width = table["shape"][1]
rows = [any(values[i : i + width]) for i in range(0, len(values), width)]
sys.exit(rows[0] or not all(rows[1:]))
PY
check "the padding's row stays 0" python3 zero.py padded.safetensors a
# One who shares the table drops the elements alone; the row is its owner's, and learns.
expect 0 "" train --config config.json --train train.csv --output m $few \
    --set features.sequence.0.padding_idx=0
run export --model m --format safetensors --output m.safetensors
check "one who shares a table does not hold its row" \
    sh -c '! python3 zero.py m.safetensors item'
scores_of '3,,1,a' '3,0,1,a' '3,0|0|0,1,a' '3,0|1,1,a' '3,1,1,a'
check "and drops the elements" lines_are "a a a b b"
sed 's/"vocab_size": 11/&, "padding_idx": 0/' config.json >held.json
expect 0 "" train --config held.json --train train.csv --output m $few
run export --model m --format safetensors --output m.safetensors
check "its owner holds it" python3 zero.py m.safetensors item

# A list shares the table of a list.
cat >pair.json <<'JSON'
{"features": {"sequence": [{"name": "hist", "embed_dim": 3},
                           {"name": "item", "embed_dim": 3, "shared_with": "hist", "max_len": 3}]},
 "tasks": [{"name": "y", "label": "y"}], "trainer": {"n_epoch": 1, "earlystop_patience": 0}}
JSON
expect 0 "" train --config pair.json --train train.csv --output pair
expect 0 "" inspect --model pair
check "one table of two lists" [ "$(grep -c 'embedding.embed_dict' out)" = 1 ]

# ---- Bad input ----

bad() { # ROW MESSAGE: of a file that has this row alone
    { echo item,hist,tags,words,y && echo "$1"; } >bad.csv
    expect 1 "bad.csv: row 2: column $2" train --config config.json --train bad.csv --output n
}
bad '3,3|11,1,a,1' '"hist": "11" is outside of the table'"'"'s rows 0 to 10'
bad '3,3|-1,1,a,1' '"hist": "-1" is outside of the table'"'"'s rows 0 to 10'
bad '3,3||7,1,a,1' '"hist": an empty value is outside of the table'"'"'s rows 0 to 10'
bad '3,3|,1,a,1' '"hist": an empty value is outside of the table'"'"'s rows 0 to 10'
bad '3,3|NA,1,a,1' '"hist": "NA" is outside of the table'"'"'s rows 0 to 10'
bad '3,3;7,1,a,1' '"hist": "3;7" is not an integer'
bad '3,3,1:x,a,1' '"tags": "1" has a weight that is not a number'
bad '3,3,1:,a,1' '"tags": "1" has a weight that is not a number'
bad '3,3,1:1|2:-0.5,a,1' '"tags": "2" has a weight that is not a number of at least 0'
bad "3,3,2:1.1e18,a,1" '"tags": "2" has a weight of more than 1e18'
for weight in nan inf 1e39; do
    bad "3,3,2:$weight,a,1" '"tags": "2" has a weight that is not a number of at least 0'
done
bad "3,3,2:1e-60,a,1" '"tags": "2" has a weight that is too small for single precision'
printf 'item,tags,words,y\n1,1,a,1\n' >bad.csv
expect 1 'bad.csv: column "hist"' train --config config.json --train bad.csv --output n
expect 1 'bad.csv: column "hist": the file has no such column' \
    predict --model m --data bad.csv --output -

refuse() { # SED PATH MESSAGE
    sed "$1" config.json >wrong.json
    expect 1 "features.$2: $3" train --config wrong.json --train train.csv --output n
}
hist() { refuse "s/\"shared_with\": \"item\", \"pooling\": \"sum\"/$1/" "sequence[0]$2" "$3"; }
for c in 0 9 + - . e E; do
    hist "\"separator\": \"$c\"" .separator "\"$c\" may be part of a value"
done
hist '"weight_separator": " "' .weight_separator '" " may be part of a value'
hist '"separator": "||"' .separator '"||" is not one character of ASCII'
hist '"separator": "é"' .separator '"é" is not one character of ASCII'
hist '"separator": ""' .separator '""'
hist '"weight_separator": "|"' .weight_separator '"|" stands between elements already'
hist '"pooling": "concat"' .pooling 'concat needs max_len: its width is max_len embeddings'
for pooling in max 'concat", "max_len": 3, "truncate": "last'; do
    hist "\"weight_separator\": \":\", \"pooling\": \"$pooling\"" .pooling \
        'only mean and sum take weights'
done
hist '"vocab_size": 9, "hash_bucket_size": 9' '' \
    '"vocab_size" and "hash_bucket_size" both say what becomes of a value; give one'
hist '"shared_with": "item", "vocab_size": 11' .shared_with \
    'vocab_size belongs to the column "item" that owns the table'
hist '"max_len": 0' .max_len '0 is not allowed here; allowed is an integer: 1 to 65536'
hist '"truncate": "pre"' .truncate '"pre" is not allowed here; allowed is a string: last | first'
hist '"pooling": "avg"' .pooling \
    '"avg" is not allowed here; allowed is a string: mean | sum | max | concat'
hist '"maxlength": 3' .maxlength 'unknown key; did you mean "max_len"? Allowed are name, column'
hist '"combiner": "sum"' .combiner 'unknown key; here it is features.sequence[].pooling'
hist '"sequence_length": 5' .sequence_length 'unknown key; here it is features.sequence[].max_len'
hist '"embedding_dim": 5' .embedding_dim 'unknown key; here it is features.sequence[].embed_dim'
hist '"shared_with": "hist"' .shared_with '"hist" is the column itself'
refuse 's/"vocab_size": 11/&, "max_len": 3/' 'sparse[0].max_len' 'unknown key'
refuse 's/"name": "item"/"name": "words"/' 'sequence[2].name' \
    '"words" is already features.sparse[0]'
refuse 's/"vocab_size": 11/"shared_with": "a", "padding_idx": 0}, {"name": "a"/' \
    'sparse[0].padding_idx' 'it belongs to the column "a" that owns the table'
outside() { # SET COLUMN MESSAGE
    expect 1 "column \"$2\": padding_idx $3" train --config config.json --train train.csv \
        --output n --set "$1"
}
for width in 257 65536; do # 2^24 columns and more, and 2^32
    expect 1 "the embeddings together would be wider than 16777216 columns" train --output n \
        --config config.json --train train.csv --set features.sequence.2.embed_dim=$width \
        --set features.sequence.2.pooling=concat --set features.sequence.2.max_len=65536
done
outside features.sparse.0.padding_idx=11 item "11 is outside the table's rows 0 to 10"
outside features.sequence.0.padding_idx=11 hist "11 is outside the table's rows 0 to 10"
outside features.sequence.2.padding_idx=8 words "8 is outside the table's rows 0 to 7"
expect_nothing_left n
finish
