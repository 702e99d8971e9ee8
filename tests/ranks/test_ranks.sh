#!/bin/sh
# Ranks over MPI: what every engine must do, and how jobs end.
#   test_ranks.sh RANK_PROGRAM MPI MPIRUN
# MMOE_RANKS is how many there are, 2 unless said.
set -u
. "$(dirname "$0")/mpi.sh"
program=$1 mpi=$2 mpirun=$3
ranks=${MMOE_RANKS:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

report() { # STATUS DESCRIPTION
    if [ "$1" -eq 0 ]; then
        echo "ok $2"
    else
        failures=$((failures + 1))
        echo "not ok $2"
        sed 's/^/#   /' "$work/out"
    fi
}

# The job must end with a status, and say each line once.
expect() { # STATUS NUMBER_OF_RANKS JOB LINE...
    wanted=$1 n=$2 job=$3
    shift 3
    "$mpirun" -np "$n" "$program" "$job" >"$work/out" 2>&1 </dev/null
    status=$?
    [ "$status" -eq "$wanted" ]
    report $? "$job of $n ranks over $mpi exits with $wanted (was $status)"
    for line in "$@"; do
        [ "$(grep -cxF -e "$line" "$work/out")" -eq 1 ]
        report $? "$job of $n ranks: $line"
    done
    said=$(grep -cE '^(own|said|start): ' "$work/out")
    [ "$said" -le $# ]
    report $? "$job of $n ranks says nothing more"
}

expect 0 1 cases '1 ranks did it'
expect 0 "$ranks" cases "$ranks ranks did it"
expect 1 "$ranks" late 'own: rank 1: late for the gradients by 0.5 seconds'
expect 1 "$ranks" alone 'own: rank 1: the disk is full'
expect 1 "$ranks" alike 'own: no file'
expect 1 "$ranks" apart 'own: no file' 'said: rank 1: no memory'
expect 1 "$ranks" leave 'own: rank 1: ended while others wait for the gradients'
expect 1 "$ranks" differ 'own: letters: rank 1 sends 3 bytes where rank 0 expects 4'
expect 1 3 nothing 'start: 3 ranks: their number must be a power of two, 1 to 64'

# One that dies ends the others.
"$mpirun" -np "$ranks" "$program" die >"$work/out" 2>&1 </dev/null
[ $? -ne 0 ]
report $? "a rank that dies ends all $ranks"

# Without a launcher: one rank. Under another MPI's: as its environment is for this one.
"$program" nothing >"$work/out" 2>&1 && grep -qx '1 ranks did it' "$work/out"
report $? "without a launcher there is one rank"
for rank in 0 1; do
    case $mpi in
    openmpi) env PMI_SIZE=2 PMI_RANK=$rank "$program" nothing >"$work/out.$rank" 2>&1 ;;
    *)
        env OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=$rank "$program" nothing \
            >"$work/out.$rank" 2>&1
        ;;
    esac
    [ $? -eq 1 ]
    report $? "rank $rank of another MPI's launcher exits with 1"
done
grep -qE '^start: .* has started 2 processes, and each finds itself alone' "$work/out.0" &&
    ! grep -q '^start' "$work/out.1"
report $? "which rank 0 says, and no other"
[ $failures -eq 0 ]
