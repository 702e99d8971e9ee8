#!/usr/bin/python3
"""What init writes is a start that works: on the files of three reports and on eleven of other
shapes, init, train and evaluate without any flag give better figures than the constant.

    test_defaults.py MMOE

And within .01 AUC, or 5 % of the RMSE, of the better of a linear model and boosted trees, where
numpy, scikit-learn and xgboost are installed (python3-sklearn, python3-xgboost).
"""
import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile

PARTS = ("train", "valid", "test")
# The parts of whole numbers that `scaled_label` cuts off have a deviation below this.
LINE = 0.3
failures = 0


def report(ok, what):
    global failures
    failures += not ok
    print("ok" if ok else "not ok", what, flush=True)


# ---- Files ----


def chance(z):
    return int(random.random() < 1 / (1 + math.exp(-z)))


def normal():
    return round(random.gauss(0, 1), 3)


def small_batches():
    """An AUC is good long before the scores are."""
    x = normal()
    return x, random.randint(18, 80), random.choice("abc"), chance(1.5 * x - 2.6), chance(0.4 * x)


def scaled_label():
    x = normal()
    return x, random.choice("abc"), int(90000 + 40000 * x), chance(1.5 * x - 2.6)


def integer_amounts():
    """The second label is a coin."""
    amount = int(random.lognormvariate(6, 0.25))
    return amount, random.choice("ab"), chance((amount - 450) / 60), int(random.random() < 0.3)


def skewed_amounts():
    amount, income = random.lognormvariate(4, 1.3), random.lognormvariate(8, 1)
    count = int(random.expovariate(0.05))
    z = 1.2 * math.log(amount / 55) - 0.8 * math.log(income / 3000)
    return (round(amount, 2), round(income, 2), count, random.choice("abcd"), chance(z),
            chance(0.06 * count - 1.2))


def words():
    """Separated by semicolons, labels in words, a few gaps, amounts with marks."""
    fee, tenure = random.uniform(10, 100), random.randint(1, 72)
    plan, pay = random.choice(["basic", "plus", "pro"]), random.choice(["card", "bank", "check"])
    z = 0.03 * (fee - 55) - 0.06 * (tenure - 30) + {"basic": 0.6, "plus": 0, "pro": -0.8}[plan]
    churn = chance(z + (pay == "check") - 0.5)
    state = churn if random.random() < 0.7 else chance(0)
    return (plan, pay, tenure if random.random() > 0.05 else "", "$%.2f" % fee,
            "Yes" if churn else "No", "bad" if state else "good")


def few_rows():
    a, b, c = normal(), random.randint(1, 60), random.choice("uvw")
    return (a, b, c, chance(1.3 * a - 0.04 * (b - 30) + (c == "u")),
            round(5 + 3 * a + 0.1 * b + random.gauss(0, 2), 3))


def price_and_rare_class():
    x, area, quarter = normal(), random.randint(400, 5000), random.choice("nsew")
    price = 200000 + 150 * area + {"n": 0, "s": 80000, "e": -30000, "w": 10000}[quarter]
    price += 60000 * x * (area > 2500) + random.gauss(0, 40000)
    return (x, area, quarter, random.randint(0, 23), int(price),
            chance(1.3 * x + (quarter == "s") - 4))


def few_values():
    """Smooth, and hardly any noise; the labels' scales differ."""
    shape, side, glass = random.randint(1, 12), random.randint(2, 5), random.choice([0, 10, 25, 40])
    high = shape > 6
    heat = 8 + 0.15 * (shape - 3) ** 2 + (9 if high else 4) * glass / 40 + 6 * high
    cost = 100 * heat + 40 * math.cos(1.3 * side) * (1 + glass / 20)
    return (shape, side, glass, 7 if high else 3.5, round(heat + random.gauss(0, 0.3), 2),
            round(cost + random.gauss(0, 30), 1))


TASTES = {}


def ids_with_gaps():
    user, item, d = random.randrange(60), random.randrange(50), normal()
    for key in ("u", user), ("i", item):
        TASTES.setdefault(key, random.gauss(0, 0.8))
    z = TASTES["u", user] + TASTES["i", item] + 0.5 * d
    return (10007 * user + 3, 771 * item + 11, d if random.random() > 0.1 else "NA",
            random.randint(18, 80) if random.random() > 0.05 else "", chance(z), chance(z - 1.5))


