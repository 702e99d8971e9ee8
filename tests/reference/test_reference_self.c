/* The reference, by finite differences and by hand; the comparison, by tensors that are wrong. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "check_main.h"
#include "compare.h"

START_TEST(comparison_refuses_a_wrong_tensor) {
    const double want[] = {1, -2, 0, 1e-3};
    double got[4];
    memcpy(got, want, sizeof got);
    ck_assert(compare_tensors("t", got, want, 4, 0, 0).agrees);
    got[3] += 1.9e-5;
    ck_assert(compare_tensors("t", got, want, 4, 1e-5, 0).agrees);
    got[3] += 0.3e-5;
    comparison c = compare_tensors("t", got, want, 4, 1e-5, 0);
    ck_assert(!c.agrees);
    ck_assert_uint_eq(c.worst, 3);
    ck_assert_double_eq_tol(c.error, 1.1e-5, 1e-12);
    ck_assert_ptr_nonnull(strstr(c.message, "t[3]: got 0.001022, want 0.001"));
    memcpy(got, want, sizeof got);
    got[1] = 2;
    ck_assert(!compare_tensors("sign", got, want, 4, 1e-1, 0).agrees);
}
END_TEST

START_TEST(comparison_refuses_what_is_not_finite) {
    const double nan_value = (double)NAN, infinite = HUGE_VAL, one[] = {1, 1};
    const double bad[][2] = {{1, nan_value}, {nan_value, 1}, {1, infinite}, {-infinite, 1}};
    for (size_t i = 0; i < 4; i++) {
        ck_assert(!compare_tensors("got", bad[i], one, 2, 1e30, 0).agrees);
        ck_assert(!compare_tensors("want", one, bad[i], 2, 1e30, 0).agrees);
        ck_assert(!compare_tensors("both", bad[i], bad[i], 2, 1e30, 0).agrees);
    }
    ck_assert(!compare_tensors("empty", one, one, 0, 1, 0).agrees);
}
END_TEST

START_TEST(comparison_with_zero_wants_zero_or_a_floor) {
    const double zero[] = {0, 0}, small[] = {0, 1e-9};
    ck_assert(compare_tensors("zero", zero, zero, 2, 1e-5, 0).agrees);
    ck_assert(!compare_tensors("zero", small, zero, 2, 1e-5, 0).agrees);
    ck_assert(compare_tensors("zero", small, zero, 2, 1e-5, 1e-3).agrees);
    ck_assert(!compare_tensors("zero", small, zero, 2, 1e-5, 1e-5).agrees);
}
END_TEST

/* Entries that finite differences look at: all of a small tensor, some of a large one. */
enum { PROBES = 8, MOST_ROWS = 300 };

static double loss_at(reference_problem *p, reference_tensor *t, size_t i, double value,
                      uint64_t *signs) {
    t->value[i] = value;
    double loss = reference_loss(p->model, &p->batch, NULL, NULL);
    *signs = reference_kink_signs(p->model);
    return loss;
}

/* Central differences over four points, whose error is of the fourth order: f' = (8 (f(h) - f(-h))
 * - (f(2h) - f(-2h))) / 12h. False where the step crosses a kink. */
static bool difference(reference_problem *p, reference_tensor *t, size_t i, double *slope) {
    const double value = t->value[i], h = 1e-5;
    uint64_t signs[4];
    double near = loss_at(p, t, i, value + h, &signs[0]) - loss_at(p, t, i, value - h, &signs[1]);
    double far =
        loss_at(p, t, i, value + 2 * h, &signs[2]) - loss_at(p, t, i, value - 2 * h, &signs[3]);
    t->value[i] = value;
    *slope = (8 * near - far) / (12 * h);
    return signs[0] == signs[1] && signs[0] == signs[2] && signs[0] == signs[3];
}

START_TEST(gradients_are_slopes) {
    const reference_case *c = &reference_cases[_i];
    if (c->rows > MOST_ROWS) return; /* the same formulas, slowly */
    reference_problem p;
    reference_problem_init(&p, c, c->rows > 100 ? 1e-6 : 2e-5);
    double total = reference_gradient(p.model, &p.batch, NULL, NULL);
    ck_assert(isfinite(total) && total > 0);
    size_t probes = c->rows > 100 ? 1 : PROBES, looked = 0, skipped = 0;
    double largest = 0;
    for (size_t k = 0; k < reference_tensor_count(p.model); k++)
        for (size_t i = 0; i < reference_tensor_at(p.model, k)->count; i++)
            largest = fmax(largest, fabs(reference_tensor_at(p.model, k)->gradient[i]));
    for (size_t k = 0; k < reference_tensor_count(p.model); k++) {
        reference_tensor *t = reference_tensor_at(p.model, k);
        if (!t->trainable) continue;
        double got[PROBES], want[PROBES];
        size_t n = 0, stride = t->count > probes ? t->count / probes : 1;
        for (size_t i = 0; i < t->count && n < probes; i += stride, looked++) {
            got[n] = t->gradient[i];
            if (difference(&p, t, i, &want[n]))
                n++;
            else
                skipped++;
        }
        if (n == 0) continue;
        comparison r = compare_tensors(t->name, got, want, n, 1e-6, 1e-2 * largest);
        ck_assert_msg(r.agrees, "%s: %s", c->name, r.message);
    }
    ck_assert_msg(skipped * 20 <= looked, "%s: %zu of %zu entries at a kink", c->name, skipped,
                  looked);
    reference_problem_finish(&p);
}
END_TEST

