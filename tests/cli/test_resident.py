"""What the kernel counts of memory that is resident, at its peak, stays under trainer.memory while
rows are streamed, from a packed folder and from a CSV file; in memory the same rows take more."""
import os
import re
import subprocess
import sys
import tempfile

MMOE = os.path.realpath(sys.argv[1])
ROWS, NUMBERS = 1_400_000, 12
CONFIG = """{"features": {"sparse": [{"name": "id", "embed_dim": 2}], "dense": [{"name": "x*"}]},
    "tasks": [{"name": "ctr", "label": "click", "tower_params": {"dims": [2]}}],
    "model": {"name": "shared_bottom", "bottom_params": {"dims": [2]}},
    "trainer": {"batch_size": 32768, "n_epoch": 1, "memory": 1}}"""
failures = 0


def check(what, holds, seen=""):
    global failures
    failures += not holds
    print(f"{'ok' if holds else 'not ok'} {what}: {seen}")


def write_rows():
    numbers = [[(i * (k + 3) * 7919 % 1000) / 1000 for k in range(NUMBERS)] for i in range(1000)]
    some = "".join(f"{i % 7},{','.join(f'{x:.3f}' for x in numbers[i])},{i * 5 % 3 % 2}\n"
                   for i in range(len(numbers)))
    with open("rows.csv", "w", encoding="ascii") as file:
        file.write("id," + ",".join(f"x{k}" for k in range(NUMBERS)) + ",click\n")
        for _ in range(ROWS // len(numbers)):
            file.write(some)


def run(*arguments):
    """The status, the megabytes of the peak, and what was said."""
    with subprocess.Popen([MMOE, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as program:
        said = program.stderr.read()
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
        return program.returncode, used.ru_maxrss * 1024 / 1e6, said


def train(rows, memory):
    return run("train", "--config", "config.json", "--train", rows, "--output", "model",
               "--threads", "1", "--set", f"trainer.memory={memory}")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    with open("config.json", "w", encoding="ascii") as config:
        config.write(CONFIG)
    write_rows()
    packed = run("pack", "--config", "config.json", "--data", "rows.csv", "--output", "rows.d")
    refused = train("rows.d", 1)[2]
    least = int(re.search(r"trainer.memory is 1 MB, and training takes some (\d+)", refused)[1])
    check("packing takes no more", packed[0] == 0 and packed[1] < least, packed)
    for rows in "rows.d", "rows.csv":
        status, peak, _ = train(rows, least)
        check(f"{rows}, streamed, in the least memory that may be", status == 0 and peak <= least,
              f"{peak:.0f} of {least} MB")
    status, peak, _ = train("rows.csv", 0)
    check("rows in memory take more", status == 0 and peak > least, f"{peak:.0f} of {least} MB")
    os.chdir("/")
sys.exit(failures > 0)
