/* data: integers with a scale a row. Value c of row r is scales[r] rows[r, c]: rows are symmetric
 * about 0, so a row of zeros stays one. */
#include <float.h>
#include <math.h>

#include "base/error.h"
#include "table/narrow.h"

typedef struct int8_rows {
    int8_t *rows;  /* [rows, dim] */
    float *scales; /* [rows] */
} int8_rows;

enum { LARGEST = 127 };

static bool suits_int8(const mmoe_embedding *t) { return t->dtype == MMOE_I8; }

static mmoe_status open_int8(mmoe_embedding *t, void *const *lent, mmoe_error *err) {
    void *rows = lent ? lent[0] : NULL, *scales = lent ? lent[1] : NULL;
    int8_rows *d = mmoe_alloc_zero(&t->alloc, 1, sizeof *d);
    if (!d) return mmoe_fail_memory(err, sizeof *d);
    t->is_lent = rows && scales;
    mmoe_status status = mmoe_narrow_rows(t, t->dim, sizeof *d->rows, &rows, err);
    if (!status) status = mmoe_narrow_rows(t, 1, sizeof *d->scales, &scales, err);
    if (status) {
        if (!lent || !lent[0]) mmoe_release_aligned(&t->alloc, rows);
        mmoe_release(&t->alloc, d);
        return status;
    }
    *d = (int8_rows){rows, scales};
    t->data = d;
    return MMOE_OK;
}

static void close_int8(mmoe_embedding *t) {
    int8_rows *d = t->data;
    if (d && !t->is_lent) {
        mmoe_release_aligned(&t->alloc, d->rows);
        mmoe_release_aligned(&t->alloc, d->scales);
    }
    mmoe_release(&t->alloc, d);
    t->data = NULL;
}

static int32_t int8_blocks(const mmoe_embedding *t, mmoe_block *out) {
    const int8_rows *d = t->data;
    out[0] = (mmoe_block){"weight", MMOE_I8, t->rows * t->dim, d->rows};
    out[1] = (mmoe_block){"weight_scale", MMOE_F32, t->rows, d->scales};
    return 2;
}

/* The largest value becomes 127, unless 128, which others may write, would be infinite then. */
static float scale_of(float largest) { return fminf(largest / LARGEST, FLT_MAX / (LARGEST + 1)); }

/* Where a scale is below the normal numbers it is coarse. */
static int8_t nearest(float x, float scale) {
    const float n = scale > 0 ? rintf(x / scale) : 0;
    return (int8_t)fmaxf(fminf(n, LARGEST), -LARGEST);
}

static int32_t put_int8(mmoe_embedding *t, int64_t row, const float *values) {
    const int8_rows *d = t->data;
    float largest = 0;
    for (int32_t c = 0; c < t->dim; c++) {
        if (!isfinite(values[c])) return c;
        largest = fmaxf(largest, fabsf(values[c]));
    }
    const float scale = d->scales[row] = scale_of(largest);
    for (int32_t c = 0; c < t->dim; c++) d->rows[row * t->dim + c] = nearest(values[c], scale);
    return -1;
}

const mmoe_table_kind mmoe_table_int8 = {.suits = suits_int8,
                                         .open = open_int8,
                                         .blocks = int8_blocks,
                                         .gather = mmoe_narrow_gather,
                                         .close = close_int8,
                                         .dtype = MMOE_I8,
                                         .put = put_int8};
