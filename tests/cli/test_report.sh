#!/bin/sh
# shellcheck disable=SC2016
# A page of a run: one file without network and scripts, whole whatever the log; what cannot be
# shown is said. shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 2000

# Tags that match, figures with title and sentence, labelled pictures, figures as numbers; every
# argument must be in the text.
cat >page.py <<'PY'
import html.parser
import re
import sys

path, wanted = sys.argv[1], sys.argv[2:]
raw = open(path, "rb").read()
text = raw.decode("utf-8")
assert len(raw) < 2_000_000, len(raw)
outside = r"https?:|//|<script|<link|<img|<iframe|javascript:|url\(|@import|\son\w+="
style = text.split("<style>", 1)[1].split("</style>")[0]
assert not re.search(outside, text.split("<body>", 1)[1] + style)


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.room = None
        self.stack, self.ids, self.text, self.figures, self.rows = [], set(), [], 0, []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            assert attrs["id"] not in self.ids
            self.ids.add(attrs["id"])
        if tag in ("dt", "dd", "br", "td", "th", "p", "h1", "h2", "h3", "li", "text"):
            self.text.append(" ")
        self.room = None  # of the text to come, which ends there
        if tag == "text" and attrs.get("text-anchor") == "end":
            self.room = float(attrs["x"])
        if tag == "svg":
            named = attrs.get("role") == "img" and len(attrs["aria-label"]) > 3
            assert named or attrs.get("aria-hidden") == "true", attrs
        if tag == "figure":
            self.parts, self.figures = [], self.figures + 1
        if tag in ("h3", "p", "svg", "table") and "figure" in self.stack:
            self.parts.append(tag)
        if tag == "table":
            assert "figure" in self.stack
            self.columns = None
        if tag == "tr":
            self.cells = 0
        if tag in ("td", "th"):
            self.cells += 1
        for name in ("d", "x", "y", "x1", "cx", "cy", "width", "height", "viewbox",
                     "fill-opacity", "r", "style"):
            assert not re.search(r"nan|inf", attrs.get(name) or ""), attrs
        if tag not in ("meta", "br"):
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, (tag, self.getpos())
        if tag == "figure":
            assert self.parts[:2] == ["h3", "p"] and len(self.parts) > 2, self.parts
        if tag == "tr":
            assert self.columns in (None, self.cells), (self.columns, self.cells, self.getpos())
            self.columns = self.cells

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_data(self, data):
        # A digit is more than 6 px wide: none may be cut off at the left.
        assert self.room is None or 6 * len(data) <= self.room, (data, self.room)
        if self.stack and self.stack[-1] != "style":
            self.text.append(data)


page = Page()
page.feed(text)
page.close()
assert not page.stack, page.stack
words = " ".join("".join(page.text).replace("\u202f", "").split())
for w in wanted:
    assert (w[1:] not in words) if w[0] == "!" else (w in words), w + " // " + words[:3000]
assert page.figures >= 1 or "no finished epoch" in words
assert "nan" not in re.sub(r"[A-Za-z_]{4,}", "", words)
PY
page() { # DESCRIPTION PAGE TEXT... (with ! in front: must not be there)
    description=$1
    shift
    python3 page.py "$@" >/dev/null 2>err
    report $? "$description"
}

expect 0 "" train --config config.json --train train.csv --valid valid.csv --test test.csv \
    --output m.safetensors --log run.jsonl --profile trace.json --threads 2 \
    --set trainer.earlystop_task=ctr
run inspect --model m.safetensors
parameters=$(sed -n 's/^parameters *//p' out)
run evaluate --model m.safetensors --data test.csv --json
auc=$(sed -n 's/.*"name": "cvr".*"auc": \([0-9.]*\).*/\1/p' out | awk '{ printf "%.5f", $1 }')
[ -n "$auc" ] || auc=$(sed -n 's/.*"auc": \([0-9.]*\).*/\1/p' out | head -n 1 |
    awk '{ printf "%.5f", $1 }')
