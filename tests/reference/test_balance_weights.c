/* The reference's balancing methods that have weights of their own: by the objectives of their
 * papers, and by hand. */
#include <math.h>
#include <string.h>

#include "balance_support.h"

/* A problem, one gradient computed, its update done. */
typedef struct stepped {
    reference_problem p;
    reference_balance b;
} stepped;

static const reference_optimizer descent = {.kind = REFERENCE_SGD, .lr = 0.1};

static void step_init(stepped *s, const reference_case *c, const reference_balance_spec *spec) {
    reference_problem_init(&s->p, c, kink_distance);
    reference_balance_init(&s->b, spec, s->p.model);
    set_state(&s->b);
    reference_balance_gradient(&s->b, &s->p.batch, NULL);
    reference_update(s->p.model, &descent, 1);
}

static void step_finish(stepped *s) {
    reference_balance_finish(&s->b);
    reference_problem_finish(&s->p);
}

/* The methods' own objectives by their weights, from their papers. */
static double uwl_objective(const stepped *s, const double *w, bool clamp) {
    double sum = 0;
    for (int t = 0; t < s->p.spec.n_task; t++) {
        const double c = clamp && w[t] < 0 ? 0 : w[t];
        sum += 2 * s->b.losses[t] * exp(-c) + c;
    }
    return sum;
}

static double gradnorm_objective(const stepped *s, const double *w, const double *target) {
    double sum = 0;
    for (int t = 0; t < s->p.spec.n_task; t++) sum += fabs(exp(w[t]) * s->b.norms[t] - target[t]);
    return sum;
}

static double famo_objective(const stepped *s, const double *w, const double *after) {
    double sum = 0, z = 0, decay = 0;
    for (int t = 0; t < s->p.spec.n_task; t++) {
        z += exp(w[t]);
        sum += exp(w[t]) * log((s->b.losses[t] + 1e-8) / (after[t] + 1e-8));
        decay += 0.5 * s->b.spec.gamma * w[t] * w[t];
    }
    return sum / z + decay;
}

static double objective(const stepped *s, const double *w, const double *given) {
    switch (s->b.spec.method) {
    case REFERENCE_UWL:
        return uwl_objective(s, w, s->b.spec.clamp);
    case REFERENCE_GRADNORM:
        return gradnorm_objective(s, w, given);
    default:
        return famo_objective(s, w, given);
    }
}

static void gradnorm_targets(const stepped *s, double *target) {
    const int T = s->p.spec.n_task;
    double mean = 0, relative = 0;
    for (int t = 0; t < T; t++) {
        mean += exp(s->b.weight[t]) * s->b.norms[t] / T;
        relative += s->b.losses[t] / s->b.first_loss[t] / T;
    }
    for (int t = 0; t < T; t++)
        target[t] = mean * pow(s->b.losses[t] / s->b.first_loss[t] / relative, s->b.spec.alpha);
}

static const struct {
    reference_method method;
    bool clamp;
} of_their_own[] = {{REFERENCE_UWL, true},
                    {REFERENCE_UWL, false},
                    {REFERENCE_GRADNORM, false},
                    {REFERENCE_FAMO, false}};

START_TEST(weights_go_down_their_own_objective) {
    reference_balance_spec spec = reference_balance_default(of_their_own[_i].method);
    spec.clamp = of_their_own[_i].clamp;
    stepped s;
    step_init(&s, &cases[0], &spec);
    const int T = s.p.spec.n_task;
    double given[MOST] = {0}, slope[MOST], want[MOST], w[MOST];
    if (spec.method == REFERENCE_GRADNORM) gradnorm_targets(&s, given);
    if (spec.method == REFERENCE_FAMO) losses_of(&s.p, given);
    reference_balance_slope(&s.b, &s.p.batch, slope);
    const double h = 1e-5;
    for (int t = 0; t < T; t++) {
        memcpy(w, s.b.weight, sizeof w);
        w[t] += h;
        want[t] = objective(&s, w, given);
        w[t] -= 2 * h;
        want[t] = (want[t] - objective(&s, w, given)) / (2 * h);
    }
    comparison r =
        compare_tensors(reference_method_names[spec.method], slope, want, (size_t)T, 1e-8, 0);
    ck_assert_msg(r.agrees, "%s", r.message);
    step_finish(&s);
}
END_TEST

