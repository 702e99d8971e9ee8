"""test_service.py SERVICE [--short]: requests, refusals, swaps under load and the end of
ranking-service.

Needs old.mm, new.mm and their scores old.csv, new.csv, which make_models.sh writes."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

EVENTS = [(7, 3.5), (9, 12), (4, 0.75)]
COLUMNS = [
    {"name": "price", "type": "number"},
    {"name": "user", "type": "integer", "side": "user"},
    {"name": "item", "type": "integer"},
    {"name": "note", "type": "text", "optional": True},
    {"name": "seen", "type": "integer", "side": "user", "list": True, "optional": True},
]
SHORT = "--short" in sys.argv
FOREVER = 1200  # seconds: a failure is known by its answer, not by how late that comes
MODELS = 'ranking_models_total{{result="{}"}}'
failures = 0


def check(what, holds):
    global failures
    failures += not holds
    print("ok" if holds else "not ok", what)


def until(what, holds):
    """Asks again until something is so, which it returns; what never comes is a failure."""
    end = time.monotonic() + FOREVER
    while time.monotonic() < end:
        found = holds()
        if found:
            return found
        time.sleep(0.002)
    sys.exit(f"not ok {what}")


def scores_of(name):
    with open(name) as file:
        return [[float(cell) for cell in line.split(",")] for line in file]


def request(items=None, **changes):
    body = {
        "user": {"user": 101},
        "items": items or [{"item": i, "price": p} for i, p in EVENTS],
        "k": 2,
    }
    body.update(changes)
    return json.dumps({k: v for k, v in body.items() if v is not None})


class Service:
    def __init__(self, program, *options):
        with open("columns.json", "w") as file:
            json.dump(COLUMNS, file)
        self.process = subprocess.Popen(
            [program, "--columns", "columns.json", "--port", "0", "--threads", "6",
             "--keep-alive", str(FOREVER), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=FOREVER)

    def ask(self, method, path, body=None):
        connection = self.connect()
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def metrics(self):
        lines = self.ask("GET", "/metrics")[1].splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def version(self):
        return json.loads(self.ask("GET", "/healthz")[1])["version"]

    def publish(self, name):
        """By a rename, as a service is deployed to; waits until it is served, or refused."""
        shutil.copy(name, "next.mm")
        before = self.metrics()
        os.rename("next.mm", "live.mm")

        def result():
            now = self.metrics()
            return next((r for r in ("published", "refused")
                         if now[MODELS.format(r)] > before[MODELS.format(r)]), None)
        return until(f"{name} is noticed", result)


def near(a, b):
    """Singles: what is printed has 9 digits, of which sums in another order leave 6."""
    return abs(a - b) <= 1e-6 * max(1, abs(a))


def is_right(answer, scores):
    """The two best of the events, as the program has scored them."""
    finals = [2 * ctr - value for ctr, value in scores]
    order = sorted(range(len(finals)), key=lambda i: -finals[i])[:2]
    return [b["item"] for b in answer["best"]] == order and all(
        near(b["score"], finals[i]) and near(b["tasks"]["ctr"], scores[i][0])
        and near(b["tasks"]["value"], scores[i][1]) for b, i in zip(answer["best"], order))


def client(service, expected, counts, seen):
    """Asks until the service says that it ends; every answer is compared with its version's, which
    goes to `seen`."""
    body = request()
    connection = service.connect()
    while True:
        try:
            connection.request("POST", "/rank", body)
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            counts["lost"] += 1
            return
        found = json.loads(text)
        if status != 200 or not is_right(found, expected[found["version"] % 2]):
            counts["wrong"] += 1
        seen.append(found.get("version"))
        if answer.getheader("Connection") == "close":
            return


REFUSED = [
    ("not JSON", "{", "parse error"),
    ("no user", request(user=None), '"user" and "items" are needed'),
    ("another key", request(more=1), '"more" is no key of a request'),
    ("an unknown column", request([{"item": 7, "prize": 1}]), 'items[0]: "prize" is no column'),
    ("a column twice", request()[:-1] + ', "k": 1, "user": {}}', "an object has no place"),
    ("a text for a number", request([{"item": 7, "price": "1"}]), "price: a number is wanted"),
    ("half an item", request([{"item": 7.5, "price": 1}]), "item: an integer is wanted"),
    ("a text in a user's list", '{"items": [{"item": 7}], "user": {"seen": [1, "x"]}}',
     "user: seen: an integer is wanted"),
    ("an array for a number", request([{"item": [7], "price": 1}]), "an array has no place"),
    ("a number for a text", request([{"item": 7, "price": 1, "note": 1}]), "a text is wanted"),
    ("k below 0", request(k=-1), "k: a number of items"),
    ("no UTF-8", b'{"user": {"\xff": 1}, "items": []}', "ill-formed UTF-8"),
]


def refusals(service, scores):
    for what, body, reason in REFUSED:
        status, text = service.ask("POST", "/rank", body)
        check(f"refused: {what}", status == 400 and reason in json.loads(text or "{}")["error"])
    check("they are counted",
          service.metrics()['ranking_requests_total{status="400"}'] == len(REFUSED))
    bad = [{"item": 9}] + [{"price": p, "item": float(i), "note": "x"} for i, p in EVENTS]
    answer = json.loads(service.ask("POST", "/rank", request(bad, k=4))[1])
    check("an item without its price is null alone", answer["bad"] == 1 and
          answer["best"][3]["item"] == 0 and answer["best"][3]["score"] is None and
          "price" in answer["first_bad"])
    check("the others are scored", near(answer["best"][0]["score"], max(
        2 * c - v for c, v in scores)))
    counted(service)
    status, text = service.ask("POST", "/rank", request(k=0))
    check("none is wanted", status == 200 and json.loads(text)["best"] == [])


def counted(service):
    """What the library counts of a request, by the names of columns and tasks."""
    before = service.metrics()
    service.ask("POST", "/rank", request([{"item": 77, "price": 1}, {"item": 7, "price": 2},
                                          {"price": 3}]))
    now = service.metrics()

    def more(name):
        return now["ranking_" + name] - before["ranking_" + name]
    check("rows and users are counted", (more("rows_total"), more("users_total")) == (3, 1))
    check("values, missing and unknown ones", [more(f'column_{what}_total{{column="item"}}')
          for what in ("values", "missing", "unknown")] == [3, 1, 1])
    check("training's share stands beside", now[
          'ranking_column_trained_unknown_ratio{column="item"}'] == 0)
    check("scores are a histogram", all(
        more(f'score_bucket{{task="{task}",le="+Inf"}}') == 3 == more(
            f'score_count{{task="{task}"}}') for task in ("ctr", "value")))
    ends = [now[f'ranking_score_bucket{{task="ctr",le="{i / 20:.9g}"}}'] for i in range(1, 20)]
    check("of buckets that add up", ends == sorted(ends) and ends[0] == 0 < ends[-1])


def starts(service):
    """What keeps a service from its start is said, and ends it."""
    for side in "user", "item":
        with open(f"no_{side}.json", "w") as file:
            json.dump([c for c in COLUMNS if c.get("side", "item") != side], file)
    usual = ["--model", "old.mm", "--columns", "columns.json"]
    for what, arguments, reason in [
        ("a port that is taken", [*usual, "--port", str(service.port)], f":{service.port}"),
        ("an address of others", [*usual, "--host", "192.0.2.1", "--port", "0"], "192.0.2.1:0"),
        ("no column of the user", [*usual[:3], "no_user.json", "--port", "0"],
         'no column has "side": "user"'),
        ("a folder that is none", [*usual, "--port", "0", "--learn", "none"], "--learn none: the"),
        ("no column of an item", [*usual[:3], "no_item.json", "--port", "0"],
         'no column has "side": "item"'),
    ]:
        process = subprocess.Popen([service.process.args[0], *arguments], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # It ends, or says that it listens.
        said = process.stdout.readline()
        process.kill() if said else process.wait()
        err = process.communicate()[1]
        check(f"refused: {what}", process.returncode == 1 and not said and reason in err)


def main():
    shutil.copy("old.mm", "live.mm")
    service = Service(sys.argv[1], "--model", "live.mm", "--drain", str(FOREVER * 1000),
                      "--watch", "10")
    try:
        serve(service)
    finally:
        service.process.kill()
    sys.exit(failures > 0)


def serve(service):
    expected = [scores_of("new.csv"), scores_of("old.csv")]  # of even versions, of odd ones
    check("the models differ", not any(near(a, b) for new, old in zip(*expected)
                                       for a, b in zip(new, old)))
    starts(service)
    refusals(service, expected[1])
    counts = {"wrong": 0, "lost": 0}
    answered = service.metrics()['ranking_requests_total{status="200"}']
    versions = [[] for _ in range(4)]  # of the answers to each client
    clients = [threading.Thread(target=client, args=(service, expected, counts, seen), daemon=True)
               for seen in versions]
    for c in clients:
        c.start()
    swaps = 4 if SHORT else 20
    for i in range(swaps):
        until("every client has an answer of the model",
              lambda: all(1 + i in seen[-1:] for seen in versions) or counts["lost"])
        service.publish("old.mm" if i % 2 else "new.mm")
    check("models are published", service.version() == 1 + swaps)
    check("one of other columns is refused", service.publish("other.mm") == "refused")
    check("a file that is no model is refused", service.publish("columns.json") == "refused")
    check("what was served is served on", service.version() == 1 + swaps)
    parts = service.metrics()
    check("parts are timed", all(
        0 < parts[f'ranking_part_seconds{{part="{p}",quantile="0.5"}}'] < 60
        for p in ("read", "score", "write")))
    service.process.send_signal(signal.SIGTERM)
    until("a balancer is told of the end", lambda: service.ask("GET", "/healthz")[0] == 503)
    for c in clients:
        c.join(FOREVER)
    service.process.send_signal(signal.SIGTERM)
    out, err = service.process.communicate(timeout=FOREVER)
    check("it ends well", service.process.returncode == 0)
    if service.process.returncode:
        print(err)
    answers = sum(map(len, versions))
    check(f"{answers} answers came, none wrong or lost",
          counts["wrong"] == 0 and counts["lost"] == 0)
    check("as many as it counted", f"ended after {int(answered) + answers} " in out)
    check("it says what it refused", 'not published: column "thing"' in err)


if __name__ == "__main__":
    main()
