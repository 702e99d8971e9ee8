/* figures of a task against their definitions */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "judge_support.h"
#include "train/score_bins.h"

enum { MAX_ROWS = 400 };

static double auc_of(int64_t rows, const float *p, const float *y) {
    return compute((judged){MMOE_CLASSIFICATION, rows, p, y, NULL, 1}).auc;
}

/* Of every pair of a positive and a negative row, the weight of those in the right order. */
static double auc_of_pairs(int n, const float *p, const float *y, const float *w) {
    double right = 0, all = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            if (!(y[i] == 1) || !(y[j] == 0)) continue;
            const double pair = w ? (double)w[i] * (double)w[j] : 1;
            all += pair;
            if (p[i] > p[j]) right += pair;
            if (p[i] == p[j]) right += pair / 2;
        }
    return right / all;
}

static double uniform(uint64_t seed, int i) { return mmoe_random_uniform(seed, 1, (uint64_t)i); }

/* Few levels make many ties; a tenth of the labels is missing; some weights are zero; sums of
 * weights are exact. */
static void random_rows(uint64_t seed, int n, float *p, float *y, float *w) {
    const double levels = (double)(1 + mmoe_random_below(seed, 2, 0, 40));
    for (int i = 0; i < n; i++) {
        p[i] = (float)(floor(uniform(seed, 4 * i) * levels) / levels);
        y[i] = uniform(seed, 4 * i + 1) < 0.1 ? NAN : (float)(uniform(seed, 4 * i + 2) < 0.3);
        w[i] = (float)(floor(uniform(seed, 4 * i + 3) * 5) / 4);
    }
    y[0] = w[0] = w[1] = 1;
    y[1] = 0;
}

START_TEST(auc_agrees_with_pairs) {
    float p[MAX_ROWS], y[MAX_ROWS], w[MAX_ROWS];
    for (uint64_t seed = 1; seed <= 60; seed++) {
        const int n = (int)(2 + mmoe_random_below(seed, 3, 0, MAX_ROWS - 1));
        random_rows(seed, n, p, y, w);
        ck_assert_double_eq_tol(auc_of(n, p, y), auc_of_pairs(n, p, y, NULL), 1e-15);
        ck_assert_double_eq_tol(compute((judged){MMOE_CLASSIFICATION, n, p, y, w, 1}).auc,
                                auc_of_pairs(n, p, y, w), 1e-15);
    }
}
END_TEST

/* Every bit of a float takes part in the order: signs, exponents, and neighbours that differ in the
 * last bit. */
START_TEST(auc_orders_all_floats) {
    float p[MAX_ROWS], y[MAX_ROWS];
    int n = 0;
    for (; n < MAX_ROWS - 3; n += 2) {
        const uint32_t bits = (uint32_t)mmoe_random_bits(7, 1, (uint64_t)n);
        memcpy(&p[n], &bits, sizeof bits);
        if (isnan(p[n])) p[n] = INFINITY;
        p[n + 1] = nextafterf(p[n], (n & 2) ? INFINITY : -INFINITY);
        y[n] = (float)(mmoe_random_below(7, 2, (uint64_t)n, 2));
        y[n + 1] = 1 - y[n];
    }
    p[n] = -INFINITY;
    y[n++] = 1;
    ck_assert_double_eq_tol(auc_of(n, p, y), auc_of_pairs(n, p, y, NULL), 1e-15);
}
END_TEST

START_TEST(auc_of_plain_cases) {
    const float labels[] = {0, 1, 0, 1};
    ck_assert_double_eq(auc_of(4, (float[]){.1F, .9F, .2F, .8F}, labels), 1);
    ck_assert_double_eq(auc_of(4, (float[]){.9F, .1F, .8F, .2F}, labels), 0);
    ck_assert_double_eq(auc_of(4, (float[]){.3F, .3F, .3F, .3F}, labels), 0.5);
    ck_assert_double_eq(auc_of(4, (float[]){.3F, .3F, .2F, .4F}, labels), 0.875);
    ck_assert_double_eq(auc_of(4, (float[]){0, 1, 0, 1}, labels), 1);
    ck_assert_double_eq(auc_of(2, (float[]){0.0F, -0.0F}, labels), 0.5);
    ck_assert_double_eq(auc_of(2, (float[]){-0.0F, 0.0F}, labels), 0.5);
    ck_assert_double_eq(auc_of(2, (float[]){-1e-40F, 0.0F}, labels), 1);
    const float weights[] = {3, 1, 1, 2};
    /* pairs: (1,0) tied 3, (1,2) right 1, (3,0) right 6, (3,2) right 2 */
    const mmoe_task_metrics m = compute(
        (judged){MMOE_CLASSIFICATION, 4, (float[]){.3F, .3F, .2F, .4F}, labels, weights, 1});
    ck_assert_double_eq_tol(m.auc, 10.5 / 12, 1e-15);
}
END_TEST

