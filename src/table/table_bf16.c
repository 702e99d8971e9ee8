/* data: uint16_t [rows, dim], bfloat16: the upper half of a float */
#include "table/narrow.h"

static bool suits_bf16(const mmoe_embedding *t) { return t->dtype == MMOE_BF16; }

static mmoe_status open_bf16(mmoe_embedding *t, void *const *lent, mmoe_error *err) {
    t->data = lent ? lent[0] : NULL;
    t->is_lent = t->data != NULL;
    return mmoe_narrow_rows(t, t->dim, sizeof(uint16_t), &t->data, err);
}

static int32_t bf16_blocks(const mmoe_embedding *t, mmoe_block *out) {
    out[0] = (mmoe_block){"weight", MMOE_BF16, t->rows * t->dim, t->data};
    return 1;
}

static void close_bf16(mmoe_embedding *t) {
    if (!t->is_lent) mmoe_release_aligned(&t->alloc, t->data);
    t->data = NULL;
}

/* Rounded to nearest, of two to the even one; what carries out of the exponent becomes infinite. */
static uint16_t nearest(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static int32_t put_bf16(mmoe_embedding *t, int64_t row, const float *values) {
    uint16_t *to = (uint16_t *)t->data + row * t->dim;
    for (int32_t c = 0; c < t->dim; c++) {
        to[c] = nearest(values[c]);
        if ((to[c] & 0x7f80) == 0x7f80 || values[c] != values[c]) return c;
    }
    return -1;
}

const mmoe_table_kind mmoe_table_bf16 = {.suits = suits_bf16,
                                         .open = open_bf16,
                                         .blocks = bf16_blocks,
                                         .gather = mmoe_narrow_gather,
                                         .close = close_bf16,
                                         .dtype = MMOE_BF16,
                                         .put = put_bf16};
