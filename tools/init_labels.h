/* What `mmoe init` makes of a label column: two values that may stand for 0 and 1, and a task's
 * name. */
#ifndef MMOE_TOOLS_INIT_LABELS_H
#define MMOE_TOOLS_INIT_LABELS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct cli_label_value {
    char *text;
    double number; /* NaN: it is a word */
    int64_t count;
} cli_label_value;

/* A value that may stand for no label, "?" or -9. */
typedef struct cli_label_aside {
    cli_label_value value;
    int64_t row; /* of the first */
    bool is_gap; /* it does */
} cli_label_aside;

/* The first two values of a column, as labels are told apart: "1" is "1.0". */
enum { CLI_LABEL_ASIDES = 8 };
typedef struct cli_label_values {
    cli_label_value seen[2];
    cli_label_aside aside[CLI_LABEL_ASIDES + 1]; /* the last: of what is found out later */
    int n_aside;
    bool more;        /* there is a third */
    int64_t cased;    /* words that are one of them but for capitals, which is a third */
    char *other_case; /* the first of these */
} cli_label_values;

/* False: memory is out. */
bool cli_label_values_add(cli_label_values *values, const char *text, int64_t count);
/* Sets a value aside, *is_aside, unless too many are. */
bool cli_label_values_set_aside(cli_label_values *values, const char *text, int64_t row,
                                bool *is_aside);
void cli_label_values_free(cli_label_values *values);
/* Are the first two 0 and 1? */
bool cli_label_bits(const cli_label_values *values);
/* Of two values that are not 0 and 1 the one that is to count as 1: the larger number, a word that
 * says yes, or else the rarer one. NULL: there are not two, or they are 0 and 1. */
const char *cli_label_positive(const cli_label_values *values);

enum { CLI_TASK_NAME_SIZE = 65 };
/* A name for the task of a label column that no task of `tasks` bears yet. */
void cli_task_name(const json_t *tasks, const char *label, char name[CLI_TASK_NAME_SIZE]);

#endif
