"""Each benchmark program, run tiny: exit statuses, well-formed JSON, CSV and SVG. Prints a line "ok
..." or "not ok ..." a check.

    test_programs.py PROGRAM
"""
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.dont_write_bytecode = True
from checks import check, end  # noqa: E402

PROGRAM = sys.argv[1]
NAME = os.path.basename(PROGRAM)
TINY = ["--batch", "64", "--rows", "512", "--seconds", "0.01"]
if NAME == "bench_lists":
    TINY += ["--list-vocab", "100"]
ENV = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
POSITIVE = {
    "bench_gemm": [
        "products", "m", "n", "k", "us_p10", "us_p50", "us_p90", "gflops", "percent_of_peak"
    ], "bench_experts": [
        "parameters", "train_rows_per_second", "step_ms_p10", "step_ms_p50", "step_ms_p90",
        "inference_rows_per_second", "gemm_ms", "step_over_gemm", "first_layer_ms",
        "step_over_first_layer", "products_ms", "other_ms", "gflops", "percent_of_peak",
        "gemm_percent_of_peak", "peak_gflops",
        "epoch_rows_per_second", "epoch_train_rows_per_second", "epoch_percent_of_steps",
        "epoch_train_percent_of_steps",
        "memory_mb", "steps"
    ], "bench_step": ["us_per_step"], "bench_predict": [
        "rows", "threads", "p50_us", "p99_us", "p999_us", "rows_per_second", "gemm_us", "over_gemm"
    ], "bench_lists": ["p50_us", "p99_us", "rows_per_second"],
}[NAME]


def run(*flags, **env):
    return subprocess.run([PROGRAM, *flags], env={**ENV, **env}, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)


def check_json():
    done = run("--n-expert", "1,3", "--json", *TINY)
    check("--json ends well", done.returncode == 0, done.stderr)
    result = json.loads(done.stdout)
    machine, settings, rows = result["machine"], result["settings"], result["rows"]
    check(
        "it names the program, OpenBLAS, its core type and threads", result["program"] == NAME and
        "OpenBLAS" in machine["openblas"] and machine["core_type"] and machine["blas_threads"] == 1,
        result)
    check("it has measured the GEMM peak of a core", machine["peak_gflops"] > 0, machine)
    check(
        "the settings are those of the flags", settings["batch"] == 64 and
        settings["rows"] == 512 and settings["dims"] == [16] and settings["batch_norm"], settings)
    check("rows for each number of experts, in order",
          [r["n_expert"] for r in rows] == sorted(r["n_expert"] for r in rows) and
          {r["n_expert"] for r in rows} == {1, 3})
    check("figures are above zero",
          all(r[key] > 0 for r in rows for key in POSITIVE if r.get("node") != "waiting"), rows)
    return rows


def check_gemm(rows):
    first = [r for r in rows if r["n_expert"] == 3 and r["layer"] == "experts+gates 1"]
    check("three ways of the first layer, in three passes",
          len({(r["pass"], r["method"]) for r in first}) == 9 == len(first), first)
    fused = [r for r in first if r["method"] == "fused"]
    check("the fused product has every expert's and gate's columns", fused[0]["m"] == 64 and
          fused[0]["n"] == 3 * 16 + 2 * 3 and fused[0]["k"] == 32 * 4 + 7, fused)
    check("its input gradient has the embeddings' columns",
          (fused[1]["n"], fused[1]["k"]) == (128, 54), fused)
    check("towers and logits", {"towers 1", "logits"} <= {r["layer"] for r in rows})


def check_experts(rows):
    # a table a column; a layer and its norm an expert and a gate; a layer, its norm and a head a
    # tower
    wanted = [
        32 * 16 * 4 + n * (135 * 16 + 3 * 16) + 2 * n * (135 + 3) + 2 * (16 * 8 + 3 * 8 + 8 + 1)
        for n in (1, 3)
    ]
    check("parameters", [r["parameters"] for r in rows] == wanted, (rows, wanted))
    check("quantiles are in order",
          all(r["step_ms_p10"] <= r["step_ms_p50"] <= r["step_ms_p90"] for r in rows), rows)
    check(
        "the ratio is of step and products",
        all(
            abs(r["step_over_gemm"] - r["step_ms_p50"] / r["gemm_ms"]) < 1e-3 * r["step_over_gemm"]
            for r in rows), rows)
    check(
        "the rate is of batch and step",
        all(
            abs(r["train_rows_per_second"] - 64e3 / r["step_ms_p50"]) < 2e-3 *
            r["train_rows_per_second"] for r in rows), rows)


