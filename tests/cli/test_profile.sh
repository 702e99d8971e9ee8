#!/bin/sh
# shellcheck disable=SC2016
# Where the time goes: a trace for Perfetto, a table on standard error, the same model as without.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 2000
train="train --config config.json --train train.csv --output m.safetensors --threads 2"

# shellcheck disable=SC2086 # a list of flags
{
    expect 0 "" $train
    cp m.safetensors plain.safetensors
    expect 0 "GEMM peak " $train --profile trace.json --log run.jsonl
}
cp err table
check "the model is that of a run without a profile" cmp m.safetensors plain.safetensors
check "nothing but the results on standard output" [ ! -s out ]
check "the epochs' lines stay" [ "$(grep -c '^epoch [123]/3 ' table)" -eq 3 ]
check "the table names its columns" grep -qE \
    '^node +pass +calls +seconds +share +GFLOP/s +% peak$' table
# 2000 rows in batches of 64 make 32 steps an epoch; a batch is one chunk.
check "a product has its calls, its rate and its part of the peak" grep -qE \
    '^experts\+gates 1 +linear +96 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+$' table
check "what is no product has no rate" grep -qE '^mix +mix +96 +[0-9.]+ +[0-9.]+ +- +-$' table
check "the shares add up" awk \
    '/^node / { on = 1; next } /^all nodes / { on = 0 } on { sum += $(NF - 2) }
    END { exit !(sum > 97 && sum < 103) }' table
check "the sum of the calls" awk \
    '/^node / { on = 1; next } /^all nodes / { exit !($3 == sum && sum > 1000) }
    on { sum += $(NF - 4) } END { exit !sum }' table
cat >check.py <<'PY'
import json
import sys

trace = json.load(open("trace.json"))
slices = [e for e in trace["traceEvents"] if e["ph"] == "X"]
calls = int([line.split()[2] for line in open("table") if line.startswith("all nodes")][0])
names = {e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M"}
assert {"worker 0", "worker 1"} <= names, names
assert len(slices) == calls, (len(slices), calls)
assert {e["tid"] for e in slices} <= {0, 1}
told = json.loads(open("run.jsonl").readlines()[-1])["profile"]
nodes = told["nodes"]
assert sum(n["calls"] for n in nodes) == calls, nodes
assert all(n["seconds"] >= 0 and n["flops"] >= 0 for n in nodes), nodes
assert all(e["ts"] >= 0 and e["dur"] >= 0 and e["args"]["bytes"] >= 0 for e in slices)
merged = [e for e in slices if e["name"].endswith(": statistics merged")]
steps = len([e for e in merged if e["name"] == merged[0]["name"]])
assert steps == 96 and all(e["tid"] == 0 for e in merged), steps
# A worker does one thing at a time, and so all entries take no longer than the steps.
assert sum(n["seconds"] for n in nodes) <= told["seconds"] * told["threads"], told
for worker in 0, 1:
    own = sorted((e["ts"], e["dur"]) for e in slices if e["tid"] == worker)
    assert all(a[0] + a[1] <= b[0] + 0.002 for a, b in zip(own, own[1:])), worker
first = [e for e in slices if e["name"] == "experts+gates 1: linear"]
assert len(first) == 96 and all(e["args"]["MFLOP"] > 0 for e in first)
PY
check "the trace: a row a worker, a slice a call, bytes and FLOP; the log: the nodes" python3 \
    check.py

# shellcheck disable=SC2086
{
    expect 1 "--profile: cannot write none/t.json: No such file or directory" $train --profile \
        none/t.json
    expect 2 "--profile" $train --profile train.csv
    expect 2 "--profile" $train --profile m.safetensors
}
finish
