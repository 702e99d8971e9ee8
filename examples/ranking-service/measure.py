"""measure.py SERVICE MODEL COLUMNS DATA.csv: what the parts of a request take, by the service's own
clock, at 1, 100 and 1000 candidates: p50 and p99 in microseconds, of 3 s each, one connection."""
import csv
import http.client
import itertools
import json
import random
import subprocess
import sys
import time

PARTS = ("parse", "build", "score", "write")
SECONDS = 3


def bodies(columns, rows, items):
    """20 requests of random rows, all columns given by name."""
    def values(row, side):
        return {
            c["name"]: int(row[c["name"]]) if c["type"] == "integer" else float(row[c["name"]])
            for c in columns if c.get("side", "item") == side
        }
    for _ in range(20):
        yield json.dumps({
            "user": values(random.choice(rows), "user"),
            "items": [values(row, "item") for row in random.choices(rows, k=items)],
            "k": 10,
        })


def measure(service, model, columns_path, requests):
    process = subprocess.Popen(
        [service, "--model", model, "--columns", columns_path, "--port", "0", "--drain", "0",
         "--measure-parsing"], stdout=subprocess.PIPE, text=True)
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(process.stdout.readline().rsplit(":", 1)[1]))
    end = time.monotonic() + SECONDS
    for body in itertools.cycle(requests):
        connection.request("POST", "/rank", body)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            sys.exit(text)
        if time.monotonic() > end:
            break
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    process.terminate()
    process.communicate()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def main():
    service, model, columns_path, data = sys.argv[1:]
    with open(columns_path) as file:
        columns = json.load(file)
    with open(data) as file:
        rows = list(itertools.islice(csv.DictReader(file), 2000))
    print("| candidates |", " | ".join(PARTS), "|")
    print("|---" * (len(PARTS) + 1) + "|")
    for items in (1, 100, 1000):
        found = measure(service, model, columns_path, list(bodies(columns, rows, items)))
        cells = []
        for part in PARTS:
            p50, p99 = (found[f'ranking_part_seconds{{part="{part}",quantile="{q}"}}'] * 1e6
                        for q in ("0.5", "0.99"))
            cells.append(f"{p50:.3g} / {p99:.3g}")
        print(f"| {items} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