def check_step(rows):
    of_one = [r for r in rows if r["n_expert"] == 1]
    linear = [r for r in of_one if r["node"] == "experts+gates 1" and r["pass"] == "linear"]
    check("a product has a rate",
          len(linear) == 1 and linear[0]["gflops"] > 0 and linear[0]["percent_of_peak"] > 0, linear)
    check("what is no product has none",
          all(r["gflops"] is None for r in of_one if r["node"] in ("mix", "waiting")), of_one)
    check("the shares add up to all time",
          abs(sum(r["percent_of_time"] for r in of_one if r["node"] != "step") - 100) < 0.01,
          of_one)
    parts = {r["pass"]: r for r in of_one if r["node"] == "step"}
    nodes = [r for r in of_one if r["node"] != "step"]
    check("products and the rest are all time",
          abs(sum(parts[p]["us_per_step"] for p in ("products", "other")) -
              sum(r["us_per_step"] for r in nodes)) < 0.01, of_one)
    check("products are what has a rate",
          abs(parts["products"]["us_per_step"] -
              sum(r["us_per_step"] for r in nodes if r["gflops"])) < 0.01 and
          parts["other"]["gflops"] is None, of_one)
    check(
        "the step stands last", of_one[-1]["node"] == "step" and of_one[-1]["gflops"] > 0 and
        of_one[-1]["percent_of_time"] is None, of_one[-1])


def check_predict(rows):
    of_one = [(r["call"], r["rows"]) for r in rows if r["n_expert"] == 1]
    check("plain and ranked calls of each number of rows",
          of_one == [(call, n) for call in ("plain", "rank") for n in (1, 8, 32, 128)], of_one)
    check("quantiles are in order", all(r["p50_us"] <= r["p99_us"] <= r["p999_us"] for r in rows),
          rows)
    check(
        "the ratio is of call and products",
        all(abs(r["over_gemm"] - r["p50_us"] / r["gemm_us"]) < 1e-3 * r["over_gemm"] for r in rows),
        rows)


def check_lists(rows):
    calls = [(r["call"], r["values"]) for r in rows if r["n_expert"] == 1]
    check("a step, and a row of each sort of values",
          calls == [("step", "encoded"), ("row", "encoded"), ("row", "integers"),
                    ("row", "texts")], calls)
    check("a step is compared with a plain one",
          all((r["of_plain"] is not None) == (r["call"] == "step") for r in rows), rows)
    done = run("--n-expert", "1", "--lists", "32", "--list-length", "1", "--json", *TINY)
    check("lists alone", done.returncode == 0 and
          json.loads(done.stdout)["settings"]["lists"] == 32, done.stderr)
    done = run("--lists", "33")
    check("more lists than columns", done.returncode == 2 and "--sparse" in done.stderr, done)


def check_first_layers():
    if NAME == "bench_gemm":
        done = run("--first-layer", "dense")
        check("--first-layer is not taken", done.returncode == 2, done)
        return
    done = run("--n-expert", "1", "--first-layer", "dense,distinct", "--json", *TINY)
    check("--first-layer ends well", done.returncode == 0, done.stderr)
    rows = json.loads(done.stdout)["rows"]
    ways = [r["first_layer"] for r in rows]
    check("rows of each first layer, in order", list(dict.fromkeys(ways)) == ["dense", "distinct"],
          ways)
    if NAME == "bench_predict":
        check("a dense predictor has no products to look up",
              all((r["products_kb"] == 0) == (r["first_layer"] == "dense") for r in rows), rows)
    done = run("--first-layer", "sparse")
    check("a first layer that is none", done.returncode == 1 and
          "model.first_layer" in done.stderr and not done.stdout, done)