best=$(sed -n 's/^{"epoch":\([0-9]*\),.*"best":true.*/\1/p' run.jsonl | tail -n 1)

# The log alone, then with the model
expect 0 "" report --log run.jsonl --output log.html
check "nothing on standard output" [ ! -s out ]
page "the log's page" log.html "Training run: mmoe" "run.jsonl" \
    "Tasks cvr (classification), ctr (classification)" "Training data train.csv 2000 rows" \
    "Validation data valid.csv 1000 rows" "Test data test.csv 1000 rows" "Epochs 3 of at most 3" \
    "Best epoch $best, score" "Parameters $parameters" "Threads 2" \
    "Seed 3" "Loss of cvr" "AUC of ctr" "Calibration of ctr" "Entropy of the gates" "Gate of cvr" \
    "experts.2" "best: $best" "expert_params.dropout 0.1" \
    "optimizer_params.lr 0.001" "Where the time of training went" "experts+gates 1" "$auc" \
    '!Predictions' '!Learning rate Of' '!Factors of' '!Not shown'
expect 0 "" report --log run.jsonl --model m.safetensors --data test.csv --output all.html
page "the model's page" all.html "ROC of cvr: AUC $auc" "Calibration of cvr" "Bins of ctr" \
    "What the gates weigh" "effective rank" "How alike the experts are" \
    "Of the model m.safetensors on the 1000 rows of test.csv" "experts+gates 1" 'Note: column' \
    '!collapsed' '!Not shown'
# Where standard error is closed the page does not get its number, nor the messages.
sed '2,$s/,[0-9]*,[0-9]*,/,0,new,/' test.csv >unknown.csv
page="report --log run.jsonl --model m.safetensors --data unknown.csv --output"
# shellcheck disable=SC2086
expect 0 "are unknown" $page said.html
# shellcheck disable=SC2086
"$mmoe" $page unsaid.html >out 2>&-
check "a page without messages among its lines" cmp -s said.html unsaid.html
expect 0 "" report --log run.jsonl --model m.safetensors --data test.csv --output again.html \
    --threads 1
check "the same page again, on one thread" cmp all.html again.html
run report --log run.jsonl --model m.safetensors --data test.csv --output -
check "on standard output" cmp all.html out
for locale in $(locale -a 2>/dev/null | grep -E '^(de|fr|pl|ru)_' | head -n 1); do
    LC_ALL=$locale "$mmoe" report --log run.jsonl --model m.safetensors --data test.csv --output \
        again.html
    check "the locale $locale changes nothing" cmp all.html again.html
done

# The curves' numbers from the predictions
run predict --model m.safetensors --data test.csv --output p.csv
cat >curves.py <<'PY'
import csv
import re

scores = [float(r["ctr"]) for r in csv.DictReader(open("p.csv"))]
labels = [int(r["click"]) for r in csv.DictReader(open("test.csv"))]
rows = sorted(zip(scores, labels))
n, first, bins = len(rows), 0, []
for b in range(1, 11):
    end = n * b // 10
    while first < end < n and rows[end][0] == rows[end - 1][0]:
        end += 1
    if end > first:
        bins.append(rows[first:end])
        first = end
ece = sum(abs(sum(s for s, _ in b) - sum(l for _, l in b)) for b in bins) / n
page = open("all.html").read()
roc, calibration, table = page.split("<h3>ROC of ctr")[1].split("<h3>")[:3]
shown = float(re.search(r"mean distance: ([0-9.]+)\.", calibration).group(1))
assert abs(shown - ece) < 1e-5, (shown, ece)
cells = [[float(c.replace("\u202f", "")) for c in re.findall(r'<td class="n">([^<]*)', row)]
         for row in table.split("<tr>")[2:]]
assert len(cells) == len(bins), cells
for c, b in zip(cells, bins):
    means = (b[-1][0], len(b), sum(s for s, _ in b) / len(b), sum(l for _, l in b) / len(b))
    assert all(abs(x - y) < 1e-5 for x, y in zip(c, means)), (c, means)
