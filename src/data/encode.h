/* Columns of a caller's values as rows of tables and numbers. */
#ifndef MMOE_DATA_ENCODE_H
#define MMOE_DATA_ENCODE_H

#include "data/column.h"
#include "data/notes.h"

/* What was read of a column: elements of lists, and raw values, of lists or not. */
typedef struct mmoe_seen {
    int64_t elements, missing, unknown;
    bool *any; /* becomes true with one of them */
} mmoe_seen;

static inline void mmoe_seen_elements(mmoe_seen *seen, size_t count) {
    *seen->any = true;
    seen->elements += (int64_t)count;
}

/* What may give a row to a value that has none, before it is noted. */
typedef struct mmoe_unknown {
    const char *(*take)(void *context, mmoe_part value,
                        mmoe_cell *cell); /* as mmoe_column_kind.add */
    void *context;
} mmoe_unknown;

/* Rows [first, first + rows) of a column. */
typedef struct mmoe_values {
    const mmoe_encoder *encoder;
    const char *name; /* in errors */
    const mmoe_column *column;
    size_t first, rows;
    const mmoe_reading *reading;    /* of texts */
    mmoe_note *note;                /* of raw values; NULL: nothing is noted */
    const mmoe_dense_column *dense; /* of numbers */
    bool is_list;                   /* these are elements of one row, `row` */
    size_t row;
    size_t parts;    /* of a cross, whose column may be MMOE_VALUE_PARTS; 0: it is none */
    mmoe_seen *seen; /* counts what is missing or unknown; NULL: nothing does */
    const mmoe_unknown *unknown; /* is given what is unknown; NULL: it stays so */
} mmoe_values;

/* Is the column of a type that its encoder takes, and are there values? `call` names the public
 * function. MMOE_E_ARGUMENT. */
mmoe_status mmoe_values_check(const mmoe_values *values, const char *call, mmoe_error *err);
/* Writes row r to to[r * stride], a number's inputs one behind the other; `to` NULL: looks for
 * faults alone. err->row counts from 1, the batch's first row. MMOE_E_ARGUMENT: a row number
 * outside the table, an input that is not finite; MMOE_E_DATA: a raw value that the encoder does
 * not take. */
mmoe_status mmoe_encode_ids(const mmoe_values *values, int32_t *to, size_t stride, mmoe_error *err);
mmoe_status mmoe_encode_numbers(const mmoe_values *values, float *to, size_t stride,
                                mmoe_error *err);

/* The two faults of encoded values, in whatever array they stand. */
mmoe_status mmoe_fail_row_number(const mmoe_values *values, size_t row, int32_t id,
                                 mmoe_error *err);
mmoe_status mmoe_fail_input(const mmoe_values *values, size_t row, mmoe_error *err);

#endif
