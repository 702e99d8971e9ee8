"""A table of MMOE_LARGE_ROWS rows, 100,000,000 by `tools/test --stage large`, else few: it is
trained from packed rows, killed, continued to the same bits, served from a mapping of its file,
exported as int8 and served from that; and what each takes of memory is printed. Files of 10^8 rows
take up to 20 GB in MMOE_LARGE_FOLDER, by default the system's temporary one."""
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

MMOE, SERVE = (os.path.realpath(program) for program in sys.argv[1:])
ROWS = int(os.environ.get("MMOE_LARGE_ROWS", 300_000))
WIDTH = 8
EXAMPLES = max(20_000, min(ROWS // 10, 10_000_000))
IS_LARGE = ROWS >= 10_000_000
LEAST_MAPPED = 8 << 20
TABLE = ROWS * (3 * WIDTH + 1) * 4  # weights, two moments, and a last step a row
CONFIG = {
    "features": {"sparse": [{"name": "id", "vocab_size": ROWS, "embed_dim": WIDTH}]},
    "tasks": [{"name": "y", "label": "y", "tower_params": {"dims": [8]}}],
    "model": {"name": "shared_bottom", "bottom_params": {"dims": [16]}},
    "trainer": {"batch_size": 1024, "n_epoch": 2, "embedding_update": "deferred",
                "optimizer_params": {"weight_decay": 0}},
}
RUN = ["train", "--config", "config.json", "--train", "rows.d", "--valid", "valid.csv"]
failures = 0


def check(what, holds, seen=""):
    global failures
    failures += not holds
    print(f"{'ok' if holds else 'not ok'} {what}: {seen}", flush=True)


def write_rows(name, count, seed):
    draw = random.Random(seed)
    with open(name, "w", encoding="ascii") as file:
        file.write("id,y\n")
        for _ in range(count):
            row = draw.randrange(ROWS)
            file.write(f"{row},{int(draw.random() < (0.8 if row % 3 else 0.2))}\n")


def start(*arguments):
    return subprocess.Popen([MMOE, *arguments], stdout=subprocess.DEVNULL,
                            stderr=open("err", "w", encoding="utf-8"))


def end(program):
    """Whether it succeeded, and the peak of its resident set in MB, by the kernel."""
    _, status, used = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    with open("err", encoding="utf-8") as said:
        return program.returncode == 0, used.ru_maxrss * 1024 / 1e6, said.read()[-300:]


def run(what, most, *arguments):
    began = time.monotonic()
    succeeded, peak, said = end(start(*arguments))
    check(what, succeeded, said if not succeeded else "")
    print(f"# {what}: {time.monotonic() - began:.1f} s, peak {peak:,.0f} MB")
    if most and IS_LARGE:
        check(f"{what}, in 1.1 x the table and its moments", peak <= most, f"{peak:.0f} MB")


def bits(name):
    told = hashlib.sha256()
    with open(name, "rb") as file:
        while piece := file.read(1 << 24):
            told.update(piece)
    return told.hexdigest()


def wait_for(program, file):
    """Until there is something in the file, or the program ends."""
    while program.poll() is None and not (os.path.exists(file) and os.path.getsize(file) > 0):
        time.sleep(0.01)


def kill_and_continue(most):
    """Killed behind its first epoch, whose checkpoint goes, for its place, when it is read."""
    program = start(*RUN, "--checkpoint", "first", "--output", "cut")
    wait_for(program, "first")
    program.send_signal(signal.SIGKILL)
    program.wait()
    check("a run that is killed leaves a checkpoint", os.path.exists("first"))
    if os.path.exists("cut"):  # it had ended before
        os.unlink("cut")
    program = start(*RUN, "--resume", "first", "--checkpoint", "second", "--output", "cut",
                    "--log", "log")
    wait_for(program, "log")
    os.unlink("first")
    succeeded, peak, said = end(program)
    check("it is continued", succeeded, said if not succeeded else "")
    print(f"# continued: peak {peak:,.0f} MB")
    if IS_LARGE:
        check("continued, in 1.1 x the table and its moments", peak <= most, f"{peak:.0f} MB")


def serve(model, table):
    """Scores of a service with the table's pages where the file has them: none is its own."""
    began = time.monotonic()
    with open("served", "w", encoding="ascii") as scores:
        done = subprocess.run([SERVE, model, "ids"], stdout=scores, stderr=subprocess.PIPE,
                              check=False)
    check(f"{model} is served", done.returncode == 0, done.stderr.decode())
    if done.returncode:
        return None
    took = json.loads(done.stderr)
    print(f"# {model}, served: {time.monotonic() - began:.1f} s, {took['mapped'] / 1e6:,.0f} MB "
          f"mapped, {took['own'] / 1e6:.1f} MB of its own; resident: "
          f"{took['anonymous_kb'] / 1e3:,.0f} MB, of the file {took['file_kb'] / 1e3:,.0f} MB")
    if table >= LEAST_MAPPED:
        check(f"{model}: its table is mapped", took["is_mapped"] and took["mapped"] >= table, took)
        check(f"{model}: and no copy of it", took["own"] < 1e6, took)
    if IS_LARGE:
        check(f"{model}: nor does the kernel count one", took["anonymous_kb"] < 50_000, took)
    return read_scores("served")


def read_scores(name):
    with open(name, encoding="ascii") as file:
        return [float(line) for line in file if line != "y\n"]


def serve_all():
    with open("valid.csv", encoding="ascii") as rows, open("ids", "w", encoding="ascii") as ids:
        ids.writelines(row.split(",")[0] + "\n" for row in rows if row != "id,y\n")
    predicted = read_scores("scores")
    check("served scores are those of predict", serve("whole", 4 * WIDTH * ROWS) == predicted)
    run("export as int8", 0, "export", "--model", "whole", "--tables", "int8", "--output", "narrow",
        "--data", "valid.csv")
    check("its file is smaller", os.path.getsize("narrow") < 0.4 * os.path.getsize("whole"))
    narrow = serve("narrow", WIDTH * ROWS) or [1] * len(predicted)
    most = max(abs(a - b) for a, b in zip(narrow, predicted))
    check("and its scores are near", len(narrow) == len(predicted) and most < 0.01, most)
    os.unlink("narrow")


with tempfile.TemporaryDirectory(dir=os.environ.get("MMOE_LARGE_FOLDER")) as folder:
    os.chdir(folder)
    with open("config.json", "w", encoding="ascii") as config:
        json.dump(CONFIG, config)
    write_rows("rows.csv", EXAMPLES, 1)
    write_rows("valid.csv", EXAMPLES // 20, 2)
    limit = 1.1 * TABLE / 1e6
    print(f"# {ROWS:,} rows of width {WIDTH}, {EXAMPLES:,} examples: "
          f"weights, moments and last steps {TABLE / 1e6:,.0f} MB")
    run("pack", 0, "pack", "--config", "config.json", "--data", "rows.csv", "--output", "rows.d")
    os.unlink("rows.csv")
    run("train", limit, *RUN, "--output", "whole")
    run("predict", 0, "predict", "--model", "whole", "--data", "valid.csv", "--output", "scores")
    serve_all()
    whole = bits("whole")
    os.unlink("whole")
    kill_and_continue(limit)
    check("to the same bits", os.path.exists("cut") and bits("cut") == whole)
sys.exit(failures > 0)
