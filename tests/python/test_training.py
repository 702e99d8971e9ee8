"""test_training.py MMOE PAGE: training from files, frames, dictionaries and streams of Arrow is
that of the program; what goes wrong, and what callbacks raise, arrives at the caller."""
import contextlib
import gc
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import warnings

from support import (CONFIG, Stream, as_cells, labels, quietly, raised, rows, run_all, same,
                     write_csv)

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


def test_predictions_are_the_programs():
    assert len(SCORES["ctr"]) == 90 and SCORES["ctr"].std() > 0.001
    frame = pd.read_csv("valid.csv")
    for form in (FEATURES, as_cells(FEATURES), pd.DataFrame(FEATURES), frame[MODEL.columns],
                 Stream(FEATURES), Stream(as_cells(FEATURES))):
        assert same(MODEL.predict(form), SCORES), type(form)
    assert same(MODEL.predict(frame, ignore_additional=True), SCORES)
    assert same(mmoe.load("program.safetensors", map=True).predict(FEATURES), SCORES)


def texts_of_each_sort(count):
    """Words of ASCII and others, short and long, as a file may have them; None: there is none."""
    draw = np.random.default_rng(11)
    words = [f"{'wörd' if i % 7 == 0 else 'word'} {i}" for i in range(300)] + [
        "a" * 64, "b" * 65, "c" * 300, "long " * 30 + "ü", "x", " word 1", "word 1 ", "7", "7.0",
        'a,b"c', "1e3", "東京", "🎈 fair", "NA", "none", None, None, None]
    return [words[i] for i in draw.integers(0, len(words), count)]


def test_predictions_of_texts_in_each_form_are_the_programs():
    config = {"features": {"sparse": [{"name": "word", "embed_dim": 8},
                                      {"name": "hashed", "hash_bucket_size": 101}],
                           "dense": [{"name": "x", "missing": 0}]},
              "tasks": CONFIG["tasks"][:1], "model": CONFIG["model"],
              "trainer": {"seed": 3, "n_epoch": 1}}
    texts = texts_of_each_sort(40000)
    numbers = [None if i % 9 == 0 else i % 31 / 4 for i in range(len(texts))]
    columns = {"word": texts, "hashed": texts[::-1], "x": numbers}
    known = {name: values[:2000] for name, values in columns.items()}
    model = quietly(mmoe.train, config, {**known, "click": [0, 1] * 1000})
    model.save("texts.safetensors")
    pd.DataFrame(columns).to_csv("texts.csv", index=False)
    program("predict", "--model", "texts.safetensors", "--data", "texts.csv", "--output",
            "of_texts.csv")
    wanted = {"ctr": pd.read_csv("of_texts.csv", dtype=np.float32)["ctr"].to_numpy()}
    assert len(set(wanted["ctr"].tolist())) > 5000
    fresh = lambda missing: np.array([missing() if t is None else (t + " ")[:-1] for t in texts],
                                     object)
    shared = np.array(texts, object)
    forms = [shared, texts, pd.Categorical(texts), pd.array(texts, dtype="string"),
             np.array([t or "" for t in texts]), np.repeat(shared, 2)[::2],
             *map(fresh, (lambda: None, lambda: float("nan"), lambda: np.float32("nan"),
                          lambda: pd.NA, lambda: pd.NaT, str, np.str_))]
    for threads, form in enumerate(forms):
        frame = pd.DataFrame({"word": form, "hashed": form[::-1], "x": numbers})
        assert same(model.predict(frame, threads=threads % 2 + 1), wanted), threads
    of_strs, mmoe._strs = mmoe._strs, None  # as where Python's objects are others
    try:
        assert of_strs and all(same(model.predict({**columns, "word": form}), wanted)
                               for form in (fresh(str), fresh(lambda: pd.NA)))
    finally:
        mmoe._strs = of_strs


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
    epochs = []
    model = quietly(mmoe.train, CONFIG, TRAIN, VALID, on_epoch=epochs.append)
    assert epochs == model.history and [e["epoch"] for e in epochs] == [1, 2]
    assert 0 < epochs[0]["valid"]["ctr"]["auc"] < 1 and epochs[0]["rows"] == 300
    assert set(epochs[0]["task_loss"]) == {"ctr", "worth"} and epochs[0]["n_member"] == 1

    two = {**CONFIG, "model": {**CONFIG["model"], "members": 2}}
    both = quietly(mmoe.train, two, TRAIN, VALID)
    assert [(e["member"], e["epoch"]) for e in both.history] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert both.history[:2] == [{**e, "n_member": 2, "seconds": s["seconds"],
                                 "rows_per_second": s["rows_per_second"]}
                                for e, s in zip(epochs, both.history)]
    other = quietly(mmoe.train, {**CONFIG, "trainer": {**CONFIG["trainer"], "seed": 6}}, TRAIN,
                    VALID)
    ctr = [m.predict(rows(90, 3))["ctr"] for m in (both, model, other)]
    assert np.allclose(ctr[0], (ctr[1] + ctr[2]) / 2, rtol=0, atol=1e-6)


