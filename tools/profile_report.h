/* mmoe train --profile: where the time of the training steps went. */
#ifndef MMOE_TOOLS_PROFILE_REPORT_H
#define MMOE_TOOLS_PROFILE_REPORT_H

#include "cli.h"

typedef struct profile_report {
    mmoe_profile *profile; /* NULL: none was asked for */
    int threads;
    double peak; /* GEMM peak of all threads together, flop/s */
} profile_report;

/* Measures the GEMM peak and makes the profile that a trainer fills. Prints the error. */
int cli_profile_open(profile_report *report, int threads);
/* Prints the table to standard error and writes the trace. `train_seconds`: the time of the steps and what lies between
 * them. Prints the error. */
int cli_profile_close(const profile_report *report, const char *path, double train_seconds);

#endif
