/* Results: JSON, tables of metrics. */
#ifndef MMOE_TOOLS_OUTPUT_H
#define MMOE_TOOLS_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

#include "cli.h"

/* The whole configuration; NULL when memory is out. */
json_t *cli_config_json(const mmoe_config *config);
/* A file of JSON, up to 16 MB, without the byte order mark; prints the error, and is NULL then. */
json_t *cli_read_json(const char *path);
/* A text that need not be UTF-8, a path: with ? for each byte that is no character. */
json_t *cli_json_text(const char *text);
/* null unless the value is finite. */
json_t *cli_json_number(double value);
/* One line, or indented; releases the value, NULL being a lack of memory. */
int cli_print_json(FILE *stream, json_t *value, bool indent);

/* The metrics of the task's type, {"auc": ..., "logloss": ..., "calibration": ...}, with "why" when
 * one is undefined. */
json_t *cli_metrics_json(const mmoe_task_metrics *metrics);
/* {"rows": N, "tasks": [...]} */
json_t *cli_report_json(int64_t rows, const mmoe_task_metrics *metrics, int32_t n_task);
/* A field of a CSV file, quoted where it must be to be read as it is. */
void cli_write_field(FILE *stream, const char *text);

/* A metric, in five digits: "0.60010", "12.345", "627890", "1.6070e+09", "undefined". */
enum { CLI_FIGURE_SIZE = 24 };
const char *cli_figure_text(double value, char text[CLI_FIGURE_SIZE]);
/* Metrics of the same rows' tasks, or of a task's rows: lines of a table a type. */
typedef struct cli_lines {
    const char *head;                 /* what the metrics' names are: "task" */
    const mmoe_task_metrics *metrics; /* [count] */
    int32_t count;
    bool with_types;
} cli_lines;
void cli_print_lines(const cli_lines *lines);
/* The tasks', and what group AUC is of. */
void cli_print_metrics(const mmoe_task_metrics *metrics, int32_t n_task);

#endif
