"""Census-Income as tools/census writes it, trained by the program and by the peers."""
import json
import os
import tempfile

from pages import Target, cell, table
from running import PEERS, ROOT, WAYS, rotated, title

HEADING = "Census-Income"
ABOUT = """The rows of the UCI Census-Income (KDD) data, as `tools/census` writes them: 199,523 rows
with 32 columns of categories and 7 of numbers. The model has embeddings of 8 and 8 experts of 16;
batch 1024, Adam, one thread. The rates of mmoe are those of `mmoe train` over its epochs, with
shuffled rows. The rates of PyTorch are of steps alone, over rows that were encoded before. The
programs took turns. Figures are medians over rounds, with minimum and maximum in brackets; a ratio
compares programs of the same round."""
EPOCHS = 3


def why_not(a):
    return None if a.raw else "needs the raw data (--raw FOLDER)"


def measure(run):
    """{way or peer: [rows/s a round]}"""
    with tempfile.TemporaryDirectory() as folder:
        run.names[folder] = "DIR"
        run([os.path.join(ROOT, "tools", "census"), folder, "--raw", run.a.raw])
        config = os.path.join(folder, "config.json")
        widen(config, 8)
        found = {}
        for r in run.each_round():
            run.bench("bench_gemm", "--n-expert", 1, seconds=0.01)  # for the peak alone
            for name in rotated((*WAYS, *PEERS), r):
                run.say(name)
                rate = train(run, folder, name) if name in WAYS else peer(run, folder, name)
                if rate:
                    found.setdefault(name, []).append(rate)
        return found


def widen(config, width):
    with open(config, encoding="utf-8") as f:
        settings = json.load(f)
    settings["features"]["sparse"][0]["embed_dim"] = width
    with open(config, "w", encoding="utf-8") as f:
        json.dump(settings, f)


def train(run, folder, way):
    result = run([run.program("tools", "mmoe"), "train", "--config",
                  os.path.join(folder, "config.json"), "--train",
                  os.path.join(folder, "train.csv"), "--output",
                  os.path.join(folder, "model.safetensors"), "--set", f"model.first_layer={way}",
                  "--set", f"trainer.n_epoch={EPOCHS}", "--threads", "1", "--json"])
    return json.loads(result)["rows_per_second"]


def peer(run, folder, name):
    result = run.step_of(name, "--n-expert", 8, "--embed-dim", 8, "--data", folder)
    return result and result["train_rows_per_second"]


def ratios(figures, one, other):
    return [x / y for x, y in zip(figures.get(one, []), figures.get(other, []))]


def targets(figures):
    return [Target("Census-Income, width 8: rows/s, distinct / dense", 2.5,
                   ratios(figures, "distinct", "dense"))]


def body(record):
    figures = record["figures"]
    rows = [[f"mmoe, first layer {way}", cell(figures[way], "{:,.0f}"),
             "" if way == "dense" else cell(ratios(figures, way, "dense"), "{:.2f}"), ""]
            for way in WAYS]
    for name in PEERS:
        there = name in figures
        rows.append([title(name), cell(figures.get(name), "{:,.0f}"), "",
                     cell(ratios(figures, "auto", name), "{:.2f}") if there else ""])
    return table(["program", "training, rows/s", "/ dense", "mmoe, auto, is faster by"], rows)
