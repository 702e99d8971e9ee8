#include "math/blas.h"

#include <assert.h>
#include <cblas.h>
#include <pthread.h>

#include "math/kernels.h"

static void blas(const mmoe_gemm *g) {
    cblas_sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans, g->tb ? CblasTrans : CblasNoTrans,
                g->m, g->n, g->k, 1.0f, g->a, g->lda, g->b, g->ldb, g->beta, g->c, g->ldc);
}

/* Whether the kernels' own loops over B, or over the gradient of weights, are the faster ones. */
static bool is_small(const mmoe_kernels *k, const mmoe_gemm *g) {
    const int32_t rows = g->ta ? g->m : g->k;
    return !g->tb && g->beta == 0 && g->k > 0 && g->n % k->mix_cols == 0 &&
           (int64_t)rows * g->n <= k->small_steps;
}

/* 256 rows, Zen 5, OpenBLAS 0.3.21, microseconds a product, theirs and ours: [256,16][16,8] 1.6,
 * 0.7; [256,8][8,1] 0.9, 0.4; [1,1024][1024,8] 2.3, 0.4. */
void mmoe_gemm_run(const mmoe_gemm *g) {
    if (g->m == 0 || g->n == 0) return;
    const mmoe_kernels *k = mmoe_kernels_best();
    if (!g->ta && g->tb && g->n <= k->narrow_n && g->k <= MMOE_NARROW_K)
        k->gemm_narrow(g);
    else if (g->ta && !g->tb && g->m == 1)
        k->gemm_one_row(g);
    else if (is_small(k, g))
        k->gemm_outer(g);
    else
        blas(g);
}

/* One by one: OpenBLAS's own cblas_sgemm_batch, which versions from 0.3.28 on have, jumps to a
 * wrong address where it was built for several processors, as distributions build it (mended in
 * 2026, OpenBLAS pull request 5980). */
void mmoe_gemm_batch(const mmoe_gemm *g, int32_t count) {
    for (int32_t i = 0; i < count; i++) mmoe_gemm_run(&g[i]);
}

void mmoe_gemm_double(int32_t m, int32_t n, int32_t k, const double *a, const double *b,
                      double *c) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, k, b, k, 0, c, n);
}

static pthread_mutex_t single_lock = PTHREAD_MUTEX_INITIALIZER;
static int single_users, threads_before;

void mmoe_blas_begin_single(void) {
    pthread_mutex_lock(&single_lock);
    if (single_users++ == 0) {
        threads_before = openblas_get_num_threads();
        if (threads_before != 1) openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&single_lock);
}

void mmoe_blas_end_single(void) {
    pthread_mutex_lock(&single_lock);
    assert(single_users > 0);
    if (--single_users == 0 && threads_before != 1) openblas_set_num_threads(threads_before);
    pthread_mutex_unlock(&single_lock);
}

const char *mmoe_blas_config(void) { return openblas_get_config(); }

const char *mmoe_blas_core(void) { return openblas_get_corename(); }
