"""mmoe and the PyTorch peers in turns on the census shape, training and inference."""
from pages import Target, cell, count_of, table
from running import PROGRAMS, rotated, title

HEADING = "PyTorch"
ABOUT = """The programs took turns for training, and for the same time for inference. Figures are
medians over rounds, with minimum and maximum in brackets; a ratio compares programs of the same
round. With two threads, mmoe's inference is two predictors, and PyTorch's is one model with two
threads in its operations.

**An epoch with validation.** The rows/s of an epoch are its training rows divided by its whole
time, so the time for scoring validation rows limits them. Measured on Zen 4 with one thread
(2026-11-27, 65,536 rows, steps and epochs in turns, first deciles of a process, medians of 15):

- A training row takes 610 ns in bare steps. In random order it takes 24 ns more, 3 of them to draw
  it. Before its cache lines were prefetched into L2, it took 40 ns more. (It varies from 13 to 60
  ns, because the L3 is shared with other machines of the host. In a loop of its own, reading the
  164 bytes of a row from memory takes 15 ns, and 33 ns if they are prefetched into L1.)
- A validation row takes 229 ns for its score: look-ups 117, products of numbers 23, rows of
  products by ids 16, towers 15, mixing 14, gates 10. It takes 59 ns for its figures: logarithms 16,
  order 11, AUC and ECE 11, sums 10, labels 5, records 4, use of gates 4.
- So an epoch has 87.1 % of the rows/s of bare steps; it had 84.0 % before. With these scores it
  cannot have more than 91.4 %. It would have 95 % if a score consisted of its look-ups alone: 288
  loads of 64 bytes, half of which come from L2. Looking up pairs of columns instead would need 2.4
  MB of products, where .3 MB suffice now. That is more than L2 has, and scores would have other
  last bits.
- With 4 lists of 20 elements, a row takes 1,290 to 1,440 ns in random order (1,690 before) and
  1,200 ns in order.

**A second thread.** It reduces a step of 610 us to 347 us (Zen 4, time stamps around each loop of
the workers, the fastest eighth of the steps; docs/results.md has the loops). 9 us are work between
loops, which is not shared. Much of the rest is data that comes from the other core's cache:

- In a loop of its own, writing a cache line that the other core has read takes 7 to 9 ns, instead
  of .6. It takes 28 ns if the host has placed the two processors of a virtual machine on different
  dies. A line then takes 310 to 340 ns there and back, instead of 50 to 70, and two threads are
  slower than one.
- Tried without gain: another buffer for the gradient in every second step or in each; late tasks of
  16 rows of weights (2 us); tasks of gradients given to the workers in turn; prefetchw for lines
  before they are written.
- The processors themselves do not limit the second thread. Measured with nothing else running (Zen
  4, 2026-11-27, in turns): two processes that each train a model have 1.98 to 2.02 times the rows/s
  of one. (They are `taskset -c 0 bench/bench_experts --n-expert 8 --first-layer auto --rows 16384
  --seconds .3` and the same with `-c 1`.) Two processes that multiply 512 x 512 matrices have 1.84
  to 1.95 times the rate of one. Two threads of one training (`--threads 2`) had 1.62 to 1.65 times
  the rows/s of one, before they shared less data. Two predictors, which share nothing, are 1.8 to
  1.9 times as fast as one ("Serving")."""
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

By these rates, an epoch with a quarter as many validation rows as training rows cannot have more
than {bound} % of the rows/s of bare steps: scoring alone takes the rest of the time."""
