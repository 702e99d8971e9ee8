/* Rows of narrow numbers that were looked up, as floats. With a constant width the compiler makes
 * vectors of these loops. */
#ifndef MMOE_MATH_WIDEN_BODY_H
#define MMOE_MATH_WIDEN_BODY_H

#include <string.h>

#include "math/kernels.h"

static inline __attribute__((always_inline)) void widen_half(const uint16_t *restrict p,
                                                             int32_t cols, float *restrict x) {
    for (int32_t c = 0; c < cols; c++) {
        const uint32_t bits = (uint32_t)p[c] << 16;
        memcpy(&x[c], &bits, sizeof bits);
    }
}

static inline __attribute__((always_inline)) void
widen_integers(const int8_t *restrict p, float scale, int32_t cols, float *restrict x) {
    for (int32_t c = 0; c < cols; c++) x[c] = scale * (float)p[c];
}

static inline __attribute__((always_inline)) void widen_halves(const mmoe_widen_args *a,
                                                               int32_t cols) {
    const int32_t *at = a->at;
    float *x = a->x;
    for (int32_t b = 0; b < a->rows; b++, at += a->ldat, x += a->ldx)
        widen_half((const uint16_t *)a->p + (int64_t)*at * cols, cols, x);
}

static inline __attribute__((always_inline)) void widen_rows(const mmoe_widen_args *a,
                                                             int32_t cols) {
    const int32_t *at = a->at;
    float *x = a->x;
    for (int32_t b = 0; b < a->rows; b++, at += a->ldat, x += a->ldx)
        widen_integers((const int8_t *)a->p + (int64_t)*at * cols, a->scales[*at], cols, x);
}

#define WIDEN(name, loop)                                                                          \
    static void name(const mmoe_widen_args *a) {                                                   \
        switch (a->cols) {                                                                         \
        case 4:                                                                                    \
            loop(a, 4);                                                                            \
            break;                                                                                 \
        case 8:                                                                                    \
            loop(a, 8);                                                                            \
            break;                                                                                 \
        case 16:                                                                                   \
            loop(a, 16);                                                                           \
            break;                                                                                 \
        case 32:                                                                                   \
            loop(a, 32);                                                                           \
            break;                                                                                 \
        default:                                                                                   \
            loop(a, a->cols);                                                                      \
        }                                                                                          \
    }

WIDEN(widen_bf16, widen_halves)
WIDEN(widen_int8, widen_rows)

#endif
