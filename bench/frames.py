"""frames.py [ROWS [PAIRS [TEXTS]]]: rows a second that Model.predict of python/mmoe.py scores of a
DataFrame, over the rate of C: mmoe_predictor_run of the same values, which lie there as arrays of
numbers, or of pointers into a column's texts one behind the other, by as many threads in as many
calls. 12 columns of ids, TEXTS (6) of which are texts in each form of them, and 8 of numbers; PAIRS
(7) times in turns, medians. PYTHONPATH and MMOE_LIBRARY say which module and library."""
import statistics
import sys
import time

import mmoe
import numpy as np
import pandas as pd

ROWS, PAIRS, TEXTS = (int(a) for a in [*sys.argv[1:], *("1000000", "7", "6")[len(sys.argv) - 1:]])
IDS, NUMBERS = 12, 8
NAMES = [f"id_{i}" for i in range(IDS)]
CONFIG = {
    "features": {"sparse": [{"name": name} for name in NAMES],
                 "dense": [{"name": f"x_{i}"} for i in range(NUMBERS)]},
    "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "buy"}],
    "model": {"name": "mmoe", "n_expert": 8, "expert_params": {"dims": [16]}},
    "trainer": {"n_epoch": 1},
}
draw = np.random.default_rng(1)
VALUES = [int(10 * 2**(i * 10 / IDS)) for i in range(IDS)]  # 10 to some 6000


def fresh(words, codes):
    """A text of its own for each row, as what reads a file or a database makes them."""
    return np.array([words[c][:1] + words[c][1:] for c in codes], object)


def shared(words, codes):
    return np.array(words, object)[codes]


FORMS = {
    "no texts": None,
    "str, shared by rows": shared,
    "str, one a row": fresh,
    "str, a tenth missing": lambda words, codes: np.where(draw.random(len(codes)) < .1, None,
                                                          fresh(words, codes)),
    "str, not ASCII": lambda words, codes: fresh([w.replace("v", "ü") for w in words], codes),
    "categorical": lambda words, codes: pd.Categorical.from_codes(codes, words),
}


def frame_of(rows, form):
    columns = {}
    for at, (name, count) in enumerate(zip(NAMES, VALUES)):
        codes = draw.integers(0, count, rows)
        words = [f"v{at}_{i}" for i in range(count)]
        columns[name] = form(words, codes) if form and at % (IDS // TEXTS) == 0 else codes
    for i in range(NUMBERS):
        columns[f"x_{i}"] = draw.normal(size=rows).astype(np.float32)
    return pd.DataFrame(columns)


class OfC:
    """The same rows as C has them."""

    def __init__(self, model, frame):
        self.model, self.given = model, []
        for name in frame:
            values = frame[name]
            if values.dtype.kind in "if":
                made = mmoe._values_of(name, values)
            else:  # a buffer with all texts of the column, one behind the other
                words = values.astype(object).tolist()
                made = mmoe._texts_of(name, ["" if w is None else w for w in words])
            self.given.append(mmoe._Given(made, mmoe.SIDE_ITEM, mmoe.VALUE_TEXT))
        self.binding = model._bind(self.given)
        self.scores = np.empty((len(frame), 2), np.float32)

    def run(self, threads):
        work = self.model._bound([], self.given, None)
        mmoe._in_threads(len(self.scores), threads,
                         lambda first, n: work(first, n, self.scores[first:first + n]))


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measure(name, form, model):
    frame = frame_of(ROWS, form)
    of_c, found = OfC(model, frame), {}
    for threads in sorted({1, mmoe._processors()}):
        predict = lambda: model.predict(frame, threads=threads)
        scores = predict()
        of_c.run(threads)
        assert all((s == of_c.scores[:, i]).all() for i, s in enumerate(scores.values()))
        times = []
        for _ in range(PAIRS):
            times.append((seconds(lambda: of_c.run(threads)), seconds(predict)))
        of_ours = statistics.median(p for _, p in times)
        ratio = statistics.median(c / p for c, p in times)
        print(f"| {name} | {threads} | {ROWS / of_ours / 1e6:.2f} | {ratio:.2f} |", flush=True)


def main():
    print("| texts | threads | million rows/s | of the C rate |\n" + "|---" * 4 + "|")
    for name, form in FORMS.items():
        some = frame_of(20000, form)
        labels = {n: draw.integers(0, 2, len(some)) for n in ("click", "buy")}
        measure(name, form, mmoe.train(CONFIG, some.assign(**labels)))


main()
