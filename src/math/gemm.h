/* What a matrix product is; math/blas.h and math/kernels.h do them. */
#ifndef MMOE_MATH_GEMM_H
#define MMOE_MATH_GEMM_H

#include <stdbool.h>
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

#endif