class Stop(BaseException):
    pass


def test_what_callbacks_raise_ends_training():
    seen = []

    def stop(epoch):
        seen.append(epoch["epoch"])
        raise Stop("enough")
    raised(Stop, "enough", by=lambda: quietly(mmoe.train, CONFIG, TRAIN, VALID, on_epoch=stop))
    assert seen == [1]

    def stop_at_once(progress):
        seen.append(progress)
        raise Stop("in the epoch")
    slow = {**CONFIG, "trainer": {**CONFIG["trainer"], "batch_size": 1}, "model": {
        "name": "mmoe", "n_expert": 8, "expert_params": {"dims": [1024, 1024]}}}
    many = {name: values * 20 for name, values in TRAIN.items()}  # an epoch of many seconds
    raised(Stop, "in the epoch", by=lambda: quietly(mmoe.train, slow, many, threads=1,
                                                    on_progress=stop_at_once))
    assert seen[1]["rows"] == 6000 and 0 < seen[1]["rows_done"] < 6000 and len(seen) == 2
    assert seen[1]["epoch"] == 1 and set(seen[1]["task_loss"]) == {"ctr", "worth"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", mmoe.MmoeWarning)
        few = {**TRAIN, "click": [1] + [0] * 299}
        raised(mmoe.MmoeWarning, "ctr", by=lambda: mmoe.train(CONFIG, few))


def raise_stop(*_):
    raise Stop("a handler")


@contextlib.contextmanager
def handling(number, handler):
    before = signal.signal(number, handler)
    try:
        yield
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)


# Without end: a signal comes when its sender has its turn.
LONG = {**CONFIG, "trainer": {**CONFIG["trainer"], "n_epoch": 1000000}}


def test_what_handlers_raise_ends_training():
    for number, handler, kind in ((signal.SIGINT, signal.default_int_handler, KeyboardInterrupt),
                                  (signal.SIGUSR1, raise_stop, Stop)):
        seen = []

        def send(epoch):
            seen.append(epoch)
            os.kill(os.getpid(), number)
            seen.append("the callback goes on")
        with handling(number, handler):
            raised(kind, by=lambda: quietly(mmoe.train, LONG, TRAIN, on_epoch=send))
        assert len(seen) == 1


def test_signals_while_no_callback_runs():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # the other thread runs only while this one is in the library
    try:
        for number, handler, kind in ((signal.SIGINT, signal.default_int_handler,
                                       KeyboardInterrupt), (signal.SIGUSR1, raise_stop, Stop)):
            go = threading.Event()
            other = threading.Thread(target=lambda: go.wait() and os.kill(os.getpid(), number))
            other.start()
            with handling(number, handler):
                raised(kind, by=lambda: quietly(mmoe.train, LONG, TRAIN,
                                                on_epoch=lambda _: go.set()))
            other.join()
    finally:
        sys.setswitchinterval(interval)


def test_handlers_that_raise_nothing_and_that_callbacks_set():
    handled, mine = [], lambda *_: handled.append("mine")

    def send(epoch):
        os.kill(os.getpid(), signal.SIGUSR1)
        signal.signal(signal.SIGUSR2, mine)
        raise Stop()
    kept = signal.getsignal(signal.SIGUSR2)
    with handling(signal.SIGUSR1, lambda *_: handled.append("usual")):
        raised(Stop, by=lambda: quietly(mmoe.train, CONFIG, TRAIN, on_epoch=send))
    assert signal.signal(signal.SIGUSR2, kept) is mine and handled == ["usual"]


def test_interrupts_while_a_frame_is_read():
    get_next = mmoe._Columns._get_next

    def interrupted(self, *arguments):
        os.kill(os.getpid(), signal.SIGUSR1)
        return get_next(self, *arguments)
    mmoe._Columns._get_next = interrupted
    try:
        with handling(signal.SIGUSR1, raise_stop):
            for by in (lambda: mmoe.train(CONFIG, TRAIN), lambda: mmoe.train(CONFIG, Stream(TRAIN)),
                       lambda: mmoe.train(CONFIG, "train.csv", VALID),
                       lambda: MODEL.predict(as_cells(FEATURES)),
                       lambda: MODEL.predict(Stream(FEATURES))):
                raised(Stop, "a handler", by=lambda: quietly(by))
    finally:
        mmoe._Columns._get_next = get_next
    assert same(MODEL.predict(Stream(FEATURES)), SCORES)


def test_an_interrupt_ends_the_reading_of_a_file():
    work = mmoe._Watched._work

    def interrupted(self, told):
        if told.what == b"learning":
            os.kill(os.getpid(), signal.SIGUSR1)
        work(self, told)
    mmoe._Watched._work = interrupted
    try:
        with handling(signal.SIGUSR1, raise_stop):
            quietly(mmoe.train, CONFIG, "train.csv", VALID)
    except Stop as stop:
        assert stop.__context__.code == mmoe.E_CANCELLED, stop.__context__
    else:
        raise AssertionError("it went on")
    finally:
        mmoe._Watched._work = work