/* An error in one gradient must show: the check above, with a gradient that is wrong by a
 * thousandth. */
START_TEST(finite_differences_see_a_wrong_gradient) {
    reference_problem p;
    reference_problem_init(&p, &reference_cases[2], 2e-5);
    reference_gradient(p.model, &p.batch, NULL, NULL);
    reference_tensor *t = reference_find(p.model, "gates.1.mlp.0.weight");
    ck_assert_ptr_nonnull(t);
    double got[8], want[8];
    for (size_t i = 0; i < 8; i++) {
        ck_assert(difference(&p, t, i, &want[i]));
        got[i] = t->gradient[i];
    }
    ck_assert(compare_tensors("right", got, want, 8, 1e-6, 0).agrees);
    for (size_t i = 0; i < 8; i++) got[i] *= 1.001;
    ck_assert(!compare_tensors("wrong", got, want, 8, 1e-6, 0).agrees);
    reference_problem_finish(&p);
}
END_TEST

/* One dense column, one expert of one unit, a tower of one: z = 3 (2 x + 1) - 4 with x = 0.5 is 2.
 */
START_TEST(one_unit_by_hand) {
    reference_mlp_spec unit = {.depth = 1, .dims = {1}, .activation = REFERENCE_RELU};
    reference_spec spec = {.n_dense = 1, .n_expert = 1, .expert = unit, .n_task = 1};
    spec.tasks[0].tower = unit;
    spec.tasks[0].loss_weight = 1;
    reference_model *m = reference_create(&spec);
    ck_assert_uint_eq(reference_tensor_count(m), 8);
    reference_find(m, "experts.0.mlp.0.weight")->value[0] = 2;
    reference_find(m, "experts.0.mlp.0.bias")->value[0] = 1;
    reference_find(m, "towers.0.mlp.0.weight")->value[0] = 1;
    reference_find(m, "towers.0.mlp.3.weight")->value[0] = 3;
    reference_find(m, "towers.0.mlp.3.bias")->value[0] = -4;
    double x = 0.5, label = 1, score, loss, p = 1 / (1 + exp(-2.0));
    reference_batch batch = {1, NULL, &x, &label, NULL};
    ck_assert_double_eq_tol(reference_gradient(m, &batch, &score, &loss), -log(p), 1e-15);
    ck_assert_double_eq_tol(score, p, 1e-15);
    ck_assert_double_eq_tol(loss, -log(p), 1e-15);
    ck_assert_double_eq_tol(reference_find(m, "towers.0.mlp.3.bias")->gradient[0], p - 1, 1e-15);
    ck_assert_double_eq_tol(reference_find(m, "experts.0.mlp.0.weight")->gradient[0],
                            (p - 1) * 3 * 0.5, 1e-15);
    ck_assert_double_eq(reference_find(m, "gates.0.mlp.0.weight")->gradient[0], 0);
    reference_free(m);
}
END_TEST

/* Two rows through a batch norm: -1 and 1 but for eps, whose running statistics are known. */
START_TEST(batch_norm_by_hand) {
    reference_mlp_spec unit = {
        .depth = 1, .dims = {1}, .activation = REFERENCE_TANH, .batch_norm = true};
    reference_spec spec = {.n_dense = 1, .n_expert = 1, .expert = unit, .n_task = 1};
    spec.tasks[0] = (__typeof__(spec.tasks[0])){.regression = true, .loss_weight = 1};
    reference_model *m = reference_create(&spec);
    reference_find(m, "experts.0.mlp.0.weight")->value[0] = 2;
    reference_find(m, "experts.0.mlp.0.bias")->value[0] = 5;
    reference_find(m, "towers.0.mlp.0.weight")->value[0] = 1;
    double x[] = {1, 2}, labels[] = {0, 0}, scores[2], unit_score = tanh(1 / sqrt(1 + 1e-5));
    reference_batch batch = {2, NULL, x, labels, NULL};
    reference_gradient(m, &batch, scores, NULL);
    ck_assert_double_eq_tol(scores[0], -unit_score, 1e-12);
    ck_assert_double_eq_tol(scores[1], unit_score, 1e-12);
    ck_assert_double_eq_tol(reference_find(m, "experts.0.mlp.1.running_mean")->value[0], 0.8,
                            1e-15);
    ck_assert_double_eq_tol(reference_find(m, "experts.0.mlp.1.running_var")->value[0], 0.9 + 0.2,
                            1e-15);
    ck_assert_double_eq(reference_find(m, "experts.0.mlp.1.num_batches_tracked")->value[0], 1);
    ck_assert_double_eq(reference_find(m, "experts.0.mlp.0.bias")->gradient[0], 0);
    reference_predict(m, &batch, scores);
    ck_assert_double_eq_tol(scores[0], tanh((7 - 0.8) / sqrt(1.1 + 1e-5)), 1e-12);
    ck_assert_double_eq(reference_find(m, "experts.0.mlp.1.num_batches_tracked")->value[0], 1);
    batch.rows = 1;
    reference_gradient(m, &batch, scores, NULL);
    ck_assert_double_eq_tol(scores[0], tanh((7 - 0.8) / sqrt(1.1 + 1e-5)), 1e-12);
    ck_assert_double_eq_tol(reference_find(m, "experts.0.mlp.1.running_mean")->value[0], 0.8,
                            1e-15);
    reference_free(m);
}
END_TEST