/* What FAMO does after the update leaves the model as it is; gradnorm's factors sum to T again. */
START_TEST(updates_keep_what_they_promise) {
    reference_balance_spec spec = reference_balance_default(REFERENCE_FAMO);
    stepped s;
    step_init(&s, &cases[0], &spec);
    reference_tensor *mean = reference_find(s.p.model, "experts.0.mlp.1.running_mean");
    const double before = mean->value[0], xi = s.b.weight[0];
    reference_balance_update(&s.b, &s.p.batch, &descent);
    ck_assert_double_eq(mean->value[0], before);
    ck_assert_double_eq_tol(fabs(s.b.weight[0] - xi), 0.025, 1e-5); /* Adam's first step */
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_GRADNORM);
    step_init(&s, &cases[0], &spec);
    reference_balance_update(&s.b, &s.p.batch, &descent);
    double sum = 0;
    for (int t = 0; t < s.p.spec.n_task; t++) sum += exp(s.b.weight[t]);
    ck_assert_double_eq_tol(sum, s.p.spec.n_task, 1e-12);
    step_finish(&s);
}
END_TEST

/* The second case's last task has no label: it is in no formula. */
START_TEST(absent_tasks_are_left_alone) {
    for (int m = 0; m < REFERENCE_METHODS; m++)
        for (int at = 0; at <= reference_balance_sees_gradients(m); at++) {
            reference_balance_spec spec = reference_balance_default(m);
            spec.at_parameters = at;
            stepped s;
            step_init(&s, &cases[1], &spec);
            const double moment = s.b.moment1[2];
            reference_balance_update(&s.b, &s.p.batch, &descent);
            ck_assert(!s.b.present[2]);
            ck_assert_double_eq(s.b.factors[2], 1);
            ck_assert_double_eq(s.b.moment1[2], moment);
            ck_assert_double_eq(s.b.mean_norms[2][0], 0.03);
            if (m == REFERENCE_FAMO) ck_assert_double_eq(s.b.weight[2], 0.7);
            if (m == REFERENCE_MGDA)
                ck_assert_double_eq_tol(s.b.factors[0] + s.b.factors[1], 2, 1e-12);
            if (m == REFERENCE_FAMO)
                ck_assert_double_eq_tol((s.b.losses[0] * s.b.factors[0] * exp(-0.3)) /
                                            (s.b.losses[1] * s.b.factors[1] * exp(0.4)),
                                        1, 1e-6);
            step_finish(&s);
        }
}
END_TEST

/* ---- By hand ---- */

START_TEST(factors_by_hand) {
    const reference_case *c = &cases[2]; /* two tasks */
    const double *first, *losses;
    stepped s;
    reference_balance_spec spec = reference_balance_default(REFERENCE_DWA);
    step_init(&s, c, &spec); /* r = 0.5 and 0.7, temperature 2 */
    first = s.b.first_loss;
    ck_assert_double_eq_tol(s.b.factors[0] * first[0], 2 / (1 + exp(0.1)), 1e-12);
    ck_assert_double_eq_tol(s.b.factors[1] * first[1], 2 / (1 + exp(-0.1)), 1e-12);
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_UWL);
    step_init(&s, c, &spec); /* w = 0.3 and -0.4, which the clamp lifts to 0; D = 2 */
    ck_assert_double_eq_tol(s.b.factors[0], 4 * exp(-0.3), 1e-12);
    ck_assert_double_eq_tol(s.b.factors[1], 4, 1e-12);
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_FAMO);
    step_init(&s, c, &spec);
    losses = s.b.losses;
    ck_assert_double_eq_tol((s.b.factors[0] + s.b.factors[1]) / 2, 1, 1e-12);
    ck_assert_double_eq_tol(s.b.factors[0] * losses[0] / (s.b.factors[1] * losses[1]), exp(0.7),
                            1e-6);
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_METABALANCE);
    spec.relax_factor = 0.25;
    step_init(&s, c, &spec);
    const double n0 = 0.9 * 0.01 + 0.1 * s.b.norms[0], n1 = 0.9 * 0.02 + 0.1 * s.b.norms[1];
    ck_assert_double_eq(s.b.factors[0], 1);
    ck_assert_double_eq_tol(s.b.factors[1], 0.25 * n0 / n1 + 0.75, 1e-12);
    step_finish(&s);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, weights_go_down_their_own_objective, 0,
                        (int)(sizeof of_their_own / sizeof *of_their_own));
    tcase_add_test(c, updates_keep_what_they_promise);
    tcase_add_test(c, absent_tasks_are_left_alone);
    tcase_add_test(c, factors_by_hand);
}
