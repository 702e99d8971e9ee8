/* CKA and effective rank, by what they are known to be and by what leaves them as they are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check_main.h"
#include "failing.h"
#include "look/similarity.h"
#include "math/lapack.h"

enum { ROWS = 200, UNITS = 5 };

static void draw(double *x, int32_t count, uint64_t stream) {
    for (int32_t i = 0; i < count; i++) {
        uint32_t r[4];
        mmoe_philox(7, stream, (uint64_t)i, r);
        x[i] = (double)r[0] / 2147483648.0 - 1;
    }
}

static void compare(mmoe_outputs *modules, int32_t count, int32_t rows, int threads, double *cka) {
    mmoe_error err = {0};
    mmoe_pool *pool;
    const mmoe_allocator a = mmoe_allocator_or_default(NULL);
    ck_assert_int_eq(mmoe_pool_create(threads, &a, &pool, &err), MMOE_OK);
    const mmoe_comparison wanted = {modules, count, rows, pool, cka};
    ck_assert_msg(mmoe_compare_outputs(&wanted, &a, &err) == MMOE_OK, "%s", err.message);
    mmoe_pool_free(pool);
}

/* y = scale Q x + shift, Q orthogonal. */
static void turn(const double *x, double scale, double shift, double *y) {
    double q[UNITS * UNITS],
        *scratch = malloc((size_t)mmoe_lapack_orthonormal_scratch(UNITS, UNITS) * sizeof *scratch);
    draw(q, UNITS * UNITS, 3);
    ck_assert(mmoe_lapack_orthonormal(UNITS, UNITS, q, scratch));
    free(scratch);
    for (int32_t u = 0; u < UNITS; u++)
        for (int32_t r = 0; r < ROWS; r++) {
            double sum = 0;
            for (int32_t k = 0; k < UNITS; k++) sum += q[u * UNITS + k] * x[k * ROWS + r];
            y[u * ROWS + r] = scale * sum + shift;
        }
}

START_TEST(rotation_and_scale_change_nothing) {
    static double x[UNITS * ROWS], y[UNITS * ROWS], z[UNITS * ROWS];
    double cka[9];
    draw(x, UNITS * ROWS, 1);
    for (int32_t r = 0; r < ROWS; r++)
        x[r] *= 4; /* the units differ in size, so the ranks are not all of them */
    turn(x, 2.5, 7, y);
    memcpy(z, x, sizeof z);
    for (int32_t r = 0; r < ROWS; r++) z[ROWS + r] *= 3; /* scales a unit alone: another space */
    mmoe_outputs m[] = {
        {.units = UNITS, .x = x}, {.units = UNITS, .x = y}, {.units = UNITS, .x = z}};
    compare(m, 3, ROWS, 1, cka);
    ck_assert_double_eq_tol(cka[1], 1, 1e-12);
    ck_assert_double_eq_tol(m[0].rank, m[1].rank, 1e-11);
    ck_assert_double_lt(m[0].rank, UNITS - 0.5);
    ck_assert_double_lt(cka[2], 0.99);
    ck_assert_double_eq_tol(cka[2], cka[5], 1e-12);
    for (int i = 0; i < 9; i++) ck_assert_double_eq(cka[i], cka[i % 3 * 3 + i / 3]);
    for (int i = 0; i < 3; i++) ck_assert_double_eq(cka[i * 4], 1);
}
END_TEST

/* Singular values 3 and 1 (the means are 0 already): exp of the entropy of 3/4 and 1/4. Of single
 * units CKA is the squared correlation. */
