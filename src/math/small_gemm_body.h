/* Products too small for a BLAS call to pay: towers and logits. */
#ifndef MMOE_MATH_SMALL_GEMM_BODY_H
#define MMOE_MATH_SMALL_GEMM_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

/* W rows of C [rows, 1] = A b^T at a time: dots, summed together. `n` of them are there; b_0 is the
 * first vector of b. */
static inline __attribute__((always_inline)) void narrow_column_rows(const mmoe_gemm *g,
                                                                     int32_t first, vf b_0, int n) {
    vf dots[W];
    const int tail = MIN(W, g->k);
#pragma GCC unroll 16
    for (int j = 0; j < W; j++) {
        const float *a = g->a + (size_t)(first + MIN(j, n - 1)) * (size_t)g->lda;
        dots[j] = load_n(a, tail) * b_0;
        for (int32_t k = W; k < g->k; k += W)
            dots[j] += load_n(a + k, MIN(W, g->k - k)) * load_n(g->b + k, MIN(W, g->k - k));
    }
    float sums[W];
    store(sums, sum_each(dots));
    float *c = g->c + (size_t)first * (size_t)g->ldc;
    for (int j = 0; j < n; j++, c += g->ldc) *c = g->beta != 0 ? *c + sums[j] : sums[j];
}

static void narrow_column(const mmoe_gemm *g) {
    const vf b_0 = load_n(g->b, MIN(W, g->k));
    int32_t i = 0;
    for (; i + W <= g->m; i += W) narrow_column_rows(g, i, b_0, W);
    if (i < g->m) narrow_column_rows(g, i, b_0, g->m - i);
}

/* `rows` rows of C [rows, n] = A b^T with b^T in bt [k, W], n <= W. */
static inline __attribute__((always_inline)) void narrow_rows(const mmoe_gemm *g, int32_t first,
                                                              const vf *bt, int rows) {
    const float *a = g->a + (size_t)first * (size_t)g->lda;
    float *c = g->c + (size_t)first * (size_t)g->ldc;
    vf s[8];
    for (int j = 0; j < rows; j++)
        s[j] = g->beta != 0 ? load_n(c + (size_t)j * (size_t)g->ldc, g->n) : splat(0.0f);
    for (int32_t k = 0; k < g->k; k++)
        for (int j = 0; j < rows; j++) s[j] += a[(size_t)j * (size_t)g->lda + (size_t)k] * bt[k];
    for (int j = 0; j < rows; j++) store_n(c + (size_t)j * (size_t)g->ldc, s[j], g->n);
}

static void gemm_narrow(const mmoe_gemm *g) {
    if (g->n == 1) {
        narrow_column(g);
        return;
    }
    vf bt[MMOE_NARROW_K];
    for (int32_t k = 0; k < g->k; k++) {
        vf v = {0};
        for (int32_t i = 0; i < g->n; i++) v[i] = g->b[(size_t)i * (size_t)g->ldb + (size_t)k];
        bt[k] = v;
    }
    int32_t i = 0;
    for (; i + 8 <= g->m; i += 8) narrow_rows(g, i, bt, 8);
    for (; i < g->m; i++) narrow_rows(g, i, bt, 1);
}

/* C [1, n] = a^T B, a one column of A [k, .]: four rows of B at a time, each with a sum of its own.
 */
static void gemm_one_row(const mmoe_gemm *g) {
    for (int32_t c = 0; c < g->n; c += W) {
        int n = MIN(W, g->n - c);
        vf s[4] = {{0}};
        int32_t k = 0;
        const float *a = g->a, *b = g->b + c;
        for (; k + 4 <= g->k; k += 4)
            for (int j = 0; j < 4; j++, a += g->lda, b += g->ldb) s[j] += *a * load_n(b, n);
        for (; k < g->k; k++, a += g->lda, b += g->ldb) s[0] += *a * load_n(b, n);
        vf sum = (s[0] + s[1]) + (s[2] + s[3]);
        store_n(g->c + c, g->beta != 0 ? sum + load_n(g->c + c, n) : sum, n);
    }
}

#endif
