"""test_pandas.py MMOE BENCH_READ: what pandas writes is read as pandas reads it.

The file has what surprises readers: an index without a name, ids with gaps ("7.0"), True and False,
quoted texts with commas, quotes and newlines, 1e-05, empty cells, categories, times. It is packed,
and the folder's columns are compared with pandas.read_csv's, each value. MMOE_PANDAS_ROWS: how many
rows; of many the seconds of both are printed, too.
"""
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import pandas as pd
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

ROWS = int(os.environ.get("MMOE_PANDAS_ROWS", "20000"))
MANY = 200000
BLOCK, LANES = 16384, 64
IDS = ["user", "flag", "maybe", "text", "color", "when", "mixed", "size"]
NUMBERS = ["price", "small", "count"]
CONFIG = {
    "features": {"sparse": [{"name": "*"}],  # all but the index, which has no name
                 "dense": [{"name": "price", "missing": 0}, {"name": "small"}, {"name": "count"}]},
    "tasks": [{"name": "click", "label": "click"},
              {"name": "seen", "label": "seen", "positive": "True"},
              {"name": "spent", "label": "spent", "type": "regression"}],
}


def frame(rows):
    draw = np.random.default_rng(5)
    some = lambda share: draw.random(rows) < share
    words = np.array(["plain", "a,b", 'say "hi"', "two\nlines", "", "7", "07", "7.5", "ümlaut",
                      '"', ",", "\n", "a\r\nb", "=1+1", "'q'", "tab\there", "#no comment"])
    items = draw.integers(0, rows // 20, rows)
    text = pd.Series(words[draw.integers(0, len(words), rows)])
    long = some(0.5)
    text[long] = [f'item {i}, "the {i % 7}th"\nof many' for i in items[long]]
    start = np.datetime64("2023-01-01")
    return pd.DataFrame({
        "user": pd.Series(draw.integers(1, rows // 5, rows)).where(~some(0.1)),
        "flag": some(0.3),
        "maybe": pd.Series(some(0.5)).astype(object).where(~some(0.2)),
        "text": text,
        "color": pd.Categorical.from_codes(draw.integers(-1, 3, rows), ["red", "a, b", "blue"]),
        "when": pd.Series(start + draw.integers(0, 3000, rows).astype("timedelta64[h]")
                          ).where(~some(0.05)),
        "mixed": pd.Series(draw.integers(-3, 40, rows)).astype(object).where(~some(0.01), "x1"),
        "size": pd.Series(draw.integers(0, 9, rows)).astype("Int64").where(~some(0.1)),
        "price": pd.Series(draw.lognormal(0, 4, rows)).where(~some(0.1)),
        "small": draw.normal(0, 1, rows) * 10.0 ** draw.integers(-30, 20, rows),
        "count": draw.integers(-10**9, 10**9, rows),
        "click": draw.integers(0, 2, rows).astype(float),
        "seen": some(0.4),
        "spent": pd.Series(draw.normal(0, 1, rows)).where(~some(0.3)),
    })


# ---- A packed folder ----

def in_order(values):
    """A column of a folder: within a block lane stands behind lane."""
    out = np.empty_like(values)
    for first in range(0, len(values), BLOCK):
        block = values[first:first + BLOCK]
        rows = np.argsort(np.arange(len(block)) % LANES, kind="stable")
        out[first + rows] = block
    return out


def columns_of(folder):
    part = os.path.join(folder, "part-0")
    return {name.split("-", 1)[1][:-4]: in_order(np.load(os.path.join(part, name)))
            for name in os.listdir(part) if "-" in name}


def rows_of(values):
    """The row of a table for each value: by first appearance, 0 where it is missing."""
    codes, _ = pd.factorize(values)
    return codes + 1


def differing(name, want, got):
    same = (want == got) | (pd.isna(want) & pd.isna(got))
    if same.all() and len(want) == len(got):
        print("ok", name)
        return 0
    row = int(np.argmin(same))
    print(f"not ok {name}: {int((~same).sum())} of {len(want)} differ, the first in row {row + 2}:",
          f"pandas {want[row]!r}, mmoe {got[row]!r}")
    return 1


def compare(mmoe, folder, path, kind):
    packed = os.path.join(folder, kind)
    subprocess.run([mmoe, "pack", "--config", os.path.join(folder, "config.json"), "--data", path,
                    "--output", packed], check=True, stdout=subprocess.DEVNULL)
    ours, theirs = columns_of(packed), pd.read_csv(path, float_precision="round_trip")
    failed = differing(f"{kind}: rows", np.array([len(theirs)]), np.array([len(ours["user"])]))
    for name in IDS:
        failed += differing(f"{kind}: {name}", rows_of(theirs[name]), ours[name])
    for name in NUMBERS:
        failed += differing(f"{kind}: {name}", theirs[name].fillna(0).to_numpy(np.float32),
                            ours[name])
    for name in ("click", "seen", "spent"):
        failed += differing(f"{kind}: {name}", theirs[name].to_numpy(np.float32),
                            ours[name + ".label"])
    return failed


# ---- How long it takes ----

def seconds_of_pandas(path):
    start = time.perf_counter()
    pd.read_csv(path)
    return time.perf_counter() - start


def seconds_of_mmoe(bench, config, path, threads):
    out = subprocess.run([bench, config, str(threads), path], check=True, stdout=subprocess.PIPE)
    return json.loads(out.stdout)["seconds"]


def measure(bench, config, path, kind):
    taken = {"pandas": [], 1: [], 2: []}
    for _ in range(3):
        taken["pandas"].append(seconds_of_pandas(path))
        for threads in (1, 2):
            taken[threads].append(seconds_of_mmoe(bench, config, path, threads))
    pandas, one, two = (statistics.median(taken[k]) for k in taken)
    print(f"# {kind}: {os.path.getsize(path) / 1e6:.0f} MB, pandas {pandas:.2f} s, mmoe {one:.2f} s"
          f" with one thread ({pandas / one:.1f} x), {two:.2f} s with two ({pandas / two:.1f} x)")


def main():
    mmoe, bench = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "config.json")
        with open(config, "w", encoding="utf-8") as f:
            json.dump(CONFIG, f)
        rows = frame(ROWS)
        for kind, quoting in (("as it is", csv.QUOTE_MINIMAL), ("quoted", csv.QUOTE_NONNUMERIC)):
            path = os.path.join(folder, kind + ".csv")
            rows.to_csv(path, quoting=quoting)
            failed += compare(mmoe, folder, path, kind)
            if ROWS >= MANY:
                measure(bench, config, path, kind)
    return failed > 0


sys.exit(main())
