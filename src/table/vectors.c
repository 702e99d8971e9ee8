#include "table/vectors.h"

#include "math/kernels.h"

void mmoe_vectors_read(const mmoe_vectors *v, int64_t first, int64_t count, float *x) {
    const size_t dim = (size_t)v->dim;
    if (v->dtype == MMOE_F32)
        memcpy(x, (const float *)v->rows + first * v->dim, (size_t)count * dim * sizeof *x);
    else
        for (int64_t r = first; r < first + count; r++, x += dim)
            mmoe_vectors_at(v, v->dtype, r, 0, v->dim, x);
}

void mmoe_vectors_widen(const mmoe_vectors *v, const mmoe_vectors_wanted *wanted) {
    const mmoe_widen_args args = {.rows = wanted->rows,
                                  .cols = v->dim,
                                  .at = wanted->ids,
                                  .ldat = wanted->id_stride,
                                  .p = v->rows,
                                  .scales = v->scales,
                                  .x = wanted->x,
                                  .ldx = wanted->ld};
    const mmoe_kernels *k = mmoe_kernels_best();
    if (v->dtype == MMOE_BF16)
        k->widen_bf16(&args);
    else
        k->widen_int8(&args);
}
