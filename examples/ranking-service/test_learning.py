"""test_learning.py SERVICE [--short]: ranking-service learns on from what is posted, publishes
under load, and goes on from its last save to the same bits, however often it is killed.

Needs lists1.mm and lists2.mm, which test.sh writes: a step is of 64 rows, and updates of tables are
deferred, so that bits depend on where publications are."""
import json
import os
import random
import signal
import subprocess
import sys
import threading

import test_service as base
from test_service import Service, check, request, until

BATCH, PUBLISH, SAVE, QUEUE = 64, 128, 192, 1000
STEPS = 8 if base.SHORT else 22
COUNT = STEPS * BATCH + 17
PUBLISHES = sum(1 for step in range(1, STEPS + 1)
                if step * BATCH % PUBLISH == 0 or step * BATCH % SAVE == 0)
CLIENTS = 3
base.COLUMNS.append({"name": "tags", "type": "integer", "list": True})
RANKED = request([{"item": i, "price": p, "tags": [i, 2]} for i, p in base.EVENTS])
LEARNING = ("--publish", str(PUBLISH), "--save", str(SAVE), "--queue", str(QUEUE), "--drain",
            "0")


def events():
    draw = random.Random(7)
    for i in range(COUNT):
        new = draw.random() < .1  # an item that the training file has not
        yield {"user": 100 + draw.randrange(8) * 15,
               "item": 1000 + draw.randrange(80) if new else draw.randrange(12),
               "price": draw.randrange(40) / 4,
               "tags": [draw.randrange(10) for _ in range(draw.randrange(4))],
               "click": int(draw.random() < .4), "paid": draw.choice([None, .5, 2])}


EVENTS = list(events())


def start(program, folder, *more):
    os.makedirs(folder, exist_ok=True)
    return Service(program, "--model", "lists1.mm", "--learn", folder, *LEARNING, *more)


def post(service, rows):
    status, text = service.ask("POST", "/events", json.dumps({"events": rows}))
    return status, json.loads(text)


def progress(service):
    return json.loads(service.ask("GET", "/events")[1])


def feed(service, first, last, most):
    """Posts of 1 to `most` events; what the queue has no room for comes again."""
    draw = random.Random(last)
    while first < last:
        rows = EVENTS[first:min(last, first + draw.randint(1, most))]
        status, said = until("the queue has room",
                             lambda: next((a for a in [post(service, rows)] if a[0] != 503), None))
        if status != 200 or said["taken"] != first + len(rows):
            sys.exit(f"not ok events {first} on: {said}")
        first += len(rows)


def feed_rows(service, rows):
    status, said = post(service, rows)
    check("a post is taken", status == 200)


def all_published(service):
    until("all events are learned and published",
          lambda: progress(service)["published"] == STEPS * BATCH)


def end(service):
    service.process.send_signal(signal.SIGTERM)
    err = service.process.communicate(timeout=base.FOREVER)[1]
    check("it ends well", service.process.returncode == 0)
    if service.process.returncode:
        print(err)
    return err


def run_of(folder):
    names = [name for name in os.listdir(folder) if name.endswith(".safetensors")]
    check(f"{folder} has one run: {names}", len(names) == 1)
    with open(os.path.join(folder, names[0]), "rb") as file:
        return names[0], file.read()


def row(**changes):
    made = {"user": 101, "item": 7, "price": 3.5, "tags": [1], "click": 1, "paid": None}
    made.update(changes)
    return {name: value for name, value in made.items() if value != ""}


REFUSED = [
    ("not JSON", "{", 400, "parse error"),
    ("no events", "{}", 400, '"events" are needed'),
    ("another key", '{"events": [], "user": {}}', 400, '"user" is no key of what is posted'),
    ("an unknown column", [row(), row(prize=1)], 400, 'events[1]: "prize" is no column'),
    ("a column that is not there", [row(price="")], 400, 'events[0]: "price" is not given'),
    ("a price that must be there", [row(), row(price=None)], 400, 'events[1]: column "price"'),
    ("a text for a number", [row(item="x")], 400, "events[0]: item: an integer is wanted"),
    ("a label of neither 0 nor 1", [row(), row(), row(click=.5)], 400,
     'events[2]: column "click": 0.5 is neither 0 nor 1'),
    ("a list that is none", [row(tags=3)], 400, "events[0]: tags: an array is wanted"),
    ("a text for a label", [row(click="yes")], 400, "events[0]: click: a number is wanted"),
    ("no label", [row(), row(click=None)], 400, "events[1]: it has no label"),
    ("more than the queue takes", [row()] * (QUEUE + 1), 503, f"room for {QUEUE} events"),
]


def refusals(service):
    for what, body, expected, reason in REFUSED:
        text = body if isinstance(body, str) else json.dumps({"events": body})
        status, said = service.ask("POST", "/events", text)
        check(f"refused: {what}", status == expected and reason in json.loads(said)["error"])
    check("none of their events is taken", progress(service)["taken"] == 0)
    check("they are counted", service.metrics()[
        'ranking_event_posts_total{result="refused"}'] == len(REFUSED))
    status, said = post(service, [])
    check("a post of none is taken", status == 200 and said["taken"] == 0)


def client(service, seen, ends, counts):
    """Asks the same until the end: of a version there is one answer."""
    connection = service.connect()
    while not ends.is_set():
        connection.request("POST", "/rank", RANKED)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        if answer.status != 200 or found["best"] != seen.setdefault(found["version"],
                                                                    found["best"]):
            counts["wrong"] += 1
        counts["answers"] += 1
    connection.close()


