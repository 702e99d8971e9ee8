#!/bin/sh
# A rank that is killed, hangs or fills its disk: the job ends everywhere within a bound, no file is
# half there, and the run goes on to the bits of one that was left alone, by any number of ranks.
#   test_rank_kills.sh MMOE MMOE_MPI MPIRUN
# MMOE_RANKS is how many there are, 2 unless said; MMOE_KILLS how many are killed, 2 unless said.
# MMOE_KILLS_SEED draws the same moments again.
program=$(realpath "$2") mpirun=$3 here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"
. "$here/mpi.sh"
ranks=${MMOE_RANKS:-2} kills=${MMOE_KILLS:-2} seed=${MMOE_KILLS_SEED:-$(date +%s)}
bound=600 # seconds, on the slowest of machines
trap 'end_all; rm -rf "$work"' EXIT

start() { # RANKS ARGUMENT...
    n=$1
    shift
    begin_job
    "$mpirun" -np "$n" sh "$work/rank.sh" "$program" "$@" >>out 2>>err </dev/null &
    job=$!
}
end_all() {
    for file in pid.*; do
        [ ! -e "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null
    done
}
# Waits for the job, its status to `status`. False: it has not ended in time, or left a rank behind.
await() {
    tenths=$((10 * bound))
    while kill -0 $job 2>/dev/null && [ $tenths -gt 0 ]; do
        sleep 0.1
        tenths=$((tenths - 1))
    done
    ! kill -0 $job 2>/dev/null || kill -KILL $job
    wait $job
    status=$?
    [ $tenths -gt 0 ] || return 1
    for file in pid.*; do
        left=$((10 * bound))
        while kill -0 "$(cat "$file")" 2>/dev/null && [ $left -gt 0 ]; do
            sleep 0.1
            left=$((left - 1))
        done
        [ $left -gt 0 ] || return 1
    done
    rm -f pid.* # numbers that other processes may have from now on
}

# Until the checkpoint is there.
await_checkpoint() {
    while [ ! -e k ] && kill -0 $job 2>/dev/null; do sleep 0.02; done
}

run synth clicks --rows 20000 --seed 3 --output rows.csv
cat >config.json <<'END'
{"features": {"sparse": [{"name": "101", "hash_bucket_size": 40000, "embed_dim": 8},
                         {"name": "2*"}],
              "dense": [{"name": "D*"}]},
 "tasks": [{"name": "ctr", "label": "click"}, {"name": "cvr", "label": "purchase"}],
 "model": {"n_expert": 3, "expert_params": {"dims": [16], "dropout": 0.1}},
 "trainer": {"n_epoch": 6, "segments": 8, "batch_size": 512, "optimizer": "adamw",
             "embedding_update": "deferred"}}
END
flags="--config config.json --train rows.csv --valid rows.csv --threads 1"
# shellcheck disable=SC2086 # a list of flags, here and below
"$mmoe" train $flags --output whole --checkpoint whole.ckpt >out 2>err &&
    "$mmoe" train $flags --set trainer.n_epoch=7 --output more --resume whole.ckpt >out 2>err
report $? "a run that is left alone"
# One process goes on with what is there as with its own: all rows, and those of no other save.
is_whole() { # SHARDS
    cmp -s cut whole && [ "$(find . -name 'k.rows-*' | wc -l)" -eq "$1" ] &&
        "$mmoe" train $flags --set trainer.n_epoch=7 --output again --resume k \
            --checkpoint k.more >out 2>err && cmp -s again more
}
shards() { [ "$1" -eq 1 ] && echo 0 || echo "$1"; }
began=$(date +%s%N)
# shellcheck disable=SC2086
start "$ranks" train $flags --output cut --checkpoint k
await && [ $status -eq 0 ] && is_whole "$ranks"
report $? "$ranks ranks that are left alone"
milliseconds=$((($(date +%s%N) - began) / 1000000))
echo "# $kills kills of a run of $milliseconds ms, seed $seed"

# SECONDS RANK RANKS-AFTERWARDS
awk -v n="$kills" -v seed="$seed" -v most="$milliseconds" -v ranks="$ranks" 'BEGIN {
    srand(seed)
    for (i = 0; i < n; i++)
        printf "%.3f %d %d\n", rand() * most / 1000, rand() * ranks, 2 ^ int(3 * rand())
}' >moments
continued=0
while read -r seconds rank after; do
    rm -f k k.* cut
    # shellcheck disable=SC2086
    start "$ranks" train $flags --output cut --checkpoint k
    sleep "$seconds"
    [ ! -e "pid.$rank" ] || kill -KILL "$(cat "pid.$rank")" 2>/dev/null
    await && { [ $status -ne 0 ] || cmp -s cut whole; }
    report $? "rank $rank of $ranks is killed after $seconds s: the job ends (was $status)"
    set --
    [ ! -e k ] || set -- --resume k && continued=$((continued + $#))
    if [ -e cut ]; then
        after=$ranks
    else
        # shellcheck disable=SC2086
        start "$after" train $flags --output cut --checkpoint k "$@"
        await
        # One that had only its model to write has nothing more to save.
        ! grep -q 'the run that is continued is over' err || after=$ranks
    fi
    is_whole "$(shards "$after")"
    report $? "$after ranks go on to the same model"
done <moments
echo "# $((continued / 2)) of $kills runs were continued"

# One that is killed when there is a checkpoint: from that the run goes on. A run that ended before
# that, since this shell had to wait for its turn, has another try.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    rm -f k k.* cut
    # shellcheck disable=SC2086
    start "$ranks" train $flags --output cut --checkpoint k
    await_checkpoint
    kill -KILL "$(cat pid.1)" 2>/dev/null
    await
    has_ended=$?
    { [ $has_ended -eq 0 ] && [ -e cut ]; } || break
done
[ $has_ended -eq 0 ] && [ $status -ne 0 ] && [ -e k ] && [ ! -e cut ]
report $? "rank 1 is killed behind the first checkpoint (was $status)"
# shellcheck disable=SC2086
start "$ranks" train $flags --output cut --checkpoint k --resume k
await && [ $status -eq 0 ] && is_whole "$ranks"
report $? "and the run goes on from it"

# Until a job that trains on and on has done an epoch.
await_epoch() {
    while ! grep -q '"epoch":' log 2>/dev/null && kill -0 $job 2>/dev/null; do sleep 0.1; done
}
on="--set trainer.n_epoch=100000 --set trainer.earlystop_patience=0 --log log"
# Seconds that a rank may be late: more than one is that only has to wait for its turn.
late=10

# One that hangs, when training is under way.
rm -f k cut
# shellcheck disable=SC2086
start "$ranks" --wait $late train $flags $on --output cut
await_epoch
kill -STOP "$(cat pid.1)"
await && ended && [ "$(grep -c "^mmoe.*rank 1: late for .* by $late seconds" err)" -eq 1 ]
report $? "a rank that hangs is named, and ends all (was $status)"

# A signal to one rank stops all, and the checkpoint has the run.
rm -f k k.* log
# shellcheck disable=SC2086
start "$ranks" train $flags $on --output cut --checkpoint k
await_epoch
kill -TERM "$(cat pid.1)"
await && ended && [ "$(grep -c '^mmoe' err)" -eq 1 ] && [ -e k ] && [ ! -e cut ] &&
    grep -qx 'mmoe train: stopped; continue with the same flags and --resume k' err
report $? "a signal to rank 1 stops all, who say it once (was $status)"
rm -f k k.* log

# One that hangs in a sweep, with its run, which is dealt when the short ones have ended.
cat >sweep.json <<END
{"config": "config.json", "train": "rows.csv", "valid": "rows.csv", "seeds": $ranks,
 "grid": {"trainer.n_epoch": [1, 100000], "trainer.earlystop_patience": [0]}}
END
start "$ranks" --wait $late sweep --config sweep.json --output sweep --threads 1
touch sweep.csv
while [ "$(wc -l <sweep.csv)" -le "$ranks" ] && kill -0 $job 2>/dev/null; do
    sleep 0.1
    cp sweep/results.csv sweep.csv 2>/dev/null
done
kill -STOP "$(cat pid.1)"
what="what runs came to"
await && ended && [ "$(grep -c "^mmoe.*rank 1: late for $what by $late seconds" err)" -eq 1 ] &&
    [ "$(grep -cE '^mmoe.*rank 1 has not ended its run .*n_epoch=100000 .*seed' err)" -eq 1 ]
report $? "a rank that hangs in a sweep is named, and its run (was $status)"

# The disk of a rank is full: of the first, which writes checkpoints, and of another, which keeps
# the best weights of a large table, or writes its rows of one.
cat >large.json <<'END'
{"features": {"sparse": [{"name": "101", "hash_bucket_size": 300000, "embed_dim": 16}]},
 "tasks": [{"name": "ctr", "label": "click"}],
 "model": {"n_expert": 2, "expert_params": {"dims": [8]}},
 "trainer": {"segments": 8, "batch_size": 10000}}
END
for full in "0 dense" "1 dense" "1 deferred"; do
    rm -f k k.* cut log
    rank=${full% *}
    update="--set trainer.optimizer=adamw --set trainer.embedding_update=${full#* }"
    # shellcheck disable=SC2086
    start "$ranks" train --config large.json --train rows.csv $on $update --output cut \
        --checkpoint k --threads 1
    await_epoch
    await_checkpoint
    prlimit --pid "$(cat pid.$rank)" --fsize=8192
    await && ended && [ "$(grep -c '^mmoe' err)" -eq 1 ] &&
        grep -q '^mmoe.*: File too large' err &&
        [ ! -e cut ] && { [ $rank -eq 0 ] || grep -q '^mmoe.*rank 1: ' err; }
    report $? "the disk of rank $rank is full: it says so, and all end (was $status, ${full#* })"
    # shellcheck disable=SC2086
    [ ! -e k ] || run train --config large.json --train rows.csv --set trainer.n_epoch=1 $update \
        --output cut --resume k
    [ ! -e k ] || grep -qE 'but the checkpoint.s run has done [0-9]+ epochs' err ||
        [ $status -eq 0 ]
    report $? "and no half checkpoint is left"
done
finish