START_TEST(known_matrices) {
    double two[] = {1.5, 1.5, -1.5, -1.5, 0.5, -0.5, 0.5, -0.5}, one[] = {2, 2, 2, -6},
           flat[] = {4, 4, 4, 4}, up[] = {1, 2, 3, 4}, bent[] = {1, 3, 2, 5};
    double across[] = {5, 4, 4, 5};
    mmoe_outputs m[] = {{.units = 2, .x = two}, {.units = 1, .x = one},  {.units = 1, .x = flat},
                        {.units = 1, .x = up},  {.units = 1, .x = bent}, {.units = 1, .x = across}};
    double cka[36];
    compare(m, 6, 4, 1, cka);
    ck_assert_double_eq_tol(m[0].rank, exp(-0.75 * log(0.75) - 0.25 * log(0.25)), 1e-14);
    ck_assert_double_eq_tol(m[1].rank, 1, 1e-14);
    ck_assert_double_eq(m[2].rank, 0);
    /* up: -1.5 -.5 .5 1.5; bent: -1.75 .25 -.75 2.25: 5.5^2 / (5 * 8.75) */
    ck_assert_double_eq_tol(cka[3 * 6 + 4], 30.25 / 43.75, 1e-14);
    ck_assert_double_eq_tol(cka[3 * 6 + 5], 0, 1e-14);
    /* up on two: products -4 4 with (1.5 1.5 -1.5 -1.5), (.5 -.5 .5 -.5): -6 and -1, squared 37,
     * over 5 sqrt(81 + 1) */
    ck_assert_double_eq_tol(cka[3], 37 / (5 * sqrt(82)), 1e-14);
    for (int i = 0; i < 6; i++) ck_assert(isnan(cka[2 * 6 + i]));
}
END_TEST

START_TEST(what_cannot_be_compared) {
    double a[] = {1, 2, 3, 5}, b[] = {2, 1, 1, 1}, c[] = {1, NAN, 2, 3}, d[] = {1, INFINITY, 2, 3};
    mmoe_outputs m[] = {{.units = 1, .group = 1, .x = a},
                        {.units = 1, .group = 2, .x = b},
                        {.units = 1, .group = 1, .x = c},
                        {.units = 1, .group = 1, .x = d}};
    double cka[16];
    compare(m, 4, 4, 1, cka);
    ck_assert(isnan(cka[1]) && isnan(cka[2]) && isnan(cka[3]) && cka[0] == 1 && cka[5] == 1);
    ck_assert(isnan(m[2].rank) && isnan(m[3].rank) && m[0].rank == 1);
    mmoe_outputs single = {.units = 3, .x = (double[]){1, 2, 3}}; /* one row */
    compare(&single, 1, 1, 1, cka);
    ck_assert(single.rank == 0 && isnan(cka[0]));
    compare(NULL, 0, 4, 1, NULL);
}
END_TEST

/* Fewer rows than units. */
START_TEST(wide_outputs) {
    double x[6 * 3];
    draw(x, 18, 5);
    mmoe_outputs m = {.units = 6, .x = x};
    double cka;
    compare(&m, 1, 3, 1, &cka);
    ck_assert(m.rank > 1 && m.rank <= 2 + 1e-12); /* centred, three rows have two directions */
}
END_TEST

START_TEST(threads_change_no_bit) {
    enum { COUNT = 7 };
    static double x[2][COUNT * UNITS * ROWS];
    double cka[2][COUNT * COUNT], ranks[2][COUNT];
    for (int k = 0; k < 2; k++) {
        mmoe_outputs m[COUNT];
        draw(x[k], COUNT * UNITS * ROWS, 9);
        for (int i = 0; i < COUNT; i++)
            m[i] = (mmoe_outputs){.units = UNITS - i % 3, .x = x[k] + i * UNITS * ROWS};
        compare(m, COUNT, ROWS, 1 + 3 * k, cka[k]);
        for (int i = 0; i < COUNT; i++) ranks[k][i] = m[i].rank;
    }
    ck_assert_mem_eq(cka[0], cka[1], sizeof cka[0]);
    ck_assert_mem_eq(ranks[0], ranks[1], sizeof ranks[0]);
}
END_TEST

START_TEST(memory) {
    double x[] = {1, 2, 4}, cka;
    failing f = {.fail_at = 1};
    const mmoe_allocator a = failing_allocator(&f);
    mmoe_outputs m = {.units = 1, .x = x};
    mmoe_error err = {0};
    const mmoe_comparison wanted = {&m, 1, 3, NULL, &cka};
    ck_assert_int_eq(mmoe_compare_outputs(&wanted, &a, &err), MMOE_E_MEMORY);
    ck_assert_int_eq(mmoe_compare_outputs(&wanted, &a, &err), MMOE_OK);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, threads_change_no_bit);
    if (THREADS_ALONE) return;
    tcase_add_test(c, rotation_and_scale_change_nothing);
    tcase_add_test(c, known_matrices);
    tcase_add_test(c, what_cannot_be_compared);
    tcase_add_test(c, wide_outputs);
    tcase_add_test(c, memory);
}
