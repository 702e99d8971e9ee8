/* Eigenvalues, orthonormal rows, systems, by what defines them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check_main.h"
#include "math/lapack.h"

static double *draw(int32_t count, uint64_t stream) {
    double *a = malloc((size_t)count * sizeof *a);
    ck_assert_ptr_nonnull(a);
    for (int32_t i = 0; i < count; i++) {
        uint32_t r[4];
        mmoe_philox(7, stream, (uint64_t)i, r);
        a[i] = (double)r[0] / 2147483648.0 - 1;
    }
    return a;
}

static double *room(int32_t count) {
    double *a = malloc((size_t)count * sizeof *a);
    ck_assert_ptr_nonnull(a);
    return a;
}

static double dot(const double *a, const double *b, int32_t n) {
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static const int32_t sizes[] = {1, 2, 3, 7, 40};

/* A v = lambda v, v orthonormal, the lambdas in order. */
START_TEST(eigenvectors_are_what_they_say) {
    const int32_t n = sizes[_i];
    double *half = draw(n * n, 1), *a = room(n * n), *v = room(n * n), *values = room(n),
           *scratch = room(mmoe_lapack_eigen_scratch(n));
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) a[i * n + j] = half[i * n + j] + half[j * n + i];
    memcpy(v, a, (size_t)(n * n) * sizeof *v);
    ck_assert(mmoe_lapack_eigen(n, v, values, scratch));
    for (int32_t i = 0; i < n; i++) {
        if (i) ck_assert_double_ge(values[i], values[i - 1]);
        for (int32_t j = 0; j < n; j++) {
            ck_assert_double_eq_tol(dot(a + j * n, v + i * n, n), values[i] * v[i * n + j],
                                    1e-12 * n);
            ck_assert_double_eq_tol(dot(v + j * n, v + i * n, n), i == j, 1e-13 * n);
        }
    }
    a[n * n - 1] = NAN;
    ck_assert(!mmoe_lapack_eigen(n, a, values, scratch));
    free(half);
    free(a);
    free(v);
    free(values);
    free(scratch);
}
END_TEST

/* Rows are orthonormal, and row i is in the span of the first i + 1 rows that were given, on their
 * side. */
START_TEST(rows_become_orthonormal) {
    const int32_t count = sizes[_i], length = count + (_i % 2 ? 5 : 0);
    double *a = draw(length * count, 2), *q = room(length * count),
           *scratch = room(mmoe_lapack_orthonormal_scratch(length, count));
    memcpy(q, a, (size_t)(length * count) * sizeof *q);
    ck_assert(mmoe_lapack_orthonormal(length, count, q, scratch));
    for (int32_t i = 0; i < count; i++) {
        for (int32_t j = 0; j <= i; j++)
            ck_assert_double_eq_tol(dot(q + i * length, q + j * length, length), i == j,
                                    1e-13 * length);
        ck_assert_double_gt(dot(q + i * length, a + i * length, length), 0);
        for (int32_t j = i + 1; j < count; j++)
            ck_assert_double_eq_tol(dot(q + j * length, a + i * length, length), 0, 1e-12 * length);
    }
    a[0] = INFINITY;
    ck_assert(!mmoe_lapack_orthonormal(length, count, a, scratch));
    free(a);
    free(q);
    free(scratch);
}
END_TEST

/* sum s_i^2 = |A|^2, the largest first; of orthonormal rows, each scaled, the scales. */
START_TEST(singular_values) {
    const int32_t count = sizes[_i], length = count + (_i % 2 ? 5 : 0),
                  most = length > count ? length : count;
    double *a = draw(length * count, 4), *q = room(length * count), *values = room(count),
           *scratch = room(mmoe_lapack_singular_scratch(length, count));
    double *other = room(mmoe_lapack_orthonormal_scratch(most, count)), squares = 0;
    memcpy(q, a, (size_t)(length * count) * sizeof *q);
    ck_assert(mmoe_lapack_singular(length, count, q, values, scratch));
    for (int32_t i = 0; i < count; i++) {
        squares += values[i] * values[i];
        ck_assert(values[i] >= 0 && (!i || values[i] <= values[i - 1]));
    }
    ck_assert_double_eq_tol(squares, dot(a, a, length * count), 1e-12 * squares);
    ck_assert(mmoe_lapack_orthonormal(length, count, a, other));
    for (int32_t i = 0; i < count; i++)
        for (int32_t k = 0; k < length; k++) a[i * length + k] *= i + 1;
    for (int transposed = 0; transposed < 2; transposed++) {
        for (int32_t i = 0; i < count; i++)
            for (int32_t k = 0; k < length; k++)
                q[transposed ? k * count + i : i * length + k] = a[i * length + k];
        ck_assert(mmoe_lapack_singular(transposed ? count : length, transposed ? length : count, q,
                                       values, scratch));
        for (int32_t i = 0; i < count; i++)
            ck_assert_double_eq_tol(values[i], count - i, 1e-12 * count);
    }
    a[length * count - 1] = INFINITY;
    ck_assert(!mmoe_lapack_singular(length, count, a, values, scratch));
    free(a);
    free(q);
    free(values);
    free(scratch);
    free(other);
}
END_TEST

/* a x = b, of a positive definite one; any other is refused. */
START_TEST(systems_are_solved) {
    const int32_t n = sizes[_i];
    double *half = draw(n * n, 3), *a = room(n * n), *left = room(n * n), *b = draw(n, 4),
           *x = room(n);
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++)
            a[i * n + j] = dot(half + i * n, half + j * n, n) + (i == j);
    memcpy(left, a, (size_t)(n * n) * sizeof *a);
    memcpy(x, b, (size_t)n * sizeof *b);
    ck_assert(mmoe_lapack_solve(n, left, x));
    for (int32_t i = 0; i < n; i++) ck_assert_double_eq_tol(dot(a + i * n, x, n), b[i], 1e-11 * n);
    memcpy(left, a, (size_t)(n * n) * sizeof *a);
    left[n * n - 1] = -1;
    ck_assert(!mmoe_lapack_solve(n, left, x));
    a[0] = INFINITY;
    ck_assert(!mmoe_lapack_solve(n, a, x));
    free(half);
    free(a);
    free(left);
    free(b);
    free(x);
}
END_TEST

void add_cases(TCase *c) {
    const int n = sizeof sizes / sizeof *sizes;
    tcase_add_loop_test(c, eigenvectors_are_what_they_say, 0, n);
    tcase_add_loop_test(c, rows_become_orthonormal, 0, n);
    tcase_add_loop_test(c, singular_values, 0, n);
    tcase_add_loop_test(c, systems_are_solved, 0, n);
}
