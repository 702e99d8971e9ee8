#!/bin/sh
# Packed data: a folder instead of a CSV file, in every command, with the same results.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# More rows than a window of 262,144 has: an id, a list with weights, a number with gaps, a weight.
awk 'BEGIN {
    print "id,tags,age,w,click,buy"
    for (i = 0; i < 280000; i++) {
        x = (i * 7919) % 10007
        tags = x % 3 ? "t" x % 5 ":1|t" x % 7 ":2" : ""
        age = x % 11 ? x % 80 : ""
        print "u" x % 50 "," tags "," age "," 1 + x % 2 "," (x % 4 == 0) "," \
            (x % 9 ? (x % 8 == 0) : "")
    }
}' >train.csv
{ head -n 1 train.csv; tail -n 3000 train.csv; } >valid.csv
cat >config.json <<'END'
{"features": {"sparse": [{"name": "id", "embed_dim": 2}],
              "sequence": [{"name": "tags", "weight_separator": ":", "embed_dim": 2}],
              "dense": [{"name": "age", "transform": "standardize", "missing": "mean",
                         "indicator": true}], "weight": "w"},
 "tasks": [{"name": "click", "label": "click", "type": "classification",
            "tower_params": {"dims": [2]}},
           {"name": "buy", "label": "buy", "type": "classification",
            "tower_params": {"dims": [2]}}],
 "model": {"name": "mmoe", "linear": true, "n_expert": 2, "expert_params": {"dims": [4]}},
 "trainer": {"batch_size": 5000, "n_epoch": 2}}
END
sed 's/"n_epoch": 2/"n_epoch": 2, "memory": 500/' config.json >stream.json
sed 's/"n_epoch": 2/"n_epoch": 1/' config.json >one.json
sed 's/"n_epoch": 2/"n_epoch": 2, "memory": 61/' config.json >small.json

expect 0 "" pack --config config.json --data train.csv --output train.d
check "rows are counted" grep -q "280000 rows packed" out
expect 0 "" pack --like train.d --data valid.csv --output valid.d
check "the manifest is JSON" grep -q '"rows": 280000' train.d/manifest.json
bytes=$(wc -c <train.csv)
check "it names the file that was packed" sh -c \
    "tr -d ' \\n' <train.d/manifest.json | grep -qF '{\"path\":\"train.csv\",\"bytes\":$bytes,'"

# ---- The same to the bit ----

run train --config config.json --train train.csv --valid valid.csv --output csv.m
check "rows of a CSV file train" [ "$status" -eq 0 ]
expect 0 "" train --config config.json --train train.d --valid valid.d --output loaded.m
expect 0 "" train --config stream.json --train train.d --valid valid.d --output streamed.m \
    --threads 2
expect 0 "" train --config stream.json --train train.csv --valid valid.csv --output files.m
weights() { "$mmoe" export --model "$1" --format safetensors --output "$1.w" 2>/dev/null; }
for m in csv loaded streamed files; do weights $m.m; done
check "loaded rows give a CSV file's model" cmp csv.m loaded.m
check "streamed rows give its weights" cmp csv.m.w streamed.m.w
check "rows of a CSV file that are streamed give them, too" cmp csv.m.w files.m.w

# A run that ends after an epoch, and goes on from a stream.
expect 0 "" train --config one.json --train train.d --valid valid.d --output one.m \
    --checkpoint c.ckpt
expect 0 "" train --config stream.json --train train.d --valid valid.d --output resumed.m \
    --resume c.ckpt
weights resumed.m
check "a resumed stream gives the same weights" cmp csv.m.w resumed.m.w
expect 1 "(rows of a CSV file in memory count as other rows than the same streamed or packed)" \
    train --config config.json --train train.csv --valid valid.csv --output x.m --resume c.ckpt

for data in valid.csv valid.d; do
    expect 0 "" evaluate --model csv.m --data $data --json
    grep -v "valid\\." out | tr -d " \n" >$data.metrics
    expect 0 "" predict --model csv.m --data $data --output $data.scores
    expect 0 "" inspect --model csv.m --data $data --json
