/* The columns of a source of rows, and what is read of them. */
#ifndef MMOE_DATA_ROW_COLUMNS_H
#define MMOE_DATA_ROW_COLUMNS_H

#include "data/csv_file.h"

/* A column of a source. */
typedef struct mmoe_row_column {
    const char *name;
    const char *fault; /* why its cells cannot be read, a sentence; NULL: they can */
    bool is_list; /* its cells are lists: the text of each element with a zero byte behind it */
    /* What is answered: */
    bool is_read;         /* something reads the column; others' cells are not looked at */
    char separator;       /* of a list that a vector is read of: what stands between its elements
                             instead; 0: nothing */
    bool has_comma;       /* numbers are read with a comma before their fraction */
    const char *positive; /* of a label's column: the text of those that are 1; NULL: 1 is */
} mmoe_row_column;

/* Answers for all columns, of which those that `file` reads are found. MMOE_E_FORMAT: one of these
 * has a fault, or has lists that what reads it does not take. */
mmoe_status mmoe_row_columns_take(mmoe_row_column *columns, const mmoe_csv_file *file,
                                  mmoe_error *err);

#endif