START_TEST(logloss_and_calibration) {
    const float p[] = {.25F, .5F, .75F, .125F}, y[] = {0, 1, 1, NAN}, w[] = {1, 2, 4, 1000};
    mmoe_task_metrics m = compute((judged){MMOE_CLASSIFICATION, 4, p, y, NULL, 1});
    ck_assert_int_eq(m.rows, 3);
    ck_assert_double_eq_tol(m.logloss, -(log(.75) + log(.5) + log(.75)) / 3, 1e-15);
    ck_assert_double_eq_tol(m.calibration, 1.5 / 2, 1e-15);
    ck_assert_ptr_null(m.why);
    ck_assert_double_nan(m.mse);
    ck_assert_double_nan(m.rmse);
    ck_assert_double_nan(m.mae);
    m = compute((judged){MMOE_CLASSIFICATION, 4, p, y, w, 1});
    ck_assert_int_eq(m.rows, 3);
    ck_assert_double_eq_tol(m.logloss, -(log(.75) + 2 * log(.5) + 4 * log(.75)) / 7, 1e-15);
    ck_assert_double_eq_tol(m.calibration, 4.25 / 6, 1e-15);
}
END_TEST

START_TEST(logarithms_are_clamped) {
    const float smallest = nextafterf(0, 1), below_one = nextafterf(1, 0);
    ck_assert_double_eq(
        compute((judged){MMOE_CLASSIFICATION, 2, (float[]){0, 1}, (float[]){1, 0}, NULL, 1})
            .logloss,
        100);
    ck_assert_double_eq(
        compute((judged){MMOE_CLASSIFICATION, 2, (float[]){0, 1}, (float[]){0, 1}, NULL, 1})
            .logloss,
        0);
    ck_assert_double_eq(
        compute((judged){MMOE_CLASSIFICATION, 1, &smallest, (float[]){1}, NULL, 1}).logloss, 100);
    ck_assert_double_eq_tol(
        compute((judged){MMOE_CLASSIFICATION, 1, &below_one, (float[]){0}, NULL, 1}).logloss,
        24 * log(2), 1e-14);
}
END_TEST

START_TEST(regression_figures) {
    const float p[] = {1, -2, 3, 9}, y[] = {2, 2, 3, NAN}, w[] = {1, 2, 5, 7};
    mmoe_task_metrics m = compute((judged){MMOE_REGRESSION, 4, p, y, NULL, 1});
    ck_assert_int_eq(m.rows, 3);
    ck_assert_double_eq_tol(m.mse, 17.0 / 3, 1e-15);
    ck_assert_double_eq_tol(m.rmse, sqrt(17.0 / 3), 1e-15);
    ck_assert_double_eq_tol(m.mae, 5.0 / 3, 1e-15);
    ck_assert_double_eq_tol(m.calibration, 2.0 / 7, 1e-15);
    ck_assert_double_nan(m.auc);
    ck_assert_double_nan(m.logloss);
    ck_assert_ptr_null(m.why);
    m = compute((judged){MMOE_REGRESSION, 4, p, y, w, 1});
    ck_assert_double_eq_tol(m.mse, 33.0 / 8, 1e-15);
    ck_assert_double_eq_tol(m.rmse, sqrt(33.0 / 8), 1e-15);
    ck_assert_double_eq_tol(m.mae, 9.0 / 8, 1e-15);
    ck_assert_double_eq_tol(m.calibration, 12.0 / 21, 1e-15);
    m = compute((judged){MMOE_REGRESSION, 2, p, (float[]){1, -2}, NULL, 1});
    ck_assert_double_eq(m.mse, 0);
    ck_assert_double_nan(m.calibration);
    ck_assert_str_eq(m.why, "no positive sum of labels");
}
END_TEST