done
check "evaluate says the same of both" cmp valid.csv.metrics valid.d.metrics
check "predict says the same of both" cmp valid.csv.scores valid.d.scores

echo '{"config": "one.json", "train": "valid.d", "valid": "valid.d", "grid":
    {"trainer.optimizer_params.lr": [0.001, 0.002]}}' >sweep.json
expect 0 "" sweep --config sweep.json
cp -r valid.d damaged.d
printf x | dd of="$(ls damaged.d/part-0/000*.npy)" bs=1 seek=200 conv=notrunc 2>dd.log
echo '{"config": "one.json", "train": "damaged.d", "valid": "valid.d", "grid":
    {"trainer.memory": [200]}}' >streamed.json
expect 1 "run 1/1  memory=200 seed 2022  failed: damaged.d" sweep --config streamed.json
check "rows of a sweep are streamed where memory is bounded" \
    grep -q "are not as they were written" err
expect 0 "" train --config one.json --train valid.d --valid valid.d --output l.m --log log.jsonl
expect 0 "" report --log log.jsonl --model l.m --data valid.d --output page.html

# ---- Rows that are added ----

head -n 150001 train.csv >first.csv
{ head -n 1 train.csv; tail -n +150002 train.csv; } >second.csv
expect 0 "" pack --like train.d --data first.csv --output grown.d
expect 0 "" pack --append --data second.csv --output grown.d
expect 0 "" train --config stream.json --train grown.d --valid valid.d --output grown.m
weights grown.m
check "rows in two goes give the same weights" cmp csv.m.w grown.m.w

# Whoever is stopped leaves nothing. Signals are taken when the pipe is opened, which has some rows
# then, or an archive's first bytes, or none, and says more later, or nothing: it never ends.
feed() { # FILE BYTES COMMAND-FOR-THE-REST...
    rm -f pipe reached
    mkfifo pipe
    { head -c "$2" "$1"; : >reached; shift 2; exec "$@"; } >pipe 2>said &
    feeder=$!
}
talks() {
    feed valid.csv 150000 sh -c 'for i in 1 2 3; do tail -n +2 train.csv; done; exec sleep 1800'
}
is_silent() { feed valid.csv 20000 sleep 1800; }
is_packed() { feed valid.csv.gz 20 sleep 1800; }
has_none() { feed valid.csv 0 sleep 1800; }
is_reached() { [ -e reached ] && began=$(date +%s%3N); }
began=0
stop_packing() { # SIGNALS FEEDER ARGUMENT...
    words=$1 feeding=$2
    shift 2
    cut_off "$words" "$feeding" is_reached "$mmoe" pack "$@" --data pipe
    kill $feeder 2>/dev/null
}
gzip -k valid.csv
for pipe in is_silent is_packed has_none; do
    stop_packing TERM $pipe --config config.json --output half.d
    check "a signal stops who waits for a writer that $pipe (was $status)" \
        [ "$status" -eq 1 -a ! -e half.d ]
done
# As timeout(1) sends them; a second later the second one would end it at once, and proves nothing.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    stop_packing "TERM TERM TERM" has_none --config config.json --output half.d
    [ $(($(date +%s%3N) - began)) -lt 1000 ] && break
    rm -rf half.d
    status=1
done
check "so do several at once (was $status)" [ "$status" -eq 1 -a ! -e half.d ]
stop_packing $hangup talks --config config.json --output half.d
check "a signal stops it (was $status)" [ "$status" -eq 1 ]
check "and a folder is gone" [ ! -e half.d ]
check "which it says" grep -q "stopped; half.d is not written" err
cp grown.d/manifest.json manifest
stop_packing TERM talks --append --output grown.d
check "so does another (was $status)" [ "$status" -eq 1 ]
check "and what was packed stands" cmp manifest grown.d/manifest.json
check "alone" [ ! -e grown.d/part-2 ]

