"""test_models.py MMOE: what is asked of a model beside its scores: figures of rows with labels,
which are the program's to the bit, texts, rankings with the scores of tasks, and rows at fault."""
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings

from support import CONFIG, Stream, labels, quietly, raised, rows, run_all, same, write_csv

import mmoe
import numpy as np
import pandas as pd

PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = tempfile.TemporaryDirectory()
os.chdir(FOLDER.name)
ROWS = 120
PLAIN, LABELS = rows(ROWS, 3), labels(ROWS, 4)
JUDGED = {**PLAIN, **LABELS}
write_csv("judged.csv", JUDGED)
TEXTS = {"version": "3", "who": "Züri"}
MODEL = quietly(mmoe.train, CONFIG, {**rows(300), **labels(300)}, meta=TEXTS)
MODEL.save("m.safetensors")
USER = {name: PLAIN[name][3] for name in ("user", "seen", "age")}
ITEMS = {name: values for name, values in PLAIN.items() if name not in USER}


def of_program(*more):
    """The program's figures, by task; and those of its slices."""
    done = subprocess.run([PROGRAM, "evaluate", "--model", "m.safetensors", "--data", "judged.csv",
                           "--json", *more], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    report = json.loads(done.stdout)
    by_task = lambda report: {t.pop("name"): t for t in report["tasks"]}
    slices = {s["value"]: by_task(s) for s in report.get("by", {"slices": []})["slices"]}
    return by_task(report), slices


def as_json(figures):
    """The digits, and the nothings, of the program."""
    rounded = lambda v: float(f"{v:.12g}") if isinstance(v, float) else v
    return {task: {name: None if v != v else rounded(v) for name, v in of.items()}
            for task, of in figures.items()}


def is_programs(figures, wanted):
    assert list(figures) == list(wanted)
    for task, of in as_json(figures).items():
        type_, rest = wanted[task]["type"], {n: v for n, v in wanted[task].items() if n != "type"}
        assert of == rest and type_ in ("classification", "regression"), (task, of, rest)


def test_figures_are_the_programs():
    wanted, _ = of_program()
    for form in ("judged.csv", ["judged.csv"], JUDGED, pd.DataFrame(JUDGED), Stream(JUDGED)):
        figures = quietly(MODEL.evaluate, form)
        is_programs(figures, wanted)
    assert 0 < figures["ctr"]["auc"] < 1 and figures["ctr"]["rows"] == ROWS
    assert same(quietly(mmoe.load("m.safetensors").predict, PLAIN), MODEL.predict(PLAIN))


def test_slices_and_groups():
    wanted, by = of_program("--by", "city", "--group", "user", "--group-weight", "equal")
    how = {"by": "city", "group": "user", "group_weight": "equal"}
    for form in ("judged.csv", JUDGED, pd.DataFrame(JUDGED).astype({"city": "category"})):
        figures, slices = quietly(MODEL.evaluate, form, **how)
        is_programs(figures, wanted)
        assert list(slices) == list(by) and None in slices and "Züri" in slices
        for value, of in slices.items():
            is_programs(of, by[value])
    assert figures["ctr"]["groups"]["column"] == "user"
    frame = pd.DataFrame(JUDGED).assign(half=np.arange(ROWS) % 2 + 0.5, day=pd.Timestamp(0))
    _, slices = quietly(MODEL.evaluate, frame, by="half", slices=1)
    assert list(slices) == ["0.5"] and slices["0.5"]["ctr"]["rows"] == ROWS // 2
    _, slices = quietly(MODEL.evaluate, frame, by="day")
    assert list(slices) == ["1970-01-01 00:00:00"]
    _, slices = quietly(MODEL.evaluate, frame, by="user")
    assert sum(s["ctr"]["rows"] for s in slices.values()) == ROWS and len(slices) > 20
    error = raised(mmoe.Error, "rows", '"nowhere"', by=lambda: MODEL.evaluate(JUDGED, by="nowhere"))
    assert error.column == "nowhere"
    raised(mmoe.Error, "nowhere", by=lambda: MODEL.evaluate("judged.csv", by="nowhere"))
    raised(mmoe.Error, '"city"', by=lambda: MODEL.evaluate(Stream(JUDGED), by="city"))
    raised(TypeError, '"seen"', "list", by=lambda: MODEL.evaluate(JUDGED, by="seen"))
    for wrong in (0, -1):
        raised(ValueError, "slices", by=lambda: MODEL.evaluate(JUDGED, by="city", slices=wrong))
    raised(mmoe.Error, "group_weight", "all", by=lambda: quietly(
        MODEL.evaluate, JUDGED, group="user", group_weight="all"))


def test_figures_that_are_undefined_and_warnings():
    figures = quietly(MODEL.evaluate, {**JUDGED, "click": [1] * ROWS})
    assert math.isnan(figures["ctr"]["auc"]) and "class" in figures["ctr"]["why"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        MODEL.evaluate({**JUDGED, "paid": [1e3] * ROWS})
    assert [w for w in caught if "worse than none" in str(w.message)]
    assert {(w.category, w.filename) for w in caught} == {(mmoe.MmoeWarning, __file__)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", ".*worse than none")
        raised(mmoe.MmoeWarning, "worse than none",
               by=lambda: MODEL.evaluate({**JUDGED, "paid": [1e3] * ROWS}))
    error = raised(mmoe.Error, "rows: row 2", '"click"',
                   by=lambda: MODEL.evaluate({**JUDGED, "click": [1, 2] + [0] * (ROWS - 2)}))
    assert (error.code, error.row, error.column) == (mmoe.E_DATA, 2, "click")
    raised(mmoe.Error, "click", by=lambda: MODEL.evaluate(PLAIN))


def test_texts():
    assert {k: v for k, v in MODEL.meta.items() if not k.startswith("training.")} == TEXTS
    assert MODEL.meta["training.rows"] == "300"
    again = mmoe.load("m.safetensors")
    assert again.meta == MODEL.meta
    again.save("n.safetensors", meta={"version": "4", "who": None, "day": "1"})
    assert again.meta == MODEL.meta
    other = mmoe.load("n.safetensors")
    assert {k: v for k, v in other.meta.items() if not k.startswith("training.")} == {
        "day": "1", "version": "4"}
    assert same(other.predict(PLAIN), MODEL.predict(PLAIN))
    raised(mmoe.Error, "training.rows", by=lambda: again.save("x", meta={"training.rows": "1"}))
    raised(TypeError, "version", "int", by=lambda: again.save("x", meta={"version": 4}))
    raised(ValueError, "version", "NUL", by=lambda: again.save("x", meta={"version": "a\0b"}))
    raised(mmoe.Error, "a b", by=lambda: mmoe.train(CONFIG, "nowhere.csv", meta={"a b": "1"}))
    raised(ValueError, "NUL", by=lambda: again.save("x\0y"))
    assert not os.path.exists("x")


def test_bytes():
    with open("m.safetensors", "rb") as f:
        content = f.read()
    for form in (content, bytearray(content), memoryview(content)):
        assert same(mmoe.load(form).predict(PLAIN), MODEL.predict(PLAIN))
    for wrong in (content[:-1], content[:9], b"", b"m.safetensors"):
        error = raised(mmoe.Error, by=lambda: mmoe.load(wrong))
        assert error.code in (mmoe.E_FORMAT, mmoe.E_ARGUMENT), error
    raised(ValueError, "map", by=lambda: mmoe.load(content, map=True))
    raised(TypeError, by=lambda: mmoe.load(5))


def test_rankings():
    scores = MODEL.predict(ITEMS, user=USER)
    for score, final in ((None, scores["ctr"] * scores["worth"]), ("worth", scores["worth"]),
                         ("ctr", scores["ctr"])):
        best = MODEL.rank(USER, ITEMS, k=7, score=score)
        assert best.rows.tolist() == np.argsort(-final, kind="stable")[:7].tolist(), score
        assert best.scores.tobytes() == final[best.rows].tobytes() and best.bad == []
        assert same(best.tasks, {task: s[best.rows] for task, s in scores.items()})
    assert len(MODEL.rank(USER, ITEMS, k=0).rows) == 0
    raised(ValueError, "-1", by=lambda: MODEL.rank(USER, ITEMS, k=-1))
    raised(TypeError, by=lambda: MODEL.rank(USER, ITEMS, k=1.5))
    raised(mmoe.Error, "clicks", by=lambda: MODEL.rank(USER, ITEMS, score="clicks * 2"))


def test_rows_at_fault():
    many = {name: values * 150 for name, values in PLAIN.items()}  # of several threads
    scores = MODEL.predict(many)
    price = [p or 1.0 for p in many["price"]]
    scores = MODEL.predict({**many, "price": price})
    for wrong in ([9000, 17999, 5], range(0, 18000, 60)):
        some = list(price)
        for i in wrong:
            some[i] = float("inf")
        found = MODEL.predict({**many, "price": some}, bad="nan", threads=2)
        assert [e.row - 1 for e in found.bad] == sorted(wrong)
        assert {(type(e), e.code, e.column) for e in found.bad} == {
            (mmoe.Error, mmoe.E_DATA, "price")}
        assert all(f"row {e.row}:" in str(e) for e in found.bad)
        for task, s in scores.items():
            assert np.flatnonzero(np.isnan(found[task])).tolist() == sorted(wrong)
            good = ~np.isnan(found[task])
            assert found[task][good].tobytes() == s[good].tobytes()
    assert MODEL.predict(PLAIN, bad="nan").bad == [] and MODEL.predict(PLAIN).bad == []
    items = {**ITEMS, "price": [float("inf"), 1.0] * (ROWS // 2)}
    best = MODEL.rank(USER, items, bad="nan")
    assert len(best.bad) == ROWS // 2 and (best.rows[:ROWS // 2] % 2 == 1).all()
    assert np.isnan(best.scores[ROWS // 2:]).all() and np.isnan(best.tasks["ctr"][-1])
    raised(mmoe.Error, '"price"', by=lambda: MODEL.rank(USER, items))
    raised(ValueError, "'skip'", by=lambda: MODEL.predict(PLAIN, bad="skip"))


def test_cells_at_fault():
    config = {"features": {"sparse": [{"name": "kind", "vocab_size": 5}],
                           "sequence": [{"name": "seen", "separator": "|"}],
                           "dense": [{"name": "age"}]}, "tasks": CONFIG["tasks"][:1]}
    some = {"kind": [1, 2, 3, 4], "seen": ["1|2", "", "3", "1"], "age": [1.0, 2.0, 3.0, 4.0]}
    model = quietly(mmoe.train, config, {**some, "click": [0, 1, 0, 1]})
    scores = model.predict(some)["ctr"]
    for form in (dict, pd.DataFrame, Stream):
        lacking = form({**some, "age": [1.0, None, 3.0, 4.0]})
        raised(mmoe.Error, "row 2", '"age"', by=lambda: model.predict(lacking))
        lacking = form({**some, "age": [1.0, None, 3.0, 4.0]})
        found = quietly(model.predict, lacking, bad="nan")
        assert [e.row for e in found.bad] == [2] and "missing" in str(found.bad[0])
        assert np.isnan(found["ctr"]).tolist() == [False, True, False, False]
        assert found["ctr"][[0, 2, 3]].tobytes() == scores[[0, 2, 3]].tobytes()


run_all(sys.modules[__name__])
