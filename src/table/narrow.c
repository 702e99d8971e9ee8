#include "table/narrow.h"

#include "base/error.h"

mmoe_status mmoe_narrow_rows(const mmoe_embedding *t, int32_t width, size_t size, void **have,
                             mmoe_error *err) {
    int64_t count;
    if (*have) return MMOE_OK;
    if (__builtin_mul_overflow(t->rows, (int64_t)width, &count))
        return mmoe_fail_memory(err, SIZE_MAX);
    *have = mmoe_alloc_aligned_zero(&t->alloc, (size_t)count, size);
    return *have ? MMOE_OK : mmoe_fail_memory(err, (size_t)count * size);
}

static void gather_lists(const mmoe_table_read *r, const mmoe_vectors *v, const mmoe_looked_up *m) {
    float *x = m->x + r->col;
    for (int32_t b = 0; b < m->rows; b++, x += m->ld) {
        const mmoe_list list =
            mmoe_list_of(&m->batch->lists, mmoe_row_of(m->batch, m->first + b), r->column);
        mmoe_bag_forward(r->bag, &list, v, x, NULL);
    }
}

void mmoe_narrow_gather(const mmoe_table_read *reads, int32_t count, const mmoe_looked_up *m) {
    for (const mmoe_table_read *r = reads; r < reads + count; r++) {
        const mmoe_vectors v = mmoe_table_vectors(r->table);
        if (r->bag)
            gather_lists(r, &v, m);
        else
            mmoe_vectors_widen(&v, &(mmoe_vectors_wanted){m->ids + r->column, (size_t)m->n_id,
                                                          (size_t)m->ld, m->rows, m->x + r->col});
    }
}
