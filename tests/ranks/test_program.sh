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
expect 1 "$ranks" err "mmoe train: runs in one process, not by $ranks ranks" train --train a.csv
expect 1 3 err 'mmoe: 3 ranks: their number must be a power of two, 1 to 64' --version
expect 2 "$ranks" err 'mmoe: unknown command "trian"' trian
expect 2 "$ranks" err 'mmoe: --wait takes a number of seconds, 0 to 1e9' --wait long train
expect 2 "$ranks" err 'mmoe: --wait takes a number of seconds, 0 to 1e9' --wait

# One rank is mmoe, and says that it is one.
"$mmoe" synth clicks --rows 50 --seed 7 --output wanted.csv 2>/dev/null
"$program" --wait 60 synth clicks --rows 50 --seed 7 --output got.csv >out 2>err &&
    cmp -s wanted.csv got.csv && grep -qx 'mmoe: one rank, as mmoe: mpirun or srun starts more' err
report $? "without a launcher it is mmoe"
[ $failures -eq 0 ]
