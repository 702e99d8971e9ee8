"""mmoe's plain rows and lists of one, long lists of a large table beside PyTorch's EmbeddingBag,
and a row with a list scored."""
from pages import Target, cell, table
from running import PROGRAMS, rotated, title

HEADING = "Lists"
ABOUT = """One thread and the census shape, except for its lists, which are pooled by their mean;
batch 1024, Adam.

- **Lists of one**: all 32 sparse columns are lists with one id of 16, in turns with the same model
  with plain ids instead.
- **Lists of 20**: the last sparse column is a list of 20 random ids, in a table of 100,000 rows.
  PyTorch uses an `nn.EmbeddingBag` (`mode="mean"`, `sparse=False`, since Adam takes no sparse
  gradient) with its elements in a rectangle; the rest is as in the models above.
- **A list of 50**: a predictor scores one row with 31 ids and a list of 50 of 100,000 values, given
  as row numbers, or as integers or texts of learned vocabularies.

Figures are medians over rounds, with minimum and maximum in brackets; a ratio compares programs of
the same round."""
WIDTHS = (4, 16)
VALUES = ("encoded", "integers", "texts")
OF_ONE = ["--lists", 32, "--list-length", 1, "--list-vocab", 16]
STEP = ("step", "encoded")


def measure(run):
    """[{what: figures} a round]: "of one", rows/s over plain ids'; "row", us of each sort of
    values; "mmoe 4" and so on, rows/s of a program at a width."""
    large = 1000 if run.a.quick else 100000
    rows = ["--n-expert", 8, "--rows", min(65536, run.rows)]
    long = ["--lists", 1, "--list-length", 20, "--list-vocab", large]
    scored = ["--lists", 1, "--list-length", 50, "--list-vocab", large]
    run.check_peers("--lists", 2, "--list-vocab", 1000)
    rounds = []
    for r in run.each_round():
        calls = by_call(run.bench("bench_lists", *rows, *scored))
        figures = {
            "of one": by_call(run.bench("bench_lists", *rows, *OF_ONE))[STEP]["of_plain"],
            "row": {values: calls["row", values]["p50_us"]
                    for values in VALUES}
        }
        for width in WIDTHS:
            for name in rotated(PROGRAMS, r):
                figures[f"{name} {width}"] = rate(run, name, [*rows, *long, "--embed-dim", width])
        rounds.append(figures)
    return rounds


def by_call(rows):
    return {(row["call"], row["values"]): row for row in rows}


def rate(run, name, flags):
    if name == "mmoe":
        return by_call(run.bench("bench_lists", *flags))[STEP]["rows_per_second"]
    result = run.step_of(name, *flags)
    return result and result["train_rows_per_second"]


def ratios(rounds, peer, width):
    return [r[f"mmoe {width}"] / r[f"{peer} {width}"] for r in rounds if r[f"{peer} {width}"]]


def targets(rounds):
    return [
        Target("lists of one: training rows/s / those of plain ids", 0.9,
               [r["of one"] for r in rounds]),
        *(Target(f"lists of 20, width {width}: training rows/s / usual PyTorch's", 5,
                 ratios(rounds, "usual", width)) for width in WIDTHS),
        *(Target(f"1 row with a list of 50, {values}: p50, us", 5,
                 [r["row"][values] for r in rounds], True) for values in VALUES)
    ]


def body(record):
    rounds, rows = record["figures"], []
    for width in WIDTHS:
        for name in PROGRAMS:
            rates = [r[f"{name} {width}"] for r in rounds if r[f"{name} {width}"]]
            rows.append([
                title(name), width, cell(rates, "{:,.0f}"),
                "" if name == "mmoe" or not rates else cell(ratios(rounds, name, width), "{:.2f}")
            ])
    return table(["program", "width", "training, rows/s", "mmoe is faster by"], rows)
