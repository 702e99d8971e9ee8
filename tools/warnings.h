/* Warnings: each is said on standard error at once, and kept for the results of --json. */
#ifndef MMOE_TOOLS_WARNINGS_H
#define MMOE_TOOLS_WARNINGS_H

#include <jansson.h>

#include "cli.h"

/* "mmoe COMMAND: warning: sentence", unless that was said before. From any thread. */
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Those of a data set, each behind the name of its file. */
void cli_warn_of_data(const char *file, const mmoe_dataset *data);
/* Those of its labels in a model's eyes. */
void cli_warn_of_labels(const char *file, const mmoe_model *model, const mmoe_dataset *data);
/* Those of weights that were read, each behind the name of their file. */
void cli_warn_of_weights(const char *file, const mmoe_model *model);
/* What the figures say against the model; `file` NULL: `rows` names them, "test rows". */
void cli_warn_of_metrics(const char *file, const char *rows, const mmoe_task_metrics *metrics,
                         int32_t n_task);
/* An on_warning of mmoe_trainer_options. */
void cli_warn_of_training(void *user, const mmoe_warning *warning);
/* Those that were said from the `first` on; the caller's. */
json_t *cli_warnings_since(size_t first);
/* Adds "warnings" to a result, [] where there were none; gives it back. */
json_t *cli_with_warnings(json_t *result);

#endif