START_TEST(beside_the_constant) {
    const float p[] = {.25F, .5F, .75F, .125F}, y[] = {0, 1, 1, NAN}, w[] = {1, 2, 4, 1000};
    const double quarter = .25, own = 6.0 / 7;
    judged rows = {MMOE_CLASSIFICATION, 4, p, y, NULL, 1, &quarter};
    mmoe_task_metrics m = compute(rows);
    ck_assert_double_eq_tol(m.base, -(log(.75) + 2 * log(.25)) / 3, 1e-15);
    ck_assert_double_eq_tol(m.relative, m.logloss / m.base, 1e-15);
    ck_assert(m.constant == quarter && !m.constant_is_of_rows && !m.why);
    rows.constant = NULL; /* the rows' own mean, by their weights */
    rows.weights = w;
    m = compute(rows);
    ck_assert_double_eq_tol(m.constant, own, 1e-15);
    ck_assert_double_eq_tol(m.base, -(log(1 - own) + 6 * log(own)) / 7, 1e-15);
    ck_assert(m.constant_is_of_rows);

    const float scores[] = {1, -2, 3, 9}, numbers[] = {2, 2, 3, NAN};
    const double one = 1;
    m = compute((judged){MMOE_REGRESSION, 4, scores, numbers, w, 1, &one});
    ck_assert_double_eq_tol(m.base, sqrt((1 + 2 + 4 * 4) / 7.0), 1e-15);
    ck_assert_double_eq_tol(m.relative, 1 - m.mse / (m.base * m.base), 1e-15);
    m = compute((judged){MMOE_REGRESSION, 2, scores, numbers, NULL, 1});
    ck_assert(m.base == 0 && m.constant == 2);
    ck_assert_double_nan(m.relative);
    ck_assert_str_eq(m.why, "the mean label is every label");

    const double half = .5;
    const float counts[] = {0, 2}, means[] = {1, 1};
    m = compute((judged){MMOE_POISSON, 2, means, counts, NULL, 1, &half});
    ck_assert_double_eq_tol(m.base, .5 + (.5 - 2 + 2 * log(4)), 1e-15);
    ck_assert_double_eq_tol(m.relative, 1 - m.values[0] / m.base, 1e-15);
}
END_TEST

static void assert_undefined(const mmoe_task_metrics *m, const char *why) {
    const double figures[] = {m->auc, m->logloss, m->mse, m->rmse, m->mae, m->calibration};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) ck_assert_double_nan(figures[i]);
    ck_assert_ptr_nonnull(m->why);
    ck_assert_str_eq(m->why, why);
}

START_TEST(undefined_figures_say_why) {
    const float p[] = {.25F, .5F}, nan_p[] = {NAN, .5F}, none[] = {NAN, NAN}, y[] = {0, 1},
                zero[] = {0, 0};
    for (int type = MMOE_CLASSIFICATION; type <= MMOE_REGRESSION; type++) {
        mmoe_task_metrics m = compute((judged){(mmoe_task_type)type, 0, p, y, NULL, 1});
        ck_assert_int_eq(m.rows, 0);
        assert_undefined(&m, "no labels");
        m = compute((judged){(mmoe_task_type)type, 2, p, none, zero, 1});
        ck_assert_int_eq(m.rows, 0);
        assert_undefined(&m, "no labels");
        m = compute((judged){(mmoe_task_type)type, 2, p, y, zero, 1});
        ck_assert_int_eq(m.rows, 2);
        assert_undefined(&m, "weights sum to zero");
        m = compute((judged){(mmoe_task_type)type, 2, nan_p, y, NULL, 1});
        ck_assert_int_eq(m.rows, 2);
        assert_undefined(&m, "a prediction is not a number");
    }
}
END_TEST