points = re.search(r'class="series s0" d="M([^"]*)"', roc).group(1).split("L")
xy = [tuple(float(v) for v in p.split()) for p in points]
width, height = xy[-1][0] - xy[0][0], xy[0][1] - xy[-1][1]
area = sum((b[0] - a[0]) * (2 * xy[0][1] - a[1] - b[1]) / 2 for a, b in zip(xy, xy[1:]))
area /= width * height
auc = float(re.match(r": AUC ([0-9.]+)", roc).group(1))
positives = sum(labels)
exact = sum((r + 1) for r, (_, l) in enumerate(rows) if l) - positives * (positives + 1) / 2
exact /= positives * (n - positives)
assert abs(auc - exact) < 2e-3, (auc, exact)
assert abs(area - auc) < 5e-3 and 20 < len(xy) <= 256, (auc, area, len(xy))
PY
check "ROC, ECE and bins are those of the predictions" python3 curves.py

# A regression with row weights, without validation rows
expect 0 "" synth paper --rows 500 --seed 1 --output paper.csv
cat >paper.json <<'JSON'
{"features": {"dense": [{"name": "x*"}]},
 "tasks": [{"name": "a", "label": "y1", "type": "regression", "tower_params": {"dims": [4]}},
           {"name": "b", "label": "y2", "type": "regression", "tower_params": {"dims": [4]}}],
 "model": {"name": "shared_bottom", "bottom_params": {"dims": [8]}},
 "trainer": {"batch_size": 64, "n_epoch": 4, "scheduler": "exponential",
 "scheduler_params": {"gamma": 0.5}, "adaptive_params": {"method": "uwl"}}}
JSON
expect 0 "" train --config paper.json --train paper.csv --output r.safetensors --log r.jsonl
expect 0 "" report --log r.jsonl --model r.safetensors --data paper.csv --output r.html
page "regressions" r.html "Predictions of a" "lower quartile" "mean label" "RMSE" "Learning rate" \
    "Factors of the tasks" "What the experts use" \
    "The log has no profile" '!ROC' '!ECE' '!What the gates'

# A model that learned nothing looks like it
head -n 1 paper.csv >big.csv
awk -F, 'BEGIN { OFS = "," } NR > 1 { $(NF - 1) *= 4e10; print }' paper.csv >>big.csv
expect 0 "" train --config paper.json --train big.csv --valid big.csv --output r.safetensors \
    --log r.jsonl --set trainer.batch_size=512 --set trainer.optimizer_params.lr=1e-5
expect 0 "" report --log r.jsonl --model r.safetensors --data big.csv --output r.html
page "a useless model's page" r.html "no model: " 'Note: task "a": the RMSE of the 500 ' \
    "R2: 1 - (RMSE / RMSE of the mean)^2; above 0 it is better than no model" "best: "
check "figures that are worse than none stand out" grep -q 'class="n worse"' r.html

# Names are no markup, whoever wrote the log
name="l<i>&\"'.jsonl"
sed 's/"cvr"/"<b>\&amp;\\"x'"'"'\\u0001"/g; s/"train":"[^"]*"/"train":"<s>.csv"/;
    s/"experts.1"/"<u>1"/g; s/"experts+gates 1"/"<u>2"/; s/"mmoe"/"<u>3"/' run.jsonl >"$name"
cp m.safetensors "m<i>&.mm"
cp test.csv "t<i>&.csv"
expect 0 "" report --log "$name" --model "m<i>&.mm" --data "t<i>&.csv" --output names.html
page "names are text" names.html "Loss of <b>&amp;\"x'" "from the log $name" \
    "Training data <s>.csv" "<u>1" "<u>2" "run: <u>3" "m<i>&.mm on the" "rows of t<i>&.csv"
check "names are escaped" [ "$(grep -c '<b>\|<i>\|<s>\|<u>' names.html)" -eq 0 ]