def pairs():
    """Two columns that tell a label together, and hardly anything alone."""
    a, b = random.randrange(8), random.randrange(8)
    for key in ("p", a, b), ("q", a, b):
        TASTES.setdefault(key, random.gauss(0, 1))
    return ("a%d" % a, "b%d" % b, normal(), round(TASTES["p", a, b] + random.gauss(0, 0.5), 3),
            chance(1.5 * TASTES["q", a, b]))


def wards():
    """Integers that are names, though nothing but the labels says so."""
    ward, dose, days = random.randint(1, 60), normal(), random.randint(1, 30)
    TASTES.setdefault(("ward", ward), random.gauss(0, 1))
    value = 0.8 * dose + TASTES["ward", ward] + 0.03 * days
    return (ward, dose, days, round(value + random.gauss(0, 0.7), 3), chance(1.5 * value - 0.7))


def bends():
    """Steps and a wave, which no line of the numbers is near."""
    x, y, z, age = (random.uniform(-3, 3) for _ in range(4))
    value = math.sin(2.5 * x) + (y > 1) * 1.5 - (z > -1) + 0.2 * age
    return (*(round(v, 3) for v in (x, y, z)), int(20 + 9 * age),
            round(value + random.gauss(0, 0.5), 3), chance(1.5 * value))


def ranges():
    """Amounts that are ranges, or words, in 2 % of the rows."""
    rate, area = random.lognormvariate(7, 0.4), random.randint(400, 3500)
    price = rate * area / 1000 * random.lognormvariate(0, 0.1)
    text = random.choice(["%d - %d" % (rate * 0.9, rate * 1.1), "varies", ">%d" % (rate * 0.8)])
    return (text if random.random() < 0.02 else round(rate, 1), area, random.choice("nsew"),
            round(price, 1), chance((price - 2200) / 500))


def sentinels():
    """Numbers that stand for none: -999 in a tenth of the rows, 9999 in half of them."""
    level, days = random.uniform(0, 40), int(random.expovariate(0.05))
    is_known, was_seen = random.random() > 0.1, random.random() > 0.5
    value = 0.3 * level + 4 * was_seen * math.exp(-days / 15) + random.gauss(0, 1)
    return (round(level, 2) if is_known else -999, min(days, 200) if was_seen else 9999,
            random.choice("ab"), round(value, 3), chance(value - 7))


# Name: what makes a row, the columns, labels being the last two; rows of each part; separator.
USUAL = (2400, 800, 3000)
FILES = {
    "small_batches": (small_batches, "x age g buy open", USUAL, ","),
    "scaled_label": (scaled_label, "x g price buy", USUAL, ","),
    "integer_amounts": (integer_amounts, "amount g buy coin", USUAL, ","),
    "skewed_amounts": (skewed_amounts, "amount income count g buy open", USUAL, ","),
    "words": (words, "plan pay tenure fee churn state", USUAL, ";"),
    "few_rows": (few_rows, "a b c won points", (300, 150, 3000), ","),
    "few_values": (few_values, "shape side glass height heat cost", (500, 150, 3000), ","),
    "price_and_rare_class": (price_and_rare_class, "x area quarter hour price default", USUAL, ","),
    "pairs": (pairs, "a b x value yes", USUAL, ","),
    "wards": (wards, "ward dose days value yes", (900, 300, 3000), ","),
    "bends": (bends, "x y z age value yes", USUAL, ","),
    "ranges": (ranges, "rate area quarter price dear", USUAL, ","),
    "sentinels": (sentinels, "level days g value yes", USUAL, ","),
    "ids_with_gaps": (ids_with_gaps, "user_id item d age like love", (4000, 1000, 3000), ","),
}


def write(name):
    """Writes the three files; gives back their rows."""
    make, columns, counts, separator = FILES[name]
    random.seed(name)
    parts = [[make() for _ in range(n)] for n in counts]
    for part, rows in zip(PARTS, parts):
        with open(f"{name}.{part}.csv", "w", newline="", encoding="utf-8") as f:
            out = csv.writer(f, delimiter=separator)
            out.writerow(columns.split())
            out.writerows(rows)
    return parts


# ---- The program ----


def run(*arguments):
    result = subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"mmoe {' '.join(arguments)}: {result.stderr}")
    return result.stdout


def scores_of(name):
    files = [f"{name}.{part}.csv" for part in PARTS]
    labels = [word for label in FILES[name][1].split()[-2:] for word in ("--label", label)]
    run("init", files[0], *labels, "--output", "config.json")
    run("train", "--config", "config.json", "--train", files[0], "--valid", files[1], "--output",
        "model", "--threads", "1")
    return json.loads(run("evaluate", "--model", "model", "--data", files[2], "--json"))["tasks"]


