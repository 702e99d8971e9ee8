/* The door to BLAS of a library that only serves: behind it is no BLAS, but plain C. A predictor
 * does not come here; it has products of its own. */
#include "math/blas.h"

#include <stddef.h>

static float at(const float *x, int32_t ld, int32_t row, int32_t col) {
    return x[(size_t)row * (size_t)ld + (size_t)col];
}

void mmoe_gemm_run(const mmoe_gemm *g) {
    for (int32_t i = 0; i < g->m; i++)
        for (int32_t j = 0; j < g->n; j++) {
            float *c = g->c + (size_t)i * (size_t)g->ldc + (size_t)j, sum = 0;
            for (int32_t k = 0; k < g->k; k++) {
                const float a = g->ta ? at(g->a, g->lda, k, i) : at(g->a, g->lda, i, k);
                const float b = g->tb ? at(g->b, g->ldb, j, k) : at(g->b, g->ldb, k, j);
                sum += a * b;
            }
            *c = g->beta == 0 ? sum : *c + sum;
        }
}

void mmoe_gemm_batch(const mmoe_gemm *g, int32_t count) {
    for (int32_t i = 0; i < count; i++) mmoe_gemm_run(&g[i]);
}

void mmoe_gemm_double(int32_t m, int32_t n, int32_t k, const double *a, const double *b,
                      double *c) {
    for (int32_t i = 0; i < m; i++)
        for (int32_t j = 0; j < n; j++) {
            double sum = 0;
            for (int32_t l = 0; l < k; l++) sum += a[i * k + l] * b[j * k + l];
            c[i * n + j] = sum;
        }
}

void mmoe_blas_begin_single(void) {}

void mmoe_blas_end_single(void) {}

const char *mmoe_blas_config(void) { return "none"; }

const char *mmoe_blas_core(void) { return ""; }
