"""Wide experts, where the GEMMs are large."""
from pages import Target, count_of
from sections.experts import experts_table

HEADING = "Wide experts"
ABOUT = "32 experts of [256, 128], towers of 64, batch 4096, a dense first layer."
SHAPE = ["--n-expert", 32, "--dims", "256,128", "--towers", 64, "--batch", 4096, "--rows", 8192]
SMALL = ["--n-expert", 2, "--dims", "32,16", "--towers", 8, "--batch", 256, "--rows", 1024]


def measure(run):
    """[{"norm": on or off, "threads": ..., figures}]"""
    run.say("wide experts")
    return [{
        "norm": norm, "threads": t,
        **run.bench("bench_experts", *(SMALL if run.a.quick else SHAPE), "--first-layer", "dense",
                    "--batch-norm", norm,
                    "--threads", t)[0]
    } for norm in ("off", "on") for t in run.threads]


def targets(figures):
    def of(norm):
        return [r["percent_of_peak"] for r in figures if r["norm"] == norm and r["threads"] == 1]

    return [
        Target("32 experts of [256, 128], without batch norm: % of the GEMM peak", 85, of("off")),
        Target("the same with batch norm", 75, of("on")),
    ]


def body(record):
    rows = record["figures"]
    return experts_table(
        rows, [f"batch norm {r['norm']}, {count_of(r['threads'], 'thread')}" for r in rows])
