/* A table's vectors as they stand in memory: floats, or numbers that take less room and become
 * floats where they are read. */
#ifndef MMOE_TABLE_VECTORS_H
#define MMOE_TABLE_VECTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/dtype.h"

typedef struct mmoe_vectors {
    mmoe_dtype dtype; /* F32, BF16 or I8 */
    int32_t dim;
    const void *rows;    /* [.., dim] */
    const float *scales; /* [..] of I8: value c of row r is scales[r] rows[r, c] */
} mmoe_vectors;

/* bfloat16 is a float's upper half. */
static inline float mmoe_of_bf16(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Columns [first, first + n) of a row: where they stand, or as floats in `wide` [n]. `dtype` is the
 * vectors'; as a constant it leaves one of the loops, with a constant n unrolled. */
static inline __attribute__((always_inline)) const float *
mmoe_vectors_at(const mmoe_vectors *v, mmoe_dtype dtype, int64_t row, int32_t first, int32_t n,
                float *wide) {
    const int64_t at = row * v->dim + first;
    if (dtype == MMOE_F32) return (const float *)v->rows + at;
    if (dtype == MMOE_BF16)
        for (int32_t c = 0; c < n; c++) wide[c] = mmoe_of_bf16(((const uint16_t *)v->rows)[at + c]);
    else
        for (int32_t c = 0; c < n; c++)
            wide[c] = v->scales[row] * (float)((const int8_t *)v->rows)[at + c];
    return wide;
}

/* Rows [first, first + count) to x [count, dim]. */
void mmoe_vectors_read(const mmoe_vectors *v, int64_t first, int64_t count, float *x);

/* Row b's id is ids[b * id_stride], and its vector goes to x[b * ld]. */
typedef struct mmoe_vectors_wanted {
    const int32_t *ids;
    size_t id_stride, ld;
    int32_t rows;
    float *x;
} mmoe_vectors_wanted;
/* Of vectors that are not floats. */
void mmoe_vectors_widen(const mmoe_vectors *v, const mmoe_vectors_wanted *wanted);

#endif
