"""mmoe and the PyTorch peers in turns on the census shape, training and inference."""
from pages import Target, cell, count_of, table
from running import PROGRAMS, rotated, title

HEADING = "PyTorch"
ABOUT = """The programs took turns for training and as long again for inference. Medians of the
rounds, least and most in brackets; a ratio is of one round's programs. mmoe's inference with two
threads is two predictors, PyTorch's one model with two threads in its operations.

An epoch's rows/s are its training rows over all of its time, which the time of scoring bounds. What
else it takes on Zen 4, by perf: rows in random order cost 37 ns each, 5 % of a step, in cache
misses (asking for the next chunk's rows between look-ups only moved the waiting there); metrics
take 3 %. A second thread makes of a step of 646 us one of 386 (Zen 4, time stamps around each loop
of the workers, first quartiles): 11 us are work between loops, which nobody shares; in the loops
each waits for the other for 23 us; and they work 702 us where one alone works 630, since what the
other core has read or written comes across: products of tables 16 us, look-ups 26, backward 18,
gradients of weights 12. By a loop of its own, a line that the other core has read is written again
in 6.5 ns, not in .6; 27 where the host has put the two processors of a virtual machine on different
dies (a line then goes there and back in 340 ns, not in 70), and two threads are slower than one.
Tried without gain: another buffer for the gradient in every second step, late tasks of 16 rows of
weights (2 us). Two predictors, which share nothing at all, are 1.8 to 1.9 times as fast as one
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
               [100 * r["epoch_train_rows_per_second"] / r["train_rows_per_second"] for r in one
                if "epoch_train_rows_per_second" in r]),
    ]


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
