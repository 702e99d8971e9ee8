"""mmoe and the PyTorch peers in turns on the census shape, training and inference."""
from pages import Target, cell, count_of, table
from running import PROGRAMS, rotated, title

HEADING = "PyTorch"
ABOUT = """The programs took turns for training and as long again for inference. Medians of the
rounds, least and most in brackets; a ratio is of one round's programs. mmoe's inference with two
threads is two predictors, PyTorch's one model with two threads in its operations.

An epoch's rows/s are its training rows over all of its time, which the time of scoring bounds. On
Zen 4, one thread (2026-11-27, 65,536 rows, steps and epochs in turns, first deciles of a process,
medians of 15), a training row takes 610 ns in bare steps, and 24 more in random order, 3 of them to
draw it: 40 more before its cache lines were asked for as far as L2. (13 to 60: the L3 is shared
with other machines of the host. By a loop of its own, 164 bytes a row from memory take 15 ns, and
33 when they are asked for as far as L1.) A validation row takes 229 for its score: look-ups 117,
products of numbers 23, rows of products by ids 16, towers 15, mixing 14, gates 10; and 59 for its
figures: logarithms 16, order 11, AUC and ECE 11, sums 10, labels 5, records 4, gates' use 4. So an
epoch has 87.1 % of the steps' rows/s, where it had 84.0. More than 91.4 % it cannot have beside
these scores, and 95 % it would have if a score were its look-ups alone, 288 loads of 64 bytes that
half come from L2: to look pairs of columns up would take 2.4 MB of products in the place of .3,
more than L2 has, and other last bits of scores. With 4 lists of 20 elements a row in random order
takes 1,290 to 1,440 ns, where it took 1,690; in order 1,200.

A second thread makes of a step of 610 us one of 347 (Zen 4, time stamps around each loop of the
workers, the fastest eighth of the steps; docs/results.md has the loops): 9 us are work between
loops, which nobody shares, and much of the rest is what comes across from the other core. By a loop
of its own, a line that the other core has read is written again in 7 to 9 ns, not in .6; 28 where
the host has put the two processors of a virtual machine on different dies (a line then goes there
and back in 310 to 340 ns, not in 50 to 70), and two threads are slower than one. Tried without
gain: another buffer for the gradient in every second step or in each, late tasks of 16 rows of
weights (2 us), gradients' tasks dealt to the workers in turn, asking for lines with prefetchw
before they are written. It is not the processors that bound a second thread: with nothing else
running (Zen 4, 2026-11-27, in turns), two processes that train a model each, `taskset -c 0
bench/bench_experts --n-expert 8 --first-layer auto --rows 16384 --seconds .3` and the same with `-c
1`, have 1.98 to 2.02 times the rows/s of one, two that multiply 512 x 512 1.84 to 1.95 times its
rate, and two threads of one training (`--threads 2`), before they had less to do with each other,
1.62 to 1.65 times. Two predictors, which share nothing at all, are 1.8 to 1.9 times as fast as one
("Serving")."""
KEYS = ("train_rows_per_second", "inference_rows_per_second")


def at(program, threads):
    return f"{program}, {count_of(threads, 'thread')}"


def measure(run):
    """{program, threads: [figures a round]}"""
    run.check_peers()
    found = {}
    for r in run.each_round():
        for t in run.threads:
            for name in rotated(PROGRAMS, r):
                run.say(at(name, t))
                result = run.step_of(name, "--n-expert", 8, "--rows", run.rows, "--threads", t)
                if result:
                    found.setdefault(at(name, t), []).append(result)
    return found


def ratios(figures, one, other, key):
    """Round by round; empty where one was not measured."""
    return [x[key] / y[key] for x, y in zip(figures.get(one, []), figures.get(other, []))]


def targets(figures):
    one = figures["mmoe, 1 thread"]
    return [
        Target("training rows/s / fused PyTorch's, 1 thread", 6.5,
               ratios(figures, "mmoe, 1 thread", "fused, 1 thread", KEYS[0])),
        Target("training rows/s / usual PyTorch's, 1 thread", 13,
               ratios(figures, "mmoe, 1 thread", "usual, 1 thread", KEYS[0])),
        Target("two threads / one, training", 1.85,
               ratios(figures, "mmoe, 2 threads", "mmoe, 1 thread", KEYS[0])),
        Target("rows/s of an epoch with validation of a quarter as many rows, % of bare steps'",
               95, [r["epoch_percent_of_steps"] for r in one if "epoch_percent_of_steps" in r]),
        Target("the same without validation", 90,
               [share_of_steps(r) for r in one if "epoch_train_rows_per_second" in r]),
    ]


def share_of_steps(row):
    """An epoch's steps in percent of bare steps: those beside it, where they were measured."""
    return row.get("epoch_train_percent_of_steps",
                   100 * row["epoch_train_rows_per_second"] / row["train_rows_per_second"])


def bound_of_epoch(figures):
    """What scoring a quarter as many rows leaves of the bare steps' rows/s, if nothing else took
    time: the epoch's are its training rows over all of its time."""
    one = figures["mmoe, 1 thread"]
    return [100 / (1 + r[KEYS[0]] / r[KEYS[1]] / 4) for r in one]


def body(record):
    figures, rows = record["figures"], []
    for t in (1, 2):
        for name in PROGRAMS:
            if at("mmoe", t) not in figures:
                continue
            row = [f"{title(name)}, {count_of(t, 'thread')}"]
            for key in KEYS:
                row.append(cell([r[key] for r in figures.get(at(name, t), [])], "{:,.0f}"))
                of = ratios(figures, at("mmoe", t), at(name, t), key)
                row.append("" if name == "mmoe" or not of else cell(of, "{:.2f}"))
            rows.append(row)
    rates = table([
        "program", "training, rows/s", "mmoe is faster by", "inference, rows/s", "mmoe is faster by"
    ], rows)
    bound = cell(bound_of_epoch(figures), "{:.1f}")
    return f"""{rates}

By these rates no epoch with validation of a quarter as many rows has more than {bound} % of the
bare steps' rows/s: so much the scores alone leave of it."""
