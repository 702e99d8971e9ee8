#!/bin/sh
# shellcheck disable=SC2016,SC2317
# A run that is cut off, politely or not, and continued ends with the same bits.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
make_data 10000
all="--set trainer.scheduler=plateau --set trainer.scheduler_params.patience=0
    --set trainer.scheduler_params.factor=0.7 --set trainer.warmup_steps=50
    --set trainer.ema_decay=0.99 --set trainer.clip_norm=0.2
    --set trainer.regularization_params.dense_l1=0.0001"
flags="$all --config config.json --train train.csv --valid valid.csv --threads 2
    --set trainer.n_epoch=40 --set trainer.earlystop_patience=0"

# shellcheck disable=SC2086 # a list of flags
expect 0 "" train $flags --output whole.safetensors --checkpoint whole.ckpt

log_is_empty() {
    rm -f cut.safetensors
    : >$signal.jsonl
}
log_has_two_epochs() { [ "$(grep -c '"epoch":' $signal.jsonl)" -ge 2 ]; }
log_has_all_epochs() { [ "$(grep -c '"epoch":' $signal.jsonl)" -ge 40 ]; }
# shellcheck disable=SC2034 # used by cut_off
too_late=log_has_all_epochs
signals="TERM INT KILL XCPU"
[ "$hangup" = TERM ] || signals="$signals $hangup"
for signal in $signals; do
    # shellcheck disable=SC2086
    cut_off $signal log_is_empty log_has_two_epochs "$mmoe" train $flags --output cut.safetensors \
        --checkpoint $signal.ckpt --log $signal.jsonl
    [ "$signal" = KILL ] && wanted=137 || wanted=1
    check "SIG$signal ends the run with $wanted" [ "$status" -eq "$wanted" ]
    [ "$signal" = KILL ] || check "and the way to continue" grep -qF -e "--resume $signal.ckpt" err
    # A kill between two system calls leaves a name, which the next run takes away.
    if [ "$signal" = KILL ]; then
        check "there is no model" [ ! -e cut.safetensors ]
    else
        expect_nothing_left cut.safetensors
    fi
    check "$signal.ckpt is there" [ -s $signal.ckpt ]
    # shellcheck disable=SC2086
    expect 0 "" train $flags --output cut.safetensors --resume $signal.ckpt --log $signal.jsonl
    check "the same model as from a run that was not cut off (SIG$signal)" cmp cut.safetensors \
        whole.safetensors
    check "no temporary file is left" sh -c '! ls .mmoe-*'
    # A killed run may have written an epoch's line and not its checkpoint.
    check "the log goes on to the last epoch" [ "$(sed -n 's/^{"epoch":\([0-9]*\),.*/\1/p' \
        $signal.jsonl | sort -nu | wc -l)" -eq 40 ]
done

# shellcheck disable=SC2086
{
    expect 1 "--resume" train $flags --output m --resume none.ckpt
    expect 1 "trainer.optimizer_params.lr is 0.01, the checkpoint's is 0.001" train $flags \
        --output m --resume whole.ckpt --set trainer.optimizer_params.lr=0.01
    head -c 5000 whole.ckpt >short.ckpt
    expect 1 "short.ckpt" train $flags --output m --resume short.ckpt
    expect 1 "this is a model, and no checkpoint" train $flags --output m --resume whole.safetensors
    expect 1 "this is a checkpoint of a run, and no model" predict --model whole.ckpt \
        --data test.csv --output scores.csv
    expect 1 "this is a checkpoint of a run, and no model" train $flags --output m --from whole.ckpt
    expect 1 "this is a checkpoint of a run, and no model" inspect --model whole.ckpt
    LC_ALL=C sed '1s/"format_version":"4"/"format_version":"1"/' whole.ckpt >old.ckpt
    expect 1 "old.ckpt: the checkpoint has format version 1; this library reads 2 to 5" train \
        $flags --output m --resume old.ckpt
}
expect 1 "--resume" train --config config.json --train test.csv --output m --resume whole.ckpt

# A run goes on with its own rows.
once() { # WHAT-IS-SAID STATUS ARGUMENT...: a run of an epoch
    said=$1 wanted=$2
    shift 2
    expect "$wanted" "$said" train --config config.json --set trainer.n_epoch=1 --output m "$@"
}
turn_label() { # FILE: one of its labels becomes another
    awk -F, 'BEGIN { OFS = "," } NR == 40 { $1 = 1 - $1 } { print }' "$1"
}
turn_label valid.csv >other.csv
turn_label train.csv >changed.csv
check "one label differs" [ "$(cmp -l valid.csv other.csv | wc -l)" -eq 1 ]
once "" 0 --train train.csv --valid valid.csv --checkpoint judged.ckpt
once "" 0 --train train.csv --checkpoint bare.ckpt
rm m
cp judged.ckpt judged.kept
cp bare.ckpt bare.kept
once "began with other validation rows" 1 \
    --train train.csv --valid other.csv --resume judged.ckpt
