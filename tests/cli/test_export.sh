#!/bin/sh
# mmoe export: formats, messages, files written whole or not at all.
# shellcheck shell=sh source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
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