def check_csv(rows):
    done = run("--n-expert", "2", "--csv", "--threads", "2", "--batch-norm", "off", "--optimizer",
               "sgd", "--dims", "8,4", "--towers", "4,4", "--tasks", "3", *TINY)
    check("--csv ends well: two threads, deeper, no batch norm, sgd", done.returncode == 0,
          done.stderr)
    lines = list(csv.reader(io.StringIO(done.stdout)))
    check("CSV has the columns of JSON", lines[0] == list(rows[0]), lines[0])
    check("CSV is a table",
          len(lines) > 1 and all(len(line) == len(lines[0]) for line in lines), lines)
    check("CSV says the machine on standard error", "machine: " in done.stderr and
          "core_type" in done.stderr, done.stderr)
    if NAME == "bench_step":
        check("CSV quotes commas", any("norm, activation" in line for line in lines), lines)


def check_text():
    done = run("--n-expert", "1,2,...,4", *TINY)
    lines = done.stdout.splitlines()
    check(
        "text: machine, settings, a head, a line a row", done.returncode == 0 and
        lines[0].startswith("machine: ") and lines[1].startswith("settings: "), done)
    check("lists go on", {line.split()[0] for line in lines[3:]} == {"1", "2", "4"}, lines)


def check_usage():
    done = run("--help")
    check(
        "--help", done.returncode == 0 and "--n-expert" in done.stdout and
        ("--plot" in done.stdout) == (NAME == "bench_experts"), done)
    for flags, text in ((["--n-expert",
                          "0"], "--n-expert"), (["--n-expert",
                                                 "1,2,...,5"], "--n-expert"), (["--n-expert",
                                                                                ""], "--n-expert"),
                        (["--n-expert", "1,...,4"], "--n-expert"), (["--n-expert",
                                                                     "1,2,..."], "--n-expert"),
                        (["--batch", "1.5"], "--batch"), (["--threads", "0"], "--threads"),
                        (["--threads", "257"], "--threads"), (["--seconds", "nan"], "--seconds"),
                        (["--optimizer",
                          "adagrad"], "adamw"), (["--batch-norm",
                                                  "maybe"], "on or off"), (["--json",
                                                                            "--csv"], "exclude"),
                        (["--rows", "32", "--batch",
                          "64"], "--rows"), (["more"], "operands"), (["--nothing"], "nothing")):
        done = run(*flags)
        check(f"wrong usage: {' '.join(flags)}", done.returncode == 2 and text in done.stderr and
              not done.stdout, done)