# Values that are new have rows of their own then; without --grow they are unknown.
expect 0 "" pack --config config.json --data valid.csv --output own.d
sed '2,$s/^u/v/' valid.csv >more.csv
expect 0 "100.0 % are unknown" pack --append --data more.csv --output own.d
expect 0 "" pack --append --grow --data more.csv --output own.d
check "the schema grows" [ -f own.d/schema-2.safetensors -a ! -f own.d/schema.safetensors ]
cp -r own.d named.d
mv named.d/schema-2.safetensors named.d/schema-3.safetensors
sed -i 's/schema-2\.safetensors/schema-3.safetensors/' named.d/manifest.json
expect 1 "named.d/manifest.json: the file does not match its checksum: restore it or pack" \
    train --config one.json --train named.d --output x.m
sed -i '/"checksum"/d' named.d/manifest.json
sed '2,$s/^u/w/' valid.csv >newer.csv
expect 0 "" pack --append --grow --data newer.csv --output named.d
check "a manifest that is written anew has a checksum" grep -q '"checksum": "[0-9a-f]*"' \
    named.d/manifest.json
check "a schema that has the old one's name stays" [ -f named.d/schema-3.safetensors ]
expect 0 "" train --config one.json --train own.d --valid own.d --output own.m
expect 0 "" inspect --model own.m --json
check "and has all values" grep -q '"rows": 101' out

# ---- What is refused ----

expect 1 "there are packed rows in this folder already" pack --config config.json \
    --data valid.csv --output train.d
check "and stays" [ -f train.d/manifest.json ]
mkdir mine && : >mine/note
expect 1 "mine: the folder is not empty (it has note)" pack --config config.json --data valid.csv \
    --output mine
check "and gets nothing" [ "$(ls mine)" = note ]

# A run that is killed leaves no manifest, and its folder is taken again.
# Its rows come by a pipe that does not end, lest it be done before it is killed.
begin() { rm -rf killed.d; }
writes() { ls killed.d/part-0/*.npy >/dev/null 2>&1; }
pack_on() { exec "$mmoe" pack --like train.d --data - --output killed.d <pipe; }
exec 3<>pipe
cat train.csv >&3 &
cat=$!
cut_off KILL begin writes pack_on
kill $cat 2>/dev/null
exec 3>&-
check "a run was killed" [ "$status" -eq 137 -a ! -e killed.d/manifest.json ]
expect 0 "" pack --config config.json --data train.csv --output killed.d
check "and left nothing else" sh -c '! ls -d .mmoe-*'
check "and its folder is taken again" cmp killed.d/part-0/checksums.npy train.d/part-0/checksums.npy
expect 2 "one of --config" pack --data valid.csv --output x.d
expect 2 "one of --config" pack --config config.json --like train.d --data valid.csv --output x.d
for file in manifest.json schema.safetensors part-0/checksums.npy; do
    expect 2 "--output: valid.d/$file is a file of valid.d, the packed rows of --data" predict \
        --model m.safetensors --data valid.d --output valid.d/$file
done
expect 2 "--grow goes with --append" pack --config config.json --grow --data valid.csv --output x.d
expect 2 "is a folder, not a file" pack --config config.json --data train.d --output x.d
sed 's/standardize/minmax/' config.json >other.json
expect 1 'column "age": the rows were packed with another "transform"' train --config other.json \
    --train train.d --output x.m
expect 1 "the rows were packed by another schema" train --config config.json --train train.d \
    --valid own.d --output x.m
expect 1 "trainer.memory is 61 MB, and training takes some" train --config small.json \
    --train train.d --output x.m
cp -r train.d half.d && rm half.d/manifest.json
expect 1 "was not packed to the end" train --config config.json --train half.d --output x.m
printf 'x' | dd of=train.d/part-0/000-id.npy bs=1 seek=70000 conv=notrunc 2>/dev/null
expect 1 "part-0/000-id.npy: rows 16385 to 32768 are not as they were written" train \
    --config config.json --train train.d --output x.m
expect 1 "part-0/000-id.npy: rows 16385 to 32768 are not as they were written" train \
    --config stream.json --train train.d --output x.m
{ cat valid.csv; echo "u1,t1,3"; } >broken.csv
expect 1 "broken.csv: row 3002" pack --config config.json --data broken.csv --output x.d
expect 1 "standard input: row 3002" pack --like train.d --data - --output x.d <broken.csv
check "nothing is left of it" [ ! -e x.d ]
finish