START_TEST(one_class_has_no_auc) {
    const float p[] = {.25F, .5F};
    mmoe_task_metrics m = compute((judged){MMOE_CLASSIFICATION, 2, p, (float[]){0, 0}, NULL, 1});
    ck_assert_double_nan(m.auc);
    ck_assert_double_nan(m.calibration);
    ck_assert_double_eq_tol(m.logloss, -(log(.75) + log(.5)) / 2, 1e-15);
    ck_assert_str_eq(m.why, "one class only");
    m = compute((judged){MMOE_CLASSIFICATION, 2, p, (float[]){1, 1}, NULL, 1});
    ck_assert_double_nan(m.auc);
    ck_assert_double_eq_tol(m.calibration, .375, 1e-15);
    ck_assert_str_eq(m.why, "one class only");
    /* the other class has no weight */
    m = compute((judged){MMOE_CLASSIFICATION, 2, p, (float[]){0, 1}, (float[]){1, 0}, 1});
    ck_assert_double_nan(m.auc);
    ck_assert_str_eq(m.why, "one class only");
}
END_TEST

START_TEST(strides_pick_one_task) {
    enum { ROWS = 100, TASKS = 3 };
    float p[ROWS], y[ROWS], w[ROWS], wide_p[ROWS * TASKS], wide_y[ROWS * TASKS];
    random_rows(5, ROWS, p, y, w);
    for (int i = 0; i < ROWS * TASKS; i++) wide_p[i] = NAN;
    for (int i = 0; i < ROWS * TASKS; i++) wide_y[i] = 0;
    for (int i = 0; i < ROWS; i++) {
        wide_p[i * TASKS + 1] = p[i];
        wide_y[i * TASKS + 1] = y[i];
    }
    for (int type = MMOE_CLASSIFICATION; type <= MMOE_REGRESSION; type++) {
        const mmoe_task_metrics a = compute((judged){(mmoe_task_type)type, ROWS, p, y, w, 1});
        const mmoe_task_metrics b =
            compute((judged){(mmoe_task_type)type, ROWS, wide_p + 1, wide_y + 1, w, TASKS});
        ck_assert_int_eq(a.rows, b.rows);
        ck_assert_mem_eq(&a.auc, &b.auc, 6 * sizeof(double));
    }
}
END_TEST

/* A million rows: float sums or counts would be off in the fourth digit. Row i's rank is i, so the
 * AUC is a closed form. */
START_TEST(large_n_is_precise) {
    enum { N = 1000000, EVERY = 1000 };
    float *p = malloc(N * sizeof *p), *y = malloc(N * sizeof *y), *w = malloc(N * sizeof *w);
    ck_assert(p && y && w);
    for (int i = 0; i < N; i++) {
        const int at = (int)((int64_t)i * 7919 % N);
        p[at] = 0.25F + (float)i * 0x1p-21F;
        y[at] = i % EVERY == EVERY - 1;
        w[at] = 0.1F;
    }
    double loss = 0, sum = 0;
    for (int i = 0; i < N; i++) {
        const double x = 0.25 + i * 0x1p-21;
        loss -= log(i % EVERY == EVERY - 1 ? x : 1 - x);
        sum += x;
    }
    /* the k-th positive beats k * (EVERY - 1) negatives of (N / EVERY) * (EVERY - 1) */
    const double expected = (N / EVERY + 1) / 2.0 / (N / EVERY);
    mmoe_task_metrics m = compute((judged){MMOE_CLASSIFICATION, N, p, y, NULL, 1});
    ck_assert_double_eq_tol(m.auc, expected, 1e-15);
    ck_assert_double_eq_tol(m.logloss, loss / N, 1e-12);
    ck_assert_double_eq_tol(m.calibration, sum / (N / EVERY), 1e-9);
    m = compute((judged){MMOE_CLASSIFICATION, N, p, y, w, 1});
    ck_assert_double_eq_tol(m.auc, expected, 1e-11);
    ck_assert_double_eq_tol(m.logloss, loss / N, 1e-11);
    for (int i = 0; i < N; i++) p[i] = 0.5F;
    ck_assert_double_eq(auc_of(N, p, y), 0.5);
    free(p);
    free(y);
    free(w);
}
END_TEST

