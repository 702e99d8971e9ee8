/* The library's only door to LAPACK; training alone uses it. Matrices are double, and small:
 * nothing here is on a step's hot path but the eigenvalues of a [tasks, tasks] matrix. */
#ifndef MMOE_MATH_LAPACK_H
#define MMOE_MATH_LAPACK_H

#include <stdbool.h>
#include <stdint.h>

/* Doubles of scratch that mmoe_lapack_eigen, mmoe_lapack_orthonormal, mmoe_lapack_singular want. */
int32_t mmoe_lapack_eigen_scratch(int32_t n);
int32_t mmoe_lapack_orthonormal_scratch(int32_t length, int32_t count);
int32_t mmoe_lapack_singular_scratch(int32_t length, int32_t count);

/* Solves a x = b, a [n, n] symmetric and positive definite, b [n] becoming x; a is overwritten.
 * False when a or b is not finite, or a is not positive definite. */
bool mmoe_lapack_solve(int32_t n, double *a, double *b);

/* Eigenvalues of the symmetric a [n, n], in rising order, to values [n]; a's row i becomes the unit
 * eigenvector of values[i]. False when a is not finite or LAPACK does not converge. */
bool mmoe_lapack_eigen(int32_t n, double *a, double *values, double *scratch);

/* The singular values of a [count, length], the largest first, to values [min(count, length)]; a is
 * overwritten. False when a is not finite or LAPACK does not converge. */
bool mmoe_lapack_singular(int32_t length, int32_t count, double *a, double *values,
                          double *scratch);

/* a [count, length], count <= length: its rows become orthonormal. They are the Q of a^T = Q R with
 * a positive diagonal of R, so that rows drawn from N(0, 1) give a matrix that is uniform among the
 * orthogonal ones (Mezzadri 2007). False when a is not finite. */
bool mmoe_lapack_orthonormal(int32_t length, int32_t count, double *a, double *scratch);

#endif
