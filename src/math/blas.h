/* The library's only door to BLAS. All matrices are row-major, and float where nothing else is
 * said. */
#ifndef MMOE_MATH_BLAS_H
#define MMOE_MATH_BLAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One product: C [m, n] = op(A) [m, k] op(B) [k, n] + beta C, beta 0 or 1 (with 0, C is not read).
 * op transposes when its flag says so; ld* are the row strides of the matrices as they are stored.
 */
typedef struct mmoe_gemm {
    bool ta, tb;
    int32_t m, n, k;
    const float *a;
    int32_t lda;
    const float *b;
    int32_t ldb;
    float beta;
    float *c;
    int32_t ldc;
} mmoe_gemm;

/* One product, by BLAS, or by a kernel of ours where the shape is so small that the call would cost
 * more (measured: math/blas.c). */
void mmoe_gemm_run(const mmoe_gemm *g);
/* `count` products that do not depend on each other, in any order; neighbours of one shape go to
 * BLAS's batched call where the installed one has it. */
void mmoe_gemm_batch(const mmoe_gemm *g, int32_t count);

/* C [m, n] = A B^T of double matrices A [m, k] and B [n, k] without gaps between their rows. */
void mmoe_gemm_double(int32_t m, int32_t n, int32_t k, const double *a, const double *b, double *c);

/* Threads of the process's BLAS, and setting them; set only where the caller asked. */
int mmoe_blas_threads(void);
void mmoe_blas_set_threads(int threads);
/* "OpenBLAS 0.3.21 ... "; the core type in use. Static. */
const char *mmoe_blas_config(void);
const char *mmoe_blas_core(void);

#endif
