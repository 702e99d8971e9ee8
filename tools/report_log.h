/* The log that `mmoe train --log` wrote, read for `mmoe report`. Every value of it may be missing
 * or of another type. */
#ifndef MMOE_TOOLS_REPORT_LOG_H
#define MMOE_TOOLS_REPORT_LOG_H

#include <jansson.h>

#include "cli.h"

typedef struct report_log {
    const char *path;
    json_t *head;    /* the first line of the run; NULL: the log has none */
    json_t *epochs;  /* lines in the order of their epochs, one an epoch: the later one where a
                        resumed run repeats it */
    json_t *result;  /* NULL: the run did not come to its end */
    json_t *profile; /* NULL: the run was not profiled */
    json_t *starts;  /* after which epochs the run was resumed */
    int64_t lines;
    int64_t bad_line; /* the first that is no line of a log, but for a cut one; 0: none */
    int64_t n_bad;
    bool is_cut;        /* the last line is cut off */
    int64_t other_runs; /* runs in the same file before this one */
    int64_t format;     /* 0: it names none */
} report_log;

/* Prints the error; the caller frees the log either way. */
int cli_log_read(report_log *log, const char *path);
void cli_log_free(report_log *log);

int cli_log_task_count(const report_log *log);
/* A task's name; NULL past the last. */
const char *cli_log_task(const report_log *log, int task);
/* A task's type. Without the log's first line: by its metrics. */
int cli_log_task_type(const report_log *log, const char *task);
/* The last epoch that was the best so far, whose weights were kept; -1: none. */
int64_t cli_log_best(const report_log *log);
/* Of how many members the run is (model.members); its epochs are the first's. */
int cli_log_members(const report_log *log);
int64_t cli_log_epoch_at(const report_log *log, size_t index);

/* NaN unless there is a number at keys of objects in objects, the last being NULL:
 * cli_json_at(line, "valid", "ctr", "auc", NULL). */
double cli_json_at(const json_t *object, ...);
/* NULL unless there is a text. */
const char *cli_json_text_at(const json_t *object, const char *key);

#endif
