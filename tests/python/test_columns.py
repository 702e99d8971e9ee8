"""Columns of a request, in every form that NumPy and pandas have for them: the same scores to the
bit; or an error that names the column, and the row where one is wrong."""
import ctypes
import gc
import sys
import threading

from support import CONFIG, Stream, labels, quietly, raised, rows, run_all, same

import mmoe
import numpy as np
import pandas as pd

ROWS = 60
PLAIN = rows(ROWS)
MODEL = quietly(mmoe.train, CONFIG, {**rows(200), **labels(200)})
SCORES = MODEL.predict(PLAIN)
MISSING = [i for i, v in enumerate(PLAIN["user"]) if v is None]


def check(**columns):
    """The same values in another form."""
    assert same(MODEL.predict({**PLAIN, **columns}), SCORES), list(columns)


def test_scores_differ_by_row_and_column():
    assert min(len(set(s.tolist())) for s in SCORES.values()) > ROWS / 2
    for name, values in PLAIN.items():
        assert not same(MODEL.predict({**PLAIN, name: values[1:] + values[:1]}), SCORES), name


def test_frame_in_another_order():
    frame = pd.DataFrame(PLAIN)
    assert same(MODEL.predict(frame), SCORES)
    assert same(MODEL.predict(frame[frame.columns[::-1]]), SCORES)
    assert same(MODEL.predict(frame.set_index(np.arange(ROWS)[::-1])), SCORES)


def test_ids_of_each_type():
    ids = np.array([-1 if v is None else v for v in PLAIN["user"]])
    known = np.where(ids < 0, 0, ids)
    scores = MODEL.predict({**PLAIN, "user": known.tolist()})
    for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">i4", ">f8"):
        if "f" in kind:
            check(user=np.where(ids < 0, np.nan, ids).astype(kind))
        assert same(MODEL.predict({**PLAIN, "user": known.astype(kind)}), scores), kind
    check(user=[None if v is None else str(v) for v in PLAIN["user"]])
    check(user=np.ma.masked_array(ids, ids < 0))