once "began with validation rows, and now there are none" 1 --train train.csv --resume judged.ckpt
once "began without validation rows, and now there are some" 1 \
    --train train.csv --valid valid.csv --resume bare.ckpt
once "began with other training rows" 1 --train changed.csv --resume bare.ckpt
expect_nothing_left m
check "the refused checkpoint is as it was" cmp judged.ckpt judged.kept
check "and so is the other" cmp bare.ckpt bare.kept
once "" 0 --train train.csv --valid valid.csv --resume judged.ckpt
once "" 0 --train train.csv --resume bare.ckpt

# A run that has ended goes on where it may have more epochs, or wait longer.
few="--config config.json --train train.csv --valid valid.csv"
few="$few --set trainer.optimizer_params.lr=0.02 --set trainer.earlystop_task=ctr"
go() { # WHAT-IS-SAID STATUS KEYS ARGUMENT...
    said=$1 wanted=$2 set=
    for key in $3; do set="$set --set trainer.$key"; done
    shift 3
    # shellcheck disable=SC2086
    expect "$wanted" "$said" train $few $set "$@"
}
go "" 0 "n_epoch=5" --output five --checkpoint five.ckpt
for keys in "n_epoch=2" "n_epoch=2 scheduler=step" "n_epoch=2 adaptive_params.method=uwl"; do
    more=$(echo "$keys" | sed 's/n_epoch=2/n_epoch=5/')
    go "" 0 "$more" --output five
    go "" 0 "$keys" --output two --checkpoint two.ckpt
    go "" 0 "$more" --output more --resume two.ckpt
    check "two epochs and three are five ($keys)" cmp five more
done
go "it has done all 5 epochs (trainer.n_epoch)" 0 "n_epoch=5" --output more --resume five.ckpt
go "trainer.n_epoch is 3, but the checkpoint's run has done 5 epochs" 1 "n_epoch=3" --output m \
    --resume five.ckpt

go "" 0 "n_epoch=2 scheduler=cosine" --output two --checkpoint cosine.ckpt
go "trainer.scheduler_params.t_max is 5, the checkpoint's is 2" 1 "n_epoch=5 scheduler=cosine" \
    --output m --resume cosine.ckpt
go "" 0 "n_epoch=5 scheduler=cosine scheduler_params.t_max=2" --output five
go "" 0 "n_epoch=5 scheduler=cosine scheduler_params.t_max=2" --output more --resume cosine.ckpt
check "with the t_max it began with, too" cmp five more

go "" 0 "n_epoch=30 earlystop_patience=1" --output early --checkpoint early.ckpt --json
check "the run ended early" grep -q '"epochs": [1-9],' out
go "it had no better score for 1 epochs (trainer.earlystop_patience)" 0 \
    "n_epoch=60 earlystop_patience=1" --output more --resume early.ckpt
for model in early more; do
    run export --model $model --format safetensors --output $model.weights
done
check "more epochs alone do not change that" cmp early.weights more.weights
go "" 0 "n_epoch=30 earlystop_patience=4" --output patient
go "" 0 "n_epoch=30 earlystop_patience=4" --output more --resume early.ckpt
check "more patience does" cmp patient more

rm -f m
go 'trainer.optimizer is "sgd", the checkpoint'"'"'s is "adam"' 1 "n_epoch=5 optimizer=sgd" \
    --output m --resume five.ckpt
go 'trainer.batch_size is 32, the checkpoint'"'"'s is 64 (and 1 keys more differ)' 1 \
    "n_epoch=5 batch_size=32 seed=9" --output m --resume five.ckpt
# shellcheck disable=SC2086
expect 1 "tasks[1].loss_weight is 2.0, the checkpoint's is 1.0" train $few --output m \
    --set trainer.n_epoch=5 --set tasks.1.loss_weight=2 --resume five.ckpt
# shellcheck disable=SC2086
expect 1 "features.sparse[0].embed_dim is 5, the checkpoint's is 4" train $few --output m \
    --set trainer.n_epoch=5 --set features.sparse.0.embed_dim=5 --resume five.ckpt
expect_nothing_left m
finish
