/* AUC within groups, and calibration by tenths of the rows, against their definitions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "judge_support.h"

enum { MAX_ROWS = 400, MAX_GROUPS = 40 };

/* Rows of a task, each in a group from 1 on, or in none. */
typedef struct rows {
    int64_t n;
    float p[MAX_ROWS], y[MAX_ROWS], w[MAX_ROWS];
    int32_t group[MAX_ROWS];
} rows;

static double uniform(uint64_t seed, int64_t i) {
    return mmoe_random_uniform(seed, 1, (uint64_t)i);
}

/* Few levels make many ties; a tenth of the labels is missing; some weights are 0; sums of weights
 * are exact. */
static void draw(uint64_t seed, rows *r) {
    const double levels = (double)(1 + mmoe_random_below(seed, 2, 0, 30)),
                 groups = (double)(1 + mmoe_random_below(seed, 2, 1, MAX_GROUPS));
    r->n = (int64_t)(2 + mmoe_random_below(seed, 2, 2, MAX_ROWS - 1));
    for (int64_t i = 0; i < r->n; i++) {
        r->p[i] = (float)(floor(uniform(seed, 5 * i) * levels) / levels);
        r->y[i] = uniform(seed, 5 * i + 1) < 0.1 ? NAN : (float)(uniform(seed, 5 * i + 2) < 0.3);
        r->w[i] = (float)(floor(uniform(seed, 5 * i + 3) * 5) / 4);
        r->group[i] = (int32_t)floor(uniform(seed, 5 * i + 4) * groups);
    }
}

static mmoe_task_metrics judge(const rows *r, bool is_weighed, mmoe_group_weight by) {
    static const double constant = 0.3;
    return compute((judged){MMOE_CLASSIFICATION, r->n, r->p, r->y, is_weighed ? r->w : NULL, 1,
                            &constant, r->group, by});
}

/* Of all pairs of a positive and a negative row of a group, the weight of those in the right order;
 * NaN: there is no pair. */
static double area_of_pairs(const rows *r, bool is_weighed, int32_t group) {
    double right = 0, all = 0;
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t j = 0; j < r->n; j++) {
            if (r->group[i] != group || r->group[j] != group) continue;
            if (!(r->y[i] == 1) || !(r->y[j] == 0)) continue;
            const double pair = is_weighed ? (double)r->w[i] * (double)r->w[j] : 1;
            all += pair;
            if (r->p[i] > r->p[j]) right += pair;
            if (r->p[i] == r->p[j]) right += pair / 2;
        }
    return all > 0 ? right / all : (double)NAN;
}

/* What a group counts for, and its rows in *n. */
static double weight_of(const rows *r, bool is_weighed, mmoe_group_weight by, int32_t group,
                        int64_t *n) {
    double weight = 0, positives = 0;
    *n = 0;
    for (int64_t i = 0; i < r->n; i++) {
        const double w = is_weighed ? (double)r->w[i] : 1;
        if (r->group[i] != group || isnan(r->y[i])) continue;
        ++*n;
        weight += w;
        positives += w * (double)r->y[i];
    }
    const double weights[] = {[MMOE_GROUP_IMPRESSIONS] = weight,
                              [MMOE_GROUP_ROWS] = (double)*n,
                              [MMOE_GROUP_POSITIVES] = positives,
                              [MMOE_GROUP_EQUAL] = 1};
    return weights[by];
}

static void compare(const rows *r, bool is_weighed, mmoe_group_weight by) {
    const mmoe_task_metrics m = judge(r, is_weighed, by);
    double areas = 0, weights = 0;
    int64_t n, groups = 0, one_class = 0, one_class_rows = 0, single = 0;
    weight_of(r, is_weighed, by, 0, &n);
    ck_assert_int_eq(m.no_group_rows, n);
    for (int32_t g = 1; g <= MAX_GROUPS; g++) {
        const double area = area_of_pairs(r, is_weighed, g),
                     weight = weight_of(r, is_weighed, by, g, &n);
        groups += n > 0;
        one_class += n > 0 && isnan(area);
        one_class_rows += isnan(area) ? n : 0;
        single += n == 1;
        areas += isnan(area) ? 0 : weight * area;
        weights += isnan(area) ? 0 : weight;
    }
    ck_assert_str_eq(m.group, "user");
    ck_assert_int_eq(m.groups, groups);
    ck_assert_int_eq(m.one_class_groups, one_class);
    ck_assert_int_eq(m.one_class_group_rows, one_class_rows);
    ck_assert_int_eq(m.single_groups, single);
    if (weights > 0)
        ck_assert_double_eq_tol(m.gauc, areas / weights, 1e-14);
    else
        ck_assert(isnan(m.gauc) && m.why);
}

