"""What the methods of balancing the tasks' losses cost."""
from pages import table

HEADING = "Balancing the tasks"
ABOUT = """The step of MMoE with each balancing method, and how much longer it takes than a step
without one, measured in turns."""
OF_LOSSES = ["uwl", "dwa", "rlw", "famo"]
OF_GRADIENTS = ["gradnorm", "metabalance", "pcgrad", "cagrad", "mgda", "aligned_mtl"]


def measure(run):
    """Rows of all methods, and of those that take gradients with at = parameters."""
    run.say("balancing")
    flags = ["--n-expert", 8, "--rows", run.rows, "--method"]
    half = run.seconds / 2
    return {
        "plain": run.bench("bench_experts", *flags, ",".join(OF_LOSSES + OF_GRADIENTS),
                           seconds=half),
        "in the parameters": run.bench("bench_experts", *flags, ",".join(OF_GRADIENTS), "--set",
                                       "trainer.adaptive_params.at=parameters", seconds=half)
    }


def targets(_figures):
    return []


def cells(row):
    base = row["step_ms_p50"] - row["extra_ms"]
    return [f"{row['step_ms_p50']:.3f}", f"{row['extra_ms']:.3f}",
            f"{100 * row['extra_ms'] / base:.0f}"]


def body(record):
    figures = record["figures"]
    there = {row["method"]: cells(row) for row in figures["in the parameters"]}
    return table([
        "method", "step ms", "extra ms", "extra %", "in the parameters: step ms", "extra ms",
        "extra %"
    ], [[f"`{row['method']}`", *cells(row), *there.get(row["method"], ["", "", ""])]
        for row in figures["plain"]])
