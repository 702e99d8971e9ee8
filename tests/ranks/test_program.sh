#!/bin/sh
# mmoe-mpi: what one rank prints, once, and what it refuses.
#   test_program.sh MMOE MMOE_MPI MPIRUN
# MMOE_RANKS is how many there are, 2 unless said.
set -u
. "$(dirname "$0")/mpi.sh"
mmoe=$(realpath "$1") program=$(realpath "$2") mpirun=$3
ranks=${MMOE_RANKS:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

report() { # STATUS DESCRIPTION
    if [ "$1" -eq 0 ]; then
        echo "ok $2"
    else
        failures=$((failures + 1))
        echo "not ok $2"
        sed 's/^/#   /' out err
    fi
}

# The job must end with a status, and print a line once, in the file `out` or `err`, and no other of
# its own in either.
expect() { # STATUS RANKS FILE LINE ARGUMENT...
    wanted=$1 n=$2 file=$3 line=$4
    shift 4
    "$mpirun" -np "$n" "$program" "$@" >out 2>err </dev/null
    status=$?
    [ "$status" -eq "$wanted" ] && [ "$(grep -cxF -e "$line" $file)" -eq 1 ] &&
        [ "$(cat out err | grep -c '^mmoe')" -eq 1 ]
    report $? "$n ranks exit $wanted \"$line\": mmoe-mpi $* (was $status)"
}

expect 0 "$ranks" out "$("$mmoe" --version)" --version
expect 1 "$ranks" err "mmoe pack: runs in one process, not by $ranks ranks" pack --train a.csv
expect 1 3 err 'mmoe: 3 ranks: their number must be a power of two, 1 to 64' --version
expect 2 "$ranks" err 'mmoe: unknown command "trian"' trian
expect 2 "$ranks" err 'mmoe: --wait takes a number of seconds, 0 to 1e9' --wait long train
expect 2 "$ranks" err 'mmoe: --wait takes a number of seconds, 0 to 1e9' --wait
expect 2 "$ranks" err 'mmoe: --wait takes a number of seconds, 0 to 1e9' --wait -5 train

# One rank is mmoe, and says that it is one.
"$mmoe" synth clicks --rows 50 --seed 7 --output wanted.csv 2>/dev/null
"$program" --wait 60 synth clicks --rows 50 --seed 7 --output got.csv >out 2>err &&
    cmp -s wanted.csv got.csv && grep -qx 'mmoe: one rank, as mmoe: mpirun or srun starts more' err
report $? "without a launcher it is mmoe"

# A model that ranks train is that of one process, byte by byte, and so is a run that goes on.
"$mmoe" synth clicks --rows 3000 --seed 7 --output rows.csv 2>/dev/null
cat >config.json <<'END'
{"features": {"sparse": [{"name": "1*"}, {"name": "2*"}], "dense": [{"name": "D*"}]},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "purchase"}],
 "model": {"n_expert": 3, "expert_params": {"dims": [16], "dropout": 0.1}}}
END
set_keys="--set trainer.n_epoch=2 --set trainer.segments=8 --set trainer.batch_size=700"
train="train --config config.json --train rows.csv --valid rows.csv $set_keys --threads 1"
"$mmoe" $train --output one.safetensors --checkpoint one.ckpt >wanted 2>/dev/null
"$mpirun" -np "$ranks" "$program" $train --output many.safetensors --checkpoint many.ckpt \
    --log many.log >out 2>err </dev/null
status=$?
[ $status -eq 0 ] && cmp -s one.safetensors many.safetensors && cmp -s one.ckpt many.ckpt &&
    cmp -s wanted out && [ "$(grep -c '"epoch":' many.log)" -eq 2 ]
report $? "$ranks ranks train the model of one process (was $status)"
"$mpirun" -np "$ranks" "$program" $train --output many.safetensors --resume one.ckpt \
    --set trainer.n_epoch=3 >out 2>err </dev/null
status=$?
"$mmoe" $train --output one.safetensors --resume many.ckpt --set trainer.n_epoch=3 >wanted 2>&1
[ $status -eq 0 ] && cmp -s one.safetensors many.safetensors && cmp -s one.ckpt many.ckpt
report $? "$ranks ranks go on with a run of one process, and the other way round (was $status)"
least="each takes at least one segment of a batch"
expect 1 "$ranks" err "mmoe train: trainer.segments is 1, and there are $ranks ranks: $least" \
    train --config config.json --train rows.csv --output x.safetensors
piped="rows of standard input are one process's: several ranks read files"
expect 2 "$ranks" err "mmoe train: $piped" \
    train --config config.json --train - --output x.safetensors
[ $failures -eq 0 ]
