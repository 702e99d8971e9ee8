# shellcheck shell=sh
# Sourced by tests of ranks: how processes are started on this machine alone, by any user, on any
# number of processors.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
export OMPI_MCA_plm_rsh_agent=/bin/false OMPI_MCA_orte_base_help_aggregate=1
# What a launcher around this test says is not of the jobs that it starts.
for variable in $(env | sed -nE 's/^((PMI|PMIX|OMPI_COMM|SLURM)_[A-Z_]*)=.*/\1/p'); do
    unset "$variable"
done
