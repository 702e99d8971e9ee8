/* data: float [rows, dim] */
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "table/table.h"

static mmoe_status open_dense(mmoe_embedding *t, void *lent, mmoe_error *err) {
    int64_t count;
    t->is_lent = lent != NULL;
    t->data = lent;
    if (lent) return MMOE_OK;
    if (__builtin_mul_overflow(t->rows, (int64_t)t->dim, &count))
        return mmoe_fail_memory(err, SIZE_MAX);
    t->data = mmoe_alloc_aligned(&t->alloc, (size_t)count, sizeof(float));
    if (!t->data) return mmoe_fail_memory(err, (size_t)count * sizeof(float));
    memset(t->data, 0, (size_t)count * sizeof(float));
    return MMOE_OK;
}

static int32_t dense_blocks(const mmoe_embedding *t, mmoe_block *out) {
    out[0] = (mmoe_block){"weight", MMOE_F32, t->rows * t->dim, t->data};
    return 1;
}

static void close_dense(mmoe_embedding *t) {
    if (!t->is_lent) mmoe_release_aligned(&t->alloc, t->data);
    t->data = NULL;
}

const mmoe_table_kind mmoe_table_dense = {
    .open = open_dense, .blocks = dense_blocks, .close = close_dense};
