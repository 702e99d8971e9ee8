"""load.py SERVICE MODEL COLUMNS DATA.csv: times of requests by wrk (Debian's), when the service is
quiet, and while it learns on and publishes 1000 times a minute. --candidates of a request (100),
--seconds of each (60), --publishes (1000; 0: quiet alone), --connections (1). Rows of DATA.csv are
candidates and events: a publication comes with each step, whose rows the model says. It ends with
1 where a request failed, or fewer publications came."""
import argparse
import csv
import http.client
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

from measure import bodies

LUA = """
local bodies, next = {}, 0
for line in io.lines("requests") do bodies[#bodies + 1] = line end
function request()
    next = next % #bodies + 1
    return wrk.format("POST", "/rank", nil, bodies[next])
end
"""
UNITS = {"us": 1, "ms": 1e3, "s": 1e6}


def read_arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in "service", "model", "columns", "data":
        parser.add_argument(name)
    for name, default in ("candidates", 100), ("seconds", 60), ("publishes", 1000), (
            "connections", 1):
        parser.add_argument("--" + name, type=int, default=default)
    return parser.parse_args()


def model_keys(path):
    """The configuration in a model file: safetensors begins with its header's length."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return json.loads(header["__metadata__"]["config"])


def event_posts(columns, rows, keys):
    """Bodies of a step's rows each, again and again."""
    labels = [task["label"] for task in keys["tasks"]]
    kinds = {c["name"]: int if c["type"] == "integer" else float for c in columns}
    events = [json.dumps({name: kind(row[name]) for name, kind in kinds.items()}
                         | {label: float(row[label]) for label in labels}) for row in rows]
    count = keys["trainer"]["batch_size"]
    endless = itertools.cycle(events)
    posts = ['{"events": [' + ",".join(itertools.islice(endless, count)) + "]}"
             for _ in range(20)]
    return itertools.cycle(posts)


class Service:
    def __init__(self, options, folder):
        keys = model_keys(options.model)
        self.process = subprocess.Popen(
            [options.service, "--model", options.model, "--columns", options.columns, "--port", "0",
             "--threads", str(options.connections + 2), "--drain", "0", "--learn", folder,
             "--publish", str(keys["trainer"]["batch_size"]), "--save", "1000000000"],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def metrics(self):
        connection = self.connect()
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def end(self):
        self.process.terminate()
        self.process.communicate()


def feed(service, posts, every, ends):
    """A post `every` so many seconds, but for those that would come too late."""
    connection = service.connect()
    due = time.monotonic()
    while not ends.wait(max(0, due - time.monotonic())):
        connection.request("POST", "/events", next(posts))
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            sys.exit(text)
        due += every


def by_wrk(service, options):
    """Requests a second, p50 and p99 in microseconds, and how many failed."""
    text = subprocess.run(
        ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency", "-s",
         "wrk.lua", f"http://127.0.0.1:{service.port}/rank"],
        check=True, capture_output=True, text=True).stdout
    rate = float(re.search(r"Requests/sec: +([\d.]+)", text)[1])
    p50, p99 = (float(value) * UNITS[unit] for value, unit in (
        re.search(rf" {share}% +([\d.]+)(us|ms|s)", text).groups() for share in (50, 99)))
    failed = sum(int(n) for line in re.findall(r"(?:Non-2xx|Socket errors).*", text)
                 for n in re.findall(r" (\d+)", line))
    return rate, p50, p99, failed


def measure(options, posts, work):
    service = Service(options, tempfile.mkdtemp(dir=work))
    ends = threading.Event()
    feeder = None
    if posts:
        feeder = threading.Thread(target=feed, args=(
            service, posts, options.seconds / (options.publishes * 1.02), ends))
        feeder.start()
    found = by_wrk(service, options)
    ends.set()
    if feeder:
        feeder.join()
    publishes = int(service.metrics()["ranking_learning_publishes_total"])
    service.end()
    rate, p50, p99, failed = found
    print(f"| {'learning' if posts else 'quiet'} | {options.candidates} | {rate:.0f} | {p50:.0f} | "
          f"{p99:.0f} | {failed} | {publishes} |", flush=True)
    return p99, failed, publishes


def main():
    options = read_arguments()
    with open(options.columns) as file:
        columns = json.load(file)
    with open(options.data) as file:
        rows = list(itertools.islice(csv.DictReader(file), 20000))
    for name in "service", "model", "columns":
        setattr(options, name, os.path.abspath(getattr(options, name)))
    print("| | candidates | requests/s | p50 | p99 | failed | publications |\n" + "|---" * 7 + "|")
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        with open("requests", "w") as file:
            file.write("".join(body + "\n" for body in bodies(columns, rows, options.candidates)))
        with open("wrk.lua", "w") as file:
            file.write(LUA)
        quiet, failed, _ = measure(options, None, work)
        if options.publishes:
            posts = event_posts(columns, rows, model_keys(options.model))
            learning, failed_too, publishes = measure(options, posts, work)
            failed += failed_too + (publishes < options.publishes)
            print(f"p99 is {learning / quiet:.2f} times the quiet one")
    sys.exit(failed > 0)


main()
