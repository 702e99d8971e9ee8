/* Rows of a matrix that were looked up, added to rows of another; and the other way round. */
#ifndef MMOE_MATH_LOOKUP_BODY_H
#define MMOE_MATH_LOOKUP_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

#if W == 16
#define LOOKUP_VECTORS 9 /* of a row that stay in registers */
#else
#define LOOKUP_VECTORS 8
#endif

/* `vectors` of a row's columns, the last of them with `tail` lanes. */
static inline __attribute__((always_inline)) void add_rows(const mmoe_lookup_args *a, int32_t col,
                                                           int vectors, int tail) {
    const float *p = a->p + col, *start = a->start + col;
    const float *floor = a->floor ? a->floor + col : NULL;
    const int32_t *at = a->at;
    float *z = a->z + col;
    for (int32_t b = 0; b < a->rows; b++, at += a->ldat, start += a->ldstart, z += a->ldz) {
        vf sum[LOOKUP_VECTORS];
#pragma GCC unroll 9
        for (int v = 0; v < vectors; v++)
            sum[v] = load_n(start + v * W, v == vectors - 1 ? tail : W);
        for (int32_t i = 0; i < a->count; i++) {
            const float *row = p + (size_t)(uint32_t)at[i] * (size_t)a->ldp;
#pragma GCC unroll 9
            for (int v = 0; v < vectors; v++)
                sum[v] += load_n(row + v * W, v == vectors - 1 ? tail : W);
        }
#pragma GCC unroll 9
        for (int v = 0; v < vectors; v++) {
            const int n = v == vectors - 1 ? tail : W;
            const vf least = floor ? load_n(floor + v * W, n) : splat(-__builtin_inff());
            store_n(z + v * W, choose(sum[v] < least, least, sum[v]), n); /* NaN stays */
        }
    }
}

static inline __attribute__((always_inline)) void spread_rows(const mmoe_spread_args *a,
                                                              int32_t col, int vectors, int tail) {
    const float *z = a->z + col;
    const int32_t *at = a->at;
    for (int32_t b = 0; b < a->rows; b++, at += a->ldat, z += a->ldz) {
        vf x[LOOKUP_VECTORS];
#pragma GCC unroll 9
        for (int v = 0; v < vectors; v++) x[v] = load_n(z + v * W, v == vectors - 1 ? tail : W);
        for (int32_t i = 0; i < a->count; i++) {
            float *row = a->sums + col + (size_t)(uint32_t)(at[i] - a->first) * (size_t)a->ldsums;
#pragma GCC unroll 9
            for (int v = 0; v < vectors; v++) {
                const int n = v == vectors - 1 ? tail : W;
                store_n(row + v * W, load_n(row + v * W, n) + x[v], n);
            }
        }
    }
}

/* The loops of each number of vectors, whole or with a tail. */
#define LOOKUP_CASE(loop, v)                                                                       \
    case v:                                                                                        \
        if (tail == W)                                                                             \
            loop(a, col, v, W);                                                                    \
        else                                                                                       \
            loop(a, col, v, tail);                                                                 \
        break;
#define LOOKUP_COLUMNS(name, type, loop)                                                           \
    static void name##_columns(const type *a, int32_t col, int vectors, int tail) {                \
        switch (vectors) {                                                                         \
            LOOKUP_CASE(loop, 1)                                                                   \
            LOOKUP_CASE(loop, 2)                                                                   \
            LOOKUP_CASE(loop, 3)                                                                   \
            LOOKUP_CASE(loop, 4)                                                                   \
            LOOKUP_CASE(loop, 5)                                                                   \
            LOOKUP_CASE(loop, 6)                                                                   \
            LOOKUP_CASE(loop, 7)                                                                   \
            LOOKUP_CASE(loop, 8)                                                                   \
        default:                                                                                   \
            if (tail == W)                                                                         \
                loop(a, col, LOOKUP_VECTORS, W);                                                   \
            else                                                                                   \
                loop(a, col, LOOKUP_VECTORS, tail);                                                \
        }                                                                                          \
    }                                                                                              \
    static void name(const type *a) {                                                              \
        const int32_t vectors = (a->cols + W - 1) / W,                                             \
                      slabs = (vectors + LOOKUP_VECTORS - 1) / LOOKUP_VECTORS;                     \
        for (int32_t s = 0; s < slabs; s++) {                                                      \
            const int32_t first = vectors * s / slabs, end = vectors * (s + 1) / slabs;            \
            name##_columns(a, first *W, end - first,                                               \
                           end * W > a->cols ? a->cols - (end - 1) * W : W);                       \
        }                                                                                          \
    }

LOOKUP_COLUMNS(lookup_add, mmoe_lookup_args, add_rows)
LOOKUP_COLUMNS(lookup_spread, mmoe_spread_args, spread_rows)

static inline float share_of(const mmoe_bag_args *a, int32_t i) {
    return (a->weights ? a->weights[i] : 1) / a->total;
}

static void bag_add(const mmoe_bag_args *a) {
    FOR_COLUMNS(a->cols, c, n, {
        vf sum = load_n(a->z + c, n);
        for (int32_t i = 0; i < a->count; i++) {
            const float *row = a->p + (size_t)a->at[i] * (size_t)a->ldp + c;
            sum = vfma(splat(share_of(a, i)), load_n(row, n), sum);
        }
        store_n(a->z + c, sum, n);
    });
}

static void bag_spread(const mmoe_bag_args *a) {
    for (int32_t i = 0; i < a->count; i++) {
        float *row = a->p + (size_t)a->at[i] * (size_t)a->ldp;
        const vf share = splat(share_of(a, i));
        FOR_COLUMNS(a->cols, c, n,
                    { store_n(row + c, vfma(share, load_n(a->z + c, n), load_n(row + c, n)), n); });
    }
}

#endif
