/* Lines of CSV as rows for a handler: which of them is the header, which are blank, which wait to
 * be passed on, whoever found their fields. */
#ifndef MMOE_BASE_CSV_LINES_H
#define MMOE_BASE_CSV_LINES_H

#include "base/alloc.h"
#include "base/csv_rows.h"

/* Bytes from each of a text's on that can be read (mmoe_csv_rows.is_readable). */
enum { MMOE_CSV_READABLE = 64 };

/* Begins with the first five, and the form and what was passed over of pieces before. */
typedef struct mmoe_csv_lines {
    mmoe_allocator alloc;
    const char *name;
    const mmoe_csv_handler *handler;
    mmoe_error *err;
    mmoe_status status; /* of all that reads the file: nothing goes on behind a fault */
    mmoe_csv_form form;
    mmoe_csv_passed passed;
    int terminator;         /* of the record or blank line before */
    mmoe_csv_field *fields; /* [field_capacity] of the rows that wait, and of the row so far */
    size_t n_fields, field_capacity;
    size_t n_waiting, waiting; /* their fields; rows that are yet to be passed */
    int64_t first_waiting;
} mmoe_csv_lines;

/* Fields of the rows that are passed at once, which the cache has until their columns are read. */
enum { MMOE_CSV_FIELDS_AT_ONCE = 4096 };

/* Memory is out within the row that is read: MMOE_E_MEMORY, with its place. */
mmoe_status mmoe_csv_lines_fail_memory(const mmoe_csv_lines *l, size_t bytes);
/* `memory` with room for `wanted` entries; NULL, the status being set, when there is none. */
void *mmoe_csv_lines_grown(mmoe_csv_lines *l, void *memory, size_t *capacity, size_t wanted,
                           size_t size);
/* Room for one more field than `n` in the row so far; false, the status being set: there is none.
 */
bool mmoe_csv_lines_grow(mmoe_csv_lines *l, size_t n);
/* Can rows of a text be taken as mmoe_csv_lines_take takes them? Then what they say of one another
 * is known, and each is wanted. */
bool mmoe_csv_lines_are_alike(const mmoe_csv_lines *l);
/* As many rows as there are at once, of as many cells as the header has, that end by LF; `rows`
 * lacks their number. */
void mmoe_csv_lines_take(mmoe_csv_lines *l, mmoe_csv_rows rows);
/* A line ends by this byte; its `n_fields`, none of a blank one, are a row. */
void mmoe_csv_lines_end(mmoe_csv_lines *l, int terminator);
/* Passes the rows that wait: before anything is told of what comes behind them, and before their
 * texts go. */
void mmoe_csv_lines_pass(mmoe_csv_lines *l);
void mmoe_csv_lines_fail_separator(mmoe_csv_lines *l);
void mmoe_csv_lines_finish(mmoe_csv_lines *l);

#endif