def test_checkpoints():
    def stop(epoch):
        raise Stop()
    raised(Stop, by=lambda: quietly(mmoe.train, CONFIG, TRAIN, VALID, checkpoint="c.safetensors",
                                    on_epoch=stop))
    check(quietly(mmoe.train, CONFIG, TRAIN, VALID, resume="c.safetensors"))


class Watched:
    """The library; what is freed, in its order."""

    def __init__(self, library):
        self.library, self.freed = library, []

    def __getattr__(self, name):
        function = getattr(self.library, name)
        if name not in ("mmoe_trainer_free", "mmoe_model_free"):
            return function
        return lambda address: (self.freed.append(name), function(address))


def test_a_refused_checkpoint_leaves_no_trainer():
    library = mmoe._library
    mmoe._library = watched = Watched(library)
    gc.disable()
    try:
        raised(mmoe.Error, "nowhere", by=lambda: quietly(mmoe.train, CONFIG, TRAIN,
                                                         resume="/nowhere"))
        assert watched.freed[:1] == ["mmoe_trainer_free"]
    finally:
        gc.enable()
        gc.collect()
        mmoe._library = library
    assert watched.freed == ["mmoe_trainer_free", "mmoe_model_free"]


def test_groups_of_frames():
    config = {**CONFIG, "data": {"group": "user"}}
    csv = quietly(mmoe.train, config, "train.csv", "valid.csv").history
    frame = quietly(mmoe.train, config, TRAIN, VALID).history
    assert frame[0]["valid"] == csv[0]["valid"] and 0 < csv[0]["valid"]["ctr"]["gauc"] < 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mmoe.train(config, Stream(TRAIN), Stream(VALID))
    told = [w for w in caught if "data.group" in str(w.message)]
    assert len(told) == 1 and str(told[0].message).startswith("valid: ")
    assert told[0].category is mmoe.MmoeWarning and told[0].filename == __file__


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


def test_bad_arguments():
    def fails(kind, *texts, **named):
        raised(kind, *texts, by=lambda: mmoe.train(**{"config": CONFIG, "train": TRAIN, **named}))
    fails(TypeError, "config: a dictionary or the path", "NoneType", config=None)
    fails(TypeError, "config: ", "not JSON serializable", config={"model": b"mmoe"})
    fails(TypeError, "on_progress: a function is wanted, not int", on_progress=3)
    fails(TypeError, "meta: a dictionary of texts is wanted, not str", meta="git=1")
    for name in "checkpoint", "resume", "config":
        fails(ValueError, "the path '' is empty", **{name: ""})
    fails(ValueError, "the path '\\ud800' is no Unicode", checkpoint="\ud800")
    fails(ValueError, "meta: '\\ud800' is no Unicode", meta={"\ud800": "1"})
    raised(TypeError, "model: a Model is wanted, not dict", by=lambda: mmoe.Trainer(CONFIG))
    raised(TypeError, "lr: a number is wanted, not str",
           by=lambda: mmoe.Trainer(MODEL).set_lr("0.1"))
    raised(TypeError, "by: a text is wanted, not int",
           by=lambda: MODEL.evaluate("valid.csv", by=3))


def test_the_pages_samples():
    with open(PAGE) as page:
        samples = [part.split("```")[0] for part in page.read().split("```python\n")[1:]]
    frame = pd.DataFrame({"user": TRAIN["user"], "city": TRAIN["city"], "seen": TRAIN["seen"],
                          "price": TRAIN["price"], "click": TRAIN["click"],
                          "buy": TRAIN["click"][::-1]})
    given = {"frame": frame, "items": {"city": ["Bern", "Rome"], "price": [1, 2]}}
    kept = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
        os.chdir(folder)
        write_csv("train.csv", frame.to_dict("list"))
        write_csv("valid.csv", frame.to_dict("list"))
        ran = [sample for sample in samples if "torch" not in sample]  # test_torch_model.py has it
        for sample in ran:
            quietly(exec, sample, given)
        os.chdir(kept)
    assert len(ran) == 4 and len(samples) == 5 and said.getvalue().count("\n") == 10
    assert same(given["model"].predict(frame[given["model"].columns][:2]),
                given["model"].predict(frame.drop(columns=["click", "buy"])[:2]))
    assert len(given["scores"]["ctr"]) == 2 and sorted(given["best"].rows) == [0, 1]
    assert given["model"].meta["who"] == "me" and set(given["losses"]) == {"ctr", "cvr"}


def test_streams_are_read_once():
    stream = Stream(FEATURES)
    assert same(MODEL.predict(stream), SCORES)
    raised(mmoe.Error, "read already", by=lambda: MODEL.predict(stream))
    raised(mmoe.Error, '"extra"', by=lambda: MODEL.predict(Stream({**FEATURES, "extra": [0] * 90})))
    raised(mmoe.Error, '"city"', by=lambda: MODEL.predict(Stream(
        {n: v for n, v in FEATURES.items() if n != "city"})))


run_all(sys.modules[__name__])
