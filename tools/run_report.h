/* What a training run says while it goes: a line an epoch or a progress line on standard error, and
 * a JSON log. */
#ifndef MMOE_TOOLS_RUN_REPORT_H
#define MMOE_TOOLS_RUN_REPORT_H

#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "cli.h"

enum { CLI_LOG_FORMAT = 1 }; /* changes when an older program would misread the log */

typedef struct run_report {
    const mmoe_model *model;
    const volatile sig_atomic_t *stopped; /* a signal came: callbacks ask the trainer to stop */
    char watched[32];                     /* trainer.earlystop_metric */
    const char *log_path;
    FILE *log; /* NULL: none */
    bool gates_named;
    int32_t epochs;
    bool has_best;
    int32_t best_epoch; /* 0: before the first step, as a linear model (model.linear) */
    double seconds;
    double train_seconds;
    int64_t train_rows;
    int32_t collapsed; /* gates, in the last epoch */
    double lr;         /* of the last line that was printed */
    json_t *shrunk;    /* tasks that a warning of trainer.shrink was of; the caller's to release */
} run_report;

typedef struct run_files {
    const char *train, *valid, *test, *model;  /* the last is written; valid and test may be NULL */
    int64_t train_rows, valid_rows, test_rows; /* -1: no such file */
    int threads;
} run_files;

/* Opens the log, at its end when a run is resumed, and writes its first line. Prints the error. */
int cli_report_open(run_report *report, const char *log_path, bool is_resumed,
                    const run_files *files);
/* The log's last line: {"result": ...} as `train --json` prints it, and "profile" unless it is
 * NULL. The values stay the caller's. */
void cli_report_result(run_report *report, json_t *result, json_t *profile);
/* Closes the log and prints the error if a line of it was not written. */
int cli_report_close(run_report *report);

/* Callbacks of mmoe_trainer_options; `user` is the run_report. */
int cli_report_epoch(void *user, const mmoe_epoch_report *epoch);
int cli_report_progress(void *user, const mmoe_progress *progress);
void cli_report_warning(void *user, const mmoe_warning *warning);

/* Has trainer.shrink warned of the task? */
bool cli_report_shrank(const run_report *report, const char *task);

#endif
