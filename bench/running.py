"""How the sections of bench/compare run programs: ours, the PyTorch peers, and ONNX Runtime."""
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PEERS = {"fused": "mmoe_fused.py", "usual": "mmoe_usual.py"}
PROGRAMS = ("mmoe", *PEERS)
MODULES = os.path.join(ROOT, "build-test", "node_modules")
WAYS = ("dense", "distinct", "auto")  # of the first layer


def fail(message):
    sys.exit(f"compare: {message}")


def rotated(names, turn):
    """The same names, another one first in each turn."""
    names = list(names)
    return names[turn % len(names) :] + names[: turn % len(names)]


def title(program):
    return "mmoe" if program == "mmoe" else "PyTorch, " + program


class Run:
    """One section's run. Commands run without the variables that pin OpenBLAS, and are
    remembered, as is what the programs say about themselves and the machine."""

    def __init__(self, a, missing, picture):
        self.a = a
        self.missing, self.picture = missing, picture
        self.rounds, self.seconds, self.rows = None, a.seconds, a.rows
        self.threads = [t for t in (1, 2) if t <= len(os.sched_getaffinity(0))]
        self.env = {
            k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "MKL_"))
        }
        self.commands, self.peaks = [], []
        self.about = {name: f"not there: {why}" for name, why in missing.items() if why}
        self.names = {a.build + os.sep: "build/", ROOT + os.sep: ""}  # of folders, when shown
        if a.raw:
            self.names[a.raw] = "RAW"

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def each_round(self):
        self.rounds = self.a.rounds
        for r in range(self.rounds):
            self.say(f"round {r + 1} of {self.rounds}")
            yield r

    # ---- Programs

    def time(self, seconds):
        """As a flag; no program takes less than a millisecond."""
        return str(max(0.001, seconds or self.seconds))

    def shown(self, command):
        text = shlex.join(command)
        for folder, name in self.names.items():
            text = text.replace(folder, name)
        return text

    def remember(self, command):
        """As it is shown."""
        shown = self.shown(command)
        if shown not in self.commands:
            self.commands.append(shown)
        return shown

    def __call__(self, command):
        shown = self.remember(command)
        done = subprocess.run(command, env=self.env, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            fail(f"{shown}: exit status {done.returncode}")
        return done.stdout

    def costed(self, command):
        """Seconds, those of processors that it took, the peak of its resident set in MB by the
        kernel, and what it printed."""
        shown = self.remember(command)
        start = time.monotonic()
        with subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, text=True) as p:
            text = p.stdout.read()
            _, status, used = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode:
            fail(f"{shown}: exit status {p.returncode}")
        seconds = time.monotonic() - start
        return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text

    def program(self, *path):
        return os.path.join(self.a.build, *path)

    def script(self, name):
        return os.path.join(HERE, "peers", name)

    def bench(self, name, *flags, seconds=None):
        """Rows of a benchmark program's table."""
        result = json.loads(
            self([self.program("bench", name), *map(str, flags), "--seconds", self.time(seconds),
                  "--json"]))
        machine = result["machine"]
        self.peaks.append(machine["peak_gflops"])
        self.about.update({
            "processors": machine["processors"],
            "mmoe": f"{machine['mmoe']}, kernels {machine['kernels']}",
            "OpenBLAS": f"{machine['openblas'].removeprefix('OpenBLAS ')}, core type "
                        f"{machine['core_type']}"
        })
        return result["rows"]

    def peer(self, name, *flags, seconds=None):
        """What a PyTorch program prints; None without PyTorch."""
        if self.missing["PyTorch"]:
            return None
        result = json.loads(
            self([self.a.python, self.script(name), *map(str, flags), "--seconds",
                  self.time(seconds)]))
        self.about["PyTorch"] = (f"{result['torch']} ({result['capability']}), Python "
                                 f"{result['python']}")
        return result

    def check_peers(self, *flags):
        """Both peers compute the same."""
        if not self.missing["PyTorch"]:
            self.say("peers: " + self([self.a.python, self.script(PEERS["fused"]), "--check",
                                       *map(str, flags)]).strip())

    def onnx(self, *flags, seconds):
        """Its rows; None without ONNX Runtime."""
        if self.missing["ONNX Runtime"]:
            return None
        result = json.loads(
            self(["node", self.script("serve_onnx.js"), self.program("tools", "mmoe"), MODULES,
                  self.time(seconds), *map(str, flags)]))
        self.about["ONNX Runtime"] = f"{result['onnxruntime']}, node {result['node']}"
        return result["rows"]

    def step_of(self, name, *flags, seconds=None):
        """A step's and an inference's rates, of ours or a peer."""
        if name == "mmoe":
            return self.bench("bench_experts", *flags, seconds=seconds)[0]
        return self.peer(PEERS[name], *flags, seconds=seconds)


# ---- What is not there


def why_no_module(a, module):
    there = shutil.which(a.python) and subprocess.run([a.python, "-c", f"import {module}"],
                                                      stderr=subprocess.DEVNULL).returncode == 0
    return None if there else f"{a.python} has no {module} (Debian: python3-{module})"


def why_no_onnx(a):
    if not shutil.which("node"):
        return "there is no node"
    if not os.path.isdir(os.path.join(MODULES, "onnxruntime-node")):
        return "no onnxruntime-node in build-test (tools/test --stage onnx installs it)"
    with open(os.path.join(a.build, "meson-info", "intro-targets.json"), encoding="utf-8") as f:
        return None if "onnx.pb-c" in f.read() else "mmoe was built without ONNX"


def what_is_missing(a):
    """{program: why it cannot be measured, or None}"""
    return {"PyTorch": why_no_module(a, "torch"), "ONNX Runtime": why_no_onnx(a),
            "pandas": why_no_module(a, "pandas")}