def test_ids_that_the_librarys_integers_have_not():
    many = {name: values * 334 for name, values in PLAIN.items()}
    for large in (np.array([2**64 - 1, 5] * 10020, np.uint64), np.array([-2**63, 5] * 10020)):
        texts = MODEL.predict({**many, "user": large.astype(str)})
        assert same(MODEL.predict({**many, "user": large}), texts)
        assert same(MODEL.predict({**many, "user": large.tolist()}), texts)
    some = [None, 2**63 + 1, 5] * (ROWS // 3)
    assert same(MODEL.predict({**PLAIN, "user": some}),
                MODEL.predict({**PLAIN, "user": [v and str(v) for v in some]}))
    for large in (np.full((ROWS, 2), 2**64 - 1, np.uint64), np.full((ROWS, 2), -2**63)):
        assert same(MODEL.predict({**PLAIN, "place": large}),
                    MODEL.predict({**PLAIN, "place": large.astype(float)}))
    raised(ValueError, 'row 2: column "user": 9223372036854775809 ', "sign",
           by=lambda: check(user=[-1, 2**63 + 1] * (ROWS // 2)))


def test_every_form_of_missing():
    user = PLAIN["user"]
    for missing in (None, float("nan"), np.nan, np.float32("nan"), pd.NA, pd.NaT):
        check(user=[missing if v is None else v for v in user])
        check(city=[missing if v is None else v for v in PLAIN["city"]])
        check(price=pd.Series([missing if v is None else v for v in PLAIN["price"]], dtype=object))
    for kind in ("Int64", "Int32", "Float64", "string"):
        check(user=pd.Series(user, dtype=kind))
    check(user=pd.Series(user, dtype=float), price=pd.array(PLAIN["price"], dtype="Float64"))
    check(city=pd.Series(PLAIN["city"], dtype="string"))
    check(city=np.array(["" if v is None else v for v in PLAIN["city"]]))
    check(city=np.array([b"" if v is None else v.encode() for v in PLAIN["city"]]))
    if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):  # NumPy 2
        for none in (None, np.nan):
            texts = [none if v is None else v for v in PLAIN["city"]]
            check(city=np.array(texts, np.dtypes.StringDType(na_object=none)))
    check(user=pd.Series(user, dtype="Int64").astype("category"))
    check(kind=pd.Categorical(PLAIN["kind"]))
    check(city=pd.Categorical(PLAIN["city"], categories=["Oslo", "no one's", "Bern", "a,b", "Züri",
                                                         "Rome"]))
    nobody = MODEL.predict({**PLAIN, "user": [None] * ROWS})
    nowhere = MODEL.predict({**PLAIN, "city": [""] * ROWS, "age": [""] * ROWS})
    assert same(MODEL.predict({**PLAIN, "city": np.full(ROWS, np.nan), "age": [None] * ROWS}),
                nowhere)
    for form in ([np.nan] * ROWS, pd.Series([None] * ROWS, dtype="category"), [pd.NaT] * ROWS,
                 pd.Series([pd.NA] * ROWS, dtype="Int64"), np.full(ROWS, "NaT", "M8[ns]")):
        assert same(MODEL.predict({**PLAIN, "user": form}), nobody)


def test_masked_values():
    city, user = PLAIN["city"], PLAIN["user"]
    gone = [v is None for v in city]
    for kind in (object, "U", "S"):
        texts = ["x" if v is None else v.encode() if kind == "S" else v for v in city]
        check(city=np.ma.masked_array(np.array(texts, kind), gone))
    ids = np.ma.masked_array(np.array([0 if v is None else v for v in user], object),
                             [v is None for v in user])
    check(user=ids)
    check(user=[np.ma.masked if v is None else v for v in user],
          city=[np.ma.masked if v is None else v for v in city])
    scores = MODEL.predict({**PLAIN, "seen": [[np.ma.masked, 3]] * ROWS})
    assert same(scores, MODEL.predict({**PLAIN, "seen": [[None, 3]] * ROWS}))
    times = np.array(["2024-05-01", "2024-05-02"] * 30, "M8[D]")
    times = np.ma.masked_array(times, [True, False] * 30)
    assert same(MODEL.predict({**PLAIN, "city": times}),
                MODEL.predict({**PLAIN, "city": [None, "2024-05-02 00:00:00"] * 30}))


def test_columns_that_are_gone():
    frame = pd.DataFrame(PLAIN)
    del frame["city"]
    assert raised(mmoe.Error, '"city"', by=lambda: MODEL.predict(frame)).column == "city"
    frame["city"] = PLAIN["city"]
    assert same(MODEL.predict(frame), SCORES)
    frame.drop(frame.index, inplace=True)
    assert [len(s) for s in MODEL.predict(frame).values()] == [0, 0]
    frame.drop(columns=frame.columns, inplace=True)
    raised(mmoe.Error, "the model reads this column", by=lambda: MODEL.predict(frame))


def test_booleans_and_times():
    flags = [True, False, None] * (ROWS // 3)
    wanted = MODEL.predict({**PLAIN, "kind": [None if v is None else int(v) for v in flags]})
    for form in (flags, pd.Series(flags, dtype="boolean"), np.ma.masked_array(
            [bool(v) for v in flags], [v is None for v in flags])):
        assert same(MODEL.predict({**PLAIN, "kind": form}), wanted)
    times = pd.Series([pd.Timestamp("2024-05-01 12:30:00"), pd.NaT, pd.Timestamp("2024-05-02"),
                       pd.Timestamp("2024-05-02 00:00:00.5")] * 15)
    config = {**CONFIG, "features": {"sparse": [{"name": "city"}]}, "tasks": CONFIG["tasks"][:1],
              "score": "ctr"}
    texts = ["2024-05-01 12:30:00", None, "2024-05-02 00:00:00", "2024-05-02 00:00:00.500000000"]
    model = quietly(mmoe.train, config, {"city": texts * 15, "click": labels(60)["click"]})
    asked = model.predict({"city": times})
    assert same(asked, model.predict({"city": texts * 15})) and len(set(asked["ctr"].tolist())) == 4
    for unit in ("ms", "us", "ns"):
        assert same(asked, model.predict({"city": times.to_numpy(f"M8[{unit}]")}))


def test_lists_and_vectors():
    place = np.array(PLAIN["place"])
    check(place=place, seen=[np.array(v, np.int32) for v in PLAIN["seen"]])
    check(place=np.asfortranarray(place), tags=[tuple(v) for v in PLAIN["tags"]])
    check(seen=pd.Series([v or None for v in PLAIN["seen"]]))
    pairs = np.arange(2 * ROWS).reshape(ROWS, 2) % 20
    assert same(MODEL.predict({**PLAIN, "seen": pairs}),
                MODEL.predict({**PLAIN, "seen": pairs.tolist()}))


def test_masked_lists():
    ids = np.arange(2 * ROWS).reshape(ROWS, 2) % 20
    for width in (1, 2):
        masked = np.ma.masked_array(ids[:, :width], ids[:, :width] % 3 == 0)
        assert same(MODEL.predict({**PLAIN, "seen": masked}),
                    MODEL.predict({**PLAIN, "seen": masked.tolist()})), width


def test_missing_vectors():
    place = np.array(PLAIN["place"])
    some = np.arange(ROWS) % 3 == 0
    wanted = MODEL.predict({**PLAIN, "place": np.where(some[:, None], np.nan, place)})
    assert not same(wanted, SCORES)
    lists = [None if absent else v for absent, v in zip(some, PLAIN["place"])]
    masked = np.ma.masked_array(place, np.stack([some, some], 1))
    for form in (lists, [v or [] for v in lists], pd.Series(lists), masked):
        assert same(MODEL.predict({**PLAIN, "place": form}), wanted)
        made = Stream({**PLAIN, "place": form})
        assert same(MODEL.predict(made), wanted)
    nothing = MODEL.predict({**PLAIN, "place": np.full((ROWS, 2), np.nan)})
    for form in ([None] * ROWS, [[]] * ROWS, [[None, None]] * ROWS, np.full(ROWS, np.nan),
                 np.ma.masked_array(place, True),
                 np.ma.masked_array(np.zeros((ROWS, 2), int), True)):
        assert same(MODEL.predict({**PLAIN, "place": form}), nothing)
    raised(ValueError, '"place"', "1 numbers", by=lambda: check(place=[[None]] * ROWS))


def test_columns_of_nothing_are_of_no_type():
    model = quietly(mmoe.train, CONFIG, {**rows(200), **labels(200)})
    names = list(PLAIN)
    nothing = {"seen": [[]] * ROWS, "tags": [[]] * ROWS, "place": [None] * ROWS,
               "user": np.full(ROWS, np.nan)}
    for pattern in range(2**len(names)):
        gone = {n: nothing.get(n, [None] * ROWS) for i, n in enumerate(names) if pattern >> i & 1}
        scores = model.predict({**PLAIN, **gone})
        assert pattern or same(scores, SCORES)
    assert len(model._bindings) == 1
    for pattern in range(2**6):
        kinds = {n: "float32" if pattern >> i & 1 else "float64"
                 for i, n in enumerate(("user", "kind", "price", "age", "place"))}
        model.predict({**PLAIN, **{n: np.array(PLAIN[n], float).astype(k)
                                   for n, k in kinds.items()}})
    assert len(model._bindings) <= mmoe._MOST_BINDINGS
    raised(mmoe.Error, '"city"', by=lambda: model.predict({**PLAIN, "city": np.ones(ROWS)}))
    model.predict({**PLAIN, "city": np.full(ROWS, np.nan)})  # not of the type that was refused
    assert same(model.predict(PLAIN), SCORES)


def test_no_rows():
    for none in (np.array([]), np.zeros(0, int), np.zeros(0, "U1"), [], pd.Series([], dtype=float),
                 pd.Series([], dtype="category"), np.zeros(0, "M8[ns]")):
        scores = MODEL.predict({name: none for name in PLAIN})
        assert [len(s) for s in scores.values()] == [0, 0]
        assert len(MODEL.rank({"user": 7, "seen": [1], "age": 3}, {
            name: none for name in PLAIN if name not in ("user", "seen", "age")})[0]) == 0
    for kind in (object, float):
        frame = pd.DataFrame(columns=list(PLAIN), dtype=kind)
        assert [len(s) for s in MODEL.predict(frame).values()] == [0, 0]
        assert [len(s) for s in MODEL.predict(Stream(frame)).values()] == [0, 0]


def test_a_model_is_freed_behind_what_needs_it():
    freed = []
    library = mmoe._library
    mmoe._library = type("", (), {"free": staticmethod(freed.append)})
    try:
        for first in (True, False):
            model = mmoe._Owned("free")
            made = [model, mmoe._Owned("free", model)][::1 if first else -1]
            for owned in made:
                owned.made.value = 1 if owned is model else 2
            made.append(made)
            del model, made, owned
            gc.collect()
    finally:
        mmoe._library = library
    assert freed == [2, 1] * 2, freed


def test_arrays_need_not_lie_side_by_side():
    table = np.array([[v or 0.5, a] for v, a in zip(PLAIN["price"], PLAIN["age"])])
    wanted = MODEL.predict({**PLAIN, "price": table[:, 0].tolist()})
    assert same(MODEL.predict({**PLAIN, "price": table[:, 0], "age": table[:, 1]}), wanted)
    back = np.ascontiguousarray(table[::-1, 0])[::-1]
    assert same(MODEL.predict({**PLAIN, "price": back}), wanted)
    one = np.broadcast_to(np.array(3), ROWS)
    assert same(MODEL.predict({**PLAIN, "kind": one}), MODEL.predict({**PLAIN, "kind": [3] * ROWS}))


def test_threads_and_empty_requests():
    many = {name: values * 300 for name, values in PLAIN.items()}
    scores = MODEL.predict(many, threads=2)
    assert all((s.reshape(300, ROWS) == SCORES[t]).all() for t, s in scores.items())
    many["price"][17000] = float("inf")
    error = raised(mmoe.Error, "price", by=lambda: MODEL.predict(many, threads=2))
    assert (error.code, error.row, error.column) == (mmoe.E_DATA, 17001, "price")
    assert "row 17001" in str(error)
    none = MODEL.predict({name: values[:0] for name, values in PLAIN.items()})
    assert [len(s) for s in none.values()] == [0, 0]
    assert [len(s) for s in MODEL.predict(pd.DataFrame(PLAIN)[:0]).values()] == [0, 0]


def test_many_texts():
    many = {name: values * 600 for name, values in PLAIN.items()}  # of three pieces
    city = np.array(many["city"], object)
    wanted = MODEL.predict(many, threads=1)
    for form in (many["city"], city, pd.Series(city, dtype="string"), pd.Categorical(city),
                 np.where(pd.isna(city), "", city).astype("U"),
                 np.array([np.nan if v is None else np.str_(v) for v in city], object),
                 np.repeat(city, 2)[::2]):
        assert same(MODEL.predict({**many, "city": form}), wanted), type(form)
    gone = np.where(np.arange(len(city)) // 16384 == 1, None, city)  # a piece of nothing
    scores = MODEL.predict({**many, "city": gone})
    assert same(scores, MODEL.predict({**many, "city": pd.Categorical(gone)}))

    def fails(kind, value, *texts):
        other = city.copy()
        other[20000] = other[33000] = value
        for threads in (1, 3):
            raised(kind, 'row 20001: column "city": ', *texts,
                   by=lambda: MODEL.predict({**many, "city": other}, threads=threads))
    fails(TypeError, 4, "int", "row 1 of str")
    fails(TypeError, 1.5, "float")
    fails(TypeError, ["a"], "list")
    fails(ValueError, "a\0b", "NUL")
    fails(ValueError, "\ud800", "Unicode")


def test_texts_that_rows_share():
    config = {"features": {"sparse": [{"name": "word", "embed_dim": 8}]},
              "tasks": CONFIG["tasks"][:1], "score": "ctr", "model": CONFIG["model"],
              "trainer": {"seed": 3, "n_epoch": 1}}
    words = [f"{'wörd' if i % 3 else 'word'} {i}" for i in range(5000)]
    model = quietly(mmoe.train, config, {"word": words, "click": [0, 1] * 2500})
    codes = np.random.default_rng(7).integers(-1, len(words), 50000)
    texts = np.array(["", *words])[codes + 1]
    wanted = model.predict({"word": texts})
    assert len(set(wanted["ctr"].tolist())) > 2000, len(set(wanted["ctr"].tolist()))
    for missing in (None, np.nan, pd.NA, pd.NaT, ""):
        objects = np.array([missing, *words], object)
        column = objects[codes + 1]
        for form in (column, np.repeat(column, 3)[::3], pd.Series(column)):
            assert same(model.predict({"word": form}, threads=2), wanted)
    column[40000] = 7
    raised(TypeError, 'row 40001: column "word": ', "int",
           by=lambda: model.predict({"word": column}))
    column = np.array([*words, 7, 8.5], object)[codes]  # there are some in the table
    raised(TypeError, 'column "word": ', by=lambda: model.predict({"word": column}))
    column = np.array(["a\0b", *words[:9]], object)[codes % 10]
    raised(ValueError, 'column "word": ', "NUL", by=lambda: model.predict({"word": column}))


def test_texts_are_read_where_they_stand():
    draw = np.random.default_rng(5)
    alphabets = {"ascii": range(1, 128), "latin": range(1, 256),
                 "bmp": [*range(1, 0xd800, 97), 0xffff],
                 "all": [*range(1, 0xd800, 997), *range(0xe000, 0x110000, 4999), 0x10ffff]}

    def text(letters, n):
        return "".join(map(chr, draw.choice(list(letters), n)))
    texts = [text(letters, n) for letters in alphabets.values() for n in [*range(40), 1000]] * 3
    column = np.array([*texts, None, np.nan, pd.NA, pd.NaT], object)
    for form in (column, np.repeat(column, 2)[::2], column[::-1]):
        for room in (0, 10**6):
            addresses, others, _ = mmoe._strs.find(form, room)
            assert not len(others)
            assert [ctypes.string_at(a) for a in addresses.tolist()] == [
                v.encode() if isinstance(v, str) else b"" for v in form]
    null = column.copy()
    ctypes.memset(null.ctypes.data + 8 * len(texts), 0, 8)  # NumPy has NULL for None at times
    addresses, others, _ = mmoe._strs.find(null)
    assert not len(others) and ctypes.string_at(int(addresses[len(texts)])) == b""
    strange = ["\ud800", "a\udfff", "\U0001f388\ud800", np.str_("a"), 4, 2.5, float("nan"), b"a",
               ["a"], object(), type("text", (str,), {})("a"), True, "\0", "é\0", "\0東",
               "a\0🎈"]
    mixed = np.array([v for v in texts for v in (v, None)][:len(strange)] + strange, object)
    addresses, others, _ = mmoe._strs.find(mixed)
    assert others.tolist() == list(range(len(strange), len(mixed)))
    assert all(ctypes.string_at(a) == b"" for a in addresses[others].tolist())
    for letters in alphabets.values():
        for n in range(1, 26):
            some = np.array([text(letters, n) for _ in range(n)], object)
            some[:] = [t[:at] + "\0" + t[at + 1:] for at, t in enumerate(some)]
            assert mmoe._strs.find(some)[1].tolist() == list(range(n)), n
    for n in (3, 8, 9, 16, 64):
        many = np.array(PLAIN["city"] * 20, object)
        many[900] = "a" * (n - 1) + "\0"
        for columns in ({**PLAIN}, pd.DataFrame(PLAIN)):
            columns = {name: list(values) * 20 for name, values in columns.items()}
            raised(ValueError, 'row 901: column "city": ', "NUL",
                   by=lambda: MODEL.predict({**columns, "city": many}))


def test_texts_that_are_replaced_meanwhile():
    """A thread that scores keeps the objects that it reads."""
    words = [f"word {i}" for i in range(500)]
    many = {name: values * 600 for name, values in PLAIN.items()}
    column = np.array([words[i % 500] + "!" for i in range(36000)], object)
    ends = threading.Event()

    def replace():
        while not ends.is_set():
            column[:] = [w + "?" for w in words * 72]
    other = threading.Thread(target=replace)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    other.start()
    try:
        scores = [MODEL.predict({**many, "city": column}, threads=2) for _ in range(3)]
    finally:
        sys.setswitchinterval(interval)
        ends.set()
        other.join()
    wanted = MODEL.predict({**many, "city": ["unknown"] * 36000})
    assert all(same(s, wanted) for s in scores)


def test_rank():
    user = {name: PLAIN[name][3] for name in ("user", "seen", "age")}
    items = {name: values for name, values in PLAIN.items() if name not in user}
    whole = MODEL.predict({**items, **{name: [v] * ROWS for name, v in user.items()}})
    assert same(MODEL.predict(items, user=user), whole)
    found, scores, _, _ = MODEL.rank(user, items, k=5)
    order = np.argsort(-(whole["ctr"] * whole["worth"]), kind="stable")
    assert found.tolist() == order[:5].tolist() and (np.diff(scores) <= 0).all()
    assert len(MODEL.rank({n: [v] for n, v in user.items()}, pd.DataFrame(items))[0]) == ROWS
    error = raised(mmoe.Error, "2 rows", by=lambda: MODEL.rank({**user, "age": [3, 4]}, items))
    assert error.column == "age"
    raised(mmoe.Error, '"city"', by=lambda: MODEL.rank({**user, "city": "Rome"}, items))
    for by in (lambda: MODEL.predict(Stream(PLAIN), user=user),
               lambda: MODEL.rank(user, Stream(items))):
        raised(TypeError, "items: ", "no stream of Arrow", by=by)
    raised(TypeError, "user: ", "no stream", by=lambda: MODEL.rank(Stream(user), items))


def test_columns_that_are_not_the_models():
    without = {name: values for name, values in PLAIN.items() if name != "city"}
    error = raised(mmoe.Error, '"city"', by=lambda: MODEL.predict(without))
    assert (error.code, error.column) == (mmoe.E_ARGUMENT, "city")
    more = {**PLAIN, "extra": [object()] * ROWS}
    assert raised(mmoe.Error, '"extra"', by=lambda: MODEL.predict(more)).column == "extra"
    assert same(MODEL.predict(more, ignore_additional=True), SCORES)
    error = raised(mmoe.Error, '"city" has 59 rows', by=lambda: MODEL.predict(
        {**PLAIN, "city": PLAIN["city"][1:]}))
    assert error.column == "city"
    raised(mmoe.Error, by=lambda: MODEL.predict(pd.DataFrame()))
    twice = pd.DataFrame(PLAIN)
    twice = pd.concat([twice, twice[["age"]]], axis=1)
    assert raised(mmoe.Error, by=lambda: MODEL.predict(twice)).column == "age"
    raised(TypeError, "7", by=lambda: MODEL.predict({**PLAIN, 7: PLAIN["age"]}))


def test_values_that_are_none():
    def fails(kind, name, at, value, *texts):
        values = list(PLAIN[name])
        values[at] = value
        raised(kind, f'row {at + 1}: column "{name}": ', *texts,
               by=lambda: MODEL.predict({**PLAIN, name: values}))
    fails(TypeError, "user", 7, "x", "str", "int")
    fails(TypeError, "city", 7, 4, "int", "str")
    fails(TypeError, "age", 0, object(), "object")
    fails(TypeError, "seen", 30, 4, "int", "list")
    fails(TypeError, "seen", 30, [1, "x"], "str", "int")
    fails(ValueError, "city", 9, "a\0b", "NUL")
    fails(ValueError, "city", 9, "a\ud800", "Unicode")
    fails(ValueError, "user", 9, 2**70, "64 bits")
    fails(ValueError, "user", 9, 10**5000, "a number of 16610 bits")
    fails(ValueError, "price", 9, 2**53 + 1, "9007199254740993 is no float")
    fails(ValueError, "price", 9, np.int64(2**53 + 1), "9007199254740993 is no float")
    fails(ValueError, "price", 9, 10**400, "a number of 1329 bits is no float")
    fails(ValueError, "place", 9, [1.5], "2")
    for inf in (float("inf"), np.float32("-inf")):
        fails(mmoe.Error, "kind", 9, inf, "is not an integer")
    for nested in (np.array(5), np.array("t1")):
        fails(TypeError, "seen", 9, nested, "dimension")
        fails(TypeError, "tags", 9, nested, "dimension")
    fails(mmoe.Error, "price", 9, float("inf"))
    for nested in ({"a": 1}, {1}, [["a"]], [None, ["a"]], (1, (2,)), pd.Series([1]),
                   pd.DataFrame({"a": [1]}), b"a", 1j, lambda: 1):
        fails(TypeError, "city", 9, nested)
        fails(TypeError, "user", 9, nested)
    for nested in ([["t1"]], [{"a": 1}], {"t1": 1}, [object()], "t1", ["t1", 4], [b"t1", "t1"]):
        fails(TypeError, "tags", 9, nested)
    for nested in ([[1.0], [2.0]], [1.0, "a"], {"a": 1}, 2.0, [1.0, {}]):
        fails(TypeError, "place", 9, nested)
    raised(TypeError, '"user"', "complex", by=lambda: check(user=np.zeros(ROWS, complex)))
    raised(TypeError, '"user"', by=lambda: check(user=5))
    raised(TypeError, '"user"', "zone", by=lambda: check(
        user=pd.Series(pd.to_datetime(["2024-05-01"] * ROWS, utc=True))))
    raised(TypeError, by=lambda: MODEL.predict([1, 2]))
    for wrong in ([1, "a"] * (ROWS // 2), pd.cut(PLAIN["age"], 3)):
        raised(TypeError, 'column "city": its categories: ', by=lambda: check(
            city=pd.Categorical(wrong)))


def test_what_is_no_column():
    used_up = iter(PLAIN["age"])
    list(used_up)
    for form in (used_up, (v for v in PLAIN["age"]), set(PLAIN["age"]), "many", None, 3.5,
                 np.zeros((ROWS, 2, 2)), np.zeros(ROWS, "m8[s]"), np.zeros(ROWS, "V8"),
                 pd.Series(pd.period_range("2024", periods=ROWS)), pd.DataFrame(PLAIN)):
        raised(TypeError, '"age"', by=lambda: check(age=form))
    for rows_ in ((c for c in PLAIN), iter([PLAIN]), None, "rows.csv", pd.Series(PLAIN["age"])):
        raised(TypeError, by=lambda: MODEL.predict(rows_))
    raised(ValueError, "NUL", by=lambda: MODEL.predict({**PLAIN, "age\0": PLAIN["age"]}))
    raised(TypeError, "names of columns", by=lambda: MODEL.predict(
        pd.concat({"a": pd.DataFrame(PLAIN)}, axis=1)))
    for threads in (-1, 257, 2**32 + 1):
        raised(ValueError, "threads", by=lambda: MODEL.predict(PLAIN, threads=threads))
    raised(TypeError, by=lambda: MODEL.predict(PLAIN, threads=1.5))


def test_forms_that_are_columns():
    check(age=pd.Index(PLAIN["age"]), price=pd.Series(PLAIN["price"], dtype="Sparse[float]"))
    frame = pd.DataFrame(PLAIN, index=pd.date_range("2024", periods=ROWS))
    assert same(MODEL.predict(frame.sample(frac=1, random_state=1).sort_index()), SCORES)
    block = np.empty((ROWS, 2), object)  # of which pandas' columns are no arrays of their own
    block[:, 0], block[:, 1] = PLAIN["city"], PLAIN["kind"]
    block = pd.DataFrame(block, columns=["city", "kind"])
    check(city=block["city"], kind=block["kind"])
    check(city=pd.Categorical(PLAIN["city"]).add_categories([f"no one's {i}" for i in range(300)]))
    check(kind=pd.Categorical(PLAIN["kind"], categories=[9, 4, 3, 2, 1, 0]))
    check(user=pd.Categorical([None if v is None else str(v) for v in PLAIN["user"]]))


class Garbage:
    """What has the look of a frame: of a connection that was closed, say."""

    def __init__(self, items):
        self.made = items

    def items(self):
        return self.made()


def test_frames_that_are_none():
    def closed():
        yield from list(PLAIN.items())[:3]
        raise OSError("the connection is closed")

    class Broken(pd.Series):
        def __array__(self, *_, **__):
            raise RuntimeError("its rows are gone")
    raised(OSError, "closed", by=lambda: MODEL.predict(Garbage(closed)))
    raised(RuntimeError, "gone", by=lambda: check(age=Broken(PLAIN["age"])))
    for items, kind in (([1], TypeError), (None, TypeError), ([("city",)], ValueError),
                        ([(None, PLAIN["city"])], TypeError), (5, TypeError)):
        raised(kind, by=lambda: MODEL.predict(Garbage(lambda: items)))
    raised(mmoe.Error, "two columns", by=lambda: MODEL.predict(
        Garbage(lambda: [*PLAIN.items(), ("city", PLAIN["city"])])))
    assert same(MODEL.predict(Garbage(PLAIN.items)), SCORES)


def test_types_of_pandas_own():
    user, city, age = PLAIN["user"], PLAIN["city"], PLAIN["age"]
    flags = [None if v is None else v % 2 == 0 for v in user]
    wanted = MODEL.predict({**PLAIN, "kind": [v if v is None else int(v) for v in flags]})
    for form in (pd.array(flags, dtype="boolean"), pd.Series(flags, dtype="category"),
                 pd.Series(flags, dtype=object), pd.Series(flags, dtype="boolean").astype("Int8")):
        assert same(MODEL.predict({**PLAIN, "kind": form}), wanted)
    for kind in ("UInt8", "UInt64", "Int16", "Float32"):
        check(user=pd.Series(user, dtype=kind), age=pd.array(age, dtype=kind))
        check(user=pd.Series(user, dtype=kind).astype(object))
    check(user=pd.Series(user, dtype="Int64").astype("string"))
    for kind in ("category", "string", object):
        check(city=pd.Series(city, dtype=kind), user=pd.Series(user, dtype="Int64").astype(kind))
    check(city=pd.Series(city, dtype="string").astype("category"))
    unused = pd.Categorical(city, categories=[*dict.fromkeys(v for v in city if v), "x", "y"])
    check(city=unused)
    check(city=pd.Series(unused)[::-1][::-1])
    ordered = pd.Categorical.from_codes(unused.codes, unused.categories, ordered=True)
    check(city=ordered)
    nothing = MODEL.predict({**PLAIN, "city": [None] * ROWS})
    for none in (pd.Categorical([None] * ROWS), pd.Categorical([None] * ROWS, categories=["Rome"]),
                 pd.array([None] * ROWS, dtype="string"), pd.array([pd.NA] * ROWS, dtype="boolean"),
                 np.full(ROWS, None), pd.Series([pd.NaT] * ROWS)):
        assert same(MODEL.predict({**PLAIN, "city": none}), nothing)
    if hasattr(pd, "ArrowDtype"):
        check_arrow_forms()


def check_arrow_forms():
    """Where pandas and pyarrow have them."""
    try:
        import pyarrow
    except ImportError:
        return
    of = lambda values, kind: pd.Series(values, dtype=pd.ArrowDtype(kind))
    check(user=of(PLAIN["user"], pyarrow.int64()), city=of(PLAIN["city"], pyarrow.string()),
          price=of(PLAIN["price"], pyarrow.float64()), age=of(PLAIN["age"], pyarrow.int8()))
    check(city=pd.Series(PLAIN["city"], dtype="string[pyarrow]"))


def test_a_file_that_is_none():
    error = raised(mmoe.Error, by=lambda: mmoe.load("/nowhere/m.safetensors"))
    assert (error.code, error.file) == (mmoe.E_IO, "/nowhere/m.safetensors")


run_all(sys.modules[__name__])
