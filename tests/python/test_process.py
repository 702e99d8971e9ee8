"""What a process makes of the module: threads, forks, interrupts, notebooks, a trainer beside
requests, and a stream of Arrow that is none of the module's."""
import contextlib
import copy
import ctypes
import gc
import io
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import types

from support import CONFIG, labels, quietly, raised, rows, run_all, same

import mmoe
import numpy as np
import pandas as pd

FOLDER = tempfile.TemporaryDirectory()
PATH = os.path.join(FOLDER.name, "m.safetensors")
PLAIN, TRAIN = rows(60), {**rows(200), **labels(200)}
MODEL = quietly(mmoe.train, CONFIG, TRAIN)
MODEL.save(PATH)
SCORES = MODEL.predict(PLAIN)
SOME = {name: values[:64] for name, values in TRAIN.items()}


# ---- A trainer ----


def weights(model):
    return b"".join(w.tobytes() for w in model.weights().values())


def test_steps():
    one, other = mmoe.Trainer(MODEL), mmoe.Trainer(MODEL, threads=2)
    before = weights(MODEL)
    assert weights(one.publish()) == before
    frame = pd.DataFrame({**SOME, "not read": 1})
    losses = [quietly(one.step, form) for form in (SOME, frame)]
    assert set(losses[0]) == {"ctr", "worth"} and losses[1]["worth"] < losses[0]["worth"]
    quietly(other.step, SOME)
    path = os.path.join(FOLDER.name, "c.safetensors")
    other.save(path)
    third = mmoe.Trainer(MODEL)
    third.resume(path)
    assert quietly(third.step, SOME) == losses[1]
    after = weights(one.publish())
    assert after == weights(third.publish()) != before == weights(MODEL)
    for trainer in (one, third):
        trainer.set_lr(0.5)
        quietly(trainer.step, SOME)
    assert weights(one.publish()) == weights(third.publish())
    published = one.publish()
    scores = published.predict(PLAIN)
    quietly(one.step, SOME)
    assert same(published.predict(PLAIN), scores) and not same(one.publish().predict(PLAIN), scores)
    assert same(MODEL.predict(PLAIN), SCORES)


def test_steps_that_are_refused():
    trainer = mmoe.Trainer(MODEL)
    before = weights(trainer.publish())
    error = raised(mmoe.Error, "rows: row 2", '"click"',
                   by=lambda: trainer.step({**SOME, "click": [0, 0.5] + [1] * 62}))
    assert (error.code, error.row, error.column) == (mmoe.E_DATA, 2, "click")
    raised(mmoe.Error, '"click"', by=lambda: trainer.step(PLAIN))
    raised(mmoe.Error, "1 to 64 rows", by=lambda: quietly(trainer.step, TRAIN))
    raised(mmoe.Error, by=lambda: trainer.step({name: [] for name in SOME}))
    raised(mmoe.Error, "lr", by=lambda: trainer.set_lr(-1))
    raised(mmoe.Error, "m.safetensors", by=lambda: trainer.resume(PATH))
    raised(mmoe.Error, "nowhere", by=lambda: trainer.save("/nowhere/c"))
    assert weights(trainer.publish()) == before
    averaged = quietly(mmoe.train, {**CONFIG, "trainer": {**CONFIG["trainer"], "ema_decay": 0.9}},
                       TRAIN)
    raised(mmoe.Error, "ema_decay", by=lambda: mmoe.Trainer(averaged).publish())


def test_steps_parse_no_configuration():
    trainer, config_of, parsed = mmoe.Trainer(MODEL), mmoe._config_of, []
    mmoe._config_of = lambda address: parsed.append(address) or config_of(address)
    try:
        quietly(trainer.step, SOME)
        trainer.publish()
    finally:
        mmoe._config_of = config_of
    assert not parsed


def table_rows(model):
    return sum(len(rows) for name, rows in model.weights().items() if "embed" in name)


