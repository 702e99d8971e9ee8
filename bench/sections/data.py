"""From CSV to an epoch: reading beside pandas, packing, training from each kind of rows."""
import itertools
import json
import os
import shutil
import statistics
import tempfile

from pages import Target, cell, table
from running import ROOT, rotated

HEADING = "Data"
ABOUT = """Rows of `mmoe synth clicks --lists` (23 columns of ids, two of lists, 8 of numbers) and
`examples/ali-ccp.json` with both lists. Reading is from the page cache to columns, vocabularies
included; programs took turns file by file, beside what else ran (the load below). What counts is
the first reading of a new process, which is what a user waits for: the system gives it all its
memory then. Of the whole way each step ran once, with two threads where nothing else is said; the
peak is the resident set by the kernel."""
READ_PART = 5  # of the rows are read against pandas
KINDS = ("plain", "quoted", "zst")
AGAIN = " again"
TWICE = """; "again" is the second reading in the same process, of the same file"""
MEMORY = 512  # MB
STREAMED = ("--set", f"trainer.memory={MEMORY}")


def measure(run):
    with tempfile.TemporaryDirectory(dir=run.a.folder) as folder:
        run.names[folder] = "DIR"
        run.bench("bench_gemm", "--n-expert", 1, seconds=0.01)  # for the peak alone
        way = Way(run, folder)
        return {"rows": way.rows, "reading": reading(run, way), "way": whole_way(run, way)}


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
        """Seconds, peak in MB, and what it printed."""
        return self.run.costed([self.run.program("tools", "mmoe"), *map(str, flags), "--threads",
                                str(threads)])

    def synth(self, name, rows, first=0):
        return self.mmoe("synth", "clicks", "--lists", "--rows", rows, "--first-row", first,
                         "--output", self.path(name))


# ---- Reading


def quote(source, target):
    """The same rows, the third column in quotes, with a comma and doubled quotes inside."""
    with open(source, encoding="utf-8") as f, open(target, "w", encoding="utf-8") as out:
        out.write(next(f))
        for line in f:
            click, purchase, cell_of, rest = line.split(",", 3)
            out.write(f'{click},{purchase},"say ""{cell_of}"", twice",{rest}')


def read_files(run, way):
    """{kind: path}"""
    way.synth("plain.csv", way.rows // READ_PART)
    files = {kind: way.path(kind + ".csv") for kind in KINDS[:2]}
    quote(files["plain"], files["quoted"])
    if shutil.which("zstd"):
        files["zst"] = way.path("plain.csv.zst")
        run(["zstd", "-q", files["plain"], "-o", files["zst"]])
    return files


def reading(run, way):
    """{"megabytes": {kind: of text}, program: {kind: [seconds a round]}}, of the first reading in
    its process; a program's name with AGAIN: of the second"""
    files = read_files(run, way)
    found = {"rows": way.rows // READ_PART,
             "megabytes": {kind: os.path.getsize(files["plain" if kind == "zst" else kind]) / 1e6
                           for kind in files}}
    for r in run.each_round():
        for kind, program in itertools.product(files, rotated(("1", "pandas", "2"), r)):
            if (program, kind) == ("pandas", "zst"):
                continue
            run.say(f"reading: {kind}, {program}")
            lines = read_lines(run, way, program, [files[kind]] * 2)
            for name, line in zip((program, program + AGAIN), lines):
                seconds = json.loads(line)["seconds"]
                found.setdefault(name, {}).setdefault(kind, []).append(seconds)
    for path in files.values():
        os.remove(path)
    return found


def read_lines(run, way, program, files):
    """None without pandas."""
    if program != "pandas":
        return run([run.program("bench", "bench_read"), way.config, program, *files]).splitlines()
    if run.missing["pandas"]:
        return []
    lines = run([run.a.python, run.script("read_pandas.py"), *files]).splitlines()
    run.about["pandas"] = json.loads(lines[0])["pandas"]
    return lines


# ---- The whole way


def whole_way(run, way):
    """[{"what", "seconds", "megabytes", "rows_per_second"}]"""
    found = []

    def add(what, costed, rows=None):
        seconds, megabytes, text = costed
        rate = json.loads(text)["rows_per_second"] if rows is None else rows / seconds
        found.append({
            "what": what, "seconds": seconds, "megabytes": megabytes, "rows_per_second": rate
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
    """Of reading and training alone, to one epoch from the file, all of it."""
    whole = trained(figures, "CSV streamed", threads)["seconds"]
    rows = figures["rows"]
    training = rows / trained(figures, "packed rows in memory", threads)["rows_per_second"]
    reads = statistics.median(figures["reading"][str(threads)]["plain"])
    return of((reads * rows / figures["reading"]["rows"], training)) / whole


# ---- The page


def over_pandas(figures, program, kind):
    reads = figures["reading"]
    return [p / m for p, m in zip(reads.get("pandas", {}).get(kind, []), reads[program][kind])]


def rates(figures, program, kind):
    """MB of text a second."""
    reads = figures["reading"]
    return [reads["megabytes"][kind] / s for s in reads.get(program, {}).get(kind, [])]


def targets(figures):
    peaks = [f["megabytes"] for f in figures["way"] if "streamed" in f["what"]]
    return [
        Target("CSV to columns, 1 thread: pandas' time / ours", 6,
               over_pandas(figures, "1", "plain")),
        Target("CSV to columns, 2 threads", 10, over_pandas(figures, "2", "plain")),
        Target("with quoted text, 1 thread", 2, over_pandas(figures, "1", "quoted")),
        Target("`.zst` to columns, 2 threads: MB of text a second", 300,
               rates(figures, "2", "zst")),
        Target(f"streamed with {MEMORY} MB / in memory, 1 thread: rows/s", .85,
               [streamed_ratio(figures, 1)]),
        Target(f"streamed with {MEMORY} MB / in memory, 2 threads: rows/s", .85,
               [streamed_ratio(figures, 2)]),
        Target("an epoch of CSV, streamed, 1 thread / the slower of reading and training", .9,
               [csv_ratio(figures, 1)]),
        Target("an epoch of CSV, streamed, 2 threads", .9, [csv_ratio(figures, 2)]),
        Target("the same, 1 thread / reading and then training", .9, [csv_ratio(figures, 1, sum)]),
        Target("the same, 2 threads", .9, [csv_ratio(figures, 2, sum)]),
        Target("streamed, peak in MB", MEMORY, [max(peaks)], at_most=True)
    ]


def body(record):
    figures = record["figures"]
    reads = figures["reading"]
    sizes = ", ".join(f"{kind} {size:,.0f}" for kind, size in reads["megabytes"].items())
    programs = {"1": "mmoe, 1 thread", "2": "mmoe, 2 threads", "pandas": "pandas"}
    twice = any(name + AGAIN in reads for name in programs)
    programs |= {name + AGAIN: title + ", again" for name, title in programs.items()
                 if name + AGAIN in reads}
    read_rows = [[title] + [cell(rates(figures, program, kind), "{:,.0f}")
                            for kind in reads["megabytes"]] for program, title in programs.items()]
    way_rows = [[f["what"], f"{f['seconds']:.1f}", f"{f['megabytes']:,.0f}",
                 f"{f['rows_per_second']:,.0f}"] for f in figures["way"]]
    return "\n\n".join([
        f"Reading, MB of text a second (files of {sizes} MB)" + (TWICE if twice else "") + ":",
        table(["program", *reads["megabytes"]], read_rows),
        f"The whole way, of {figures['rows']:,} rows; the rate of `train` is of the epoch alone:",
        table(["command", "seconds", "peak MB", "rows/s"], way_rows)
    ])
