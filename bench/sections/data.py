"""From CSV to an epoch: packing, training from each kind of rows."""
import itertools
import json
import os
import tempfile

from pages import Target, table
from running import ROOT

HEADING = "Data"
ABOUT = """Rows of `mmoe synth clicks --lists` (23 columns of ids, two of lists, 8 of numbers), with
`examples/ali-ccp.json` and both lists. Each command ran once, with two threads unless the table
says otherwise. "Peak" is the largest resident set that the kernel reports.

An epoch of a streamed CSV file reads first and then trains, because the sizes of tables, and other
things (docs/data.md, Streams), are known only after the last row. Measured with 4 million rows
(`train --set trainer.memory=512`, a virtual machine with two processors of Zen 4, 25/17, medians of
three and four runs):

|  | 1 thread | 2 threads |
| --- | ---: | ---: |
| reading and checking, s | 1.4 | 1.4 |
| training, s | 6.0 | 3.9 |
| all, s | 7.4 | 5.4 |
| training / all | .81 | .73 |
| the same before, in turns with these | .78 | .71 |

Reading takes the same time with one thread, because the thread that writes rows is an additional
one and parses, too. With two threads the processors were busy for 10.2 of 10.7 s. If they were busy
all the time, everything would take 5.1 s in whatever order, and training would be .76 of that."""
MEMORY = 512  # MB
STREAMED = ("--set", f"trainer.memory={MEMORY}")


def measure(run):
    with tempfile.TemporaryDirectory(dir=run.a.folder) as folder:
        run.names[folder] = "DIR"
        run.bench("bench_gemm", "--n-expert", 1, seconds=0.01)  # for the peak alone
        way = Way(run, folder)
        return {"rows": way.rows, "way": whole_way(run, way)}


class Way:
    """Files of a folder, the program, and the configuration."""

    def __init__(self, run, folder):
        self.run, self.folder = run, folder
        self.rows = run.a.data_rows
        self.config = self.path("config.json")
        with open(os.path.join(ROOT, "examples", "ali-ccp.json"), encoding="utf-8") as f:
            config = json.load(f)
        config["features"]["sequence"] = [{"name": "history", "embed_dim": 5, "max_len": 50},
                                          {"name": "tags", "embed_dim": 5, "weight_separator": ":"}]
        config["trainer"]["n_epoch"] = 1
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump(config, f)

    def path(self, name):
        return os.path.join(self.folder, name)

    def mmoe(self, *flags, threads=2):
        """Seconds, those of processors, peak in MB, and what it printed."""
        return self.run.costed([self.run.program("tools", "mmoe"), *map(str, flags), "--threads",
                                str(threads)])

    def synth(self, name, rows, first=0):
        return self.mmoe("synth", "clicks", "--lists", "--rows", rows, "--first-row", first,
                         "--output", self.path(name))


# ---- The whole way


def whole_way(run, way):
    """[{"what", "seconds", "processor_seconds", "megabytes", "rows_per_second"}]"""
    found = []

    def add(what, costed, rows=None):
        seconds, busy, megabytes, text = costed
        rate = json.loads(text)["rows_per_second"] if rows is None else rows / seconds
        found.append({
            "what": what, "seconds": seconds, "processor_seconds": busy, "megabytes": megabytes,
            "rows_per_second": rate
        })
        run.say(f"{what}: {seconds:.1f} s, {megabytes:.0f} MB")

    csv, packed = way.path("rows.csv"), way.path("rows")
    add("`synth` to CSV", way.synth("rows.csv", way.rows), way.rows)
    add("`pack`", way.mmoe("pack", "--config", way.config, "--data", csv, "--output", packed),
        way.rows)
    for threads, (name, rows, *more) in itertools.product((1, 2), (
        ("CSV", csv), ("CSV streamed", csv, *STREAMED), ("packed rows in memory", packed),
        ("packed rows streamed", packed, *STREAMED))):
        add(f"`train`, {name}, {threads} thread{'s' * (threads > 1)}",
            way.mmoe("train", "--config", way.config, "--train", rows, "--output",
                     way.path("model.safetensors"), "--json", *more, threads=threads))
    add("`evaluate`, packed rows", way.mmoe("evaluate", "--model", way.path("model.safetensors"),
                                            "--data", packed), way.rows)
    return found


def trained(figures, kind, threads):
    what = f"`train`, {kind}, {threads} thread{'s' * (threads > 1)}"
    return next(f for f in figures["way"] if f["what"] == what)


def streamed_ratio(figures, threads):
    return (trained(figures, "packed rows streamed", threads)["rows_per_second"] /
            trained(figures, "packed rows in memory", threads)["rows_per_second"])


def csv_ratio(figures, threads, of=max):
    """Of reading and training alone, to one epoch from the file, all of it. Rows in memory are read
    before the epoch."""
    whole = trained(figures, "CSV streamed", threads)["seconds"]
    in_memory, rows = trained(figures, "CSV", threads), figures["rows"]
    reads = in_memory["seconds"] - rows / in_memory["rows_per_second"]
    training = rows / trained(figures, "packed rows in memory", threads)["rows_per_second"]
    return of((reads, training)) / whole


def busy_share(figures, threads):
    """Of the time of so many processors what an epoch from the file used of it; older figures do
    not have it."""
    run = trained(figures, "CSV streamed", threads)
    busy = run.get("processor_seconds")
    return [busy / (threads * run["seconds"])] if busy else []


# ---- The page


def targets(figures):
    peaks = [f["megabytes"] for f in figures["way"] if "streamed" in f["what"]]
    return [
        Target(f"streamed with {MEMORY} MB / in memory, 1 thread: rows/s", .85,
               [streamed_ratio(figures, 1)]),
        Target(f"streamed with {MEMORY} MB / in memory, 2 threads: rows/s", .85,
               [streamed_ratio(figures, 2)]),
        Target("an epoch of CSV, streamed, 1 thread / the slower of reading and training", .9,
               [csv_ratio(figures, 1)]),
        Target("an epoch of CSV, streamed, 2 threads", .9, [csv_ratio(figures, 2)]),
        Target("the same, 1 thread / reading and then training", .9, [csv_ratio(figures, 1, sum)]),
        Target("the same, 2 threads", .9, [csv_ratio(figures, 2, sum)]),
        Target("the same, 2 threads: time of two processors in use", .9, busy_share(figures, 2)),
        Target("streamed, peak in MB", MEMORY, [max(peaks)], at_most=True)
    ]


def busy_text(figure):
    return f"{figure['processor_seconds']:.1f}" if "processor_seconds" in figure else "-"


def body(record):
    figures = record["figures"]
    way_rows = [[f["what"], f"{f['seconds']:.1f}", busy_text(f), f"{f['megabytes']:,.0f}",
                 f"{f['rows_per_second']:,.0f}"] for f in figures["way"]]
    return "\n\n".join([
        f"{figures['rows']:,} rows; the rate of `train` is of the epoch alone:",
        table(["command", "seconds", "of processors", "peak MB", "rows/s"], way_rows)
    ])