def test_vocabularies_grow():
    new = {**SOME, "city": ["Lima", "Bern", "Wien", None] * 16,
           "tags": [["t1", f"x{i % 4}"] for i in range(64)]}
    asked = {**{name: values[:1] * 2 for name, values in PLAIN.items()}, "city": ["Lima", "Wien"]}
    one, other, path = mmoe.Trainer(MODEL), mmoe.Trainer(MODEL), os.path.join(FOLDER.name, "g")
    before = one.publish()
    assert one.grow(SOME) == (0, 0)
    assert one.grow(pd.DataFrame({**new, "place": list(new["place"])})) == (2 + 4, 0)
    assert one.grow(new) == (0, 0)
    quietly(one.step, new)
    after = one.publish()
    for model, is_known in ((before, False), (MODEL, False), (after, True)):
        scores = model.predict(asked)["ctr"]
        assert (scores[0] != scores[1]) == is_known
    assert table_rows(after) == table_rows(MODEL) + 6
    one.save(path)
    other.resume(path)
    more = {**new, "city": [f"city {i % 8}" for i in range(64)]}
    assert one.grow(more, max_rows=10) == other.grow(more, max_rows=10) == (2, 48)
    assert quietly(one.step, more) == quietly(other.step, more)
    assert weights(one.publish()) == weights(other.publish())
    for wrong, why in (("user", "user"), ("price", "price")):
        raised(mmoe.Error, f'"{why}"', by=lambda: one.grow(
            {name: values for name, values in new.items() if name != wrong}))
    for few in (-1, -2**64):
        raised(mmoe.Error, "max_rows is -1", by=lambda: one.grow(new, max_rows=few))
    some = {**new, "city": [f"town {i % 8}" for i in range(64)]}
    assert one.grow(some, max_rows=2**64 + 10) == (8, 0)
    raised(TypeError, "as lists", by=lambda: one.grow(
        {**new, "tags": ["|".join(tags) for tags in new["tags"]]}))
    raised(TypeError, "a dictionary", by=lambda: one.grow(PATH))


def test_a_trainer_beside_requests():
    """Each answer is that of the publication which it came from: of the same steps in peace."""
    trainer, twin, steps = mmoe.Trainer(MODEL), mmoe.Trainer(MODEL), 20
    wanted, answers, done = [SCORES], [], threading.Event()
    for _ in range(steps):
        quietly(twin.step, SOME)
        wanted.append(twin.publish().predict(PLAIN))
    assert not any(same(a, b) for a, b in zip(wanted, wanted[1:]))
    served = [(0, MODEL)]

    def serve():
        while True:
            last = done.is_set()
            number, model = served[0]
            answers.append((number, model.predict(PLAIN)))
            if last:
                break
    readers = [threading.Thread(target=serve) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 1 + steps):
        quietly(trainer.step, SOME)
        served[0] = number, trainer.publish()
    done.set()
    for reader in readers:
        reader.join()
    assert max(number for number, _ in answers) == steps
    assert [n for n, answer in answers if not same(answer, wanted[n])] == []


# ---- The process ----


def test_a_forked_process_scores():
    MODEL.predict(PLAIN)
    child = os.fork()
    if child == 0:
        os._exit(0 if same(MODEL.predict(PLAIN), SCORES) else 1)
    assert os.waitpid(child, 0)[1] == 0