START_TEST(group_area_agrees_with_pairs) {
    static rows r;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        draw(seed, &r);
        for (int by = MMOE_GROUP_IMPRESSIONS; by <= MMOE_GROUP_EQUAL; by++) {
            compare(&r, false, (mmoe_group_weight)by);
            compare(&r, true, (mmoe_group_weight)by);
        }
    }
}
END_TEST

/* Rows of parts are judged as if there were no others. */
START_TEST(parts_are_judged_apart) {
    enum { PARTS = 3 };
    static rows r, of[PARTS + 1];
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    draw(3, &r);
    int32_t parts[MAX_ROWS];
    for (int i = 0; i <= PARTS; i++) of[i].n = 0;
    for (int64_t i = 0; i < r.n; i++) {
        rows *to = &of[(i + i / 3) % (PARTS + 1)];
        parts[i] = to == &of[PARTS] ? -1 : (int32_t)(to - of);
        to->p[to->n] = r.p[i];
        to->y[to->n] = r.y[i];
        to->w[to->n] = r.w[i];
        to->group[to->n++] = r.group[i];
    }
    const mmoe_judge_wanted wanted = {.type = MMOE_CLASSIFICATION,
                                      .parts = PARTS,
                                      .group = "user",
                                      .group_weight = MMOE_GROUP_IMPRESSIONS,
                                      .run = 40};
    const mmoe_judged_rows batch = {.rows = r.n,
                                    .predictions = r.p,
                                    .labels = r.y,
                                    .stride = 1,
                                    .weights = r.w,
                                    .groups = r.group,
                                    .parts = parts};
    mmoe_task_judge *j;
    mmoe_task_metrics out[2 * PARTS];
    memset(out, 0x5a, sizeof out);
    for (int i = 0; i < 2 * PARTS; i++) out[i].name = "task";
    SUCCEEDS(mmoe_task_judge_create(&wanted, &plain, &j, &err));
    mmoe_task_judge_begin(j, 0.3);
    SUCCEEDS(mmoe_task_judge_add(j, &batch, &err));
    SUCCEEDS(mmoe_task_judge_end(j, out, 2, &err));
    mmoe_task_judge_free(j);
    for (int i = 0; i < PARTS; i++) {
        const mmoe_task_metrics alone = judge(&of[i], true, MMOE_GROUP_IMPRESSIONS);
        ck_assert_int_gt(alone.rows, 10);
        ck_assert_mem_eq(&out[2 * i], &alone, sizeof alone);
    }
}
END_TEST

/* By hand: user 1 has AUC 1/2 in 3 rows (2 positive), user 2 has 1 in 2 rows, user 3 one class,
 * user 4 one row, and one row has no user. */
START_TEST(group_area_of_a_plain_case) {
    static rows r = {.n = 9,
                     .p = {.1F, .5F, .9F, .2F, .8F, .3F, .4F, .6F, .7F},
                     .y = {1, 0, 1, 0, 1, 0, 0, 1, 1},
                     .group = {1, 1, 1, 2, 2, 3, 3, 4, 0}};
    const mmoe_task_metrics m = judge(&r, false, MMOE_GROUP_IMPRESSIONS);
    ck_assert_double_eq_tol(m.gauc, (3 * .5 + 2 * 1) / 5, 1e-15);
    ck_assert_double_eq_tol(judge(&r, false, MMOE_GROUP_POSITIVES).gauc, (2 * .5 + 1) / 3, 1e-15);
    ck_assert_double_eq_tol(judge(&r, false, MMOE_GROUP_EQUAL).gauc, .75, 1e-15);
    ck_assert_int_eq(m.groups, 4);
    ck_assert_int_eq(m.one_class_groups, 2);
    ck_assert_int_eq(m.one_class_group_rows, 3);
    ck_assert_int_eq(m.single_groups, 1);
    ck_assert_int_eq(m.no_group_rows, 1);
    ck_assert_ptr_null(m.why);
    for (int i = 0; i < 3; i++) r.y[i] = 1;
    r.y[4] = 0;
    const mmoe_task_metrics none = judge(&r, false, MMOE_GROUP_IMPRESSIONS);
    ck_assert(isnan(none.gauc) && !isnan(none.auc));
    ck_assert_str_eq(none.why, "no group has both classes");
}
END_TEST

