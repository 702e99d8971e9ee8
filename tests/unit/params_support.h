/* All trained values of a model, block by block, for tests that look inside. */
#ifndef MMOE_TESTS_PARAMS_SUPPORT_H
#define MMOE_TESTS_PARAMS_SUPPORT_H

#include <check.h>
#include <string.h>

#include "graph/plan.h"

/* Value `i` of the whole, counted without what lies between blocks; NULL: there are fewer. */
static inline float *params_value(const mmoe_params *p, int64_t i) {
    for (int32_t k = 0; k < p->n_trained; k++) {
        const mmoe_block *b = &p->blocks[k].memory;
        if (i < b->count) return (float *)b->data + i;
        i -= b->count;
    }
    return NULL;
}

static inline bool params_same_block(const mmoe_params *x, const mmoe_params *y, int32_t block) {
    const mmoe_block *a = &x->blocks[block].memory, *b = &y->blocks[block].memory;
    ck_assert_int_eq(a->count, b->count);
    return memcmp(a->data, b->data, (size_t)a->count * mmoe_dtype_size(a->dtype)) == 0;
}

static inline bool params_same(const mmoe_params *x, const mmoe_params *y) {
    ck_assert_int_eq(x->n_block, y->n_block);
    bool same = true;
    for (int32_t i = 0; i < x->n_block; i++) same &= params_same_block(x, y, i);
    return same;
}

/* Where value [row, col] of a gradient stands in the whole. */
static inline int64_t params_place(const mmoe_params *p, const mmoe_gradient *g, int64_t row,
                                   int64_t col) {
    ck_assert_int_lt(g->block, p->n_trained);
    const int64_t at = g->offset + row * g->cols + col;
    ck_assert_int_lt(at, p->blocks[g->block].memory.count);
    return p->blocks[g->block].place + at;
}

#endif