/* ---- Bins ---- */

/* The exact area is within the bound, which is that of the definition: half of the pairs that share
 * a bin. */
static void check_bins(int n, const float *p, const float *y, const float *w) {
    const judged r = {MMOE_CLASSIFICATION, n, p, y, w, 1};
    const mmoe_task_metrics exact = compute(r), binned = judge_in_runs(&r, 1, true);
    double shared = 0, all = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++) {
            if (!(y[i] == 1) || !(y[k] == 0)) continue;
            const double pair = w ? (double)w[i] * (double)w[k] : 1;
            all += pair;
            if (mmoe_score_bin(p[i]) == mmoe_score_bin(p[k])) shared += pair;
        }
    ck_assert_double_eq_tol(binned.auc_bound, all > 0 ? shared / all / 2 : 0, 1e-12);
    ck_assert(exact.auc_bound == 0);
    ck_assert_int_eq(isnan(exact.auc), isnan(binned.auc));
    if (!isnan(exact.auc))
        ck_assert_double_le(fabs(exact.auc - binned.auc), binned.auc_bound + 1e-12);
    ck_assert_int_eq(exact.rows, binned.rows);
    ck_assert_double_eq(exact.logloss, binned.logloss);
    ck_assert_str_eq(exact.why ? exact.why : "", binned.why ? binned.why : "");
}

START_TEST(binned_areas_keep_their_bound) {
    float p[MAX_ROWS], y[MAX_ROWS], w[MAX_ROWS];
    for (uint64_t seed = 1; seed <= 4; seed++) {
        random_rows(seed, MAX_ROWS, p, y, w);
        check_bins(MAX_ROWS, p, y, seed % 2 ? w : NULL); /* ties */
        for (int i = 0; i < MAX_ROWS; i++)
            p[i] = (float)(0.7 * (1 + 4e-5 * uniform(seed, 9 * i)) * pow(2, -(double)(seed % 3)));
        check_bins(MAX_ROWS, p, y, seed % 2 ? NULL : w); /* few bins have them all */
    }
    for (int i = 0; i < MAX_ROWS; i++) y[i] = 0;
    check_bins(MAX_ROWS, p, y, NULL);
    p[7] = NAN;
    const judged r = {MMOE_CLASSIFICATION, MAX_ROWS, p, y, w, 1};
    const mmoe_task_metrics lost = judge_in_runs(&r, 1, true);
    ck_assert_str_eq(lost.why, "a prediction is not a number");
    ck_assert(isnan(lost.auc) && isnan(lost.ece) && lost.auc_bound == 0);
}
END_TEST

START_TEST(bins_are_in_order) {
    const float scores[] = {0,       -0.0F, 1e-40F, 0x1p-32F, 0x1.0002p-32F, 1e-3F, .25F,
                            .25002F, .5F,   .999F,  1};
    for (size_t i = 1; i < sizeof scores / sizeof *scores; i++)
        ck_assert_int_le(mmoe_score_bin(scores[i - 1]), mmoe_score_bin(scores[i]));
    ck_assert_int_eq(mmoe_score_bin(0x1p-33F), 0);
    ck_assert_int_eq(mmoe_score_bin(1), MMOE_SCORE_BINS - 1);
    ck_assert_int_eq(mmoe_score_bin(0x1.0002p-32F), 1);
    ck_assert_int_eq(mmoe_score_bin(.5F) - mmoe_score_bin(.25F), 1 << MMOE_OCTAVE_BITS);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, binned_areas_keep_their_bound);
    tcase_add_test(c, bins_are_in_order);
    tcase_add_test(c, auc_agrees_with_pairs);
    tcase_add_test(c, auc_orders_all_floats);
    tcase_add_test(c, auc_of_plain_cases);
    tcase_add_test(c, logloss_and_calibration);
    tcase_add_test(c, logarithms_are_clamped);
    tcase_add_test(c, regression_figures);
    tcase_add_test(c, beside_the_constant);
    tcase_add_test(c, undefined_figures_say_why);
    tcase_add_test(c, one_class_has_no_auc);
    tcase_add_test(c, strides_pick_one_task);
    tcase_add_test(c, large_n_is_precise);
}
