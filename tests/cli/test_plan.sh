#!/bin/sh
# What training will take is said before it begins, by rows or by the configuration alone; and what
# takes more memory than there is is refused by all that would train.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 300

expect 0 "" plan --config config.json --train train.csv --threads 1 --json
cp out plan.json
check "rows of the file, tables of learned sizes, parts of a step" python3 - <<'CHECK'
import json
plan = json.load(open("plan.json"))
memory = plan["memory"]
assert plan["epoch"]["rows"] == sum(1 for _ in open("train.csv")) - 1
assert all(t["rows"] > 1 and t["weights"] == 4 * t["rows"] * t["width"] for t in plan["tables"])
assert memory["tables"] == sum(t["weights"] for t in plan["tables"])
assert memory["all"] == sum(memory[k] for k in
                            ("tables", "layers", "moments", "copies", "steps", "rows"))
assert {"gather", "linear", "update tables"} <= {p["pass"] for p in plan["step"]["parts"]}
assert plan["warnings"] == []
CHECK

# ---- Without rows ----
expect 1 "column \"" plan --config config.json
check "what is learned is said to be" grep -q "; --train FILE has columns and values to learn" err
cat >wide.json <<'JSON'
{"features": {"sparse": [{"name": "a", "vocab_size": 50000, "embed_dim": 4},
                         {"name": "b", "column": "c", "vocab_size": 9, "embed_dim": 2}]},
 "tasks": [{"name": "y", "label": "y"}],
 "trainer": {"embedding_update": "auto", "batch_size": 64, "optimizer": "adamw"}}
JSON
expect 0 "" plan --config wide.json --rows 1000000
check "a table that is deferred" grep -q "^a  *50,000  *4 .* deferred: a batch reads at most" out
check "an epoch" grep -q "^an epoch of 1,000,000 rows: " out
expect 2 "--set" plan --config wide.json --set trainer.batch_size=0

# ---- Several hosts ----
expect 0 "" plan --config wide.json --ranks 8 --bandwidth 10 --latency 50 --rows 1000000
check "no memory of ranks without segments" test "$(grep -c '^memory of a rank' out)" = 0
check "hosts of a table" grep -qE "^ +8( +[0-9.]+){6} +[0-9.]+[kM]?( +[0-9.e+]+){2}$" out
check "a light model is slower on several" grep -qx "more than 1 host is slower" out
expect 0 "" plan --config wide.json --ranks 4 --bandwidth 10 --latency 50 --json \
    --set trainer.segments=2 --rows 1000000
mv out without
expect 0 "" plan --config wide.json --ranks 4 --bandwidth 10 --latency 50 --json \
    --set trainer.segments=2 --set trainer.lanes=true --rows 1000000
check "the same as JSON" python3 - <<'CHECK'
import json
plan = json.load(open("out"))
hosts = plan["ranks"]["hosts"]
assert [h["hosts"] for h in hosts] == [1, 2, 4] and plan["ranks"]["quickest"] == 1
parts = "computing", "sending", "copying", "waiting"
assert all(abs(h["seconds"] - sum(h[part] for part in parts)) < 1e-12 for h in hosts)
assert all(abs(h["copying"] - h["bytes"] * plan["ranks"]["byte"]) < 1e-12 for h in hosts)
assert plan["ranks"]["message"] > 0 or plan["warnings"]
assert hosts[0]["bytes"] == 0 and hosts[0]["speed_up"] == 1
# Two ranks were timed, and as a batch has no more segments four compute half as long.
assert abs(hosts[2]["computing"] - hosts[1]["computing"] / 2) < 1e-12
steps, settle = 1000000 / 64, plan["epoch"]["settle"]
assert abs(hosts[0]["epoch"] - plan["epoch"]["seconds"]) < 1e-6
assert abs(hosts[0]["epoch"] - hosts[1]["epoch"] - settle / 2 + 50e-3 -
           steps * (hosts[0]["seconds"] - hosts[1]["seconds"])) < 1e-6
# Of table a, deferred, the rows that half of the batch reads, of b and the layers all weights,
# each both ways; and some numbers.
memory, a, b = plan["memory"], *plan["tables"]
a_rows = 50000 * (1 - 2.718281828459045 ** (-32 / 50000))
least = a_rows * 16 + b["weights"]
assert least < hosts[1]["bytes"] < 2 * (least + memory["layers"])
# Of two ranks each has half of that table, its moments and, streamed, the rows; of four there is
# none, as a batch has two segments. In a step it has what others tell of theirs, two words and more
# a row.
one, two, none = (h["memory"] for h in hosts)
without = json.load(open("without"))["ranks"]["hosts"][1]["memory"]
assert 64 * 2 * 4 <= two["steps"] - without["steps"] < 64 * 100 * 4, (two, without)
assert none is None and one["all"] == memory["all"] and two["layers"] == one["layers"]
for what in "tables", "moments", "rows_streamed":
    assert .49 * one[what] < two[what] < .55 * one[what], (what, one, two)
