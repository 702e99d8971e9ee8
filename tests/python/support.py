"""What the tests of python/mmoe.py share: a model, its rows, and lines "ok ..." or "not ok ..."."""
import ctypes
import sys
import traceback
import warnings

try:
    import numpy as np
    import pandas as pd
except ImportError as missing:
    print("skipped:", missing)
    sys.exit(77)

import mmoe

CONFIG = {
    "features": {
        "sparse": [{"name": "user", "side": "user"}, {"name": "city"},
                   {"name": "kind", "vocab_size": 5, "oov_id": 0},
                   {"name": "both", "cross": ["user", "kind"], "hash_bucket_size": 11,
                    "embed_dim": 4}],
        "sequence": [{"name": "seen", "embed_dim": 4, "separator": "|", "side": "user"},
                     {"name": "tags", "embed_dim": 4, "separator": "|"}],
        "dense": [{"name": "age", "side": "user", "missing": "mean"},
                  {"name": "price", "missing": "mean", "transform": "standardize"},
                  {"name": "place", "dim": 2, "missing": 0}]},
    "tasks": [{"name": "ctr", "label": "click"},
              {"name": "worth", "label": "paid", "type": "regression"}],
    "score": "ctr * worth",
    "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [4]}},
    "trainer": {"n_epoch": 2, "batch_size": 64, "seed": 5, "optimizer_params": {"lr": 0.02}},
}


def rows(count, seed=1):
    """As lists of Python's, in the order of no model."""
    draw = np.random.default_rng(seed)
    some = lambda values: [None if draw.random() < 0.1 else v for v in values]
    ids = lambda most, n: draw.integers(0, most, n).tolist()
    return {
        "price": some(draw.lognormal(0, 1, count).tolist()),
        "tags": [[f"t{i}" for i in ids(9, draw.integers(0, 4))] for _ in range(count)],
        "place": draw.normal(size=(count, 2)).round(3).tolist(),
        "city": some([["Rome", "Bern", "Oslo", "a,b", "Züri"][i] for i in ids(5, count)]),
        "kind": some(ids(5, count)),
        "seen": [ids(20, draw.integers(0, 4)) for _ in range(count)],
        "age": draw.integers(18, 80, count).tolist(),
        "user": some(ids(30, count)),
    }


def labels(count, seed=2):
    draw = np.random.default_rng(seed)
    return {"click": draw.integers(0, 2, count).tolist(),
            "paid": draw.normal(3, 1, count).round(4).tolist()}


def as_cells(columns):
    """What a CSV file has: lists are one text."""
    cell = lambda v: "|".join(map(str, v)) if isinstance(v, list) else v
    return {name: [cell(v) for v in values] for name, values in columns.items()}


def write_csv(path, columns):
    frame = pd.DataFrame(as_cells(columns), dtype=object)
    frame.to_csv(path, index=False)


class Stream:
    """What pyarrow's tables and polars' frames are to this module: a capsule, given once."""

    def __init__(self, columns):
        self.made = mmoe._Columns(columns, "rows")
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p,
                                                       ctypes.c_void_p]
        self.capsule = new(self.made.address, b"arrow_array_stream", None)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.capsule


def quietly(function, *arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mmoe.MmoeWarning)
        return function(*arguments, **named)


def same(a, b):
    """Scores, to the bit."""
    return list(a) == list(b) and all(a[task].tobytes() == b[task].tobytes() for task in a)


def raised(kind, *texts, by):
    """The error that `by` raises: of this type, with these texts."""
    try:
        by()
    except kind as error:
        assert type(error) is kind and all(t in str(error) for t in texts), repr(error)
        return error
    raise AssertionError(f"no {kind.__name__} with {texts}")


def run_all(module):
    failures = 0
    for name, function in list(vars(module).items()):
        if not name.startswith("test_"):
            continue
        try:
            function()
            print("ok", name[5:].replace("_", " "))
        except Exception:
            failures += 1
            print("not ok", name[5:].replace("_", " "))
            traceback.print_exc(file=sys.stdout)
    sys.exit(failures > 0)
