/* Rows of narrow numbers that were looked up, as floats. With a constant width nothing is left of
 * the loops over columns. */
#ifndef MMOE_MATH_WIDEN_BODY_H
#define MMOE_MATH_WIDEN_BODY_H

#include <string.h>

#include "math/kernels.h"
#include "math/simd.h"

/* (The compiler widens integers of a constant number one by one.) */
static inline vi load_halves(const uint16_t *p) {
#if defined(__AVX512F__)
    return (vi)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p));
#elif defined(__AVX2__)
    return (vi)_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p));
#else
    uint16_t half __attribute__((vector_size(2 * W)));
    memcpy(&half, p, sizeof half);
    return __builtin_convertvector(half, vi);
#endif
}

static inline vi load_bytes(const int8_t *p) {
#if defined(__AVX512F__)
    return (vi)_mm512_cvtepi8_epi32(_mm_loadu_si128((const void *)p));
#elif defined(__AVX2__)
    return (vi)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p));
#else
    int8_t bytes __attribute__((vector_size(W)));
    memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(bytes, vi);
#endif
}

static inline __attribute__((always_inline)) void widen_half(const uint16_t *p, int32_t cols,
                                                             float *x) {
    int32_t c = 0;
    for (; c + W <= cols; c += W) store(x + c, (vf)(load_halves(p + c) << 16));
    for (; c < cols; c++) {
        const uint32_t bits = (uint32_t)p[c] << 16;
        memcpy(&x[c], &bits, sizeof bits);
    }
}

static inline __attribute__((always_inline)) void widen_integers(const int8_t *p, float scale,
                                                                 int32_t cols, float *x) {
    int32_t c = 0;
    for (; c + W <= cols; c += W)
        store(x + c, scale * __builtin_convertvector(load_bytes(p + c), vf));
    for (; c < cols; c++) x[c] = scale * (float)p[c];
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
