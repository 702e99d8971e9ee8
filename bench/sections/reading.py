"""How fast CSV becomes columns, beside pandas."""
import itertools
import json
import os
import shutil
import sys
import tempfile

from pages import Target, cell, table
from running import rotated
from sections.data import Way

HEADING = "Reading"
ABOUT = """The time from a CSV file in the page cache to columns, including vocabularies. The rows
are
those of `mmoe synth clicks --lists`, with `examples/ali-ccp.json` and both lists (see Data).
"quoted" is the same rows with a column of quoted text that contains a comma and doubled quotes.

The programs took turns file by file, each in a new process. The first reading of a process is what
a user waits for; a second reading shows the reader without the machine. The reason: some virtual
machines get memory only when they touch it, and give free memory back at once. Such a machine may
need two seconds to give a process its 0.9 GB (mmoe; pandas takes 3.5 GB), or may have the memory
ready, although another process touched as much before each run."""
READ_PART = 5  # of the rows of the section data
MOST = 6       # times a file's bytes that any program takes
KINDS = ("plain", "quoted", "zst")
AGAIN = " again"
TWICE = """; "again" is the second reading of the same file in the same process"""


def measure(run):
    with tempfile.TemporaryDirectory(dir=run.a.folder) as folder:
        run.names[folder] = "DIR"
        run.bench("bench_gemm", "--n-expert", 1, seconds=0.01)  # for the peak alone
        return readings(run, Way(run, folder))


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


def touch(run, size):
    """Memory that the system has for the next process, of what is free."""
    size = min(size, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    run([sys.executable, "-c", f"b'.' * {size}"])


def readings(run, way):
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
            touch(run, MOST * os.path.getsize(files["plain"]))
            lines = read_lines(run, way, program, [files[kind]] * 2)
            for name, line in zip((program, program + AGAIN), lines):
                seconds = json.loads(line)["seconds"]
                found.setdefault(name, {}).setdefault(kind, []).append(seconds)
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


# ---- The page


def over_pandas(figures, program, kind, reading=""):
    ours, pandas = (figures.get(name + reading, {}).get(kind, []) for name in (program, "pandas"))
    return [p / m for p, m in zip(pandas, ours)]


def rates(figures, program, kind):
    """MB of text a second."""
    return [figures["megabytes"][kind] / s for s in figures.get(program, {}).get(kind, [])]


def targets(figures):
    return [
        Target("CSV to columns, 1 thread: pandas' time / ours", 6,
               over_pandas(figures, "1", "plain")),
        Target("CSV to columns, 2 threads", 10, over_pandas(figures, "2", "plain")),
        Target("with quoted text, 1 thread", 2, over_pandas(figures, "1", "quoted")),
        Target("`.zst` to columns, 2 threads: MB of text a second", 300,
               rates(figures, "2", "zst")),
        Target("CSV, second reading of a process, 1 thread: pandas' time / ours", 6,
               over_pandas(figures, "1", "plain", AGAIN)),
        Target("CSV, second reading, 2 threads", 10, over_pandas(figures, "2", "plain", AGAIN)),
        Target("CSV, second reading, with quoted text, 1 thread", 2,
               over_pandas(figures, "1", "quoted", AGAIN))
    ]


def body(record):
    figures = record["figures"]
    sizes = ", ".join(f"{kind} {size:,.0f}" for kind, size in figures["megabytes"].items())
    programs = {"1": "mmoe, 1 thread", "2": "mmoe, 2 threads", "pandas": "pandas"}
    twice = any(name + AGAIN in figures for name in programs)
    programs |= {name + AGAIN: title + ", again" for name, title in programs.items()
                 if name + AGAIN in figures}
    rows = [[title] + [cell(rates(figures, program, kind), "{:,.0f}")
                       for kind in figures["megabytes"]] for program, title in programs.items()]
    return "\n\n".join([
        f"{figures['rows']:,} rows, MB of text a second (files of {sizes} MB)" +
        (TWICE if twice else "") + ":",
        table(["program", *figures["megabytes"]], rows)
    ])