def in_child(work):
    """Whether it is true in a forked process, which does not wait there for ever."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(1200)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1] == 0


def test_a_fork_beside_a_first_call():
    """Another thread has the locks then, and is not there in the child."""
    begun, ends = threading.Event(), threading.Event()

    def beside(name, work, model):
        function = getattr(mmoe, name)

        def waits(*arguments, **named):
            if threading.current_thread() is not threading.main_thread():
                begun.set()
                ends.wait()
            return function(*arguments, **named)
        setattr(mmoe, name, waits)
        other = threading.Thread(target=work, args=(model,))
        try:
            begun.clear()
            ends.clear()
            other.start()
            begun.wait()
            assert in_child(lambda: same(model.predict(PLAIN), SCORES)), name
            assert in_child(lambda: quietly(work, model)), name
        finally:
            ends.set()
            other.join()
            setattr(mmoe, name, function)
        assert same(model.predict(PLAIN), SCORES)
    predict = lambda model: model.predict(PLAIN)
    evaluate = lambda model: quietly(model.evaluate, TRAIN)
    beside("_input_of", predict, mmoe.load(PATH))  # with the model's lock
    beside("_config_of", evaluate, mmoe.load(PATH))
    model = mmoe.load(PATH)
    model.predict(PLAIN)
    for lock in (model._lock, next(iter(model._bindings.values()))._lock):
        taken = threading.Thread(target=lambda: (lock.acquire(), begun.set(), ends.wait()))
        begun.clear()
        ends.clear()
        taken.start()
        begun.wait()
        assert in_child(lambda: same(model.predict(PLAIN), SCORES))
        ends.set()
        taken.join()
        lock.release()


def test_a_trainer_stays_in_its_process():
    trainer = mmoe.Trainer(MODEL, threads=2)
    quietly(trainer.step, SOME)
    child = os.fork()
    if child == 0:
        try:
            quietly(trainer.step, SOME)
        except mmoe.Error as error:
            del trainer
            os._exit("forked" not in str(error))
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    quietly(trainer.step, SOME)


def test_models_do_not_leave_by_pickle():
    for by in (lambda: pickle.dumps(MODEL), lambda: copy.deepcopy(MODEL)):
        raised(TypeError, "mmoe.load", by=by)
    trainer = mmoe.Trainer(MODEL)
    for by in (pickle.dumps, copy.copy, copy.deepcopy):
        raised(TypeError, "checkpoint", by=lambda: by(trainer))


def test_an_interrupt_while_rows_are_scored():
    run, many = mmoe._Binding.run, {name: values * 1000 for name, values in PLAIN.items()}
    asked = []

    def interrupted(self, work):
        asked.append(threading.current_thread())
        if len(asked) == 2:
            signal.raise_signal(signal.SIGINT)  # of any thread; Python's main one handles it
        return run(self, work)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    mmoe._Binding.run = interrupted
    try:
        for threads in (1, 2):
            asked.clear()
            raised(KeyboardInterrupt, by=lambda: MODEL.predict(many, threads=threads))
    finally:
        mmoe._Binding.run = run
        signal.signal(signal.SIGINT, before)
    assert same(MODEL.predict(PLAIN), SCORES)


def test_an_interrupt_as_soon_as_a_trainer_is_made():
    library, freed = mmoe._library, []

    class Interrupted:
        def __getattr__(self, name):
            function = getattr(library, name)

            def made(*arguments):
                status = function(*arguments)
                signal.raise_signal(signal.SIGINT)
                return status

            def is_freed(address):
                freed.append(name)
                function(address)
            return {"mmoe_trainer_create": made, "mmoe_trainer_free": is_freed}.get(name, function)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    mmoe._library = Interrupted()
    try:
        for by in (lambda: mmoe.Trainer(MODEL), lambda: quietly(mmoe.train, CONFIG, TRAIN)):
            raised(KeyboardInterrupt, by=by)
            gc.collect()
    finally:
        mmoe._library = library
        signal.signal(signal.SIGINT, before)
    assert freed == ["mmoe_trainer_free"] * 2, freed


def test_what_is_said():
    script = ("import mmoe, json, sys, warnings\n"
              "warnings.simplefilter('ignore')\n"
              "mmoe.train(json.loads(sys.argv[1]), {'u': [1, 2] * 9, 'y': [0, 1] * 9})\n")
    config = ('{"features": {"sparse": [{"name": "u"}]}, "tasks": [{"name": "t", "label": "y"}],'
              ' "trainer": {"n_epoch": 2}}')
    told = subprocess.run([sys.executable, "-c", script, config], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    assert told == b"", told
    subprocess.run([sys.executable, "-c", "import sys\nsys.stdout = sys.stderr = None\n" + script,
                    config], check=True)
    said = io.StringIO()
    sys.modules["ipykernel"] = types.ModuleType("ipykernel")
    try:
        with contextlib.redirect_stdout(said):
            quietly(mmoe.train, CONFIG, TRAIN)
    finally:
        del sys.modules["ipykernel"]
    lines = said.getvalue().split("\n")
    assert [line.split("\r")[-1].split(":")[0] for line in lines[:2]] == ["epoch 1/2", "epoch 2/2"]
    assert len(lines) == 3 and all(len(part) <= 79 for line in lines for part in line.split("\r"))


# ---- A stream of Arrow by hand: one column of integers, one of texts ----

FIELDS = {"get_schema": ctypes.c_void_p, "get_next": ctypes.c_void_p,
          "get_last_error": ctypes.c_void_p, "release": ctypes.c_void_p,
          "private_data": ctypes.c_void_p}


class Schema(ctypes.Structure):
    _fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p),
                ("metadata", ctypes.c_char_p), ("flags", ctypes.c_int64),
                ("n_children", ctypes.c_int64), ("children", ctypes.c_void_p),
                ("dictionary", ctypes.c_void_p), ("release", ctypes.c_void_p),
                ("private_data", ctypes.c_void_p)]


class Array(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers",
                                                    "n_children")] + [
        (name, ctypes.c_void_p) for name in ("buffers", "children", "dictionary", "release",
                                             "private_data")]


class ArrayStream(ctypes.Structure):
    _fields_ = list(FIELDS.items())


GET = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
SAY = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
WHY = ctypes.create_string_buffer(b"the disk burns")


class Hand:
    """Batches of integers "user", of which one is NULL, and texts "city"; `fails`: which of its
    functions does."""

    def __init__(self, batches, fails=None):
        self.batches, self.fails, self.released = list(batches), fails, []
        self.keep = []
        self.calls = [GET(self.get_schema), GET(self.get_next),
                      SAY(lambda _: ctypes.addressof(WHY)), RELEASE(self.release)]
        self.free, self.freed = (RELEASE(lambda address, kind=kind: setattr(
            kind.from_address(address), "release", None)) for kind in (Schema, Array))
        self.schemas = self.pointers([self.schema("l", "user"), self.schema("u", "city")])
        self.stream = ArrayStream(*[ctypes.cast(c, ctypes.c_void_p).value for c in self.calls])

    def pointers(self, made):
        made = (ctypes.c_void_p * len(made))(*[ctypes.addressof(m) if m is not None else None
                                               for m in made])
        self.keep.append(made)
        return made

    def schema(self, form, name):
        self.keep.append(Schema(form.encode(), name.encode(), flags=2,
                                release=ctypes.cast(self.free, ctypes.c_void_p).value))
        return self.keep[-1]

    def buffer(self, array):
        self.keep.append(array)
        return ctypes.c_char.from_address(array.ctypes.data)

    def array(self, length, buffers):
        buffers = self.pointers([b if b is None else self.buffer(b) for b in buffers])
        self.keep.append(Array(length, -1, 0, len(buffers), 0, ctypes.addressof(buffers),
                               release=ctypes.cast(self.freed, ctypes.c_void_p).value))
        return self.keep[-1]

    def get_schema(self, _, out):
        schema = Schema.from_address(out)
        schema.format, schema.name, schema.n_children = b"+s", b"", 2
        schema.metadata = schema.dictionary = None
        schema.children = ctypes.addressof(self.schemas)
        schema.release = ctypes.cast(self.free, ctypes.c_void_p).value
        return 5 if self.fails == "schema" else 0

    def get_next(self, _, out):
        array = Array.from_address(out)
        ctypes.memset(out, 0, ctypes.sizeof(Array))
        if self.batches:
            users, cities = self.batches.pop(0)
            valid = np.packbits([u is not None for u in users], bitorder="little")
            joined = "".join(cities).encode()
            ends = np.cumsum([0] + [len(c.encode()) for c in cities]).astype(np.int32)
            children = self.pointers([
                self.array(len(users), [valid, np.array([u or 0 for u in users])]),
                self.array(len(users), [None, ends, np.frombuffer(joined, np.uint8)])])
            array.length, array.n_buffers, array.n_children = len(users), 1, 2
            array.buffers = ctypes.addressof(self.pointers([None]))
            array.children = ctypes.addressof(children)
            array.release = ctypes.cast(self.freed, ctypes.c_void_p).value
        elif self.fails == "next":
            return 5
        return 0

    def release(self, address):
        self.released.append(address)
        ArrayStream.from_address(address).release = None

    def __arrow_c_stream__(self, requested_schema=None):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p,
                                                       ctypes.c_void_p]
        return new(ctypes.addressof(self.stream), b"arrow_array_stream", None)


BATCHES = [([7, None, 3], ["Rome", "Züri", ""]), ([5], ["Oslo"])]


def test_a_stream_by_hand():
    config = {"features": {"sparse": [{"name": "user"}, {"name": "city"}]},
              "tasks": CONFIG["tasks"][:1]}
    columns = {"user": [7, None, 3, 5], "city": ["Rome", "Züri", None, "Oslo"]}
    model = quietly(mmoe.train, config, {**columns, "click": [0, 1, 1, 0]})
    stream = Hand(BATCHES)
    assert same(model.predict(stream), model.predict(columns)) and len(stream.released) == 1
    raised(mmoe.Error, "read already", by=lambda: model.predict(stream))
    error = raised(mmoe.Error, "the disk burns", by=lambda: model.predict(Hand(BATCHES, "schema")))
    assert error.code == mmoe.E_IO
    broken = Hand(BATCHES, "next")
    error = raised(mmoe.Error, "the disk burns", by=lambda: model.predict(broken))
    assert error.code == mmoe.E_IO and len(broken.released) == 1

    unnamed = Hand(BATCHES)
    Schema.from_address(unnamed.schemas[0]).name = b"us\xe9r"
    raised(mmoe.Error, 'column "user"', "not given", by=lambda: model.predict(unnamed))

    class Raises:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("the connection is closed")

    class Gives:
        def __arrow_c_stream__(self, requested_schema=None):
            return "no capsule"
    raised(RuntimeError, "closed", by=lambda: model.predict(Raises()))
    raised(ValueError, "PyCapsule", by=lambda: model.predict(Gives()))


run_all(sys.modules[__name__])
