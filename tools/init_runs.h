/* Lists that stand in several columns, an element in each: hist_1, hist_2, ... */
#ifndef MMOE_TOOLS_INIT_RUNS_H
#define MMOE_TOOLS_INIT_RUNS_H

#include <jansson.h>

#include "init_survey.h"

/* Neighbours in the file whose names are one stem with numbers that go up by one. */
typedef struct cli_run {
    size_t first, columns; /* 0 columns: there is no list */
    int64_t values;        /* of the column that has most */
    double shared;         /* part of a column's values that the first one has, or the other way
                              round, whichever is the larger; of all columns the least */
    double elements;       /* of a row, on average */
} cli_run;

/* The list that begins with column `first`. Ids make one, texts or integers by their name, if
 * hardly a row has a value twice, as tags have none and answers of a survey many; so do any
 * integers of columns that are named as a history. Values must be alike. */
cli_run cli_find_run(const cli_survey *s, size_t first);
/* Says what it is taken for, and adds the sequence. */
void cli_write_run(const cli_survey *s, const cli_run *run, json_t *features);

#endif
