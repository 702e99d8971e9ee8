"""A step with one large table of ids, updated whole, deferred and lazily, beside PyTorch's dense
Adam and its SparseAdam; and what an epoch of each is worth."""
import json
import os

from pages import Target, cell, table
from running import rotated

HEADING = "Large tables"
ABOUT = """One thread. The model has one column of ids with a table of the given number of rows, and
two small layers; batch 1024, Adam without weight decay. "Update" is `trainer.embedding_update`:
`dense`, `deferred` or `lazy`. The programs took turns, each in a process of its own.

- **Ids** are drawn in three ways. *Evenly*: nearly each id of a batch is a different row. *By a
  power law*: the id of rank r has a probability of 1 / r. *The same 8 batches* of even ids in turn:
  their rows stay in the cache, so this is a step without the cache misses of a larger table.
- **PyTorch** trains the same model, with Adam and a dense gradient of the table, and with
  `SparseAdam` and a sparse one.
- **One epoch** uses ids by the power law, with the same initial weights and the same rows in the
  same order, and is evaluated on a tenth as many other rows. Rounding differences grow during an
  epoch: dense with the plain C kernels (`MMOE_KERNELS=generic`) differs from dense with vector
  kernels by 5 x 10^-5 here.
- **Idle rows**: steps with one id only, of two models in turns. In one model, most rows had a
  gradient just before. In the other, most rows had
  none in 2,000 steps, so their moments are below the smallest normal float.
- **A service**: rows come as raw columns, by the names of an `mmoe_input`, and a step includes
  making the data set from them. Tables of both sizes take turns in one process."""
UPDATES = ("dense", "deferred", "lazy")
TORCH = {"PyTorch, Adam": "adam", "PyTorch, SparseAdam": "sparse_adam"}
DRAWN = {"evenly_us": "evenly", "power_us": "by a power law"}
STEPS = {**DRAWN, "near_us": "evenly, 8 batches in turn"}
WIDTH, MIDDLE = 16, 4 * 10**6
SERVICE = (("us", "{:,.0f}"), ("other_us", "{:,.0f}"), ("ratio", "{:.2f}"))
MOST_MEMORY = 14e9  # bytes that a table of 10^8 rows takes, its moments and a copy


def settings(a):
    """(rows, width)"""
    if a.quick:
        return [(1000, WIDTH), (100000, WIDTH)]
    large = [(10**8, 8)] if a.large_table else []
    return [(rows, WIDTH) for rows in (10**4, 10**5, 10**6, MIDDLE, 10**7)] + large


def programs(rows):
    return UPDATES if rows in (MIDDLE, 10**8) else (*UPDATES, *TORCH)


def measure(run):
    """{"steps": [[program, rows, width, {drawn: [us a round]}]], "idle": ..., "service": ...,
    "epochs": ...}"""
    run.bench("bench_gemm", "--n-expert", 1, seconds=0.01)  # for the peak alone
    steps = {}
    for r in run.each_round():
        for rows, width in settings(run.a):
            for program in rotated(programs(rows), r):
                run.say(f"{rows:,} rows: {program}")
                found = step(run, program, rows, width)
                of = steps.setdefault((program, rows, width), {drawn: [] for drawn in STEPS})
                for drawn in STEPS.keys() & found.keys() if found else ():
                    of[drawn].append(found[drawn])
    return {"steps": [[*key, figures] for key, figures in steps.items()], "idle": idle(run),
            "service": service(run), "epochs": epochs(run)}


def step(run, program, rows, width):
    """None without PyTorch."""
    flags = [str(rows), str(width), run.time(None)]
    if program in UPDATES:
        return json.loads(run([run.program("bench", "bench_tables"), program, *flags]))
    if run.missing["PyTorch"]:
        return None
    found = json.loads(run([run.a.python, run.script("table_torch.py"), TORCH[program], *flags]))
    run.about["PyTorch"] = f"{found['torch']}, Python {found['python']}"
    return found


def idle(run):
    """[[update, rows, {"before_us", "behind_us"}]]"""
    rows = 1000 if run.a.quick else 10**5
    found = []
    for update in UPDATES[:2]:
        run.say(f"idle rows, {rows:,}: {update}")
        found.append([update, rows, json.loads(run([
            run.program("bench", "bench_tables"), update, str(rows), str(WIDTH), "idle"]))])
    return found


def service(run):
    """[[update, rows, other rows, [what bench_tables says a round]]]"""
    sizes = (1000, 100000) if run.a.quick else (10**5, 10**7)
    found = [[update, *sizes, []] for update in UPDATES[1:]]
    for r in run.each_round():
        for of in rotated(found, r):
            run.say(f"a service: {of[0]}")
            of[3].append(json.loads(run([
                run.program("bench", "bench_tables"), of[0], str(sizes[0]), str(WIDTH), "service",
                run.time(4 * run.seconds), str(sizes[1])])))
    return found


