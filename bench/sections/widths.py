"""Training and serving over the embeddings' width and the values of a column, with either first
layer, beside the peers."""
from pages import NOT_THERE, Target, table
from running import WAYS
from sections.serving import PEERS_SERVING, peers_rows

HEADING = "Widths and values"
ABOUT = """One thread, and the census shape except for the width of its embeddings and the number of
values of its 32 sparse columns. "dense" and "distinct" are the ways of computing the first layer;
"auto" is the one that the shapes choose. "GEMMs" are all matrix products alone,
with a dense first layer. Each figure is the
median of one run.

Serving is the p50 of a call with one row or 1000, encoded. "products" are the products of the first
layer that a predictor computes when it is created, for its rows to look up; with a dense first
layer there are none."""
WIDTHS, VALUES = (4, 8, 16), (16, 64, 256, 10000)
COUNTS = (1, 1000)
ROWS = 16384
PEERS_TRAINING = ("usual", "fused")
PREDICTORS = ("dense", "auto")  # a predictor chooses by itself, or looks nothing up


def shapes(run):
    return [(4, 16), (16, 64)] if run.a.quick else [(w, v) for w in WIDTHS for v in VALUES]


def measure(run):
    """[{"width", "values", "training": {way or peer: figures}, "serving": {way or peer: {rows:
    figures}}}]"""
    found = []
    for width, values in shapes(run):
        run.say(f"width {width}, {values} values a column")
        flags = ["--n-expert", 8, "--rows", ROWS, "--embed-dim", width, "--vocab", values]
        found.append({"width": width, "values": values, "training": training(run, flags),
                      "serving": serving(run, flags, width, values)})
    return found


def training(run, flags):
    quarter = run.seconds / 4
    rows = run.bench("bench_experts", *flags, "--first-layer", ",".join(WAYS), seconds=quarter)
    found = {
        r["first_layer"]: {
            key: r[key]
            for key in ("train_rows_per_second", "step_ms_p50", "gemm_ms", "step_over_gemm",
                        "products_ms", "other_ms", "peak_gflops")
        } for r in rows
    }
    for name in PEERS_TRAINING:
        result = run.step_of(name, *flags, seconds=quarter)
        if result:
            found[name] = {"train_rows_per_second": result["train_rows_per_second"]}
    return found


def serving(run, flags, width, values):
    seconds = run.seconds / 16
    rows = run.bench("bench_predict", *flags, "--first-layer", ",".join(PREDICTORS),
                     seconds=seconds)
    found = {
        way: {
            str(r["rows"]): {key: r[key]
                             for key in ("p50_us", "p99_us", "gemm_us", "over_gemm",
                                         "products_kb")}
            for r in rows if r["first_layer"] == way and r["call"] == "plain"
            and r["rows"] in COUNTS
        } for way in PREDICTORS
    }
    for name, of in peers_rows(run, flags, (width, values), COUNTS, seconds).items():
        found[name] = {str(r["rows"]): {"p50_us": r["p50_us"], "p99_us": r["p99_us"]} for r in of}
    return found


def at(figures, width, values):
    return next((f for f in figures if (f["width"], f["values"]) == (width, values)), None)


def targets(figures):
    def over_gemm(width, values, way="auto"):
        shape = at(figures, width, values)
        return shape and [shape["training"][way]["step_over_gemm"]]

    def call_over_gemm(width):
        shape = at(figures, width, 16)
        return shape and [shape["serving"]["auto"]["1000"]["over_gemm"]]

    def of_dense(width, values):
        shape = at(figures, width, values)
        return shape and [shape["training"]["auto"]["train_rows_per_second"] /
                          shape["training"]["dense"]["train_rows_per_second"]]

    wide = at(figures, 16, 16)
    one_row = wide and [wide["serving"]["auto"]["1"]["p50_us"] /
                        wide["serving"]["dense"]["1"]["p50_us"]]
    return [
        Target("width 16, 16 values: step / dense GEMMs", 0.22, over_gemm(16, 16), True),
        Target("width 16, 64 values: step / dense GEMMs", 0.32, over_gemm(16, 64), True),
        *(Target(f"width {w}, 10,000 values: rows/s / a dense first layer's", 0.98,
                 of_dense(w, 10000)) for w in WIDTHS),
        Target("1000 rows, width 4: p50 / dense GEMMs", 0.6, call_over_gemm(4), True),
        Target("1000 rows, width 16: p50 / dense GEMMs", 0.25, call_over_gemm(16), True),
        Target("1 row, width 16: p50 / a dense first layer's", 0.5, one_row, True),
    ]


def shape_cells(shape):
    return [shape["width"], f"{shape['values']:,}"]


def training_table(figures):
    rows = []
    for shape in figures:
        of, row = shape["training"], shape_cells(shape)
        row += [f"{of[way]['train_rows_per_second']:,.0f}" for way in WAYS]
        row += [f"{of[way]['step_over_gemm']:.2f}" for way in WAYS]
        for name in PEERS_TRAINING:
            rate = of.get(name, {}).get("train_rows_per_second")
            row += [f"{rate:,.0f}", f"{of['auto']['train_rows_per_second'] / rate:.1f}"
                    ] if rate else [NOT_THERE, ""]
        rows.append(row)
    return table(["width", "values", *(f"{way}, rows/s" for way in WAYS),
                  *(f"{way}: step / GEMMs" for way in WAYS), "PyTorch, usual, rows/s",
                  "auto is faster by", "PyTorch, fused, rows/s", "auto is faster by"], rows, left=0)


def parts_table(figures):
    """Where the step's time goes."""
    rows = []
    for shape in figures:
        of = shape["training"]
        rows.append(shape_cells(shape) + [f"{of['dense']['gemm_ms']:.3f}"] +
                    [f"{of[way][key]:.3f}" for way in WAYS
                     for key in ("products_ms", "other_ms")])
    return table(["width", "values", "GEMMs ms", *(f"{way}: {part} ms" for way in WAYS
                                                   for part in ("in GEMMs", "the rest"))], rows,
                 left=0)


def serving_table(figures):
    rows = []
    for shape in figures:
        for count in map(str, COUNTS):
            of = {name: f[count] for name, f in shape["serving"].items()}
            row = shape_cells(shape) + [count, f"{of['dense']['gemm_us']:.2f}"]
            row += [f"{of[way]['p50_us']:.2f}" for way in PREDICTORS]
            row += [f"{of[way]['over_gemm']:.2f}" for way in PREDICTORS]
            row.append(f"{of['auto']['products_kb']:,.0f}")
            for name in PEERS_SERVING:
                row += [f"{of[name]['p50_us']:.1f}",
                        f"{of[name]['p50_us'] / of['auto']['p50_us']:.1f}"
                        ] if name in of else [NOT_THERE, ""]
            rows.append(row)
    return table(["width", "values", "rows", "GEMMs us", *(f"{way} us" for way in PREDICTORS),
                  *(f"{way} / GEMMs" for way in PREDICTORS), "products KB",
                  *(head for name in PEERS_SERVING for head in (f"{name} us", "/ auto's"))], rows,
                 left=0)


def body(record):
    figures = record["figures"]
    return "\n\n".join(["Training:", training_table(figures),
                        "A step's time in its own GEMMs and in the rest, by a profile:",
                        parts_table(figures), "Serving:", serving_table(figures)])