# Resumed, and one epoch twice
sed -n 1,3p run.jsonl >resumed.jsonl
sed -n 1p run.jsonl | sed 's/"resumed":false/"resumed":true/' >>resumed.jsonl
sed -n 3,5p run.jsonl >>resumed.jsonl
expect 0 "" report --log resumed.jsonl --output resumed.html
page "a resumed run" resumed.html "Resumed after epoch 2" \
    "dotted lines mark where the run was resumed" "Epochs 3 of at most 3"
expect 0 "" train --config config.json --train train.csv --output c.safetensors --checkpoint \
    run.ckpt --log killed.jsonl
lines=$(wc -l <killed.jsonl)
printf '{"epoch":4,"lo' >>killed.jsonl
expect 0 "" train --config config.json --train train.csv --output c.safetensors --resume run.ckpt \
    --log killed.jsonl
expect 1 "killed.jsonl: line $((lines + 1)) is no line of a log; it is left out" report --log \
    killed.jsonl --output killed.html
page "a run that was killed in the middle of a line" killed.html "Resumed after epoch 3" \
    "Epochs 3 of at most 3" '!others'
cat run.jsonl run.jsonl >twice.jsonl
expect 0 "" report --log twice.jsonl --output twice.html
page "the last of two runs" twice.html "the log has 2 runs" '!Resumed'
head -n 3 run.jsonl >running.jsonl
expect 0 "" report --log running.jsonl --output running.html
page "a run that goes on" running.html "the log has no closing line" "Epochs 2 of at most 3"
head -n 1 run.jsonl >begun.jsonl
expect 0 "" report --log begun.jsonl --output begun.html
page "a run without an epoch" begun.html "no finished epoch"

# Logs that are not whole
head -c "$(($(head -n 3 run.jsonl | wc -c) + 100))" run.jsonl >cut.jsonl
expect 1 "cut.jsonl: line 4, the last, is cut off" report --log cut.jsonl --output cut.html
page "a log that is cut off" cut.html "line 4, the last, is cut off" "Epochs 2 of at most 3" \
    "Loss of ctr"
{ cat cut.jsonl | "$mmoe" report --log /dev/stdin --output - 2>err; echo $? >status; } | cat >out
cp out piped.html
check "a pipe that is cut off exits with 1" [ "$(cat status)" -eq 1 ]
check "and says so once" [ "$(cat err)" = \
    "mmoe report: /dev/stdin: line 4, the last, is cut off; it is left out" ]
page "to a pipe, whole" piped.html "line 4, the last, is cut off" "Loss of ctr"
{ sed -n 1,2p run.jsonl && echo '{"epoch":2,"lo' && sed -n 3,5p run.jsonl; } >broken.jsonl
expect 1 "broken.jsonl: line 3 is no line of a log" report --log broken.jsonl --output broken.html
page "a line in the middle" broken.html "line 3 is no line of a log" "Epochs 3 of at most 3"
sed 1d run.jsonl >headless.jsonl
expect 1 "the line that describes the run is missing" report --log headless.jsonl --output \
    headless.html
page "without its first line" headless.html "Loss of ctr" "AUC of ctr"
sed '1s/"format":1/"format":2/; 1s/"version":"[^"]*"/"version":"9.8.7"/' run.jsonl >newer.jsonl
expect 1 "the log is of format 2, written by mmoe 9.8.7" report --log newer.jsonl --output \
    newer.html
