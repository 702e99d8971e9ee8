#!/bin/sh
# Vocabularies that grow: `train --from OLD --grow`; and that shrink: `import --shrink`.
# shellcheck disable=SC2086 # lists of flags
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

cat >config.json <<'JSON'
{"features": {
    "sparse": [{"name": "user", "embed_dim": 4}, {"name": "friend", "shared_with": "user"},
      {"name": "hour", "vocab_size": 24, "embed_dim": 2},
      {"name": "device", "hash_bucket_size": 9, "embed_dim": 2}],
    "sequence": [{"name": "seen", "embed_dim": 4, "min_count": 2}],
    "dense": [{"name": "price", "transform": "standardize"}]},
  "tasks": [{"name": "ctr", "label": "click", "positive": "yes"}], "model": {"n_expert": 2},
  "trainer": {"n_epoch": 2, "batch_size": 16}}
JSON
make_rows() { # FIRST: of the users, of whom there are ten
    awk -v first="$1" 'BEGIN { print "user,friend,hour,device,seen,price,click"
        for (i = 0; i < 120; i++)
            print "u" first + i % 10 ",u" first + i * 7 % 12 "," i % 24 ",d" i % 5 "," \
                first + i % 3 "|" first + i * 5 % 7 "|x" first + i "," first + i % 8 / 8 "," \
                (i * i % 7 < 3 ? "yes" : "no") }'
}
make_rows 0 >old.csv
make_rows 5 >new.csv
weights() { "$mmoe" export --model "$1" --format safetensors --output "$1.w"; }
scores() { "$mmoe" predict --model "$1" --data "$2" --output "$3" 2>err; }
train="train --config config.json"
grow="$train --train new.csv --from old.m --grow"

expect 0 "" $train --train old.csv --output old.m --meta team=ranking
expect 0 "user: 5 of 17 values are new" $grow --output grown.m --valid old.csv --checkpoint 2.ckpt
check "values of lists that stand there twice" grep -q "seen: 5 of 12 values are new" err
check "row numbers do not grow" grep -qF 'hour: its ids are of the kind "row", whose 24 rows' err
check "nor do hashes" grep -qF 'device: its ids are of the kind "hash", whose 10 rows do not' err

# The same of streamed rows, of any number of threads, and of a run in two goes.
weights grown.m
expect 0 "" $grow --output streamed.m --valid old.csv --threads 3 --set trainer.memory=1000000000
weights streamed.m
check "streamed rows give the same weights" cmp grown.m.w streamed.m.w
expect 0 "" $grow --output once.m --valid old.csv --checkpoint 1.ckpt --set trainer.n_epoch=1
expect 0 "" $grow --output resumed.m --valid old.csv --resume 1.ckpt
check "a grown run is continued to the same model" cmp grown.m resumed.m
expect 1 "--resume: " $train --train new.csv --output x.m --valid old.csv --resume 1.ckpt

# A packed folder that has grown from the old model's values, and one that has not.
expect 0 "" pack --like old.m --data old.csv --output grown.d
expect 0 "" pack --append --grow --data new.csv --output grown.d
expect 0 "user: 5 of 17 values are new" $train --train grown.d --from old.m --grow --output d.m
expect 0 "" pack --config config.json --data new.csv --output other.d
expect 1 'column "user": value 1 of its vocabulary is "u5", of the model'"'"'s "u0"' $train \
    --train other.d --from old.m --grow --output x.m

# Bounds
sed 's/"min_count": 2/"max_vocab": 14/
    s/"user", "embed_dim": 4/"user", "embed_dim": 4, "max_distinct": 13/' config.json >bound.json
expect 0 "" train --config bound.json --train old.csv --output bound.m
expect 1 "more than 13 different values" train --config bound.json --train new.csv --from bound.m \
    --grow --output x.m
sed -i 's/"max_distinct": 13/"max_distinct": 17/' bound.json
expect 0 "" train --config bound.json --train old.csv --output bound.m
expect 0 "seen: 0 of 14 values are new" train --config bound.json --train new.csv --from bound.m \
    --grow --output x.m
rm x.m

# Bad input
sed 's/"name": "user",/"name": "user", "hash_bucket_size": 9,/
    s/"embed_dim": 4, "min_count": 2/"hash_bucket_size": 5/' config.json >none.json
expect 0 "" train --config none.json --train old.csv --output none.m
expect 1 "no feature has learned a vocabulary" train --config none.json --train new.csv --from \
    none.m --grow --output x.m
expect 1 "no feature has learned a vocabulary" import --weights none.m --shrink 1 --data new.csv \
    --output x.m
sed 's/,[0-9]*\.[0-9]*,/,cheap,/' new.csv >texts.csv
expect 1 '"cheap" is not a number' $train --train texts.csv --from old.m --grow --output x.m
expect 1 "the features or tasks" $grow --output x.m --set features.sparse.2.vocab_size=25
expect 1 "makes other layers than the model has" $grow --output x.m --set model.n_expert=3
expect_nothing_left x.m

# Shrinking: what the new rows have keeps its scores, and the rest is unknown.
expect 0 "" import --weights grown.m --shrink 2 --data new.csv --output small.m
check "counts before and after" grep -Eq "^user +17 +12 +70.6$" out
check "the size" grep -qE "^[0-9,]+ bytes, the file that was shrunk has [0-9,]+$" out
run inspect --model small.m
check "the caller's texts stay, through growing, too" grep -Eq '^  team +ranking$' out
check "what training told was of another model" sh -c '! grep -q training.rows out'
scores grown.m new.csv grown.p
scores small.m new.csv small.p
check "values that stay keep their scores" cmp grown.p small.p
run evaluate --model small.m --data old.csv
check "the others are unknown" grep -q 'column "user".* unknown' err
expect 1 'column "user": none of its 17 values stands 1000 times' import --weights grown.m \
    --shrink 1000 --data new.csv --output x.m
expect_nothing_left x.m
expect 0 "" $train --train old.csv --from small.m --grow --output again.m
finish
