"""A predictor's calls beside TorchScript's and ONNX Runtime's, on the census shape."""
import statistics

from pages import Target, cell, count_of, table
from running import rotated

HEADING = "Serving"
ABOUT = """The census model, one thread unless the table says otherwise. Rows are encoded before the
clock starts: a sparse value is already a row number. The programs took turns for each number of
rows. Figures are medians over rounds, with minimum and maximum in brackets; a ratio compares
programs of the same round.

- A TorchScript model is traced, frozen and optimised for inference separately for every number of
  rows.
- The times of ONNX Runtime include its binding.
- 1000 rows stand for the 1024 of the targets.
- In a ranked request, every second sparse column belongs to the user. Its GEMMs are those of all
  columns."""
ROWS = 16384  # the data set's
COUNTS = (1, 8, 32, 128, 1000)
PEERS_SERVING = ("TorchScript, fused", "TorchScript, usual", "ONNX Runtime")


def peers_rows(run, flags, shape, counts, seconds, wanted=("TorchScript", "ONNX Runtime")):
    """{peer: rows} of those that are there; `shape`: width and values, for ONNX Runtime."""
    found = {}
    if "TorchScript" in wanted:
        result = run.peer("serve_torchscript.py", *flags, "--row-counts",
                          ",".join(map(str, counts)), seconds=seconds)
        for name, rows in (result["models"] if result else {}).items():
            found[f"TorchScript, {name}"] = rows
    if "ONNX Runtime" in wanted:
        rows = run.onnx(*shape, ",".join(map(str, counts)), seconds=seconds)
        if rows:
            found["ONNX Runtime"] = rows
    return found


def measure(run):
    """[{program: rows} a round]; ours are "mmoe", of plain and ranked calls."""
    flags, rounds = ["--n-expert", 8, "--rows", ROWS], []
    seconds = run.seconds / 8
    for r in run.each_round():
        figures = {}
        for name in rotated(("mmoe", "TorchScript", "ONNX Runtime"), r):
            run.say(name)
            if name == "mmoe":
                figures[name] = run.bench("bench_predict", *flags, "--threads", run.threads[-1],
                                          seconds=seconds)
            else:
                figures.update(peers_rows(run, flags, (4, 16), COUNTS, seconds, (name, )))
        rounds.append(figures)
    return rounds


class Calls:
    """The rounds' figures of one program's calls of so many rows."""

    def __init__(self, rounds, program, rows, threads=1, call="plain"):
        self.of = [
            next((x for x in r.get(program, []) if (x["rows"], x.get("threads", 1),
                                                    x.get("call", call)) == (rows, threads, call)),
                 None) for r in rounds
        ]

    def values(self, key):
        return [x[key] for x in self.of if x and key in x]

    def ratios(self, other, key):
        return [x[key] / y[key] for x, y in zip(self.of, other.of) if x and y]


def targets(rounds):
    def calls(rows, **more):
        return Calls(rounds, "mmoe", rows, **more)

    most = calls(1000)

    def of_peer(name):
        return Calls(rounds, name, 1000).ratios(most, "p50_us")

    tails = [
        Target(f"{count_of(n, 'row')}: p99 / p50", 3,
               [x / y for x, y in zip(calls(n).values("p99_us"), calls(n).values("p50_us"))], True)
        for n in COUNTS
    ]
    return [
        Target("1 row, encoded: p50, us", 3, calls(1).values("p50_us"), True),
        Target("1000 rows: p50 of ONNX Runtime / mmoe's", 5, of_peer("ONNX Runtime")),
        Target("1000 rows: p50 of fused TorchScript / mmoe's", 3.5, of_peer("TorchScript, fused")),
        Target("rank, 1000 candidates: p50 of the plain call / rank's", 1.6,
               most.ratios(calls(1000, call="rank"), "p50_us")),
        Target("1000 rows: rows/s of two threads / one", 1.9,
               calls(1000, threads=2).ratios(most, "rows_per_second")), *tails
    ]


def peers_table(rounds):
    rows = []
    for n in COUNTS:
        ours = Calls(rounds, "mmoe", n)
        for name in ("mmoe", *PEERS_SERVING):
            calls = Calls(rounds, name, n)
            rates = calls.values("rows_per_second")
            rows.append([
                name, n,
                cell(calls.values("p50_us"), "{:,.1f}"),
                cell(calls.values("p99_us"), "{:,.1f}") if rates else "",
                f"{statistics.median(rates):,.0f}" if rates else "",
                "" if name == "mmoe" or not rates else cell(calls.ratios(ours, "p50_us"), "{:.2f}")
            ])
    return table(["program", "rows", "p50 us", "p99 us", "rows/s", "mmoe's p50 is shorter by"],
                 rows)


COLUMNS = [("p50_us", "{:,.2f}"), ("p99_us", "{:,.2f}"), ("p999_us", "{:,.2f}"),
           ("rows_per_second", "{:,.0f}"), ("gemm_us", "{:,.2f}"), ("over_gemm", "{:.2f}")]


def calls_table(rounds):
    rows = []
    for call, n, threads in dict.fromkeys(
        (r["call"], r["rows"], r["threads"]) for r in rounds[0]["mmoe"]):
        calls = Calls(rounds, "mmoe", n, threads, call)
        cells = [calls.values(key) for key, _ in COLUMNS]
        rows.append([call, n, threads] + [
            "" if None in values else form.format(statistics.median(values))
            for values, (_, form) in zip(cells, COLUMNS)
        ])
    return table([
        "call", "rows", "threads", "p50 us", "p99 us", "p99.9 us", "rows/s", "GEMMs us",
        "p50 / GEMMs"
    ], rows)


def body(record):
    rounds = record["figures"]
    return peers_table(rounds) + "\n\n" + calls_table(rounds)