page "of another version" newer.html "format 2, written by mmoe 9.8.7" "Loss of ctr"
sed 's/"losses":{/"losses":7,"x":{/; s/"lr":[^,]*/"lr":"fast"/; s/"auc":[0-9][0-9.]*/"auc":1e300/;
    s/"logloss":[0-9][0-9.]*/"logloss":null/; s/"threads":2/"threads":-1e300/
     s/"mean_weights":\[[^]]*\]/"mean_weights":[1e308,{},-5]/; s/"rows":{/"rows":[],"r":{/;
         s/"nodes":\[{/"nodes":[7,{"seconds":-1},{/' run.jsonl >odd.jsonl
expect 0 "" report --log odd.jsonl --output odd.html
page "values of other types" odd.html "Training run"
: >empty
printf 'a,b\n1,2\n' >not.log
printf '{"a": 1}\n' >other.log
head -c 100 run.jsonl >first.log
expect 1 "empty is empty" report --log empty --output x.html
expect 1 "not.log: line 1 is no line of a log of mmoe train" report --log not.log --output x.html
expect 1 "other.log: line 1 is no line of a log" report --log other.log --output x.html
expect 1 "first.log: line 1 is cut off" report --log first.log --output x.html
[ ! -c /dev/zero ] || expect 1 "line 1 has more than 67108864 bytes" report --log /dev/zero \
    --output x.html
expect 1 "cannot read none.jsonl: No such file or directory" report --log none.jsonl --output x.html
expect 1 "cannot read ." report --log . --output x.html
expect_nothing_left x.html

# A model that cannot be shown: the log is
cut -d, -f 1-5 test.csv >narrow.csv
expect 1 "narrow.csv" report --log run.jsonl --model m.safetensors --data narrow.csv --output \
    narrow.html
page "data that lack a column" narrow.html "Not shown, or not whole:" "narrow.csv" "Loss of cvr" \
    "experts+gates 1" '!ROC'
cut -d, -f 2- test.csv >unlabelled.csv
label=$(head -n 1 test.csv | cut -d, -f 1)
expect 1 "\"$label\"" report --log run.jsonl --model m.safetensors --data unlabelled.csv --output \
    unlabelled.html
page "data that lack a label: its curves are missing, the rest is there" unlabelled.html \
    "Not shown, or not whole:" "What the gates weigh" "Calibration of"
check "one of two ROC curves" [ "$(grep -c '<h3>ROC of' unlabelled.html)" -eq 1 ]
expect 1 "none.mm" report --log run.jsonl --model none.mm --data test.csv --output missing.html
page "no model" missing.html "Not shown, or not whole:" "Loss of cvr" '!ROC'
expect 0 "" train --config config.json --train train.csv --output other.mm --set model.n_expert=2
expect 0 "" report --log run.jsonl --model other.mm --data test.csv --output other.html
page "another run's model" other.html "other.mm has another configuration than the run of the log" \
    "ROC of ctr"

# Output
expect 2 "--model and --data belong together" report --log run.jsonl --model m.safetensors \
    --output x.html
expect 2 "--log and --output are the same file" report --log run.jsonl --output run.jsonl
expect 1 "cannot write none/x.html: No such file or directory" report --log run.jsonl --output \
    none/x.html
[ ! -c /dev/full ] || expect 1 "No space left on device" report --log run.jsonl --output /dev/full
printf '#!/bin/sh\nulimit -f 8\nexec "$@"\n' >limited
wrapper="sh ./limited"
expect 1 "cannot write x.html: File too large" report --log run.jsonl --output x.html
wrapper=""
expect_nothing_left x.html

# However large the run
python3 - <<'PY'
import json

lines = open("run.jsonl").read().splitlines()
head, epoch = json.loads(lines[0]), json.loads(lines[1])
names = [f"task {t} " + "äß" * 40 for t in range(40)]
head["config"]["tasks"] = [dict(head["config"]["tasks"][0], name=n) for n in names]
with open("large.jsonl", "w") as out:
    print(json.dumps(head), file=out)
    for e in range(1, 401):
        metric = {"auc": 0.5 + e / 1000, "logloss": 1 / e, "calibration": 1.0}
        gates = [dict(epoch["gates"][0], name=f"gates.{g}", task=n,
            mean_weights=[(k * g * e) % 97 / 97 for k in range(100)],
            experts=[f"experts.{k}" for k in range(100)]) for g, n in enumerate(names)]
        print(json.dumps(dict(epoch, epoch=e, losses={n: 1 / e for n in names},
            factors={n: 1 + e for n in names}, valid={n: metric for n in names}, gates=gates)),
            file=out)
PY
expect 0 "" report --log large.jsonl --output large.html
page "40 tasks, 100 experts, 400 epochs" large.html "the first 16 of 40 tasks are shown" \
    "the first 16 of 40 gates are shown" "Epochs 400"
finish
