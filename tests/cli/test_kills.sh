#!/bin/sh
# Streamed runs that are killed at random moments, and continued with another number of threads, end
# with the same bits. MMOE_KILLS: how often, of more rows than a window has; default: twice, of few.
# MMOE_KILLS_SEED draws the same moments again.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
kills=${MMOE_KILLS:-2}
seed=${MMOE_KILLS_SEED:-$(date +%s)}
[ "$kills" -gt 2 ] && log=300000 || log=20000

make_data 1000
sed -i 's/"batch_size": 64/"batch_size": 512, "memory": 512/' config.json
expect 0 "" synth clicks --rows $log --seed 3 --output rows.csv
expect 0 "" pack --config config.json --data rows.csv --output rows.d
head -n 2001 rows.csv >valid.csv
rm rows.csv
# Rows of tables are behind where a run is cut off within an epoch.
flags="--config config.json --train rows.d --valid valid.csv --checkpoint k"
flags="$flags --set trainer.embedding_update=deferred --set trainer.optimizer=adamw"
began=$(date +%s%N)
# shellcheck disable=SC2086 # a list of flags, here and below
expect 0 "" train $flags --threads 2 --output whole
milliseconds=$((($(date +%s%N) - began) / 1000000))
echo "# $kills kills of a run of $milliseconds ms, seed $seed"

# SECONDS SIGNAL THREADS-BEFORE THREADS-AFTER: in a run, or as it is to end. Of many kills half are
# to leave something to go on with, so there are as many as that takes.
[ "$kills" -gt 2 ] && most=$((20 * kills)) || most=$kills
awk -v n="$most" -v seed="$seed" -v most="$milliseconds" 'BEGIN {
    srand(seed)
    for (i = 0; i < n; i++) {
        before = int(1 + 3 * rand())
        printf "%.3f %s %d %d\n", rand() * most / 1000, i % 2 ? "KILL" : "INT", before,
            before % 3 + 1
    }
}' >moments
continued=0 n=0
while read -r seconds signal before after; do
    [ $n -lt "$kills" ] || [ $((2 * continued)) -lt "$kills" ] || break
    n=$((n + 1))
    rm -f k cut
    # shellcheck disable=SC2086
    "$mmoe" train $flags --threads "$before" --output cut >out 2>err &
    pid=$!
    sleep "$seconds"
    kill -"$signal" $pid 2>/dev/null
    wait $pid 2>/dev/null
    set --
    [ -e k ] && [ ! -e cut ] && set -- --resume k && continued=$((continued + 1))
    # shellcheck disable=SC2086
    [ -e cut ] || run train $flags --threads "$after" --output cut "$@"
    [ -e cut ] && cmp -s cut whole
    report $? "SIG$signal after $seconds s, $before threads, then $after: the same model"
done <moments
echo "# $continued of $n runs were continued"
[ "$kills" -le 2 ] || check "half of the runs were continued" [ $((2 * continued)) -ge "$kills" ]
finish
