/* Rows of cells, one after another, as a data set. A source of them, such as a file, says what its
 * columns are, then passes row by row. */
#ifndef MMOE_DATA_ROWS_H
#define MMOE_DATA_ROWS_H

#include "base/csv.h"
#include "data/dataset.h"
#include "data/row_columns.h"

/* Called once with the columns, then with each row, whose texts need no terminators. The first
 * status other than MMOE_OK ends reading and is returned; `err` is filled then. */
typedef struct mmoe_row_handler {
    void *user;
    mmoe_status (*header)(void *user, mmoe_row_column *columns, size_t n, mmoe_error *err);
    mmoe_status (*row)(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err);
} mmoe_row_handler;

typedef struct mmoe_row_source {
    const char *name;    /* in errors; it may change between rows */
    const char *nothing; /* what is said where there are no rows to learn from */
    void *user;
    mmoe_status (*read)(void *user, const mmoe_row_handler *handler, mmoe_error *err);
} mmoe_row_source;

/* MMOE_E_ARGUMENT: `labels` is none of MMOE_LABELS_REQUIRED and so on. */
mmoe_status mmoe_label_mode_check(int labels, mmoe_error *err);

/* As mmoe_dataset_fit and mmoe_dataset_read_csv do. */
mmoe_status mmoe_rows_fit(const mmoe_row_source *source, const mmoe_schema_wanted *wanted,
                          const mmoe_allocator *alloc, struct mmoe_schema **schema,
                          struct mmoe_dataset **out, mmoe_error *err);
mmoe_status mmoe_rows_read(const mmoe_row_source *source, const struct mmoe_schema *schema,
                           int labels, const mmoe_allocator *alloc, struct mmoe_dataset **out,
                           mmoe_error *err);

#endif
