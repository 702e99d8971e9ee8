#include "math/lapack.h"

#include <assert.h>
#include <lapacke.h>
#include <math.h>

/* LAPACK's matrices stand column by column: a row of ours is a column of theirs. The *_work
 * functions of LAPACKE take their memory from the caller. */

enum { BLOCK = 32 }; /* columns that LAPACK takes together */

static bool is_finite(const double *a, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(a[i])) return false;
    return true;
}

bool mmoe_lapack_solve(int32_t n, double *a, double *b) {
    assert(n > 0);
    return is_finite(a, (int64_t)n * n) && is_finite(b, n) &&
           LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', n, 1, a, n, b, n) == 0;
}

int32_t mmoe_lapack_eigen_scratch(int32_t n) { return (BLOCK + 2) * n; }

bool mmoe_lapack_eigen(int32_t n, double *a, double *values, double *scratch) {
    assert(n > 0);
    return is_finite(a, (int64_t)n * n) &&
           LAPACKE_dsyev_work(LAPACK_COL_MAJOR, 'V', 'U', n, a, n, values, scratch,
                              mmoe_lapack_eigen_scratch(n)) == 0;
}

int32_t mmoe_lapack_orthonormal_scratch(int32_t length, int32_t count) {
    (void)length;
    return (BLOCK + 2) * count;
}

bool mmoe_lapack_orthonormal(int32_t length, int32_t count, double *a, double *scratch) {
    assert(count > 0 && count <= length);
    double *tau = scratch, *signs = tau + count, *work = signs + count;
    const int32_t room = BLOCK * count;
    if (!is_finite(a, (int64_t)length * count)) return false;
    if (LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, length, count, a, length, tau, work, room))
        return false;
    for (int32_t i = 0; i < count; i++) signs[i] = a[(int64_t)i * length + i] < 0 ? -1 : 1;
    if (LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, length, count, count, a, length, tau, work, room))
        return false;
    for (int32_t i = 0; i < count; i++)
        for (int32_t k = 0; k < length; k++) a[(int64_t)i * length + k] *= signs[i];
    return true;
}

int32_t mmoe_lapack_singular_scratch(int32_t length, int32_t count) {
    const int32_t least = length < count ? length : count;
    return 5 * least + BLOCK * (length + count);
}

bool mmoe_lapack_singular(int32_t length, int32_t count, double *a, double *values,
                          double *scratch) {
    assert(length > 0 && count > 0);
    if (!is_finite(a, (int64_t)length * count)) return false;
    return LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'N', 'N', length, count, a, length, values, NULL,
                               1, NULL, 1, scratch,
                               mmoe_lapack_singular_scratch(length, count)) == 0;
}