def check_models():
    """Every model a row, its keys set, and what a wrong name or value says."""
    if NAME not in ("bench_experts", "bench_step"):
        done = run("--model", "ple")
        check("--model is not taken", done.returncode == 2 and "--model" in done.stderr, done)
        return
    names = [
        "single_task", "shared_bottom", "omoe", "mmoe", "cgc", "ple", "esmm", "aitm", "cross_stitch"
    ]
    done = run("--model", "all", "--json", *TINY)
    check("--model all ends well", done.returncode == 0, done.stderr)
    rows = json.loads(done.stdout)["rows"]
    check("rows of each model, in order",
          list(dict.fromkeys(r["model"] for r in rows)) == names, rows)
    check("the models that have a number of experts have 8",
          {r["model"] for r in rows if r["n_expert"] == 8} == {"omoe", "mmoe"}, rows)
    deep = [
        "--dims", "8,4", "--bottom", "12,6", "--towers", "4,4", "--threads", "2", "--batch-norm",
        "off", *TINY
    ]
    done = run("--model", "all", "--csv", *deep)
    check("deeper, two threads, no batch norm", done.returncode == 0 and
          len(done.stdout.splitlines()) > len(names), done.stderr)
    done = run("--model", "ple", "--set", "model.n_level=3", "--set", "model.n_expert_shared=2",
               "--json", *deep)
    check(
        "keys of a model are set", done.returncode == 0 and json.loads(
            done.stdout)["settings"]["set"] == ["model.n_level=3", "model.n_expert_shared=2"], done)
    if NAME == "bench_experts":
        # level 1: 2 * 2 + 2 experts of [8, 4], 2 gates of 4 and one of 6; level 2 reads 4; level 3
        # has no shared gate; no batch norm
        experts, gates = (lambda n: 6 * ((n + 1) * 8 + 9 * 4)), (lambda n, shared: (n + 1) *
                                                                 (2 * 4 + 6 * shared))
        wanted = 32 * 16 * 4 + experts(135) + gates(135, 1) + experts(4) + gates(
            4, 1) + experts(4) + gates(4, 0) + 2 * (5 * 4 + 5 * 4 + 5)
        row = json.loads(done.stdout)["rows"][0]
        check("their parameters", row["parameters"] == wanted, (row, wanted))
    for flags, status, text in ((["--model", "moe"], 2, "cross_stitch"), (["--model",
                                                                           ""], 2, "cross_stitch"),
                                (["--set", "trainer.n_epoch=2"], 2,
                                 "model."), (["--set", "model.n_expert"], 2, "KEY=VALUE"),
                                (["--model", "ple", "--set", "model.n_level=99"], 1,
                                 "model.n_level"), (["--model", "esmm", "--tasks",
                                                     "3"], 1, "task")):
        done = run(*flags)
        check(f"refused: {' '.join(flags)}", done.returncode == status and text in done.stderr and
              not done.stdout, done)
    if NAME == "bench_experts":
        done = run("--method", "nothing")
        check("a method that is none", done.returncode == 1 and
              "trainer.adaptive_params" in done.stderr and not done.stdout, done)
        done = run("--model", "cgc", "--method", "none", *TINY)
        check("a table of methods has them, and their cost", done.returncode == 0 and
              "extra ms" in done.stdout and " none " in done.stdout, done)
        done = run("--plot", "x.svg", "--model", "cgc")
        check("a picture is over a number of experts", done.returncode == 2 and
              "mmoe" in done.stderr, done)


def check_warning():
    """OpenBLAS reads the variable on x86 only."""
    has_avx512 = "avx512vl" in open("/proc/cpuinfo").read()
    flags = ["--n-expert", "1", "--json", *TINY]
    pinned = run(*flags, OPENBLAS_CORETYPE="Haswell")
    check("an old core type is warned of where the processor has more",
          ("warning: OPENBLAS_CORETYPE=Haswell" in pinned.stderr) == has_avx512, pinned.stderr)
    if has_avx512:
        newest = run(*flags, OPENBLAS_CORETYPE="SkylakeX")
        check("no warning of a core type with AVX-512", newest.returncode == 0 and
              "warning" not in newest.stderr, newest.stderr)


def check_plot():
    flags = ["--n-expert", "1,2", *TINY, "--plot"]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "it's.svg")
        done = run(*flags, path, PATH="/nowhere")
        check("without gnuplot it says so, at once", done.returncode == 1 and
              "no gnuplot" in done.stderr and not done.stdout, done)
        if not shutil.which("gnuplot"):
            return
        done = run(*flags, os.path.join(folder, "none", "x.svg"))
        check("a picture that cannot be written is said at once", done.returncode == 1 and
              "No such file" in done.stderr and not done.stdout, done)
        done = run(*flags, path)
        check("--plot ends well", done.returncode == 0, done.stderr)
        root = xml.etree.ElementTree.parse(path).getroot()
        texts = " ".join("".join(e.itertext()) for e in root.iter() if e.tag.endswith("text"))
        check(
            "the picture is SVG with both curves",
            root.tag.endswith("svg") and "training" in texts and "inference" in texts and
            "GEMM peak" in texts, texts)


if __name__ == "__main__":
    found = check_json()
    {
        "bench_gemm": check_gemm, "bench_experts": check_experts, "bench_step": check_step,
        "bench_predict": check_predict, "bench_lists": check_lists
    }[NAME](found)
    check_first_layers()
    check_csv(found)
    check_text()
    check_usage()
    check_models()
    check_warning()
    if NAME == "bench_experts":
        check_plot()
    end()
