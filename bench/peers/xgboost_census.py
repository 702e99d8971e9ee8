#!/usr/bin/python3
"""XGBoost on the files of tools/census: a model a task, categories one-hot, numbers as they stand.
The rounds end where the AUC of the validation rows is best; the test rows are judged once. Needs
python3-xgboost (Debian's is 1.7.4), which brings numpy and scipy."""
import argparse
import csv
import json
import os
import sys

import numpy
import scipy.sparse

try:
    import xgboost
except ImportError:
    sys.exit("xgboost_census: xgboost is not installed (Debian: python3-xgboost)")

SPLITS = ("train", "valid", "test")


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("dir", metavar="DIR", help="folder that tools/census has filled")
    p.add_argument("--rounds", type=int, default=600, help="trees a task, at most [600]")
    p.add_argument("--patience", type=int, default=30,
                   help="trees without a better validation AUC [30]")
    p.add_argument("--depth", type=int, default=6, help="of a tree [6]")
    p.add_argument("--eta", type=float, default=0.1, help="learning rate [0.1]")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--predictions", help="file for the validation rows' predictions (CSV)")
    p.add_argument("--json", action="store_true")
    return p.parse_args()


def read_columns(path):
    """{name: array of texts}"""
    with open(path, newline="") as f:
        rows = csv.reader(f)
        head = next(rows)
        return {name: numpy.array(cells) for name, cells in zip(head, zip(*rows))}


def values_of(columns, numbers, labels):
    """{name: sorted values} of the columns that become one-hot; a missing value is one of them."""
    return {
        name: numpy.unique(cells)
        for name, cells in columns.items() if name not in numbers and name not in labels
    }


def matrix(columns, numbers, values):
    """[rows, numbers + values], sparse: a number has an entry in every row, zero or not, a category
    one for its value, if it is known."""
    rows = len(columns[numbers[0]])
    entries, first = [], len(numbers)
    for i, name in enumerate(numbers):
        entries.append((numpy.arange(rows), numpy.full(rows, i), columns[name].astype("f4")))
    for name, known in values.items():
        at = numpy.minimum(numpy.searchsorted(known, columns[name]), len(known) - 1)
        found = numpy.flatnonzero(known[at] == columns[name])
        entries.append((found, first + at[found], numpy.ones(len(found), "f4")))
        first += len(known)
    row, column, value = map(numpy.concatenate, zip(*entries))
    return scipy.sparse.csr_matrix((value, (row, column)), (rows, first))


def load(folder):
    """What a task needs of each split: inputs [rows, width], labels {task: [rows]}."""
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    numbers = [d["name"] for d in config["features"]["dense"]]
    labels = [t["label"] for t in config["tasks"]]
    inputs, targets, values = {}, {}, None
    for split in SPLITS:
        columns = read_columns(os.path.join(folder, split + ".csv"))
        values = values or values_of(columns, numbers, labels)
        inputs[split] = matrix(columns, numbers, values)
        targets[split] = {name: columns[name].astype("f4") for name in labels}
    return inputs, targets


def fit(a, data, task):
    """The booster, whose predictions stop at the round of the best validation AUC."""
    parameters = {
        "objective": "binary:logistic", "eval_metric": "auc", "tree_method": "hist",
        "max_depth": a.depth, "eta": a.eta, "nthread": a.threads, "seed": 1
    }
    return xgboost.train(parameters, data["train"], a.rounds, evals=[(data["valid"], "valid")],
                         early_stopping_rounds=a.patience, verbose_eval=False)


def measure(a):
    inputs, targets = load(a.dir)
    data = {split: xgboost.DMatrix(x) for split, x in inputs.items()}
    results, predictions = {}, {}
    for task in targets["train"]:
        for split in SPLITS:
            data[split].set_label(targets[split][task])
        booster = fit(a, data, task)
        rounds = booster.best_iteration + 1
        best = booster[:rounds]
        results[task] = {
            "rounds": rounds,
            **{s: float(best.eval(data[s]).rsplit(":", 1)[1])
               for s in SPLITS[1:]}
        }
        predictions[task] = best.predict(data["valid"])
    return results, predictions


def main():
    a = parse_arguments()
    results, predictions = measure(a)
    if a.predictions:
        numpy.savetxt(a.predictions, numpy.column_stack(list(predictions.values())), delimiter=",",
                      header=",".join(predictions), comments="")
    if a.json:
        print(json.dumps({"version": xgboost.__version__, "tasks": results}))
        return
    for task, r in results.items():
        print(f"{task}: test auc {r['test']:.5f}, valid auc {r['valid']:.5f}, {r['rounds']} trees")


if __name__ == "__main__":
    main()