def uninterrupted(program):
    """Learns all events under load. Returns its run and its last answer."""
    service = start(program, "whole")
    refusals(service)
    seen, ends, counts = {}, threading.Event(), {"wrong": 0, "answers": 0}
    clients = [threading.Thread(target=client, args=(service, seen, ends, counts), daemon=True)
               for _ in range(CLIENTS)]
    for c in clients:
        c.start()
    feed(service, 0, COUNT, 90)
    all_published(service)
    until("the last is served", lambda: 1 + PUBLISHES in seen)
    ends.set()
    for c in clients:
        c.join(base.FOREVER)
    check(f"{counts['answers']} answers under {PUBLISHES} publications, each of one version",
          counts["wrong"] == 0 and len({json.dumps(best) for best in seen.values()}) == len(seen))
    now = service.metrics()
    for name, value in [("taken_events", COUNT), ("learned_events", STEPS * BATCH),
                        ("waiting_events", COUNT % BATCH), ("steps_total", STEPS),
                        ("publishes_total", PUBLISHES), ("saves_total", STEPS * BATCH // SAVE),
                        ("saved_events", STEPS * BATCH // SAVE * SAVE), ("failed", 0)]:
        check(f"{name} is {value}", now["ranking_learning_" + name] == value)
    check("new items have rows",
          20 < now['ranking_learning_table_rows{table="item"}'] - 12 <= 81 and
          now["ranking_learning_new_rows_total"] > 20 and
          now["ranking_learning_left_out_values_total"] == 0)
    check("times, losses and unknown values, too", now["ranking_learning_last_save_seconds"] > 1e9
          and 0 < now['ranking_learning_loss{label="click"}'] < 2
          and 0 < now["ranking_learning_unknown_values_total"] < COUNT)
    refused_starts(program)
    end(service)
    return run_of("whole"), seen[1 + PUBLISHES]


def refused_starts(program):
    os.makedirs("empty", exist_ok=True)
    for what, options, reason in [
        ("a taken folder", ["--model", "lists1.mm", "--learn", "whole"], "another service"),
        ("a file for a folder", ["--model", "lists1.mm", "--learn", "lists1.mm"],
         "--learn lists1.mm: the folder"),
        ("no folder", ["--model", "lists1.mm", "--save", "64"], "--learn is wrong"),
        ("a queue of less than a step", ["--model", "lists1.mm", "--learn", "empty", "--queue",
                                         "63"], "--queue 63: a step takes 64 events"),
        ("no events", ["--model", "lists1.mm", "--learn", "empty", "--save", "0"], "wrong"),
    ]:
        process = subprocess.run([program, "--columns", "columns.json", "--port", "0", *options],
                                 capture_output=True, text=True)
        check(f"refused: {what}", process.returncode in (1, 2) and reason in process.stderr)


def killed(program, kills):
    """Learns all events, and is killed meanwhile; what was not saved comes again."""
    draw = random.Random(kills)
    for _ in range(kills):
        service = start(program, "cut")
        saved = progress(service)["saved"]
        learned_once = min(COUNT, saved + draw.randint(BATCH, 2 * SAVE))
        feed(service, saved, learned_once, 40)
        until("it learns", lambda: progress(service)["learned"] > saved)
        service.process.kill()
        service.process.communicate()
    service = start(program, "cut")
    check(f"after {kills} kills it goes on from a save", progress(service)["saved"] % SAVE == 0)
    feed(service, progress(service)["saved"], COUNT, 200)
    all_published(service)
    answer = json.loads(service.ask("POST", "/rank", RANKED)[1])["best"]
    check("it says from which", "goes on from cut/run-" in end(service))
    return run_of("cut"), answer


def new_items(program):
    """Are unknown before they are posted, and known with the next publication, up to a bound."""
    ranked = request([{"item": i, "price": 2.5, "tags": [2]} for i in (5001, 5002, 5003)], k=3)
    unknown = 'ranking_column_unknown_total{column="item"}'

    def scores(service):
        best = json.loads(service.ask("POST", "/rank", ranked)[1])["best"]
        return {found["item"]: found["score"] for found in best}

    for most, known in ((14, 2), (0, 0)):
        service = start(program, f"items{most}", "--grow", str(most))
        before = scores(service)
        check("unknown items have one score", len(set(before.values())) == 1)
        check("they are counted", service.metrics()[unknown] == 3)
        feed_rows(service, [row(item=5001 + i % 3, user=100) for i in range(PUBLISH)])
        until("they are learned from", lambda: progress(service)["published"] == PUBLISH)
        after, now = scores(service), service.metrics()
        check(f"{known} items are known, each by itself", len(set(after.values())) == known + 1)
        check("the others are unknown, and counted", now[unknown] == 3 + 3 - known and
              now["ranking_learning_left_out_values_total"] == (PUBLISH // 3 if known else 0))
        check("the table has its rows", now['ranking_learning_table_rows{table="item"}'] ==
              12 + known)
        end(service)


def published_in_time(program):
    """However few events come."""
    service = start(program, "timed", "--publish", "1000000", "--publish-within", "1")
    feed(service, 0, 2 * BATCH, 2 * BATCH)
    until("they are published", lambda: service.version() > 1)
    end(service)


def main():
    program = sys.argv[1]
    whole, answer = uninterrupted(program)
    cut, answer_then = killed(program, 1 if base.SHORT else 4)
    check("runs end with the same events", whole[0] == cut[0])
    check("and with the same bits", whole[1] == cut[1])
    check("and serve the same scores", answer == answer_then)
    published_in_time(program)
    new_items(program)
    process = subprocess.run([program, "--columns", "columns.json", "--port", "0", "--model",
                              "lists2.mm", "--learn", "cut"], capture_output=True, text=True)
    check("another model's run is refused", process.returncode == 1 and "seed" in process.stderr)
    sys.exit(base.failures > 0)


if __name__ == "__main__":
    main()
