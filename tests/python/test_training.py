"""test_training.py MMOE PAGE: training from files, frames, dictionaries and streams of Arrow is
that of the program; what goes wrong, and what callbacks raise, arrives at the caller."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import warnings

from support import CONFIG, as_cells, labels, quietly, raised, rows, run_all, same, write_csv

import mmoe
import numpy as np
import pandas as pd

PROGRAM, PAGE = map(os.path.abspath, sys.argv[1:])
FOLDER = tempfile.TemporaryDirectory()
os.chdir(FOLDER.name)
TRAIN, VALID = {**rows(300), **labels(300)}, {**rows(90, 3), **labels(90, 4)}
for name, columns in (("train", TRAIN), ("valid", VALID)):
    write_csv(name + ".csv", columns)
with open("config.json", "w") as f:
    json.dump(CONFIG, f)


def program(*arguments):
    subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


program("train", "--config", "config.json", "--train", "train.csv", "--valid", "valid.csv",
        "--output", "program.safetensors")
program("predict", "--model", "program.safetensors", "--data", "valid.csv", "--output",
        "scores.csv")
MODEL = mmoe.load("program.safetensors")
SCORES = {t: pd.read_csv("scores.csv", dtype=np.float32)[t].to_numpy() for t in MODEL.tasks}
FEATURES = {name: values for name, values in VALID.items() if name in MODEL.columns}


def check(model):
    wanted, weights = MODEL.weights(), model.weights()
    assert list(wanted) == list(weights)
    for name, w in wanted.items():
        assert w.tobytes() == weights[name].tobytes(), name
    assert same(model.predict(FEATURES), SCORES)


class Stream:
    """What pyarrow's tables and polars' frames are to this module: a capsule, given once."""

    def __init__(self, columns):
        import ctypes
        self.made = mmoe._Columns(columns, "rows")
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p,
                                                       ctypes.c_void_p]
        self.capsule = new(self.made.address, b"arrow_array_stream", None)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.capsule


def test_predictions_are_the_programs():
    assert len(SCORES["ctr"]) == 90 and SCORES["ctr"].std() > 0.001
    frame = pd.read_csv("valid.csv")
    for form in (FEATURES, as_cells(FEATURES), pd.DataFrame(FEATURES), frame[MODEL.columns],
                 Stream(FEATURES), Stream(as_cells(FEATURES))):
        assert same(MODEL.predict(form), SCORES), type(form)
    assert same(MODEL.predict(frame, ignore_additional=True), SCORES)
    assert same(mmoe.load("program.safetensors", map=True).predict(FEATURES), SCORES)


def test_training_is_the_programs():
    check(quietly(mmoe.train, "config.json", "train.csv", "valid.csv"))
    check(quietly(mmoe.train, CONFIG, TRAIN, VALID, threads=2))
    check(quietly(mmoe.train, CONFIG, pd.DataFrame(TRAIN), [FOLDER.name + "/valid.csv"]))
    check(quietly(mmoe.train, CONFIG, Stream(TRAIN), Stream(as_cells(VALID))))
    frame = pd.read_csv("train.csv", dtype={"city": "category", "user": "Int64", "kind": "Int8"})
    check(quietly(mmoe.train, CONFIG, frame.convert_dtypes(), frame_of_arrays()))
    program("pack", "--config", "config.json", "--data", "train.csv", "--output", "packed")
    check(quietly(mmoe.train, CONFIG, "packed", VALID))


def frame_of_arrays():
    return pd.DataFrame({**VALID, "seen": [np.array(v, np.int16) for v in VALID["seen"]],
                         "city": pd.Categorical(VALID["city"])})


def test_models_are_files():
    model = quietly(mmoe.train, CONFIG, TRAIN, VALID)
    model.save("python.safetensors")
    program("predict", "--model", "python.safetensors", "--data", "valid.csv", "--output",
            "again.csv")
    with open("scores.csv") as a, open("again.csv") as b:
        assert a.read() == b.read()
    assert model.config["model"]["n_expert"] == 2 and model.score == "ctr * worth"
    error = raised(mmoe.Error, by=lambda: model.save("/nowhere/m.safetensors"))
    assert error.code == mmoe.E_IO


def test_weights_outlive_their_model():
    weights = quietly(mmoe.train, CONFIG, TRAIN).weights()
    total = {name: w.sum() for name, w in weights.items()}
    quietly(mmoe.train, CONFIG, TRAIN)
    assert all((w.sum() == total[name]) for name, w in weights.items())
    raised(ValueError, by=lambda: weights["experts.0.mlp.0.weight"].fill(0))
    assert weights["experts.0.mlp.1.num_batches_tracked"].dtype == np.int64


def test_history_and_callbacks():
    epochs, told = [], []
    model = quietly(mmoe.train, CONFIG, TRAIN, VALID, on_epoch=epochs.append,
                    on_progress=told.append)
    assert epochs == model.history and [e["epoch"] for e in epochs] == [1, 2]
    assert 0 < epochs[0]["valid"]["ctr"]["auc"] < 1 and epochs[0]["rows"] == 300
    assert set(epochs[0]["task_loss"]) == {"ctr", "worth"}
    assert all(t["rows"] == 300 and t["rows_done"] <= 300 for t in told)


class Stop(BaseException):
    pass


def test_what_callbacks_raise_ends_training():
    seen = []

    def stop(epoch):
        seen.append(epoch["epoch"])
        raise Stop("enough")
    raised(Stop, "enough", by=lambda: quietly(mmoe.train, CONFIG, TRAIN, VALID, on_epoch=stop))
    assert seen == [1]
    with warnings.catch_warnings():
        warnings.simplefilter("error", mmoe.MmoeWarning)
        few = {**TRAIN, "click": [1] + [0] * 299}
        raised(mmoe.MmoeWarning, "ctr", by=lambda: mmoe.train(CONFIG, few))


def test_an_interrupt_ends_training_while_other_threads_run():
    long = {**CONFIG, "trainer": {**CONFIG["trainer"], "n_epoch": 1000000}}
    handler = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    raised(KeyboardInterrupt, by=lambda: quietly(mmoe.train, long, TRAIN))
    assert signal.getsignal(signal.SIGINT) is handler


def test_checkpoints():
    def stop(epoch):
        raise Stop()
    raised(Stop, by=lambda: quietly(mmoe.train, CONFIG, TRAIN, VALID, checkpoint="c.safetensors",
                                    on_epoch=stop))
    check(quietly(mmoe.train, CONFIG, TRAIN, VALID, resume="c.safetensors"))


def test_groups_of_frames():
    config = {**CONFIG, "data": {"group": "user"}}
    csv = quietly(mmoe.train, config, "train.csv", "valid.csv").history
    frame = quietly(mmoe.train, config, TRAIN, VALID).history
    assert frame[0]["valid"] == csv[0]["valid"] and 0 < csv[0]["valid"]["ctr"]["gauc"] < 1


def test_warnings_say_where():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mmoe.train(CONFIG, {**TRAIN, "click": [1] + [0] * 299})
    assert [w for w in caught if w.category is mmoe.MmoeWarning and "ctr" in str(w.message)]
    assert {w.filename for w in caught} == {__file__}


def test_bad_rows():
    def fails(what, kind=mmoe.Error, **columns):
        return raised(kind, *what, by=lambda: mmoe.train(CONFIG, {**TRAIN, **columns}))
    error = fails(["train: row 3", '"click"'], click=[0, 1, 2] + [0] * 297)
    assert (error.code, error.row, error.column) == (mmoe.E_DATA, 3, "click")
    error = raised(mmoe.Error, "valid", '"city"', by=lambda: quietly(
        mmoe.train, CONFIG, TRAIN, {n: v for n, v in VALID.items() if n != "city"}))
    assert error.column == "city"
    fails(["row 8", '"user"', "str"], TypeError, user=TRAIN["user"][:7] + ["x"] * 293)
    fails(["299 rows"], city=TRAIN["city"][1:])
    quietly(mmoe.train, CONFIG, {**TRAIN, "not read": [object()] * 300})
    raised(mmoe.Error, "nowhere.csv", by=lambda: mmoe.train(CONFIG, "nowhere.csv"))
    raised(mmoe.Error, "n_exprt", by=lambda: mmoe.train({**CONFIG, "model": {"n_exprt": 1}}, TRAIN))
    raised(TypeError, "train", by=lambda: mmoe.train(CONFIG, 5))
    raised(TypeError, "valid", by=lambda: mmoe.train(CONFIG, TRAIN, [5]))
    raised(mmoe.Error, by=lambda: mmoe.train(CONFIG, pd.DataFrame()))


def test_the_pages_sample():
    with open(PAGE) as page:
        sample = page.read().split("```python\n")[1].split("```")[0]
    frame = pd.DataFrame({"user": TRAIN["user"], "city": TRAIN["city"], "seen": TRAIN["seen"],
                          "price": TRAIN["price"], "click": TRAIN["click"],
                          "buy": TRAIN["click"][::-1]})
    given = {"frame": frame, "items": {"city": ["Bern", "Rome"], "price": [1, 2]}}
    kept = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_csv("valid.csv", frame.to_dict("list"))
        quietly(exec, sample, given)
        os.chdir(kept)
    assert same(given["model"].predict(frame[given["model"].columns][:2]),
                given["model"].predict(frame.drop(columns=["click", "buy"])[:2]))
    assert len(given["scores"]["ctr"]) == 2 and sorted(given["rows"]) == [0, 1]


def test_streams_are_read_once():
    stream = Stream(FEATURES)
    assert same(MODEL.predict(stream), SCORES)
    raised(mmoe.Error, "read already", by=lambda: MODEL.predict(stream))
    raised(mmoe.Error, '"extra"', by=lambda: MODEL.predict(Stream({**FEATURES, "extra": [0] * 90})))
    raised(mmoe.Error, '"city"', by=lambda: MODEL.predict(Stream(
        {n: v for n, v in FEATURES.items() if n != "city"})))


run_all(sys.modules[__name__])
