/* Minima over the simplex, by what marks them: on the support all slopes are equal, beside it none
 * is smaller. */
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "check_main.h"
#include "train/simplex.h"

enum { MOST = 12 };

/* Products of n vectors of `rank` coordinates each, of very different lengths. */
static void draw_products(int n, int rank, uint64_t seed, double *m) {
    double x[MOST][MOST];
    for (int i = 0; i < n; i++)
        for (int k = 0; k < rank; k++)
            x[i][k] = mmoe_random_normal(seed, 1, (uint64_t)(i * rank + k)) * pow(10, i % 3);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            m[i * n + j] = 0;
            for (int k = 0; k < rank; k++) m[i * n + j] += x[i][k] * x[j][k];
        }
}

static void check_minimum(int n, const double *w, const double *slopes, double scale) {
    double sum = 0, least = HUGE_VAL;
    for (int i = 0; i < n; i++) {
        ck_assert_double_ge(w[i], 0);
        sum += w[i];
        least = fmin(least, slopes[i]);
    }
    ck_assert_double_eq_tol(sum, 1, 1e-12);
    for (int i = 0; i < n; i++)
        if (w[i] > 1e-9)
            ck_assert_msg(slopes[i] - least <= 1e-9 * scale,
                          "%d of %d: slope %g over the least %g, weight %g", i, n, slopes[i], least,
                          w[i]);
}

/* Slopes of w' M w / 2; with radius, of b' w + radius sqrt(w' M w). */
static double fill_slopes(int n, const double *m, const double *b, double radius, const double *w,
                          double *slopes) {
    double square = 0, scale = 0;
    for (int i = 0; i < n; i++) {
        slopes[i] = 0;
        for (int j = 0; j < n; j++) slopes[i] += m[i * n + j] * w[j];
        square += w[i] * slopes[i];
    }
    for (int i = 0; i < n; i++) {
        if (b) slopes[i] = b[i] + radius * slopes[i] / sqrt(square);
        scale = fmax(scale, fmax(fabs(slopes[i]), b ? fabs(b[i]) : m[i * n + i]));
    }
    return scale;
}

START_TEST(shortest) {
    double m[MOST * MOST], w[MOST], slopes[MOST];
    for (int n = 1; n <= MOST; n++) {
        draw_products(n, MOST, (uint64_t)(100 * _i + n), m);
        mmoe_simplex_shortest(n, m, w, slopes);
        const double scale = fill_slopes(n, m, NULL, 0, w, slopes);
        check_minimum(n, w, slopes, scale);
    }
}
END_TEST

START_TEST(support) {
    double m[MOST * MOST], b[MOST], w[MOST], slopes[MOST];
    for (int n = 1; n <= MOST; n++) {
        draw_products(n, MOST, (uint64_t)(100 * _i + n), m);
        double mean = 0;
        for (int i = 0; i < n; i++) {
            b[i] = 0;
            for (int j = 0; j < n; j++) b[i] += m[i * n + j] / n;
            mean += b[i] / n;
        }
        const double radius = 0.5 * sqrt(mean);
        mmoe_simplex_support(n, m, b, radius, w, slopes);
        const double scale = fill_slopes(n, m, b, radius, w, slopes);
        check_minimum(n, w, slopes, scale);
    }
}
END_TEST

/* Two vectors: the foot of the perpendicular, or an end. */
START_TEST(two_vectors) {
    double w[2], slopes[2];
    mmoe_simplex_shortest(2, (const double[]){1, 0, 0, 4}, w,
                          slopes); /* orthogonal, lengths 1 and 2 */
    ck_assert_double_eq_tol(w[0], 0.8, 1e-12);
    mmoe_simplex_shortest(2, (const double[]){1, 3, 3, 100}, w,
                          slopes); /* the shorter is nearest */
    ck_assert_double_eq_tol(w[0], 1, 1e-12);
    mmoe_simplex_shortest(2, (const double[]){1, -1, -1, 1}, w, slopes); /* opposite: the origin */
    ck_assert_double_eq_tol(w[0], 0.5, 1e-12);
    mmoe_simplex_shortest(2, (const double[]){0, 0, 0, 0}, w, slopes);
    ck_assert_double_eq_tol(w[0] + w[1], 1, 1e-12);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, shortest, 0, 20);
    tcase_add_loop_test(c, support, 0, 20);
    tcase_add_test(c, two_vectors);
}
