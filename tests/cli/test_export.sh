#!/bin/sh
# mmoe export: formats, messages, files written whole or not at all.
# shellcheck shell=sh source=tests/cli/lib.sh
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
make_data 2000
"$mmoe" train --config config.json --train train.csv --output a.safetensors --set \
    trainer.n_epoch=1 2>/dev/null

expect 0 "" export --help
expect 2 "--format NAME is missing" export --model a.safetensors --output x
expect 2 "\"pickle\" is not safetensors or onnx" export --model a.safetensors --format pickle \
    --output x
expect 2 "--output" export --model a.safetensors --format safetensors --output a.safetensors
expect 1 "none.safetensors" export --model none.safetensors --format safetensors --output x
expect 1 "train.csv" export --model train.csv --format onnx --output x
expect_nothing_left x
expect 0 "" export --model a.safetensors --format safetensors --output w.safetensors
check "the state_dict has no metadata" sh -c '! grep -q __metadata__ w.safetensors'
check "the state_dict has no vocabularies" sh -c '! grep -q vocab w.safetensors'
check "nothing is printed" test ! -s out
expect 1 "missing/w: cannot write" export --model a.safetensors --format safetensors --output \
    missing/w

sed -e 's/"embed_dim": 4/"embed_dim": 4, "vocab_size": 9000/' \
    -e 's/"D\*", "transform": "standardize"/"D*"/' config.json >sized.json
expect 0 "" train --config sized.json --train train.csv --output sized.safetensors --set \
    trainer.n_epoch=1
expect 0 "" export --model sized.safetensors --format safetensors --output w.safetensors
expect 0 "" import --config sized.json --weights w.safetensors --columns test.csv --output \
    imported.safetensors
run predict --model sized.safetensors --data test.csv --output p.csv
run predict --model imported.safetensors --data test.csv --output q.csv
check "an exported model that is imported predicts the same" cmp p.csv q.csv

# As torch's wrappers write it, in double precision.
cat >wrap.py <<'PY'
import json, struct, sys
data = open("w.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header, rest = json.loads(data[8:8 + size]), data[8 + size:]
out, blob = {}, b""
for name, t in header.items():
    begin, end = t["data_offsets"]
    part = rest[begin:end]
    if t["dtype"] == "F32":
        n = len(part) // 4
        part = struct.pack("<%dd" % n, *struct.unpack("<%df" % n, part))
        t["dtype"] = "F64"
    out["module._orig_mod." + name] = dict(t, data_offsets=[len(blob), len(blob) + len(part)])
    blob += part
text = json.dumps(out).encode()
open("wrapped.safetensors", "wb").write(struct.pack("<Q", len(text)) + text + blob)
PY
if command -v python3 >/dev/null; then
    python3 wrap.py
    expect 0 "warning: wrapped.safetensors: " import --config sized.json --weights \
        wrapped.safetensors --columns test.csv --output imported.safetensors
    check "two warnings" test "$(wc -l <err)" -eq 2
    check "of the type" grep -q " tensors are F64: rounded to single precision" err
    check "of the names" grep -qF '("module._orig_mod.")' err
    run predict --model imported.safetensors --data test.csv --output q.csv
    check "wrapped doubles are the same weights" cmp p.csv q.csv
fi

# torch-rechub's model with lists: in, its predictions, and out again. A feature reads a column that
# has another name.
golden=$here/../golden/seq
cat >seq.json <<'JSON'
{"features": {"sparse": [{"name": "user", "vocab_size": 30, "embed_dim": 4},
                         {"name": "item", "vocab_size": 40, "embed_dim": 4}],
              "sequence": [{"name": "history", "column": "hist", "shared_with": "item",
                            "embed_dim": 4, "padding_idx": 0},
                           {"name": "tags", "vocab_size": 15, "embed_dim": 4, "pooling": "sum"},
                           {"name": "cats", "vocab_size": 12, "embed_dim": 4, "padding_idx": 0}],
              "dense": [{"name": "price"}]},
 "tasks": [{"name": "cvr", "label": "purchase", "tower_params": {"dims": [8]}},
           {"name": "ctr", "label": "click", "tower_params": {"dims": [4]}}],
 "model": {"name": "mmoe", "n_expert": 4, "expert_params": {"dims": [8]}}}
JSON
expect 0 "" import --config seq.json --weights "$golden/step20.safetensors" --output \
    seq.safetensors
check "an import of lists warns of nothing" test ! -s err
expect 0 "" predict --model seq.safetensors --data "$golden/data_valid.csv" --output p.csv
check "it predicts what torch-rechub does" awk -F, '
    NR == FNR { for (i = 1; i <= NF; i++) wanted[FNR, i] = $i; rows = FNR; next }
    FNR > 1 {
        for (i = 1; i <= NF; i++) if (($i - wanted[FNR - 1, i]) ^ 2 > 2e-6 ^ 2) exit 1
        seen++
    }
    END { exit !(seen == rows && rows == 40) }' "$golden/pred_step20_eval_valid.csv" p.csv
expect 0 "" export --model seq.safetensors --format safetensors --output again.safetensors
cat >same.py <<'PY'
import json, struct, sys

def tensors(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header, rest = json.loads(data[8:8 + size]), data[8 + size:]
    header.pop("__metadata__", None)
    return {name: (t["dtype"], t["shape"], rest[slice(*t["data_offsets"])])
            for name, t in header.items()}

sys.exit(tensors(sys.argv[1]) != tensors(sys.argv[2]))
PY
if command -v python3 >/dev/null; then
    check "the state_dict comes out as it went in" python3 same.py \
        "$golden/step20.safetensors" again.safetensors
fi

run export --model a.safetensors --format onnx --output m.onnx
if grep -q "built without ONNX" err; then
    check "without protobuf-c: exit 1" test "$status" -eq 1
    expect_nothing_left m.onnx
else
    check "onnx: exit 0" test "$status" -eq 0
    check "the file is ONNX" grep -q scores m.onnx
    expect 1 "missing/m: cannot write" export --model a.safetensors --format onnx --output missing/m
    # Files may have 4 KiB, as on a disk that is full.
    printf '#!/bin/sh\nulimit -f 8\nexec "$@"\n' >limited
    # shellcheck disable=SC2034 # used by run
    wrapper="sh ./limited"
    expect 1 "full: cannot write: File too large" export --model a.safetensors --format onnx \
        --output full
    expect_nothing_left full
fi
finish
