#!/bin/sh
# shellcheck disable=SC2016
# Files of version 0.1 (tests/files/v0.1): a model serves, a checkpoint goes on to that model: to
# its bits where a whole run gives them, else (another processor, compiler or sanitizer) to its
# numbers.
#   test_old_files.sh PROGRAM README-OF-THE-FOLDER
old=$(dirname "$(realpath "$2")")
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

weights() { # MODEL FILE: its tensors alone
    "$mmoe" export --model "$1" --format safetensors --output "$2"
}

# Every tensor within 1e-4 of its largest value; counters are equal.
cat >near.py <<'PY'
import array, json, sys


def tensors(path):
    data = open(path, "rb").read()
    size = int.from_bytes(data[:8], "little")
    for name, t in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + at for at in t["data_offsets"])
            yield name, array.array("f" if t["dtype"] == "F32" else "q", data[begin:end])


got, wanted = dict(tensors(sys.argv[1])), dict(tensors(sys.argv[2]))
assert got.keys() == wanted.keys()
for name, values in wanted.items():
    scale = 1e-4 * max(map(abs, values), default=0) if values.typecode == "f" else 0
    assert len(got[name]) == len(values), name
    for a, b in zip(got[name], values):
        assert abs(a - b) <= scale, (name, a, b)
PY

for name in mmoe_adam ple_adamw esmm_sgd; do
    expect 0 "" predict --model "$old/$name.safetensors" --data "$old/valid.csv" --output scores.csv
    expect 0 "the model file has no mean of training labels" evaluate \
        --model "$old/$name.safetensors" --data "$old/valid.csv"
    check "$name: the model is read" weights "$old/$name.safetensors" wanted
    rows=$old/train.csv
    [ $name != esmm_sgd ] || rows=$old/esmm_train.csv
    expect 0 "" train --config "$old/$name.json" --train "$rows" --valid "$old/valid.csv" \
        --output whole.safetensors
    check "$name: a whole run's tensors" weights whole.safetensors whole
    same="cmp"
    cmp -s whole wanted || same="python3 near.py"
    for threads in 1 3; do
        cp "$old/$name.ckpt" run.ckpt
        expect 0 "" train --config "$old/$name.json" --train "$rows" --valid "$old/valid.csv" \
            --resume run.ckpt --output new.safetensors --threads $threads
        check "$name: the new model's tensors" weights new.safetensors got
        # shellcheck disable=SC2086 # a command and its argument
        check "$name, $threads threads: the model of a run of version 0.1" $same got wanted
        mv got of_$threads
    done
    check "$name: any number of threads gives the same bits" cmp of_1 of_3
    check "$name: the checkpoint is now of version 4" grep -qaF '"format_version":"4"' run.ckpt
    # Version 0.1 did not know its validation rows.
    cp "$old/$name.ckpt" run.ckpt
    head -n 100 "$old/valid.csv" >other.csv
    expect 0 "" train --config "$old/$name.json" --train "$rows" --valid other.csv \
        --resume run.ckpt --output new.safetensors
done
finish
