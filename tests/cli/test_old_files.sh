#!/bin/sh
# shellcheck disable=SC2016
# Files of version 0.1 (tests/files/v0.1): a model serves, and a checkpoint goes on to that model's
# bits.
#   test_old_files.sh PROGRAM README-OF-THE-FOLDER
old=$(dirname "$(realpath "$2")")
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

weights() { # MODEL FILE: its tensors alone
    "$mmoe" export --model "$1" --format safetensors --output "$2"
}

for name in mmoe_adam ple_adamw esmm_sgd; do
    expect 0 "" predict --model "$old/$name.safetensors" --data "$old/valid.csv" --output scores.csv
    check "$name: the model is read" weights "$old/$name.safetensors" wanted
    rows=$old/train.csv
    [ $name != esmm_sgd ] || rows=$old/esmm_train.csv
    for threads in 1 3; do
        cp "$old/$name.ckpt" run.ckpt
        expect 0 "" train --config "$old/$name.json" --train "$rows" --valid "$old/valid.csv" \
            --resume run.ckpt --output new.safetensors --threads $threads
        check "$name: the new model's tensors" weights new.safetensors got
        check "$name, $threads threads: the same model as from a run of version 0.1" cmp got wanted
    done
    check "$name: the checkpoint is now of version 3" grep -qaF '"format_version":"3"' run.ckpt
    # Version 0.1 did not know its validation rows.
    cp "$old/$name.ckpt" run.ckpt
    head -n 100 "$old/valid.csv" >other.csv
    expect 0 "" train --config "$old/$name.json" --train "$rows" --valid other.csv \
        --resume run.ckpt --output new.safetensors
done
finish
