/* Metrics of slices of the rows, as `mmoe evaluate --by` prints them. */
#ifndef MMOE_TOOLS_SLICES_REPORT_H
#define MMOE_TOOLS_SLICES_REPORT_H

#include <jansson.h>

#include "cli.h"

/* A table a task. Prints the error. */
int cli_print_slices(const mmoe_row_slices *slices, int32_t n_task);
/* {"column": ..., "slices": [{"value": ..., "rows": ..., "tasks": [...]}, ...], "left_out": ...,
 * "rows_left_out": ...}; the value of a missing cell is null. */
json_t *cli_slices_json(const mmoe_row_slices *slices, int32_t n_task);

#endif
