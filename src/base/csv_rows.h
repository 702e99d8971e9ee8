/* What is told of a CSV file, and to whom. */
#ifndef MMOE_BASE_CSV_ROWS_H
#define MMOE_BASE_CSV_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmoe/train.h"

typedef struct mmoe_csv_field {
    const char *text; /* terminated, too; valid during the call */
    size_t length;
} mmoe_csv_field;

/* What has been passed over. */
typedef struct mmoe_csv_passed {
    int64_t blank_lines, blank_behind; /* how many, and the row before the first (0: none) */
    int64_t commas;                    /* rows with one more at their end */
    int64_t quotes_row;                /* of malformed quotes, which ended reading; 0: none */
    char separator; /* what seems to separate the header's fields in a comma's place; 0: nothing */
} mmoe_csv_passed;

/* What the rows so far say of those behind them. Begins as zeros. */
typedef struct mmoe_csv_form {
    char separator;     /* 0: the text has not begun */
    size_t columns;     /* 0: the header is yet to come */
    bool has_first_row; /* which says whether rows end with one comma more */
    bool has_comma;
    int64_t row; /* the last one's number */
} mmoe_csv_form;

/* Rows that stand one behind another. Either they are [count, columns] fields; or `fields` is NULL,
 * and cell c of row r is what stands between bytes[cuts[i]] and bytes[cuts[i + 1]], i being r *
 * stride + c; cuts[0] may be -1. */
typedef struct mmoe_csv_rows {
    int64_t first; /* its number */
    size_t count, columns;
    const mmoe_csv_field *fields;
    char *bytes;
    const uint32_t *cuts;
    size_t stride;
    bool is_readable; /* 64 bytes from each of a text's on are */
} mmoe_csv_rows;

/* A cell's text, which gets its terminator now where rows are not fields. */
static inline mmoe_csv_field mmoe_csv_cell(const mmoe_csv_rows *r, size_t row, size_t column) {
    if (r->fields) return r->fields[row * r->columns + column];
    const uint32_t *cut = r->cuts + row * r->stride + column, begin = cut[0] + 1;
    r->bytes[cut[1]] = '\0';
    return (mmoe_csv_field){r->bytes + begin, cut[1] - begin};
}

/* Row `index` of them, alone. */
static inline mmoe_csv_rows mmoe_csv_row_of(const mmoe_csv_rows *r, size_t index) {
    mmoe_csv_rows row = *r;
    row.first += (int64_t)index;
    row.count = 1;
    if (r->fields)
        row.fields += index * r->columns;
    else
        row.cuts += index * r->stride;
    return row;
}

/* Called once with the header, then with each row, which has as many fields. A status other than
 * MMOE_OK ends reading and is returned; the handler has filled `err` then. Header fields contain no
 * zero byte, nor does any other field. */
typedef struct mmoe_csv_handler {
    void *user;
    mmoe_status (*header)(void *user, const mmoe_csv_field *fields, size_t n_fields,
                          mmoe_error *err);
    mmoe_status (*row)(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err);
    bool lenient;               /* a quote that is malformed is part of its field */
    const char *quotes_hint;    /* stands behind the fault of malformed quotes; NULL: nothing */
    mmoe_csv_passed *passed;    /* filled while reading; may be NULL */
    char separator;             /* 0: a comma */
    bool headless;              /* the first row is data; `header` gets made names, c1, c2, ... */
    const char *separator_hint; /* stands behind the fault of another separator; NULL: nothing */
    mmoe_csv_form *form;        /* NULL: the text is whole. Else it is a piece of one that is cut
                                   behind rows, never between CR and LF: this is what the pieces
                                   before have said, moved on, and `passed` goes on from theirs */
    /* Called in place of `row` with as many rows as there are at once; NULL: `row` is. */
    mmoe_status (*rows)(void *user, const mmoe_csv_rows *rows, mmoe_error *err);
    const mmoe_watcher *watcher; /* of mmoe_csv_read; NULL: none */
    /* Asked of each row: is it passed over, as if the text were without it? NULL: none is. */
    bool (*skip)(void *user, int64_t row);
    /* Told of a row with more or fewer fields than the header; MMOE_OK: reading goes on without it.
     * NULL: it ends. */
    mmoe_status (*fault)(void *user, const mmoe_error *fault, mmoe_error *err);
} mmoe_csv_handler;

#endif
