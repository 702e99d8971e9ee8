"""Every model's step beside its own products."""
from pages import Target, table
from sections.experts import COLUMNS, cells

HEADING = "Models"
ABOUT = """One thread, otherwise the census shape. `omoe` and `mmoe` have 8 experts; `cgc` and `ple`
have 2 experts for each task and 1 shared expert, `ple` in two levels. Bottoms have 128 units.
"GEMMs" are those of the model itself with a dense first layer, where modules that read the same
input are one product."""
KEYS = ("parameters", "train_rows_per_second", "step_ms_p50", "inference_rows_per_second",
        "gemm_ms", "step_over_gemm", "percent_of_peak", "memory_mb")


def measure(run):
    run.say("models")
    return run.bench("bench_experts", "--model", "all", "--rows", run.rows)


def targets(figures):
    return [
        Target(f"{r['model']}: step / dense GEMMs", 1.1 if r["model"] == "ple" else 1.3,
               [r["step_over_gemm"]], True) for r in figures
    ]


def body(record):
    columns = [c for c in COLUMNS if c[0] in KEYS]
    return table(["model"] + [c[1] for c in columns],
                 [[f"`{r['model']}`"] + cells(r, columns) for r in record["figures"]])
