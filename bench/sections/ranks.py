"""What several hosts would give: predictions of `mmoe plan --ranks`, not measurements."""
import json
import os
import random
import tempfile

from pages import count_of, table

HEADING = "More than one machine"
ABOUT = """**Predictions, not measurements**: the step times that `mmoe plan --ranks 64` predicts
for
1 to 64 hosts like this machine, with one rank of one thread on each, by the formula in
`docs/ranks.md`. Only two things were timed: the step of one host, and what one of 2 to 64 ranks
computes of a step. Speed-ups are relative to one host. The largest one of each shape is in bold."""
NETWORKS = ((1, 1), (1, 0.1), (10, 0.1), (25, 0.02))
WIDE = {"n_expert": 32, "expert_params": {"dims": [256, 128]}}
# Columns, values of each, width of the embeddings, batch, the model.
SHAPES = {
    "32 columns of 16 values, 8 experts of 16, batch 8192": (32, 16, 4, 8192, {
        "n_expert": 8, "expert_params": {"dims": [16]}}),
    "the same, 32 experts of [256, 128]": (32, 16, 4, 8192, WIDE),
}
QUICK = {"4 columns of 16 values": (4, 16, 4, 512, {"n_expert": 2})}
ROWS = 4096


def write(folder, columns, values, width, batch, model):
    rng = random.Random(1)
    names = [f"s{i}" for i in range(columns)]
    with open(os.path.join(folder, "rows.csv"), "w", encoding="utf-8") as f:
        print(*names, "d0", "x", "y", sep=",", file=f)
        for _ in range(ROWS):
            print(*(rng.randrange(values) for _ in names), f"{rng.random():.3f}",
                  rng.randrange(2), rng.randrange(2), sep=",", file=f)
    tasks = [{"name": t, "label": t, "tower_params": {"dims": [8]}} for t in ("x", "y")]
    config = {
        "features": {
            "sparse": [{"name": "s*", "vocab_size": values, "embed_dim": width}],
            "dense": [{"name": "d0"}]
        }, "tasks": tasks, "model": model,
        "trainer": {"batch_size": batch, "segments": 64}
    }
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f)


def measure(run):
    """[{"shape": ..., "gbit": ..., "ms": ..., "hosts": [plan's]}]"""
    run.bench("bench_gemm", "--n-expert", 1, seconds=0.01)  # for the peak alone
    found = []
    with tempfile.TemporaryDirectory() as folder:
        run.names[folder] = "DIR"
        for shape, of in (QUICK if run.a.quick else SHAPES).items():
            run.say(shape)
            write(folder, *of)
            for gbit, ms in NETWORKS:
                plan = json.loads(
                    run([run.program("tools", "mmoe"), "plan", "--config",
                         os.path.join(folder, "config.json"), "--train",
                         os.path.join(folder, "rows.csv"), "--threads", "1", "--ranks", "64",
                         "--bandwidth", str(gbit), "--latency", str(ms), "--json"]))
                found.append({"shape": shape, "gbit": gbit, "ms": ms,
                              "hosts": plan["ranks"]["hosts"]})
    return found


def targets(figures):
    return []


def body(record):
    parts = []
    for shape in dict.fromkeys(f["shape"] for f in record["figures"]):
        of = [f for f in record["figures"] if f["shape"] == shape]
        hosts = [h["hosts"] for h in of[0]["hosts"]]
        parts.append(f"{shape[0].upper()}{shape[1:]}:\n\n" + table(
            ["predicted", "one host, ms", *(count_of(h, "host") for h in hosts[1:]),
             f"MB a host sends, of {hosts[1]} and {hosts[-1]}"],
            [row_of(f) for f in of]))
    return "\n\n".join(parts)


def row_of(f):
    hosts = f["hosts"]
    best = max(h["speed_up"] for h in hosts)
    return [
        f"{f['gbit']} Gbit/s, {f['ms']} ms", f"{1e3 * hosts[0]['seconds']:.1f}",
        *(f"**{h['speed_up']:.2f}**" if h["speed_up"] == best else f"{h['speed_up']:.2f}"
          for h in hosts[1:]),
        f"{hosts[1]['bytes'] / 1e6:.2f}, {hosts[-1]['bytes'] / 1e6:.2f}"
    ]
