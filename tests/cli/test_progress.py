"""The line that says how far work has come, on a terminal of our own: it comes, it fits, and it is
gone before anything else is said. Without a terminal there is none. No time is measured: work that
never ends is watched until its line has come three times."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios

MMOE = os.path.realpath(sys.argv[1])
COLUMNS = 40
ENDLESS = ["synth", "clicks", "--rows", "10000000000", "--output", "/dev/null", "--threads", "1"]
failures = 0


def check(what, holds, seen=""):
    global failures
    failures += not holds
    print(f"{'ok' if holds else 'not ok'} {what}", repr(seen)[:400] if not holds else "")


class Terminal:
    """The program, with a terminal for standard error."""

    def __init__(self, arguments, kind="xterm", **more):
        self.ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self.program = subprocess.Popen([MMOE, *arguments], stderr=its,
                                        env={**os.environ, "TERM": kind}, **more)
        os.close(its)
        self.text = b""

    def read(self):
        """What came next; nothing: the program has ended."""
        try:
            more = os.read(self.ours, 4096)
        except OSError:
            more = b""
        self.text += more
        return more

    def read_until(self, pattern):
        last = self.text
        while not re.search(pattern, last):
            more = self.read()
            if not more:
                return False
            last = last[-1000:] + more
        return True

    def end(self, number=None):
        if number:
            self.program.send_signal(number)
        while self.read():
            pass
        os.close(self.ours)
        return self.program.wait()


def shown(text):
    """The lines that a terminal shows in the end."""
    lines = [""]
    for part in re.split(r"(\r\n|\r\x1b\[K)", text.decode()):
        if part == "\r\n":
            lines.append("")
        elif part == "\r\x1b[K":
            lines[-1] = ""
        else:
            lines[-1] += part
    return lines


def test_line():
    with tempfile.TemporaryFile() as plain:
        dumb = Terminal(ENDLESS, kind="dumb")
        seen = Terminal(ENDLESS)
        quiet = subprocess.Popen([MMOE, *ENDLESS], stderr=plain)
        came = seen.read_until(rb"(?:\r\x1b\[Kwriting /dev/null .*){3}")
        check("the line comes again and again", came, seen.text)
        for part in seen.text.split(b"\r\x1b[K"):
            check("it fits the terminal", len(part) < COLUMNS, part)
        check("it says how far the work is, and how fast",
              re.match(rb"writing /dev/null   0 %  [0-9.]+[kM]? rows/s", seen.text), seen.text)
        seen.end(signal.SIGKILL)
        quiet.kill()
        quiet.wait()
        plain.seek(0)
        said = plain.read()
        check("without a terminal nothing is said", said == b"", said)
        dumb.end(signal.SIGKILL)
        check("nor where lines cannot be erased", dumb.text == b"", dumb.text)


def make_rows(folder):
    rows, config = os.path.join(folder, "rows.csv"), os.path.join(folder, "config.json")
    subprocess.run([MMOE, "synth", "clicks", "--rows", "30000", "--output", rows], check=True,
                   stderr=subprocess.DEVNULL)
    with open(config, "w", encoding="utf-8") as file:
        file.write("""{"features": {"sparse": [{"name": "205"}], "dense": [{"name": "D508"}]},
            "tasks": [{"name": "ctr", "label": "click"}],
            "model": {"name": "mmoe", "n_expert": 1, "expert_params": {"dims": [2]}},
            "trainer": {"n_epoch": 1000000, "batch_size": 2}}""")
    return rows, config


def test_training():
    with tempfile.TemporaryDirectory() as folder:
        rows, config = make_rows(folder)
        t = Terminal(["train", "--config", config, "--train", rows, "--output",
                      os.path.join(folder, "model")])
        came = t.read_until(rb"epoch \d+/1000000 +\d+ %[^\r]*\r\x1b\[Kepoch \d+/1000000  \d")
        check("a line within an epoch goes when the epoch's own comes", came, t.text)
        t.end(signal.SIGINT)
        lines = shown(t.text)
        check("epochs stand below each other", all(
            re.fullmatch(r"epoch \d+/1000000  [0-9.]+ s  .*loss.*", line)
            for line in lines if line.startswith("epoch")), lines)
        check("and the message of the end on a line of its own",
              lines[-2].startswith("mmoe train: stopped"), lines[-3:])


test_line()
test_training()
sys.exit(failures > 0)
