/* Rows of a matrix that were looked up, added to rows of another; and the other way round. */
#ifndef MMOE_MATH_LOOKUP_BODY_H
#define MMOE_MATH_LOOKUP_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

/* Sums that stay in registers: of so many vectors of a row's columns, and when rows are looked up
 * of two rows, since one row's additions wait for each other. */
#if W == 8
#define ADD_VECTORS 6
#else
#define ADD_VECTORS 3
#endif
#define SPREAD_VECTORS 9

/* `rows` rows from b on; `vectors` of their columns, the last of them with `tail` lanes. */
static inline __attribute__((always_inline)) void
add_to_rows(const mmoe_lookup_args *a, int32_t b, int32_t col, int rows, int vectors, int tail) {
    const float *p = a->p + col, *start = a->start + (size_t)b * (size_t)a->ldstart + col;
    const float *floor = a->floor ? a->floor + col : NULL;
    const int32_t *at = a->at + (size_t)b * (size_t)a->ldat;
    const size_t ldat = (size_t)a->ldat, ldp = (size_t)a->ldp;
    float *z = a->z + (size_t)b * (size_t)a->ldz + col;
    vf sum[2][ADD_VECTORS];
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 6
        for (int v = 0; v < vectors; v++)
            sum[r][v] =
                load_n(start + (size_t)r * (size_t)a->ldstart + v * W, v == vectors - 1 ? tail : W);
    for (int32_t i = 0; i < a->count; i++)
#pragma GCC unroll 2
        for (int r = 0; r < rows; r++) {
            const float *row = p + (size_t)(uint32_t)at[(size_t)r * ldat + (size_t)i] * ldp;
#pragma GCC unroll 6
            for (int v = 0; v < vectors; v++)
                sum[r][v] += load_n(row + v * W, v == vectors - 1 ? tail : W);
        }
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++, z += a->ldz)
#pragma GCC unroll 6
        for (int v = 0; v < vectors; v++) {
            const int n = v == vectors - 1 ? tail : W;
            if (floor) sum[r][v] = vmax(load_n(floor + v * W, n), sum[r][v]); /* NaN stays */
            store_n(z + v * W, sum[r][v], n);
        }
}

static inline __attribute__((always_inline)) void add_rows(const mmoe_lookup_args *all, int32_t col,
                                                           int vectors, int tail) {
    const mmoe_lookup_args a = *all; /* in registers: no store may change it */
    int32_t b = 0;
    for (; b + 2 <= a.rows; b += 2) add_to_rows(&a, b, col, 2, vectors, tail);
    if (b < a.rows) add_to_rows(&a, b, col, 1, vectors, tail);
}

static inline __attribute__((always_inline)) void spread_rows(const mmoe_spread_args *a,
                                                              int32_t col, int vectors, int tail) {
    const size_t ldat = (size_t)a->ldat, ldz = (size_t)a->ldz, ld = (size_t)a->ldsums;
    const int32_t rows = a->rows, count = a->count, first = a->first, *at = a->at;
    const float *z = a->z + col;
    float *sums = a->sums + col;
    for (int32_t b = 0; b < rows; b++, at += ldat, z += ldz) {
        vf x[SPREAD_VECTORS];
#pragma GCC unroll 9
        for (int v = 0; v < vectors; v++) x[v] = load_n(z + v * W, v == vectors - 1 ? tail : W);
        for (int32_t i = 0; i < count; i++) {
            float *row = sums + (size_t)(uint32_t)(at[i] - first) * ld;
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

static void add_columns(const mmoe_lookup_args *a, int32_t col, int vectors, int tail) {
    switch (vectors) {
        LOOKUP_CASE(add_rows, 1)
        LOOKUP_CASE(add_rows, 2)
#if W == 8
        LOOKUP_CASE(add_rows, 3)
        LOOKUP_CASE(add_rows, 4)
        LOOKUP_CASE(add_rows, 5)
#endif
        LOOKUP_CASE(add_rows, ADD_VECTORS)
    }
}

static void spread_columns(const mmoe_spread_args *a, int32_t col, int vectors, int tail) {
    switch (vectors) {
        LOOKUP_CASE(spread_rows, 1)
        LOOKUP_CASE(spread_rows, 2)
        LOOKUP_CASE(spread_rows, 3)
        LOOKUP_CASE(spread_rows, 4)
        LOOKUP_CASE(spread_rows, 5)
        LOOKUP_CASE(spread_rows, 6)
        LOOKUP_CASE(spread_rows, 7)
        LOOKUP_CASE(spread_rows, 8)
        LOOKUP_CASE(spread_rows, SPREAD_VECTORS)
    }
}

/* Columns dealt to as many calls as `most` vectors each allow, evenly. */
#define LOOKUP_COLUMNS(name, type, of_columns, most)                                               \
    static void name(const type *a) {                                                              \
        const int32_t vectors = (a->cols + W - 1) / W, slabs = (vectors + (most)-1) / (most);      \
        for (int32_t s = 0; s < slabs; s++) {                                                      \
            const int32_t first = vectors * s / slabs, end = vectors * (s + 1) / slabs;            \
            of_columns(a, first *W, end - first, end * W > a->cols ? a->cols - (end - 1) * W : W); \
        }                                                                                          \
    }

LOOKUP_COLUMNS(lookup_add, mmoe_lookup_args, add_columns, ADD_VECTORS)
LOOKUP_COLUMNS(lookup_spread, mmoe_spread_args, spread_columns, SPREAD_VECTORS)

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

/* ---- The largest of each column ---- */

#if defined(__AVX512F__)

static void raise_most(int32_t *most, const int32_t *ids, size_t width, size_t rows) {
    for (size_t c = 0; c < width; c += 16) {
        const __mmask16 some = (__mmask16)(width - c < 16 ? (1 << (width - c)) - 1 : -1);
        __m512i found = _mm512_maskz_loadu_epi32(some, most + c);
        for (size_t r = 0; r < rows; r++)
            found = _mm512_max_epi32(found, _mm512_maskz_loadu_epi32(some, ids + r * width + c));
        _mm512_mask_storeu_epi32(most + c, some, found);
    }
}

#else

static void raise_most(int32_t *most, const int32_t *ids, size_t width, size_t rows) {
    for (size_t r = 0; r < rows; r++, ids += width)
        for (size_t c = 0; c < width; c++) most[c] = ids[c] > most[c] ? ids[c] : most[c];
}

#endif

#endif