CHECK
expect 2 "--ranks, --bandwidth and --latency go together" plan --config wide.json --ranks 4
expect 2 "--ranks is a power of two" plan --config wide.json --ranks 6 --bandwidth 1 --latency 1

# ---- More than there is ----
for column in a b c d y; do printf '%s,' $column; done | sed 's/,$//' >rows.csv
printf '\n1,2,3,4,1\n5,6,7,8,0\n' >>rows.csv
sed -e 's/50000, "embed_dim": 4/2000000000, "embed_dim": 64/' wide.json >huge.json
too_much='column "a": model and training take 15'
expect 1 "$too_much" plan --config huge.json
check "the figures are there nevertheless" grep -q "^  weights of tables  *512 GB" out
expect 1 "$too_much" train --config huge.json --train rows.csv --output m.safetensors
expect_nothing_left m.safetensors
printf '{"config": "huge.json", "train": "rows.csv", "valid": "rows.csv"}' >s.json
expect 1 "$too_much" sweep --config s.json

# What the process may not have is no memory to it: of addresses there may be too few to count with.
# What is said to fit does, but for what threads take of addresses.
sed -e 's/50000, "embed_dim": 4/4000000, "embed_dim": 64/' wide.json >limit.json
fits() { sed -En 's/.* ([0-9,]+)( rows of this width)? would fit.*/\1/p' err | tr -d ,; }
for limit in "v 700000" "d 560000"; do
    echo "ulimit -$limit && exec \"\$@\"" >limit.sh
    sh limit.sh "$mmoe" --help >out 2>err || continue # a sanitizer wants more
    wrapper="sh limit.sh"
    expect 1 'column "a": model and training take some 3.10 GB of memory' plan --config limit.json \
        --threads 2
    expect 1 "of this table's 4,000,000 rows of width 64 about" train --config limit.json \
        --train rows.csv --output m.safetensors --threads 2
    most=$(fits)
    expect 1 "are available" train --config limit.json --train rows.csv --output m.safetensors \
        --threads 2 --set "features.sparse.0.vocab_size=$((most * 11 / 10))"
    expect_nothing_left m.safetensors
    expect 0 "" train --config limit.json --train rows.csv --output m.safetensors --threads 2 \
        --set "features.sparse.0.vocab_size=$((most * 7 / 10))"
    rm -f m.safetensors
done
# OpenBLAS, which would wait for its buffers for ever, has no room for those of two threads.
echo 'ulimit -d 250000 && exec "$@"' >limit.sh
if sh limit.sh "$mmoe" --help >out 2>err; then
    expect 1 "OpenBLAS takes 128 MB of addresses a thread, of 2 here" train --config \
        limit.json --set features.sparse.0.vocab_size=100 --train rows.csv --output m.safetensors \
        --threads 2
    expect_nothing_left m.safetensors
fi

# A control group's limit, in folders that look like the system's where this process looks for them.
# What is said to fit does.
mkdir -p groups/memory
for of_group in max=220000000 current=60000000; do
    echo "${of_group#*=}" >"groups/memory.${of_group%=*}"
done
cp groups/memory.max groups/memory/memory.limit_in_bytes
cp groups/memory.current groups/memory/memory.usage_in_bytes
echo 'mount --bind groups /sys/fs/cgroup && exec "$@"' >group.sh
wrapper="unshare --map-root-user --mount sh group.sh"
if $wrapper true 2>err; then
    expect 1 'and 160.0 MB are available: this table of 4,000,000 rows of width 64 takes 3.09 GB' \
        plan --config limit.json
    most=$(fits)
    check "rows that fit: $most" [ "${most:-0}" -gt 100000 ]
    for command in "train --config limit.json --train rows.csv --output m.safetensors" \
        "plan --config limit.json"; do
        # shellcheck disable=SC2086 # a list of words
        {
            expect 0 "" $command --set "features.sparse.0.vocab_size=$((most * 99 / 100))"
            expect 1 "160.0 MB are available" $command \
                --set "features.sparse.0.vocab_size=$((most * 101 / 100))"
        }
    done
    printf '{"config": "limit.json", "train": "rows.csv", "valid": "rows.csv"}' >s.json
    expect 1 "160.0 MB are available" sweep --config s.json --output limited.sweep
    rm groups/memory/memory.* groups/memory.max
    expect 0 "" plan --config limit.json --set features.sparse.0.vocab_size=$((most * 2))
    wrapper=""
    check "a limit far above this table is none" grep -q "deferred: a batch" out
fi
wrapper=""
finish
