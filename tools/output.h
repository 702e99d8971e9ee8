/* Results: files written whole or not at all, checks of paths before hours of work, JSON, tables of
 * metrics. */
#ifndef MMOE_TOOLS_OUTPUT_H
#define MMOE_TOOLS_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"

/* A file on its way: a temporary one beside `path` until it is kept. */
typedef struct cli_file {
    const char *path;
    char *temporary; /* NULL: standard output or a device, written in place */
    FILE *stream;
} cli_file;

/* "-" is standard output. Prints the error. The caller keeps or drops the file. */
int cli_file_open(cli_file *file, const char *path);
/* Has a write failed? To be asked right after writing: the system's reason is the last call's.
 * Prints the error. */
int cli_file_check(const cli_file *file);
/* Flushes, syncs and renames; prints the error and drops the file on failure. */
int cli_file_keep(cli_file *file);
/* Removes the temporary file; does nothing to a file that was never opened (all zero) or was kept.
 */
void cli_file_drop(cli_file *file);

/* Can a file be written there? Makes and removes one in its folder. */
int cli_check_output(const char *flag, const char *path);

/* Paths of one command line, NULL where a flag was not given. */
typedef struct cli_path {
    const char *flag, *path;
    bool is_output;
} cli_path;
/* Wrong usage when an output is also another flag's file. */
int cli_check_paths(const cli_path *paths, size_t count);

/* Flushes standard output; prints the error. */
int cli_close_stdout(void);

/* The whole configuration; NULL when memory is out. */
json_t *cli_config_json(const mmoe_config *config);
/* null unless the value is finite. */
json_t *cli_json_number(double value);
/* One line, or indented; releases the value, NULL being a lack of memory. */
int cli_print_json(FILE *stream, json_t *value, bool indent);

/* {"auc": ..., "logloss": ..., "calibration": ...} or {"mse": ...}, with "why" when a figure is
 * undefined. */
json_t *cli_metrics_json(const mmoe_task_metrics *metrics);
/* {"rows": N, "tasks": [...]} */
json_t *cli_report_json(int64_t rows, const mmoe_task_metrics *metrics, int32_t n_task);
void cli_print_metrics(const mmoe_task_metrics *metrics, int32_t n_task);
const char *cli_task_type_name(int type);

#endif
