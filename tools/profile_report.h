/* mmoe train --profile: where the time of the training steps went. */
#ifndef MMOE_TOOLS_PROFILE_REPORT_H
#define MMOE_TOOLS_PROFILE_REPORT_H

#include <jansson.h>

#include "cli.h"

typedef struct profile_report {
    mmoe_profile *profile; /* NULL: none was asked for */
    int threads;
    double peak; /* GEMM peak of all threads together, flop/s */
} profile_report;

/* Measures the GEMM peak and makes the profile that a trainer fills. Prints the error. */
int cli_profile_open(profile_report *report, int threads);
/* Prints the table to standard error and writes the trace. `train_seconds`: the time of the steps
 * and what lies between them. Prints the error. */
int cli_profile_close(const profile_report *report, const char *path, double train_seconds);
/* {"seconds": ..., "threads", "gemm_peak", "blas", "core_type", "kernels", "nodes": [{"node",
 * "pass", "calls", "seconds", "flops", "bytes"}]}; NULL: none was asked for, or memory is out. */
json_t *cli_profile_json(const profile_report *report, double train_seconds);

#endif
