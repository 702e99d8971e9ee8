/* What the values of a data set's columns were, for people and for programs. */
#ifndef MMOE_TOOLS_COLUMNS_H
#define MMOE_TOOLS_COLUMNS_H

#include <jansson.h>

#include "cli.h"

/* The warnings of rows that a standing schema has read, and a remark for each other column that has
 * missing or unknown values. */
void cli_remark_columns(const char *file, const mmoe_dataset *data);
/* [{"name", "missing", "unknown", "values"}], of all sparse columns and of the dense ones that may
 * be missing; of lists with "lengths". NULL when memory is out, which is printed. */
json_t *cli_columns_json(const mmoe_model *model, const mmoe_dataset *data);

/* The lists of a column as they were read: cut to max_len, and without padding. */
typedef struct cli_lists {
    const char *name;
    const mmoe_column_counts *counts;
    mmoe_list_format format;
    int64_t rows, empty, longest;
    int64_t median; /* half of the lists are not longer */
    double mean;
} cli_lists;

/* 1: the sparse column has lists, `before` other ones having some, and *out tells of them; 0: it
 * has none; -1: memory is out, which is printed. */
int cli_lists_of(const mmoe_model *model, const mmoe_dataset *data, int32_t column, int32_t before,
                 cli_lists *out);
/* A share of values or lists in per cent; 0 of none. */
double cli_share(int64_t count, int64_t all);
/* A table of all columns that are lists, if there are any. */
int cli_print_lists(const mmoe_model *model, const mmoe_dataset *data);

#endif
