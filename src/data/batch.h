/* What a source hands out and a plan runs. */
#ifndef MMOE_DATA_BATCH_H
#define MMOE_DATA_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/lists.h"

/* Rows to run, read in place: row b of the batch is row index[b] of the arrays (b where index is
 * NULL). */
typedef struct mmoe_rows {
    int32_t rows;
    const uint32_t *index;
    const int32_t *ids;  /* [., id_stride] */
    const float *dense;  /* [., dense_stride] */
    const float *labels; /* [., label_stride], NaN: missing; NULL when predicting */
    const float *weights;
    size_t id_stride, dense_stride, label_stride;
    mmoe_lists lists;
    bool complete;              /* no label is missing and no row is weighed */
    bool is_share;              /* others' rows are not here: their index is MMOE_NO_ROW */
    const int32_t *const *kept; /* [columns that the data set keeps] [.]; NULL: not asked for */
} mmoe_rows;

static inline size_t mmoe_row_of(const mmoe_rows *r, int32_t b) {
    return r->index ? r->index[b] : (size_t)b;
}

/* Some of the rows. */
static inline mmoe_rows mmoe_rows_part(const mmoe_rows *r, int32_t first, int32_t count) {
    mmoe_rows part = *r;
    part.rows = count;
    if (r->index) {
        part.index = r->index + first;
        return part;
    }
    const size_t at = (size_t)first;
    if (r->ids) part.ids = r->ids + at * r->id_stride;
    if (r->dense) part.dense = r->dense + at * r->dense_stride;
    if (r->labels) part.labels = r->labels + at * r->label_stride;
    if (r->weights) part.weights = r->weights + at;
    if (r->lists.offsets) part.lists.offsets = r->lists.offsets + at * (size_t)r->lists.count;
    part.kept = NULL;
    return part;
}

#endif
