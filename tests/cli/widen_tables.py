"""widen_tables.py TYPE MODEL WEIGHTS: a state_dict with the floats of a model file whose tables are
bf16 or int8. By NumPy, where that is there, and by hand: both must come to the same."""
import array
import json
import struct
import sys

kind, model, weights = sys.argv[1:]
data = open(model, "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header, rest = json.loads(data[8:8 + size]), data[8 + size:]
header.pop("__metadata__")
parts = {name: rest[slice(*t["data_offsets"])] for name, t in header.items()}
try:
    import numpy
except ImportError:
    numpy = None


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def by_numpy(name, rows, dim):
    if kind == "bf16":
        halves = numpy.frombuffer(parts[name], "<u2").reshape(rows, dim)
        return (halves.astype("<u4") << 16).view("<f4").tobytes()
    integers = numpy.frombuffer(parts[name], "i1").reshape(rows, dim)
    scales = numpy.frombuffer(parts[name + "_scale"], "<f4").reshape(rows, 1)
    return (integers.astype("<f4") * scales).tobytes()


def by_hand(name, rows, dim):
    if kind == "bf16":
        halves = struct.unpack("<%dH" % (rows * dim), parts[name])
        return struct.pack("<%dI" % (rows * dim), *(half << 16 for half in halves))
    integers = array.array("b", parts[name])
    scales = struct.unpack("<%df" % rows, parts[name + "_scale"])
    return struct.pack("<%df" % (rows * dim), *(
        single(n * scales[i // dim]) for i, n in enumerate(integers)))


out, blob, tables = {}, b"", 0
for name, t in header.items():
    part = parts[name]
    if name.endswith("_scale") or name.startswith("vocab."):
        continue
    if t["dtype"] in ("BF16", "I8"):
        assert t["dtype"] == {"bf16": "BF16", "int8": "I8"}[kind]
        rows, dim = t["shape"]
        assert kind == "bf16" or header[name + "_scale"]["shape"] == [rows, 1]
        part = by_hand(name, rows, dim)
        assert numpy is None or part == by_numpy(name, rows, dim)
        t, tables = dict(t, dtype="F32"), tables + 1
    out[name] = dict(t, data_offsets=[len(blob), len(blob) + len(part)])
    blob += part
assert tables
text = json.dumps(out).encode()
open(weights, "wb").write(struct.pack("<Q", len(text)) + text + blob)
