# shellcheck shell=sh
# Sourced by tests of ranks: how processes are started on this machine alone, by any user, on any
# number of processors.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe # Open MPI 5
export OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_plm_rsh_agent=/bin/false OMPI_MCA_orte_base_help_aggregate=1
# Jobs have a folder of their own, beside no other test's; who does not end by SIGTERM is killed at
# once, not after a second.
# shellcheck disable=SC2154 # of lib.sh
export OMPI_MCA_orte_tmpdir_base="$work" OMPI_MCA_odls_base_sigkill_timeout=0
# So many ranks of a command, in $status and the files out and err. What ranks say goes there
# without the launcher: MPICH's, when it is late, loses what is said right before a job ends.
cat >"$work/rank.sh" <<END
echo \$\$ >"$work/pid.\${OMPI_COMM_WORLD_RANK:-\$PMI_RANK}"
exec "\$@" >>"$work/out" 2>>"$work/err"
END
# The launcher of Open MPI 5 may end what it says with a zero byte: it is text all the same.
grep() { command grep -a "$@"; }
begin_job() {
    rm -f pid.*
    : >out
    : >err
}
run_job() { # MPIRUN RANKS COMMAND...
    launcher=$1 n=$2
    shift 2
    begin_job
    "$launcher" -np "$n" sh "$work/rank.sh" "$@" >>out 2>>err </dev/null
    status=$?
}
# The job whose exit status is $status and whose standard error is in the file err ended with 1; or
# it would have, had the launcher of Open MPI not crashed while it printed the message of an
# MPI_Abort.
# shellcheck disable=SC2154 # of who sources this
ended() { # [STATUS]: with another
    [ "$status" -eq "${1:-1}" ] ||
        { [ "${1:-1}" -eq 1 ] && [ "$status" -eq 139 ] && grep -q orte_rml_oob_send_buffer_nb err; }
}
# What a launcher around this test says is not of the jobs that it starts.
for variable in $(env | sed -nE 's/^((PMI|PMIX|OMPI_COMM|SLURM)_[A-Z_]*)=.*/\1/p'); do
    unset "$variable"
done
