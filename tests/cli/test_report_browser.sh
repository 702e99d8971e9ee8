#!/bin/sh
# The page of a run as Chromium shows it, at 1200 and 390 pixels, light and dark: nothing runs out
# of the page, is cut, overlaps or is too small. Skipped where there is no Chromium
# (tools/install-deps --browser).
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || exit 77
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 2000
for file in train valid test; do
    run synth clicks --lists --rows 1000 --output $file.csv
done
lists='"sequence": [{"name": "history"}, {"name": "tags", "weight_separator": ":"}],'
sed -i "s/\"dense\":/$lists&/" config.json

# Of a page in a frame of each width: what is wrong with it, a line each between FOUND and END.
cat >probe.html <<'HTML'
<!DOCTYPE html>
<meta charset="utf-8"><meta name="color-scheme" content="light dark">
<body style="margin:0"><iframe id="frame" style="border:0;height:800px"></iframe>
<pre id="found"></pre>
<script>
const [page, dark] = location.hash.slice(1).split(","), widths = [1200, 390];
const found = ["FOUND"], say = (...words) => found.push([frame.style.width, ...words].join(" "));
const name = e => e.tagName + " \"" + e.textContent.trim().slice(0, 40) + "\"";
// WCAG's contrast of a text with the ground under it.
const channels = c => c.match(/[\d.]+/g).map(Number);
const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = c => {
    const [r, g, b] = c.map(v => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
function ground(e) {
    const layers = [];
    for (; e; e = e.parentElement) {
        const [r, g, b, a = 1] = channels(getComputedStyle(e).backgroundColor);
        layers.push([r, g, b, a]);
        if (a === 1) break;
    }
    const over = (under, [r, g, b, a]) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a));
    return layers.reverse().reduce(over, [255, 255, 255]);
}
function contrast(e, color) {
    const [a, b] = [light(channels(color).slice(0, 3)), light(ground(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}
function look(doc) {
    for (const d of doc.querySelectorAll("details")) d.open = true;
    const root = doc.documentElement;
    if (root.scrollWidth > root.clientWidth)
        say("the page is", root.scrollWidth, "wide of", root.clientWidth);
    const isDark = frame.contentWindow.matchMedia("(prefers-color-scheme: dark)").matches;
    if (isDark !== (dark === "1")) say("the theme is the other");
    for (const e of doc.querySelectorAll("h1,h2,h3,p,figure,summary,dd,dt,li")) {
        const r = e.getBoundingClientRect();
        if (r.right > root.clientWidth + 0.5 || r.left < 0) say(name(e), "runs out of the page");
        if (e.scrollWidth > e.clientWidth + 1 && e.tagName !== "LI")
            say(name(e), "is wider than its box");
    }
    for (const e of doc.querySelectorAll("p,dd,dt,th,td,figcaption,summary,li")) {
        const seen = contrast(e, getComputedStyle(e).color);
        if (e.textContent.trim() && seen < 4.5) say(name(e), "has a contrast of", seen.toFixed(2));
    }
    for (const svg of doc.querySelectorAll("figure svg[role=img]")) {
        const outer = svg.getBoundingClientRect(), scale = svg.getScreenCTM().a;
        const texts = [...svg.querySelectorAll("text")];
        const boxes = texts.map(t => t.getBoundingClientRect());
        texts.forEach((t, i) => {
            const b = boxes[i], size = parseFloat(getComputedStyle(t).fontSize) * scale;
            const label = svg.getAttribute("aria-label").slice(0, 50) + ": " + name(t);
            if (size < 11) say(label, "is", size.toFixed(1), "px");
            if (b.left < outer.left - 1 || b.right > outer.right + 1 || b.top < outer.top - 1 ||
                b.bottom > outer.bottom + 1)
                say(label, "is cut");
            if (contrast(svg, getComputedStyle(t).fill) < 4.5) say(label, "is faint");
            for (let j = 0; j < i; j++) {
                const o = boxes[j];
                const high = Math.min(b.bottom, o.bottom) - Math.max(b.top, o.top);
                const wide = Math.min(b.right, o.right) - Math.max(b.left, o.left);
                if (wide > 1 && high > 0.35 * b.height) say(label, "lies on", name(texts[j]));
            }
        });
    }
    if (doc.querySelectorAll("figure svg[role=img]").length < 8) say("there are few figures");
}
function next() {
    frame.style.width = widths.shift() + "px";
    frame.src = page;
}
frame.onload = () => {
    try { look(frame.contentDocument); } catch (e) { say(e); }
    if (widths.length) return next();
    found.push("END");
    document.getElementById("found").textContent = found.join("\n");
};
next();
</script>
HTML

chromium() { # DARK ARGUMENT...
    dark=$1
    shift
    timeout 600 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars \
        --allow-file-access-from-files --user-data-dir="$work/profile" \
        --host-resolver-rules='MAP * ~NOTFOUND' \
        --blink-settings=preferredColorScheme="$((1 - dark))" "$@" 2>/dev/null
}

# A picture that shows something, on a ground of its theme: the PNG's pixels.
cat >pixels.py <<'PY'
import struct
import sys
import zlib

import numpy

data, at, packed = open(sys.argv[1], "rb").read(), 8, b""
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at : at + 8])
    body = data[at + 8 : at + 8 + size]
    if kind == b"IHDR":
        width, height, depth, color = struct.unpack(">IIBB", body[:10])
    if kind == b"IDAT":
        packed += body
    at += size + 12
assert depth == 8 and color in (2, 6)
step = 3 if color == 2 else 4
raw = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).reshape(height, 1 + width * step)
rows, before = [], numpy.zeros((width, step), numpy.uint8)
for kind, line in zip(raw[:, 0], raw[:, 1:].reshape(height, width, step)):
    if kind == 1:
        line = numpy.cumsum(line, axis=0, dtype=numpy.uint8)
    elif kind == 2:
        line = line + before
    elif kind:  # from what stands to the left, which is made by then
        line, above, left, corner = line.tolist(), before.tolist(), [0] * step, [0] * step
        for of_pixel, up in zip(line, above):
            for i in range(step):
                a, b, c = left[i], up[i], corner[i]
                p = a + b - c
                paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                of_pixel[i] = of_pixel[i] + ((a + b) // 2 if kind == 3 else paeth) & 255
            left, corner = of_pixel, up
        line = numpy.array(line, numpy.uint8)
    rows.append(line[:, :3])
    before = line
pixels = numpy.stack(rows)
ground = pixels[2, 2]
drawn = (pixels != ground).any(axis=(1, 2)).sum()
colors = len(numpy.unique(pixels[::3].reshape(-1, 3), axis=0))
assert drawn > height / 3 and colors > 50, (drawn, height, colors)
assert (ground.sum(dtype=int) < 150) == (sys.argv[2] == "1"), ground
PY

see() { # PAGE
    for dark in 0 1; do
        chromium $dark --virtual-time-budget=20000 --dump-dom --window-size=1300,900 \
            "file://$work/probe.html#$1,$dark" | sed -n '/>FOUND$/,/^END</p' >err
        [ "$(grep -c '^END<' err)" -eq 1 ] && [ "$(wc -l <err)" -eq 2 ]
        report $? "$1 at 1200 and 390 pixels, dark: $dark"
    done
}

draw() { # PAGE DARK
    chromium "$2" --window-size=800,1000 --screenshot="$work/shot.png" "file://$work/$1"
    check "a picture of $1, dark: $2" /usr/bin/python3 pixels.py shot.png "$2"
}

expect 0 "" train --config config.json --train train.csv --valid valid.csv --test test.csv \
    --output m.safetensors --log run.jsonl --profile trace.json \
    --set trainer.earlystop_task=ctr
expect 0 "" report --log run.jsonl --model m.safetensors --data test.csv --output mmoe.html
see mmoe.html
draw mmoe.html 0
draw mmoe.html 1
# Long names, many experts, levels, a schedule, balancing, a cut log.
sed \
    's/"name": "cvr"/"name": "purchase_within_seven_days_of_the_impression_on_any_device"/' \
    config.json >long.json
expect 0 "" train --config long.json --train train.csv --valid valid.csv \
    --output p.safetensors --log long.jsonl --set trainer.earlystop_task=ctr \
    --set 'model={"name": "ple", "n_level": 2, "n_expert_specific": 12, "n_expert_shared": 12,
        "expert_params": {"dims": [4]}}' \
    --set trainer.scheduler=cosine --set trainer.adaptive_params.method=dwa --set trainer.n_epoch=40
head -c -200 long.jsonl >cut.jsonl
expect 1 "is cut off" report --log cut.jsonl --model p.safetensors --data test.csv --output ple.html
see ple.html
draw ple.html 1
# Regressions, a single epoch.
expect 0 "" synth paper --rows 500 --seed 1 --output paper.csv
cat >paper.json <<'JSON'
{"features": {"dense": [{"name": "x*"}]},
 "tasks": [{"name": "a", "label": "y1", "type": "regression", "tower_params": {"dims": [4]}},
           {"name": "b", "label": "y2", "type": "regression", "tower_params": {"dims": [4]}}],
 "model": {"name": "mmoe", "n_expert": 2, "expert_params": {"dims": [8]}},
 "trainer": {"batch_size": 64, "n_epoch": 1}}
JSON
expect 0 "" train --config paper.json --train paper.csv --valid paper.csv \
    --output r.safetensors --log r.jsonl
expect 0 "" report --log r.jsonl --model r.safetensors --data paper.csv --output regression.html
see regression.html
draw regression.html 0
chromium 0 --print-to-pdf="$work/page.pdf" "file://$work/mmoe.html"
check "it is printed" test -s page.pdf
finish
