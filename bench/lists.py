"""The section on lists of what bench/compare writes: mmoe's plain rows and lists of one, long lists
of a large table beside PyTorch's EmbeddingBag, and a row with a list scored."""
import datetime
import os
import statistics
import sys

from pages import spread, table

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = {"fused": "mmoe_fused.py", "usual": "mmoe_usual.py"}
WIDTHS = (4, 16)
OF_ONE = ["--lists", "32", "--list-length", "1", "--list-vocab", "16"]
LONG = ["--lists", "1", "--list-length", "20", "--list-vocab", "100000"]
SCORED = ["--lists", "1", "--list-length", "50", "--list-vocab", "100000"]
ROWS = ["--n-expert", "8", "--rows", "65536"]


def measure(a, run):
    """[{what: figures} a round], the machine. What: "of one" and "scored", bench_lists' rows by
    call and values; (program, width) of long lists."""
    def bench(*flags):
        return run.json([os.path.join(a.build, "bench", "bench_lists"), *ROWS, *flags, "--seconds",
                         str(a.seconds), "--json"])

    def steps_of_peer(name, width):
        return run.json(["/usr/bin/python3", os.path.join(HERE, "peers", PEERS[name]), *ROWS, *LONG,
                         "--embed-dim", str(width), "--seconds", str(a.seconds)])

    run(["/usr/bin/python3", os.path.join(HERE, "peers", PEERS["fused"]), "--check", "--lists", "2",
         "--list-vocab", "1000"])
    rounds = []
    for r in range(a.rounds):
        print(f"lists, round {r + 1} of {a.rounds}", file=sys.stderr, flush=True)
        of_one = bench(*OF_ONE)
        figures = {"of one": by_call(of_one), "scored": by_call(bench(*SCORED))}
        for width in WIDTHS:
            names = ["mmoe", *PEERS]
            for name in names[r % 3 :] + names[: r % 3]:
                figures[name, width] = (by_call(bench(*LONG, "--embed-dim", str(width)))
                                        if name == "mmoe" else steps_of_peer(name, width))
        rounds.append(figures)
    return rounds, of_one["machine"]


def by_call(result):
    return {(row["call"], row["values"]): row for row in result["rows"]}


STEP = ("step", "encoded")


def step_rate(figures, name, width):
    of = figures[name, width]
    return of[STEP]["rows_per_second"] if name == "mmoe" else of["train_rows_per_second"]


def ratios(rounds, peer, width):
    return [step_rate(r, "mmoe", width) / step_rate(r, peer, width) for r in rounds]


def targets_table(rounds):
    rows = []

    def target(what, wanted, values, at_most=False):
        value = statistics.median(values)
        met = value <= wanted if at_most else value >= wanted
        rows.append([what, f"at {'most' if at_most else 'least'} {wanted}",
                     spread(values, "{:.2f}"), "yes" if met else "**no**"])

    target("lists of one: training rows/s / those of plain ids", 0.9,
           [r["of one"][STEP]["of_plain"] for r in rounds])
    for width in WIDTHS:
        target(f"lists of 20, width {width}: training rows/s / usual PyTorch's", 5,
               ratios(rounds, "usual", width))
    for values in ("encoded", "integers", "texts"):
        target(f"1 row with a list of 50, {values}: p50, us", 5,
               [r["scored"]["row", values]["p50_us"] for r in rounds], True)
    return table(["", "wanted", "measured", "met"], rows)


def steps_table(rounds):
    rows = []
    for width in WIDTHS:
        for name in ("mmoe", *PEERS):
            program = "mmoe" if name == "mmoe" else "PyTorch, " + name
            rows.append([
                program, width, spread([step_rate(r, name, width) for r in rounds], "{:,.0f}"),
                "" if name == "mmoe" else spread(ratios(rounds, name, width), "{:.2f}")
            ])
    return table(["program", "width", "training, rows/s", "mmoe is faster by"], rows, left=1)


def section(a, rounds, described, commands):
    return f"""## Lists

Measured on {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC.

{described}

One thread, the census shape but for its lists, which are pooled by their mean, batch 1024, Adam.
"Lists of one": all 32 sparse columns are lists of one id of 16, in turns with the same model that
has ids in their places. "Lists of 20": the last sparse column is a list of 20 ids, at random, of a
table of 100,000 rows; PyTorch's is an `nn.EmbeddingBag` (`mode="mean"`, `sparse=False`: Adam takes
no sparse gradient), its elements in a rectangle, the rest as in the models above. "A list of 50":
the call of a predictor with one row of 31 ids and a list of 50 of 100,000, as row numbers, or as
integers or texts of learned vocabularies. {a.rounds} rounds of {a.seconds:g} s. Medians of the
rounds, least and most in brackets; a ratio is of one round's programs.

{targets_table(rounds)}

{steps_table(rounds)}

```
{os.linesep.join(commands)}
```
"""