def epochs(run):
    """[[rows, examples, {update: {"auc", "logloss"}}]]"""
    wanted = [(1000, 4096, UPDATES)] if run.a.quick else [(10**5, 2 * 10**6, UPDATES),
                                                         (10**6, 4 * 10**6, UPDATES),
                                                         (10**7, 2 * 10**7, UPDATES[1:])]
    found = []
    for rows, examples, updates in wanted:
        figures = {}
        for update in updates:
            run.say(f"an epoch, {rows:,} rows: {update}")
            figures[update] = json.loads(run([
                run.program("bench", "bench_tables"), update, str(rows), str(WIDTH), "epoch",
                str(examples)]))
        found.append([rows, examples, figures])
    return found


def why_not(a):
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if a.large_table and pages < MOST_MEMORY:
        return f"needs {MOST_MEMORY / 1e9:.0f} GB of free memory with --large-table"
    return None


# ---- The page


def us(figures, program, rows, drawn):
    return next((found[drawn] for name, count, _, found in figures["steps"]
                 if (name, count) == (program, rows) and found.get(drawn)), [])


def flatness(figures, program, drawn):
    """Of each round: the slowest step to the fastest, from 10^5 rows on."""
    steps = [us(figures, program, 10**power, drawn) for power in range(5, 8)]
    return [max(r) / min(r) for r in zip(*steps)] if all(steps) else []


def to_dense(figures, drawn):
    """Of each round: how much longer a dense step takes than a deferred one."""
    steps = [us(figures, update, MIDDLE, drawn) for update in UPDATES[:2]]
    return [dense / deferred for dense, deferred in zip(*steps)]


def targets(figures):
    differs = [abs(of["dense"]["auc"] - of["deferred"]["auc"])
               for _, _, of in figures["epochs"] if "dense" in of]
    return [
        *(Target(f"{program} step, 10^5 to 10^7 rows, ids {how}: slowest / fastest", 1.5,
                 flatness(figures, program, drawn), at_most=True)
          for program in UPDATES[1:] for drawn, how in STEPS.items()),
        *(Target(f"dense step / deferred step, 4 x 10^6 rows, ids {how}", 300,
                 to_dense(figures, drawn)) for drawn, how in DRAWN.items()),
        *(Target(f"{update} step of a service, 10^7 rows / 10^5, ids {how}", 1.5,
                 [r[drawn.replace("_us", "_ratio")] for of in figures.get("service", [])
                  if of[0] == update for r in of[3]], at_most=True)
          for update in UPDATES[1:] for drawn, how in DRAWN.items()),
        Target("step behind 2,000 idle ones / before", 1.1,
               [of["behind_us"] / of["before_us"] for _, _, of in figures.get("idle", [])],
               at_most=True),
        Target("AUC of one epoch: dense and deferred differ, in 10^-5", 10,
               [1e5 * d for d in differs], at_most=True)
    ]


def body(record):
    figures = record["figures"]
    rows = [[program, f"{count:,}", width,
             *(cell(found.get(drawn), "{:,.0f}") for drawn in STEPS)]
            for program, count, width, found in figures["steps"]]
    epochs_rows = [[update, f"{count:,}", f"{examples:,}", f"{of['auc']:.6f}",
                    f"{of['logloss']:.6f}"]
                   for count, examples, found in figures["epochs"]
                   for update, of in found.items()]
    idle_rows = [[update, f"{count:,}", f"{of['before_us']:,.0f}", f"{of['behind_us']:,.0f}"]
                 for update, count, of in figures.get("idle", [])]
    service_rows = [[update, f"{count:,}", f"{more:,}",
                     *(cell([r[f"{drawn}_{key}"] for r in of], form)
                       for drawn in ("evenly", "power") for key, form in SERVICE)]
                    for update, count, more, of in figures.get("service", [])]
    return "\n\n".join([
        "A step, us:",
        table(["update", "rows", "width", *(f"ids {how}" for how in STEPS.values())], rows),
        *(["Idle rows:", table(["update", "rows", "a step, us", "with idle rows, us"],
                               idle_rows)] if idle_rows else []),
        *(["A step of a service, with ids drawn evenly and by a power law:",
           table(["update", "rows", "and", *("us", "us of the larger", "ratio") * 2],
                 service_rows)] if service_rows else []),
        "One epoch:",
        table(["update", "rows of the table", "rows", "AUC", "log-loss"], epochs_rows)
    ])
