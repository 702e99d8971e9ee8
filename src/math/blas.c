#include "math/blas.h"

#include <cblas.h>

void mmoe_gemm_run(const mmoe_gemm *g) {
    if (g->m == 0 || g->n == 0) return;
    cblas_sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans, g->tb ? CblasTrans : CblasNoTrans, g->m, g->n, g->k, 1.0f, g->a, g->lda, g->b, g->ldb,
                g->beta, g->c, g->ldc);
}

int mmoe_blas_threads(void) { return openblas_get_num_threads(); }

void mmoe_blas_set_threads(int threads) { openblas_set_num_threads(threads); }

const char *mmoe_blas_config(void) { return openblas_get_config(); }

const char *mmoe_blas_core(void) { return openblas_get_corename(); }
