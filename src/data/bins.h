/* Numbers to bins, for the kinds that cut a column of them at boundaries: row 0 is for a missing
 * value; a number takes row 1 + how many boundaries are not above it (the right-hand sides of
 * torch.bucketize and of TensorFlow's bucketized columns). */
#ifndef MMOE_DATA_BINS_H
#define MMOE_DATA_BINS_H

#include "data/column.h"

/* Rows of a table whose bins have these boundaries. */
static inline int64_t mmoe_bins_rows(const mmoe_numbers *boundaries) {
    return (int64_t)boundaries->count + 2;
}

/* Why they are no boundaries of a table of `rows` rows, 0: it is not known yet; NULL: they are. */
const char *mmoe_bins_check(const mmoe_numbers *boundaries, int64_t rows,
                            char fault[MMOE_FAULT_SIZE]);
/* Of a column of numbers: where its bins begin, and how texts write the numbers. */
typedef struct mmoe_bins {
    const mmoe_numbers *boundaries;
    const mmoe_number_text *text;
} mmoe_bins;
/* As parse and take of a column kind. */
const char *mmoe_bins_parse(mmoe_bins bins, const char *text, size_t length, mmoe_cell *out);
const char *mmoe_bins_take(mmoe_bins bins, mmoe_value_type type, const void *at, mmoe_cell *out);
/* The number of a cell's text; NaN: it is missing, as its state says. The fault is of the text. */
const char *mmoe_bins_number(const mmoe_number_text *how, const char *text, size_t length,
                             double *out, mmoe_cell *cell);

#endif
