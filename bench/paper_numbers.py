"""The section of bench/PAPER.md on how numbers enter: MMoE with their logarithms alone, with
examples/census-best.json, and XGBoost on the same files."""
import importlib.util
import json
import os
import sys

from pages import auc, table

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEER = os.path.join(ROOT, "bench", "peers", "xgboost_census.py")
CONFIG = os.path.join(ROOT, "examples", "census-best.json")
WANTED = {"income": 0.956, "never_married": 0.9948}
FIGURES = ("mean", "deviation", "best")


def measure_best(run, size):
    """The example as it stands, over seeds that nothing was tuned with."""
    with open(CONFIG) as f:
        config = json.load(f)
    epochs = min(config["trainer"]["n_epoch"], size.longest)
    plan = {
        "config": config, **{s: s + ".csv" for s in ("train", "valid", "test")},
        "seeds": [101 + i for i in range(size.seeds)], "grid": {"trainer.n_epoch": [epochs]}
    }
    return run.sweep("group1/census-best", plan)["settings"][0]


def measure_trees(run, size):
    """What the peer prints, or None where XGBoost is not installed."""
    plan = {"rounds": size.trees}
    kept = run.result_of("group1/xgboost", plan)
    if kept is None and importlib.util.find_spec("xgboost"):
        kept = json.loads(
            run.call(sys.executable, PEER, run.path("group1", ""), "--json", "--rounds",
                     str(size.trees)))
        run.keep("group1/xgboost", plan, kept)
    return kept


def measure_numbers(run, size, logarithms):
    """`logarithms` is the chosen setting of Table 1's MMoE."""
    return {
        "log1p": logarithms, "best": measure_best(run, size), "trees": measure_trees(run, size)
    }


def mmoe_row(name, setting):
    figures = [setting["figures"][f"test.{t}.auc"] for t in WANTED]
    return [name, *[auc(f[w]) for f in figures for w in FIGURES], f"{setting['parameters']:,}"]


def trees_row(trees):
    if trees is None:
        return ["XGBoost (one-hot): not measured, as it is not installed", *[""] * 7]
    cells = [[auc(trees["tasks"][t]["test"]), "", ""] for t in WANTED]
    return [f"XGBoost {trees['version']} (one-hot)", *sum(cells, []), ""]


def numbers_answers(numbers):
    """Rows of the table of what was wanted: what, wanted, measured, whether it holds."""
    means = {t: numbers["best"]["figures"][f"test.{t}.auc"]["mean"] for t in WANTED}
    return [[
        f"group 1: census-best's mean AUC of {t}", f"at least {auc(wanted)}",
        auc(means[t]), means[t] >= wanted
    ] for t, wanted in WANTED.items()]


def numbers_section(numbers, size):
    head = ["AUC of the test rows"] + [f"{t} {w}" for t in WANTED for w in FIGURES] + ["parameters"]
    rows = [
        mmoe_row("MMoE, numbers as log1p", numbers["log1p"]),
        mmoe_row("MMoE, census-best", numbers["best"]),
        trees_row(numbers["trees"])
    ]
    return f"""## How numbers enter, and boosted trees

Group 1. Numbers as log1p are Table 1's MMoE; census-best is `examples/census-best.json`, which was
tuned on the validation rows, with {size.seeds} seeds that tuning did not see. XGBoost
(`bench/peers/xgboost_census.py`) is a model a task on the same files, categories one-hot, at most
{size.trees} trees of depth 6, as many as are best on the validation rows: one run, as it draws
nothing at random.

{table(head, rows)}
"""