/* Groups large enough that they are sorted by digits, and their rows far apart. */
START_TEST(large_groups_are_exact) {
    enum { N = 30000, GROUPS = 3 };
    float *p = malloc(N * sizeof *p), *y = malloc(N * sizeof *y);
    int32_t *of = malloc(N * sizeof *of);
    ck_assert(p && y && of);
    for (int i = 0; i < N; i++) { /* in each group row k of N / 3 has the rank k */
        const int at = (int)((int64_t)i * 7919 % N);
        p[at] = (float)i * 0x1p-15F;
        of[at] = 1 + i % GROUPS;
        y[at] = i / GROUPS % 100 >= 50;
    }
    const mmoe_task_metrics m =
        compute((judged){MMOE_CLASSIFICATION, N, p, y, NULL, 1, NULL, of, MMOE_GROUP_ROWS});
    /* Of 100 blocks of 50 negatives, then 50 positives, a block's beat those of it and before. */
    ck_assert_double_eq_tol(m.gauc, 101 / 200.0, 1e-14);
    ck_assert_int_eq(m.groups, GROUPS);
    free(p);
    free(y);
    free(of);
}
END_TEST

/* ---- Calibration ---- */

static int by_prediction(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The definition: row k of n, by its prediction, has the bin of the first of its equals. */
static double error_of_bins(const rows *r) {
    float sorted[MAX_ROWS][3]; /* prediction, label, weight */
    double excess[10] = {0}, sum = 0, weight = 0;
    int n = 0, first = 0;
    for (int64_t i = 0; i < r->n; i++)
        if (!isnan(r->y[i]))
            memcpy(sorted[n++], (float[]){r->p[i], r->y[i], r->w[i]}, sizeof sorted[0]);
    qsort(sorted, (size_t)n, sizeof *sorted, by_prediction);
    for (int k = 0; k < n; k++) {
        if (k == 0 || sorted[k][0] != sorted[k - 1][0]) first = k;
        int b = 0;
        while (n / 10 * (b + 1) + n % 10 * (b + 1) / 10 <= first) b++;
        excess[b] += (double)sorted[k][2] * ((double)sorted[k][0] - (double)sorted[k][1]);
        weight += (double)sorted[k][2];
    }
    for (int b = 0; b < 10; b++) sum += fabs(excess[b]);
    return sum / weight;
}

START_TEST(calibration_error_agrees_with_its_bins) {
    static rows r;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        draw(seed, &r);
        r.w[0] = 1;
        r.y[0] = 0;
        ck_assert_double_eq_tol(judge(&r, true, MMOE_GROUP_ROWS).ece, error_of_bins(&r), 1e-13);
    }
}
END_TEST

START_TEST(calibration_error_of_plain_cases) {
    static rows r = {.n = 20};
    for (int i = 0; i < 20; i++) { /* two rows a bin, both of one class */
        r.p[i] = (float)(i / 2) / 16;
        r.y[i] = i % 2 != 0;
    }
    double wanted = 0;
    for (int b = 0; b < 10; b++) wanted += fabs(b / 16.0 - .5) / 10;
    ck_assert_double_eq_tol(judge(&r, false, MMOE_GROUP_ROWS).ece, wanted, 1e-15);
    for (int i = 0; i < 20; i++) r.p[i] = .5F; /* one bin: it is right on average */
    ck_assert_double_eq(judge(&r, false, MMOE_GROUP_ROWS).ece, 0);
    for (int i = 0; i < 20; i++) r.y[i] = 0;
    const mmoe_task_metrics m = judge(&r, false, MMOE_GROUP_ROWS);
    ck_assert_double_eq(m.ece, .5); /* it needs no two classes */
    ck_assert_str_eq(m.why, "one class only");
    r.p[3] = NAN;
    const mmoe_task_metrics odd = judge(&r, false, MMOE_GROUP_ROWS);
    ck_assert(isnan(odd.ece) && isnan(odd.gauc));
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, group_area_agrees_with_pairs);
    tcase_add_test(c, parts_are_judged_apart);
    tcase_add_test(c, group_area_of_a_plain_case);
    tcase_add_test(c, large_groups_are_exact);
    tcase_add_test(c, calibration_error_agrees_with_its_bins);
    tcase_add_test(c, calibration_error_of_plain_cases);
}
