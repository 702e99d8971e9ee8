"""A step and its products over the number of experts."""
from pages import Target, number, table

HEADING = "Number of experts"
ABOUT = """One thread, 65,536 rows, otherwise the census shape. "in GEMMs" is the time of the step's
own matrix products, by a profile, and "the rest" is all other time."""
COLUMNS = [("n_expert", "experts", "{:.0f}"), ("parameters", "parameters", "{:,.0f}"),
           ("train_rows_per_second", "training rows/s", "{:,.0f}"),
           ("step_ms_p50", "step ms", "{:.3f}"), ("step_ms_p10", "p10", "{:.3f}"),
           ("step_ms_p90", "p90", "{:.3f}"),
           ("inference_rows_per_second", "inference rows/s", "{:,.0f}"),
           ("gemm_ms", "GEMMs ms", "{:.3f}"), ("step_over_gemm", "step / GEMMs", "{:.2f}"),
           ("products_ms", "in GEMMs ms", "{:.3f}"), ("other_ms", "the rest ms", "{:.3f}"),
           ("step_over_first_layer", "step / first layer", "{:.2f}"),
           ("gflops", "GFLOP/s", "{:.1f}"), ("peak_gflops", "GEMM peak", "{:.1f}"),
           ("percent_of_peak", "% of peak", "{:.1f}"),
           ("epoch_percent_of_steps", "epoch, % of steps", "{:.1f}"),
           ("memory_mb", "peak MB", "{:.0f}")]


SHORT = ("n_expert", "train_rows_per_second", "step_ms_p50", "inference_rows_per_second", "gemm_ms",
         "step_over_gemm", "products_ms", "other_ms")


def measure(run):
    """{way of the first layer: rows}; the picture is of the dense one, whose time is its GEMMs'."""
    flags = ["--n-expert", run.a.n_expert, "--rows", min(65536, run.rows), "--first-layer"]
    found = {}
    for way, *more in (("dense", "--plot", run.picture), ("auto",)):
        run.say(f"numbers of experts, first layer: {way}")
        found[way] = run.bench("bench_experts", *flags, way, *more)
    return found


def targets(figures):
    by_count = {r["n_expert"]: r for r in figures.get("auto", figures["dense"])}

    def of_both(many, few):
        if many not in by_count or few not in by_count:
            return None
        return [by_count[many]["step_ms_p50"] / by_count[few]["step_ms_p50"]]

    def over_gemm(count):
        return [by_count[count]["step_over_gemm"]] if count in by_count else None

    return [
        Target("8 experts: step / dense GEMMs", 0.55, over_gemm(8), True),
        Target("64 experts: step / dense GEMMs", 1.2, over_gemm(64), True),
        Target("step of 16 experts / of 8", 1.9, of_both(16, 8), True),
        Target("step of 64 experts / of 32", 2.0, of_both(64, 32), True),
    ]


def cells(row, columns):
    return [number(row.get(key), form) for key, _, form in columns]


def experts_table(rows, names=None):
    """`names`: a first cell for each row."""
    head = ([""] if names else []) + [c[1] for c in COLUMNS]
    return table(head, [([names[i]] if names else []) + cells(row, COLUMNS)
                        for i, row in enumerate(rows)])


def body(record):
    figures = record["figures"]
    parts = [f"![throughput and efficiency over the number of experts]({record['picture']})",
             "A dense first layer:", experts_table(figures["dense"])]
    if "auto" in figures:
        columns = [c for c in COLUMNS if c[0] in SHORT]
        parts += ["As `auto` chooses:",
                  table([c[1] for c in columns], [cells(r, columns) for r in figures["auto"]])]
    return "\n\n".join(parts)
