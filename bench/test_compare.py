"""bench/compare, run small: each section and program that is not there has its place on the page,
other machines' figures stay, and the page of this repository is that of its figures. Prints a line
"ok ..." or "not ok ..." a check.

    test_compare.py COMPARE BUILD
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
COMPARE, BUILD = map(os.path.abspath, sys.argv[1:3])
HERE = os.path.dirname(COMPARE)
sys.path.insert(0, HERE)
import processor  # noqa: E402
from checks import check, end  # noqa: E402
from sections import SECTIONS  # noqa: E402


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def check_processors():
    def x86(vendor, family, model, stepping=1, flags=""):
        text = (f"processor : 0\nvendor_id : {vendor}\ncpu family : {family}\nmodel : {model}\n"
                f"model name : Some Processor\nstepping : {stepping}\nflags : fpu {flags}\n\n"
                "processor : 1\nmodel : 0\n")
        return processor.identify(text)["family"]

    arm = "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd4f\nCPU variant : 0x0\n"
    for wanted, got in (
        ("Zen 4", x86("AuthenticAMD", 25, 17)), ("Zen 5", x86("AuthenticAMD", 26, 2)),
        ("Ice Lake", x86("GenuineIntel", 6, 106)),
        ("Cascade Lake", x86("GenuineIntel", 6, 85, 7)),
        ("Emerald Rapids", x86("GenuineIntel", 6, 207, 2, "amx_tile")),
        ("Rocket Lake", x86("GenuineIntel", 6, 167)),
        ("Sapphire Rapids or later", x86("GenuineIntel", 6, 167, 1, "avx512f amx_tile")),
        ("Granite Rapids", x86("GenuineIntel", 6, 173, 1, "amx_tile amx_fp16")),
        ("GenuineIntel family 6, model 1, stepping 2", x86("GenuineIntel", 6, 1, 2)),
        ("Neoverse V2", processor.identify(arm)["family"])):
        check(f"the processor is called {wanted}", got == wanted, got)


class Folder:
    """Results of this machine and of another one, which measured a section alone."""

    def __init__(self, path):
        self.results, self.page = os.path.join(path, "results"), os.path.join(path, "RESULTS.md")
        os.mkdir(self.results)
        self.other = os.path.join(self.results, "another.json")
        machine = json.loads(read(os.path.join(HERE, "results", "zen-5.json")))
        machine["processor"] = {"family": "Another", "name": "Some Processor", "numbers": "7"}
        machine["sections"] = {"peers": {**machine["sections"]["peers"], "peak_gflops": 250}}
        with open(self.other, "w", encoding="utf-8") as f:
            json.dump(machine, f)
        self.kept = read(self.other)

    def run(self, *flags):
        return subprocess.run([
            sys.executable, COMPARE, "--build", BUILD, "--results", self.results, "--output",
            self.page, "--quick", *flags
        ], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ours(self):
        """This machine's sections, once one was measured."""
        name = next(n for n in os.listdir(self.results)
                    if n.endswith(".json") and n != "another.json")
        return json.loads(read(os.path.join(self.results, name)))["sections"]


def check_whole(folder):
    wanted = [n for n in SECTIONS if n != "experts" or shutil.which("gnuplot")]
    done = folder.run("--python", "/nowhere/python", "--only", ",".join(wanted))
    check("a quick run without PyTorch ends well", done.returncode == 0, done.stderr)
    check("it says what is not there, and what it does not measure", "PyTorch is not there" in
          done.stderr and "--raw" in done.stderr, done.stderr)
    page, sections = read(folder.page), folder.ours()
    check("each section was measured", set(wanted) - {"census"} <= set(sections), list(sections))
    check("with the GEMM peak", all(sections[n]["peak_gflops"] > 0 for n in wanted
                                    if n != "census"))
    for module in SECTIONS.values():
        check(f"the page has: {module.HEADING}", f"\n## {module.HEADING}\n" in page)
    for row in ("| PyTorch, usual, 1 thread | not there |",
                "| TorchScript, fused | 1 | not there |"):
        check(f"a program that is not there has a row: {row}", row in page)
    check("widths have rows without peers", "not there" in next(
        line for line in page.splitlines() if line.startswith("| 16 | 64 |")))


def check_section(folder):
    before = folder.ours()
    done = folder.run("--only", "step", "--python", "/nowhere/python")
    after = folder.ours()
    check("a section alone ends well", done.returncode == 0, done.stderr)
    check("it is measured again", after["step"]["figures"] != before["step"]["figures"])
    check("the other sections stay", all(after[n] == before[n] for n in before
                                         if n != "step"))
    done = folder.run("--only", "step", "--machine", "Another")
    check("another machine's name is refused", done.returncode == 1 and
          "Some Processor (7)" in done.stderr and "--machine" in done.stderr, done)
    done = folder.run("--only", "nothing")
    check("a section that is none", done.returncode == 2 and "nothing" in done.stderr, done)


def write_census(path, rows, seed):
    """Rows of the raw data's 42 fields, of three values each where it has no number."""
    draw = random.Random(seed)
    numbers = {0, 5, 16, 17, 18, 30, 39}
    with open(path, "w", encoding="utf-8") as f:
        for _ in range(rows):
            cells = [str(draw.randrange(50)) if i in numbers else f"v{draw.randrange(3)}"
                     for i in range(41)]
            cells[7] = draw.choice(["Never married", "Widowed"])
            f.write(", ".join(cells + [draw.choice(["50000+.", "- 50000."])]) + "\n")


def check_census(folder, raw):
    """With PyTorch, where it is installed."""
    os.mkdir(raw)
    write_census(os.path.join(raw, "census-income.data"), 2048, 1)
    write_census(os.path.join(raw, "census-income.test"), 64, 2)
    done = folder.run("--only", "census", "--raw", raw)
    check("the Census rows end well", done.returncode == 0, done.stderr)
    figures = folder.ours()["census"]["figures"]
    peers = set() if "PyTorch is not there" in done.stderr else {"fused", "usual"}
    check("they have rates", set(figures) == {"dense", "distinct", "auto"} | peers and
          all(rate > 0 for rates in figures.values() for rate in rates), figures)


def check_page(path):
    """Figures and page go together."""
    shutil.copytree(os.path.join(HERE, "results"), os.path.join(path, "results"))
    page = os.path.join(path, "RESULTS.md")
    done = subprocess.run([
        sys.executable, COMPARE, "--render", "--results", os.path.join(path, "results"),
        "--output", page
    ], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check("bench/RESULTS.md is what bench/results gives (bench/compare --render)",
          done.returncode == 0 and read(page) == read(os.path.join(HERE, "RESULTS.md")),
          done.stderr)


if __name__ == "__main__":
    check_processors()
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryDirectory() as of_page:
        results = Folder(work)
        check_whole(results)
        check_section(results)
        check_census(results, os.path.join(work, "raw"))
        check("another machine's figures stay", read(results.other) == results.kept and
              "### Another: GEMM peak 250 GFLOP/s a core" in read(results.page))
        check_page(of_page)
    end()