/* One weight of 1 whose gradient is 0.5, three steps of each optimizer; the numbers are
 * PyTorch 1.13's formulas worked out by hand. */
START_TEST(optimizers_by_hand) {
    reference_mlp_spec unit = {.depth = 1, .dims = {1}, .activation = REFERENCE_TANH};
    reference_spec spec = {.n_dense = 1, .n_expert = 1, .expert = unit, .n_task = 1};
    const struct {
        reference_optimizer optimizer;
        double after[2];
    } cases[] = {
        /* A constant gradient moves Adam by lr; with decay, g = 0.5 + 0.1 p keeps its sign and
           nearly its size. */
        {{REFERENCE_ADAM, 0.01, 0, 0.9, 0.999, 0, 0}, {0.99, 0.98}},
        {{REFERENCE_ADAMW, 0.01, 0.1, 0.9, 0.999, 0, 0}, {0.999 - 0.01, 0.989 * 0.999 - 0.01}},
        {{REFERENCE_SGD, 0.1, 0, 0, 0, 0, 0.9}, {0.95, 0.95 - 0.1 * (0.45 + 0.5)}},
        {{REFERENCE_SGD, 0.1, 0.2, 0, 0, 0, 0}, {1 - 0.07, 0.93 - 0.1 * (0.5 + 0.186)}},
        /* Sums 0.5 and 0.75 of squares; the second step has half the rate. */
        {{REFERENCE_ADAGRAD, 0.1, .lr_decay = 1, .accumulator = 0.25},
         {1 - 0.05 / sqrt(0.5), 1 - 0.05 / sqrt(0.5) - 0.025 / sqrt(0.75)}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        reference_model *m = reference_create(&spec);
        reference_tensor *t = reference_find(m, "experts.0.mlp.0.weight");
        t->value[0] = 1;
        for (int step = 1; step <= 2; step++) {
            t->gradient[0] = 0.5;
            reference_update(m, &cases[k].optimizer, step);
            ck_assert_double_eq_tol(t->value[0], cases[k].after[step - 1], 1e-14);
        }
        reference_free(m);
    }
}
END_TEST

/* Coupled decay enters the moments: first step g = 0.5 + 0.1, second g = 0.5 + 0.1 p. */
START_TEST(coupled_decay_by_hand) {
    reference_mlp_spec unit = {.depth = 1, .dims = {1}, .activation = REFERENCE_TANH};
    reference_spec spec = {.n_dense = 1, .n_expert = 1, .expert = unit, .n_task = 1};
    reference_optimizer adam = {REFERENCE_ADAM, 0.1, 0.1, 0.5, 0.5, 1e-3, 0};
    reference_model *m = reference_create(&spec);
    reference_tensor *t = reference_find(m, "experts.0.mlp.0.weight");
    t->value[0] = 1;
    t->gradient[0] = 0.5;
    reference_update(m, &adam, 1);
    double first = 1 - 0.1 * 0.6 / (0.6 + 1e-3);
    ck_assert_double_eq_tol(t->value[0], first, 1e-14);
    t->gradient[0] = 0.5;
    reference_update(m, &adam, 2);
    double g = 0.5 + 0.1 * first, m2 = 0.5 * 0.3 + 0.5 * g, v2 = 0.5 * 0.18 + 0.5 * g * g;
    ck_assert_double_eq_tol(t->value[0], first - 0.1 / 0.75 * m2 / (sqrt(v2 / 0.75) + 1e-3), 1e-14);
    reference_free(m);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, comparison_refuses_a_wrong_tensor);
    tcase_add_test(c, comparison_refuses_what_is_not_finite);
    tcase_add_test(c, comparison_with_zero_wants_zero_or_a_floor);
    tcase_add_loop_test(c, gradients_are_slopes, 0, (int)reference_case_count);
    tcase_add_test(c, finite_differences_see_a_wrong_gradient);
    tcase_add_test(c, one_unit_by_hand);
    tcase_add_test(c, batch_norm_by_hand);
    tcase_add_test(c, optimizers_by_hand);
    tcase_add_test(c, coupled_decay_by_hand);
}