# ---- Peers ----


def number(cell):
    try:
        value = float(str(cell).strip("$") or "nan")
        return math.nan if value in (-999, 9999) else value
    except ValueError:
        return math.nan if cell == "NA" else None


def are_texts(cells):
    """A few among numbers are gaps."""
    return 10 * list(map(number, cells)).count(None) > len(cells)


def inputs_of(name, parts):
    """Numbers standardized, gaps as the mean beside an indicator; texts and ids one-hot."""
    import numpy
    inputs = [[] for _ in parts]
    for j, column in enumerate(FILES[name][1].split()[:-2]):
        train = [row[j] for row in parts[0]]
        if column in ("user_id", "item") or are_texts(train):
            for value in sorted(set(train)):
                for x, rows in zip(inputs, parts):
                    x.append(numpy.array([row[j] == value for row in rows], float))
            continue
        known = numpy.array([number(cell) for cell in train], float)
        mean, deviation = numpy.nanmean(known), numpy.nanstd(known)
        for x, rows in zip(inputs, parts):
            cells = numpy.array([number(row[j]) for row in rows], float)
            x.append(numpy.nan_to_num((cells - mean) / deviation))
            x.append(numpy.isnan(cells).astype(float))
    return [numpy.stack(x, axis=1) for x in inputs]


def labels_of(parts, j):
    import numpy
    values = {"Yes": 1, "No": 0, "bad": 1, "good": 0}
    return [numpy.array([float(values.get(row[j], row[j])) for row in rows]) for rows in parts]


def auc_of_peers(x, y):
    import sklearn.linear_model
    import sklearn.metrics
    import xgboost
    best = 0
    trees = xgboost.XGBClassifier(n_estimators=400, max_depth=4, learning_rate=0.1, n_jobs=1,
                                  early_stopping_rounds=20, eval_metric="logloss")
    trees.fit(x[0], y[0], eval_set=[(x[1], y[1])], verbose=False)
    for model in sklearn.linear_model.LogisticRegression(max_iter=1000).fit(x[0], y[0]), trees:
        best = max(best, sklearn.metrics.roc_auc_score(y[2], model.predict_proba(x[2])[:, 1]))
    return best


def rmse_of_peers(x, y):
    import sklearn.linear_model
    import xgboost
    trees = xgboost.XGBRegressor(n_estimators=400, max_depth=4, learning_rate=0.1, n_jobs=1,
                                 early_stopping_rounds=20)
    trees.fit(x[0], y[0], eval_set=[(x[1], y[1])], verbose=False)
    linear = sklearn.linear_model.RidgeCV([1e-2, 1, 1e2]).fit(x[0], y[0])
    return min(float(((model.predict(x[2]) - y[2]) ** 2).mean()) ** 0.5
               for model in (linear, trees))


def compare(name, parts, tasks):
    x = inputs_of(name, parts)
    for j, task in zip((-2, -1), tasks):
        y = labels_of(parts, j)
        if "auc" in task:
            peers = auc_of_peers(x, y)
            report(task["auc"] > peers - 0.01,
                   f"{name} {task['name']}: AUC {task['auc']:.4f}, of peers {peers:.4f}")
        else:
            peers = rmse_of_peers(x, y)
            report(task["rmse"] < 1.05 * peers,
                   f"{name} {task['name']}: RMSE {task['rmse']:.6g}, of peers {peers:.6g}")


# ---- All ----


def judge(name, with_peers):
    parts = write(name)
    tasks = scores_of(name)
    for task in tasks:
        if task["name"] == "coin":
            report(task["ne"] < 1.01, f"{name} coin: no worse than the constant, {task['ne']:.4f}")
        elif "ne" in task:
            report(task["ne"] < 1, f"{name} {task['name']}: normalised entropy {task['ne']:.4f}")
        else:
            report(task["r2"] > 0, f"{name} {task['name']}: R2 {task['r2']:.4f}")
        if name == "scaled_label" and "rmse" in task:
            report(task["rmse"] < LINE, f"{name} {task['name']}: a line, {task['rmse']:.3f}")
    if with_peers:
        compare(name, parts, [task for task in tasks if task["name"] != "coin"])


def main():
    with_peers = True
    try:
        import numpy, sklearn, xgboost  # noqa: F401, E401
    except ImportError as missing:
        print(f"# without peers: {missing}")
        with_peers = False
    sys.argv[1] = os.path.realpath(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in FILES:
            judge(name, with_peers)
        os.chdir("/")
    sys.exit(failures > 0)


main()
