#!/bin/sh
# Tables that begin with a file's vectors: a list's, which does not learn; a model without that
# file; vectors of another model; runs that go on.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
awk 'BEGIN {
    print "user,history,y"
    for (i = 0; i < 200; i++) print i % 7 "," i % 4 "|" i % 3 "," (i % 4 < 2)
}' >train.csv
vectors() { # the last of them
    printf '\223NUMPY\001\000v\000%-117s\n' \
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }"
    for _ in 1 2 3; do printf '\000\000\200\077\000\000\000\277'; done
    printf "$1"
}
vectors '\000\000\000\100\000\000\200\077' >v.npy
cat >config.json <<'JSON'
{
  "features": {
    "sparse": [{"name": "user"}],
    "sequence": [
      {"name": "history", "vocab_size": 4, "pretrained": "v.npy", "trainable": false}
    ]
  },
  "tasks": [{"name": "y", "label": "y"}],
  "trainer": {"n_epoch": 2, "batch_size": 50}
}
JSON
train() { # CONFIG FLAG...
    set -- --config "$@"
    expect 0 "" train --train train.csv --valid train.csv "$@"
}
train config.json --output m.safetensors --checkpoint c
expect 0 "" inspect --model m.safetensors
check "the width is the file's" grep -q 'embed_dict.history.weight  *F32  4 x 2  (not trained)$' out
bytes() { od -An -tx1 -v | tr -d ' \n'; }
bytes <m.safetensors >hex
check "its vectors stand in the model" grep -qF "$(tail -c 32 v.npy | bytes)" hex
expect 0 "" predict --model m.safetensors --data train.csv --output with.csv
mv v.npy w.npy
expect 0 "" predict --model m.safetensors --data train.csv --output without.csv
check "a model does without the file" cmp with.csv without.csv
expect 1 'v.npy: cannot read: No such file or directory' \
    train --config config.json --train train.csv --output n
vectors '\000\000\000\100\000\000\200' >v.npy
expect 1 'v.npy: its shape (4, 2) needs 32 bytes of values; the file has 31' \
    train --config config.json --train train.csv --output n
expect_nothing_left n

sed 's/"n_epoch": 2/"n_epoch": 3/' config.json >longer.json
vectors '\000\000\000\100\000\000\000\100' >v.npy
expect 1 'c: column "history": the table does not learn, but is another than the checkpoint'"'"'s' \
    train --config longer.json --train train.csv --valid train.csv --resume c --output n
mv w.npy v.npy
train longer.json --resume c --output n
train longer.json --output whole
check "a run goes on with its vectors" cmp n whole

sed 's/v.npy", "trainable": false/m.safetensors:embedding.embed_dict.history.weight"/' \
    config.json >other.json
train other.json --output o.safetensors
expect 0 "" inspect --model o.safetensors
check "another model's vectors may learn" grep -q 'embed_dict.history.weight  *F32  4 x 2$' out

# A sweep knows the vectors that its results began with.
echo '{"config": "config.json", "train": "train.csv", "valid": "train.csv", "seeds": 1,
    "grid": {"trainer.n_epoch": [1]}}' >s.json
expect 0 "" sweep --config s.json
expect 0 "1 of 1 runs are done already" sweep --config s.json
cp v.npy kept.npy
vectors '\000\000\000\100\000\000\000\100' >v.npy
expect 1 'another sweep: "pretrained" has changed, the file v.npy; choose' sweep --config s.json
mv kept.npy v.npy
python3 - <<'PY'
import json
record = json.load(open("s.sweep/sweep.json"))
del record["pretrained"]
json.dump(record, open("s.sweep/sweep.json", "w"))
PY
expect 0 'does not know the "pretrained" files: that they' sweep --config s.json
expect 0 "1 of 1 runs are done already" sweep --config s.json
check "which is said once" [ "$(grep -c 'older version' err)" -eq 0 ]
# Of settings that come later, too.
cp m.safetensors w.safetensors
sed 's/"trainer.n_epoch": \[1\]/"features.sequence.0.pretrained": ["v.npy", \
    "w.safetensors:embedding.embed_dict.history.weight"]/' s.json >t.json
expect 0 "" sweep --config t.json
cp o.safetensors w.safetensors
expect 1 '"pretrained" has changed, the file w.safetensors; choose' sweep --config t.json
refuse() { # SED MESSAGE
    sed "$1" config.json >wrong.json
    expect 1 "$2" train --config wrong.json --train train.csv --output n2
}
refuse 's/"vocab_size": 4, //' \
    'features.sequence[0].pretrained: the training file'"'"'s values say what the rows'
refuse 's/"vocab_size": 4/"vocab_size": 5/' \
    'v.npy: column "history": its shape is [4, 2], but the table has 5 rows'
refuse 's/"trainable"/"freeze"/' \
    'features.sequence[0].freeze: unknown key; here it is features.sequence[].trainable'
finish
