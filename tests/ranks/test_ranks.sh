#!/bin/sh
# Ranks over MPI: what every engine must do, and how jobs end.
#   test_ranks.sh RANK_PROGRAM MPI MPIRUN
# MMOE_RANKS is how many there are, 2 unless said.
mpi=$2 mpirun=$3 here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/cli/lib.sh
. "$here/../cli/lib.sh"
. "$here/mpi.sh"
ranks=${MMOE_RANKS:-2}

# In $status and the file said, both streams.
end_job() { # NUMBER_OF_RANKS JOB; 0: without a launcher
    if [ "$1" -eq 0 ]; then
        run "$2" </dev/null
    else
        run_job "$mpirun" "$1" "$mmoe" "$2"
    fi
    cat out err >said
}

# The job must end with a status, and say each line once.
expect_job() { # STATUS NUMBER_OF_RANKS JOB LINE...
    wanted=$1 n=$2 job=$3
    shift 3
    end_job "$n" "$job"
    check "$job of $n ranks over $mpi exits with $wanted (was $status)" ended "$wanted"
    for line in "$@"; do
        check "$job of $n ranks: $line" [ "$(grep -cxF -e "$line" said)" -eq 1 ]
    done
    check "$job of $n ranks says nothing more" [ "$(grep -cE '^(own|said|start): ' said)" -le $# ]
}

expect_job 0 1 cases '1 ranks did it'
expect_job 0 "$ranks" cases "$ranks ranks did it"
expect_job 1 "$ranks" late 'own: rank 1: late for the gradients by 0.5 seconds'
expect_job 1 "$ranks" first-late 'said: rank 1: rank 0: late for the gradients by 0.5 seconds'
expect_job 1 4 told-late 'said: rank 1: rank 0: late for the gradients by 0.5 seconds'
expect_job 1 4 beside-late 'said: rank 1: the disk is full'
expect_job 1 "$ranks" alone 'own: rank 1: the disk is full'
expect_job 1 "$ranks" alike 'own: no file'
expect_job 1 "$ranks" apart 'own: no file' 'said: rank 1: no memory'
expect_job 1 "$ranks" told 'own: the rows differ'
expect_job 1 "$ranks" leave 'own: rank 1: ended while others wait for the gradients'
expect_job 1 "$ranks" first-leaves "$ranks ranks did it" \
    'said: rank 1: rank 0: ended while others wait for the gradients'
expect_job 1 "$ranks" differ 'own: letters: rank 1 sends 3 bytes where rank 0 expects 4'
expect_job 1 3 nothing 'start: 3 ranks: their number must be a power of two, 1 to 64'

# One that dies ends the others.
end_job "$ranks" die
check "a rank that dies ends all $ranks" [ "$status" -ne 0 ]

# Without a launcher: one rank. Under another MPI's: as its environment is for this one.
end_job 0 nothing
check "without a launcher there is one rank" grep -qx '1 ranks did it' said
for rank in 0 1; do
    case $mpi in
    openmpi) wrapper="env PMI_SIZE=2 PMI_RANK=$rank" ;;
    *) wrapper="env OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=$rank" ;;
    esac
    run nothing
    check "rank $rank of another MPI's launcher exits with 1" [ "$status" -eq 1 ]
    cat out err >"said.$rank"
done
alone='^start: .* has started 2 processes, and each finds itself alone'
check "which rank 0 says" grep -qE "$alone" said.0
check "and no other" [ "$(grep -c '^start' said.1)" -eq 0 ]
finish
