/* The library's only door to BLAS. All matrices are row-major, and float where nothing else is
 * said. */
#ifndef MMOE_MATH_BLAS_H
#define MMOE_MATH_BLAS_H

#include <stdint.h>

#include "math/gemm.h"

/* One product, by BLAS, or by a kernel of ours where the shape is so small that the call would cost
 * more (measured: math/blas.c). */
void mmoe_gemm_run(const mmoe_gemm *g);
/* `count` products that do not depend on each other, in any order. */
void mmoe_gemm_batch(const mmoe_gemm *g, int32_t count);

/* C [m, n] = A B^T of double matrices A [m, k] and B [n, k] without gaps between their rows. */
void mmoe_gemm_double(int32_t m, int32_t n, int32_t k, const double *a, const double *b, double *c);

/* Between the two the process's BLAS has one thread. Its number of threads is the process's, so all
 * who want one at the same time are counted: the first sets it, the last puts back what was there.
 * From any thread; only where the caller asked. */
void mmoe_blas_begin_single(void);
void mmoe_blas_end_single(void);
/* "OpenBLAS 0.3.21 ... "; the core type in use. Static. */
const char *mmoe_blas_config(void);
const char *mmoe_blas_core(void);

#endif
