/* The engine's balancing methods against the reference. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "check_main.h"
#include "compare.h"
#include "engine.h"
#include "reference_balance.h"

enum { MOST = REFERENCE_MAX_TASKS, STEPS = 4, THREADS = 2 };

#define EXPERTS(levels_, specific_, shared_)                                                       \
    .levels = levels_, .specific = specific_, .shared_experts = shared_

/* name, rows, tasks, experts, depth, activation, norm, gate_norm. Labels that are missing leave the
 * last task without any. */
static const reference_case cases[] = {
    {"mmoe", 33, 2, 4, 1, REFERENCE_TANH, true, true, .regression = 2},
    {"mmoe, deep", 33, 2, 3, 2, REFERENCE_TANH, false, false, .regression = 1, .weighted = true,
     .shared = true},
    {"mmoe, a task is absent", 33, 3, 3, 1, REFERENCE_TANH, true, true, .regression = 2,
     .missing = true, .weighted = true},
    {"mmoe, wide", 300, 2, 5, 1, REFERENCE_TANH, true, true, .wide = 16},
    {"omoe", 33, 2, 4, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_OMOE, .regression = 2,
     .weighted = true},
    {"single task", 33, 2, 0, 2, REFERENCE_TANH, true, true, .kind = REFERENCE_SINGLE_TASK,
     .regression = 1},
    {"single task, sparse columns alone", 33, 2, 0, 1, REFERENCE_TANH, true, true,
     .kind = REFERENCE_SINGLE_TASK, .no_dense = true, .shared = true},
    {"shared bottom", 33, 2, 0, 2, REFERENCE_TANH, true, true, .kind = REFERENCE_SHARED_BOTTOM,
     .regression = 2},
    {"shared bottom, chunks of rows", 600, 3, 0, 1, REFERENCE_TANH, true, true,
     .kind = REFERENCE_SHARED_BOTTOM, .missing = true, .uneven = true},
    {"cgc", 33, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_CGC, EXPERTS(1, 2, 1),
     .weighted = true},
    {"ple, two levels", 33, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_PLE,
     EXPERTS(2, 2, 1), .regression = 1},
    {"ple, two levels, chunks of rows", 600, 3, 0, 2, REFERENCE_TANH, false, false,
     .kind = REFERENCE_PLE, EXPERTS(2, 1, 2), .missing = true},
    {"esmm", 33, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_ESMM, .weighted = true},
    {"aitm", 33, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_AITM},
    {"aitm, a task is absent", 33, 3, 0, 2, REFERENCE_TANH, false, false, .kind = REFERENCE_AITM,
     .missing = true, .weighted = true},
    {"cross-stitch", 33, 2, 0, 2, REFERENCE_TANH, true, true, .kind = REFERENCE_CROSS_STITCH,
     .regression = 2},
    {"cross-stitch, one layer", 33, 3, 0, 1, REFERENCE_TANH, true, true,
     .kind = REFERENCE_CROSS_STITCH, .missing = true, .wide = 16},
};
enum { CASES = sizeof cases / sizeof *cases };

/* Three tasks, where the order in which pcgrad meets them is the engine's own. */
static const reference_case three_tasks[] = {
    {"mmoe, three tasks", 33, 3, 3, 1, REFERENCE_TANH, true, true, .regression = 2,
     .weighted = true},
    {"shared bottom, three tasks", 33, 3, 0, 1, REFERENCE_TANH, false, false,
     .kind = REFERENCE_SHARED_BOTTOM, .regression = 4},
    {"aitm, three tasks", 33, 3, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_AITM},
};
enum { THREE = sizeof three_tasks / sizeof *three_tasks };

/* Errors are measured against the gradients' scale (reference.h), those of factors against the
 * largest. */
static const double tolerance = 4e-5, factor_tolerance = 1e-4;
static const double kink_distance = 5e-6;

static double *numbers(size_t count) {
    double *p = calloc(count + 1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

static void round_to_floats(reference_model *m) {
    for (size_t k = 0; k < reference_tensor_count(m); k++) {
        reference_tensor *t = reference_tensor_at(m, k);
        for (size_t i = 0; i < t->count; i++) t->value[i] = (double)(float)t->value[i];
    }
}

/* ---- A run ---- */

/* Two engines of 1 and 2 workers beside the reference, which begins every step with the reference's
 * weights. */
typedef struct run {
    const reference_case *c;
    reference_problem p;
    reference_balance b;
    engine engines[THREADS];
    reference_model *before, *after[THREADS];
    reference_optimizer descent; /* the engine's */
    double first[MOST];          /* losses of the first step */
    int step;
    char what[128];
} run;

/* A rate that outweighs the weights shows the gradient to the last bits: (old - new) / rate. Where
 * the method's state depends on the update, weights have to stay where losses mean something. */
static double rate_of(reference_method method) {
    if (method == REFERENCE_UWL) return 0.125;
    return method == REFERENCE_FAMO ? 1 : 512;
}

static void run_init(run *r, const reference_case *c, const reference_balance_spec *spec,
                     const engine_key *keys) {
    *r = (run){.c = c, .descent = {.kind = REFERENCE_SGD, .lr = rate_of(spec->method)}};
    reference_problem_init(&r->p, c, kink_distance);
    reference_balance_init(&r->b, spec, r->p.model);
    r->before = reference_create(&r->p.spec);
    /* Each way of the first layer at each place: a method's two places have one each. */
    const bool is_distinct = ((int)spec->method + (int)spec->at_parameters) % 2;
    const char *const way = is_distinct ? "distinct" : "dense";
    for (int i = 0; i < THREADS; i++) {
        engine_key all[8] = {{"model.first_layer", way}};
        for (int k = 0; keys[k].path; k++) all[k + 1] = keys[k];
        engine_init_with(&r->engines[i], &r->p.spec, &r->descent, c->rows, c->weighted, all);
        engine_set_weights(&r->engines[i], r->p.model);
        engine_prepare(&r->engines[i], &r->p.batch, i + 1);
        r->after[i] = reference_create(&r->p.spec);
    }
}

static void run_finish(run *r) {
    for (int i = 0; i < THREADS; i++) {
        engine_finish(&r->engines[i]);
        reference_free(r->after[i]);
    }
    reference_free(r->before);
    reference_balance_finish(&r->b);
    reference_problem_finish(&r->p);
}

static bool has_label(const run *r, int t) {
    return reference_label_weight(r->p.model, &r->p.batch, t) > 0;
}

static void check_workers(const run *r, const double *one, const double *two) {
    ck_assert_msg(memcmp(one, two, (size_t)r->c->tasks * sizeof *one) == 0,
                  "%s: factors differ between one thread and two", r->what);
    for (size_t k = 0; k < reference_tensor_count(r->before); k++) {
        const reference_tensor *a = reference_tensor_at(r->after[0], k),
                               *b = reference_tensor_at(r->after[1], k);
        ck_assert_msg(memcmp(a->value, b->value, a->count * sizeof(double)) == 0,
                      "%s: %s differs between one thread and two", r->what, a->name);
    }
}

/* Gradients and running statistics. The weights' own rounding, 2^-24 of a weight at each end,
 * divided by the rate, is allowed. */
static void check_tensors(const run *r) {
    for (size_t k = 0; k < reference_tensor_count(r->before); k++) {
        const reference_tensor *t = reference_tensor_at(r->p.model, k),
                               *old = reference_tensor_at(r->before, k),
                               *new = reference_tensor_at(r->after[0], k);
        double *got = numbers(t->count), largest = 0;
        for (size_t i = 0; i < t->count; i++) {
            got[i] = t->trainable ? (old->value[i] - new->value[i]) / r->descent.lr : new->value[i];
            largest = fmax(largest, fmax(fabs(old->value[i]), fabs(new->value[i])));
        }
        const double rounding = (double)FLT_EPSILON * largest / r->descent.lr;
        comparison c = compare_tensors(
            t->name, got, t->trainable ? t->gradient : t->value, t->count, tolerance,
            t->trainable ? reference_gradient_scale(t) + rounding / tolerance : 0);
        ck_assert_msg(c.agrees, "%s: %s %s", r->what, t->trainable ? "gradient" : "statistics",
                      c.message);
        free(got);
    }
}

static void check_factors(const run *r, const double *got) {
    comparison c =
        compare_tensors("factors", got, r->b.factors, (size_t)r->c->tasks, factor_tolerance, 0);
    ck_assert_msg(c.agrees, "%s: %s (%.9g %.9g, want %.9g %.9g)", r->what, c.message, got[0],
                  got[1], r->b.factors[0], r->b.factors[1]);
}

/* The random weights are the engine's: of present tasks positive, and, before each is divided by
 * its first loss, of the sum T. */
static void take_drawn(run *r, const double *factors, const double *losses) {
    double sum = 0;
    int n = 0;
    for (int t = 0; t < r->c->tasks; t++) {
        if (r->step == 0) r->first[t] = losses[t] * r->p.spec.tasks[t].loss_weight;
        if (!has_label(r, t)) continue;
        r->b.drawn[t] = factors[t] * (r->b.spec.normalize ? r->first[t] : 1);
        ck_assert_msg(r->b.drawn[t] > 0, "%s: task %d is drawn %g", r->what, t, r->b.drawn[t]);
        sum += r->b.drawn[t];
        n++;
    }
    ck_assert_msg(fabs(sum - n) <= 1e-5 * n, "%s: %d tasks are drawn %g", r->what, n, sum);
}

static void step_once(run *r, double *factors) {
    double losses[THREADS][MOST], seen[THREADS][MOST] = {{0}};
    engine_get_weights(&r->engines[0], r->before);
    for (int i = 0; i < THREADS; i++) {
        engine_step(&r->engines[i], losses[i]);
        mmoe_trainer_task_factors(r->engines[i].trainer, seen[i]);
        engine_get_weights(&r->engines[i], r->after[i]);
    }
    snprintf(r->what, sizeof r->what, "%s: %s%s, step %d", r->c->name,
             reference_method_names[r->b.spec.method],
             r->b.spec.at_parameters ? " at parameters" : "", r->step + 1);
    check_workers(r, seen[0], seen[1]);
    if (r->b.spec.method == REFERENCE_RLW) take_drawn(r, seen[0], losses[0]);
    reference_balance_gradient(&r->b, &r->p.batch, NULL);
    ck_assert_msg(reference_kink_distance(r->p.model) > 1e-6, "%s: at a kink", r->what);
    check_factors(r, seen[0]);
    check_tensors(r);
    memcpy(factors, seen[0], sizeof seen[0]);
}

/* On to the next step from the weights of the reference, which goes by a rate of its own where the
 * engine's is a probe. */
static void go_on(run *r) {
    const reference_optimizer walk = {.kind = REFERENCE_SGD,
                                      .lr = fmin(r->descent.lr, 1) * (r->descent.lr > 1 ? 0.1 : 1)};
    reference_update(r->p.model, &walk, r->step + 1);
    reference_balance_update(&r->b, &r->p.batch, &r->descent);
    round_to_floats(r->p.model);
    for (int i = 0; i < THREADS; i++) engine_set_weights(&r->engines[i], r->p.model);
    r->step++;
}

static void keys_of(const reference_balance_spec *spec, engine_key keys[3]) {
    keys[0] = (engine_key){"trainer.adaptive_params.method", reference_method_names[spec->method]};
    keys[1] = (engine_key){0};
    if (reference_balance_sees_gradients(spec->method))
        keys[1] = (engine_key){"trainer.adaptive_params.at",
                               spec->at_parameters ? "parameters" : "representation"};
    keys[2] = (engine_key){0};
}

static void check_run(const reference_case *c, const reference_balance_spec *spec,
                      const engine_key *keys) {
    run r;
    run_init(&r, c, spec, keys);
    for (int k = 0; k < STEPS; k++) {
        double factors[MOST];
        step_once(&r, factors);
        go_on(&r);
    }
    run_finish(&r);
}

static void check_case(const reference_case *c, reference_method method) {
    for (int at = 0; at <= reference_balance_sees_gradients(method); at++) {
        reference_balance_spec spec = reference_balance_default(method);
        engine_key keys[3];
        spec.at_parameters = at;
        keys_of(&spec, keys);
        check_run(c, &spec, keys);
    }
}

START_TEST(engine_agrees_with_the_reference) {
    for (int m = 0; m < REFERENCE_METHODS; m++) check_case(&cases[_i], (reference_method)m);
}
END_TEST

START_TEST(three_tasks_agree_with_the_reference) {
    for (int m = 0; m < REFERENCE_METHODS; m++)
        if (m != REFERENCE_PCGRAD) check_case(&three_tasks[_i], (reference_method)m);
}
END_TEST

/* ---- Keys ---- */

#define KEY(name) "trainer.adaptive_params." name

static const struct {
    reference_balance_spec spec;
    engine_key keys[4];
} with_keys[] = {
    {{.method = REFERENCE_UWL, .clamp = false}, {{KEY("method"), "uwl"}, {KEY("clamp"), "false"}}},
    {{.method = REFERENCE_RLW, .normalize = false},
     {{KEY("method"), "rlw"}, {KEY("normalize"), "false"}}},
    {{.method = REFERENCE_GRADNORM, .alpha = 1.5, .lr = 0.25},
     {{KEY("method"), "gradnorm"}, {KEY("alpha"), "1.5"}, {KEY("lr"), "0.25"}}},
    {{.method = REFERENCE_METABALANCE, .beta = 0.25, .relax_factor = 0.5},
     {{KEY("method"), "metabalance"}, {KEY("beta"), "0.25"}, {KEY("relax_factor"), "0.5"}}},
    {{.method = REFERENCE_METABALANCE, .beta = 0, .relax_factor = 0.75, .at_parameters = true},
     {{KEY("method"), "metabalance"},
      {KEY("at"), "parameters"},
      {KEY("beta"), "0"},
      {KEY("relax_factor"), "0.75"}}},
    {{.method = REFERENCE_CAGRAD, .c = 0.875}, {{KEY("method"), "cagrad"}, {KEY("c"), "0.875"}}},
    {{.method = REFERENCE_CAGRAD, .c = 0}, {{KEY("method"), "cagrad"}, {KEY("c"), "0"}}},
    {{.method = REFERENCE_FAMO, .lr = 0.5, .gamma = 0.25},
     {{KEY("method"), "famo"}, {KEY("lr"), "0.5"}, {KEY("gamma"), "0.25"}}},
};
enum { WITH_KEYS = sizeof with_keys / sizeof *with_keys };

START_TEST(keys_are_the_references) {
    engine_key keys[5] = {{0}};
    memcpy(keys, with_keys[_i].keys, sizeof with_keys[_i].keys);
    check_run(&three_tasks[0], &with_keys[_i].spec, keys);
}
END_TEST

/* ---- Random orders ---- */

/* Three tasks, whose conflicts are such that it matters which comes first. */
static const reference_case conflicts[] = {
    {"mmoe, conflicts", 28, 3, 3, 1, REFERENCE_TANH, true, true, .regression = 2, .weighted = true},
    {"shared bottom, conflicts", 31, 3, 0, 1, REFERENCE_TANH, false, false,
     .kind = REFERENCE_SHARED_BOTTOM},
};
enum { CONFLICTS = sizeof conflicts / sizeof *conflicts, ORDERS = 8, MEETINGS = 24 };

/* The factors of all orders in which three tasks can meet the other two. */
static void outcomes_of(const reference_gram *gram, double outcomes[ORDERS][MOST]) {
    for (int k = 0; k < ORDERS; k++) {
        int order[MOST][MOST];
        for (int i = 0; i < 3; i++) {
            const int swapped = k >> i & 1;
            order[i][0] = i;
            order[i][1 + swapped] = (i + 1) % 3;
            order[i][2 - swapped] = (i + 2) % 3;
        }
        reference_pcgrad(gram, order, outcomes[k]);
    }
}

static bool same_factors(const double *got, const double *want) {
    return compare_tensors("factors", got, want, 3, factor_tolerance, 0).agrees;
}

/* Every outcome is that of an order; which one is drawn anew each step. */
START_TEST(pcgrad_meets_the_tasks_in_random_order) {
    reference_balance_spec spec = reference_balance_default(REFERENCE_PCGRAD);
    engine_key keys[3];
    run r;
    spec.at_parameters = _i % 2;
    keys_of(&spec, keys);
    run_init(&r, &conflicts[_i / 2], &spec, keys);
    reference_balance_gradient(&r.b, &r.p.batch, NULL);
    double outcomes[ORDERS][MOST];
    outcomes_of(&r.b.gram, outcomes);
    int possible = 0, seen = 0;
    bool met[ORDERS] = {false};
    for (int n = 0; n < MEETINGS; n++) {
        double factors[MOST];
        int k = 0;
        engine_step(&r.engines[0], NULL);
        engine_set_weights(&r.engines[0], r.p.model);
        mmoe_trainer_task_factors(r.engines[0].trainer, factors);
        while (k < ORDERS && !same_factors(factors, outcomes[k])) k++;
        ck_assert_msg(k < ORDERS, "%s: no order gives %g %g %g", r.c->name, factors[0], factors[1],
                      factors[2]);
        met[k] = true;
    }
    for (int k = 0; k < ORDERS; k++) {
        int first = 0;
        while (!same_factors(outcomes[k], outcomes[first])) first++;
        possible += first == k;
        seen += met[k];
    }
    ck_assert_msg(possible > 1, "%s: all orders give %g %g %g", r.c->name, outcomes[0][0],
                  outcomes[0][1], outcomes[0][2]);
    ck_assert_msg(seen > 1, "%s: %d of %d outcomes in %d steps", r.c->name, seen, possible,
                  MEETINGS);
    run_finish(&r);
}
END_TEST

/* ---- Optimizers ---- */

/* An eps that Adam feels keeps a step smooth in the gradient. */
static const struct {
    reference_method method;
    reference_optimizer optimizer;
} trained[] = {
    {REFERENCE_UWL, {REFERENCE_ADAM, 0.05, 0.1, 0.9, 0.999, 0.01, 0}},
    {REFERENCE_UWL, {REFERENCE_ADAMW, 0.05, 0.5, 0.8, 0.9, 0.01, 0}},
    {REFERENCE_UWL, {REFERENCE_SGD, 0.05, 0.01, 0, 0, 0, 0.9}},
    {REFERENCE_FAMO, {REFERENCE_ADAM, 0.01, 0, 0.9, 0.999, 0.01, 0}},
    {REFERENCE_MGDA, {REFERENCE_ADAMW, 0.01, 0.1, 0.9, 0.999, 0.01, 0}},
    {REFERENCE_GRADNORM, {REFERENCE_SGD, 0.05, 0, 0, 0, 0, 0.9}},
};

START_TEST(optimizers_agree_with_the_reference) {
    const reference_case *c = &three_tasks[0];
    const reference_optimizer *o = &trained[_i].optimizer;
    reference_balance_spec spec = reference_balance_default(trained[_i].method);
    engine_key keys[3];
    reference_problem p;
    reference_balance b;
    engine e;
    keys_of(&spec, keys);
    reference_problem_init(&p, c, kink_distance);
    reference_balance_init(&b, &spec, p.model);
    engine_init_with(&e, &p.spec, o, c->rows, c->weighted, keys);
    engine_set_weights(&e, p.model);
    engine_prepare(&e, &p.batch, 1);
    reference_model *after = reference_create(&p.spec);
    for (int step = 1; step <= 6; step++) {
        double factors[MOST];
        reference_balance_gradient(&b, &p.batch, NULL);
        reference_update(p.model, o, step);
        reference_balance_update(&b, &p.batch, o);
        engine_step(&e, NULL);
        mmoe_trainer_task_factors(e.trainer, factors);
        comparison r =
            compare_tensors("factors", factors, b.factors, (size_t)c->tasks, factor_tolerance, 0);
        ck_assert_msg(r.agrees, "%s, step %d: %s", reference_method_names[spec.method], step,
                      r.message);
        engine_get_weights(&e, after);
        for (size_t k = 0; k < reference_tensor_count(after); k++) {
            const reference_tensor *got = reference_tensor_at(after, k),
                                   *want = reference_tensor_at(p.model, k);
            r = compare_tensors(want->name, got->value, want->value, want->count, tolerance, 0);
            ck_assert_msg(r.agrees, "%s, step %d: %s", reference_method_names[spec.method], step,
                          r.message);
        }
    }
    reference_free(after);
    engine_finish(&e);
    reference_balance_finish(&b);
    reference_problem_finish(&p);
}
END_TEST

/* ---- Epochs ---- */

static const reference_optimizer slow_descent = {.kind = REFERENCE_SGD, .lr = 0.1};

static reference_problem epoch_problem;
static reference_balance epoch_balance;
static int epochs_seen;

/* One batch an epoch: its losses are the epoch's. */
static int check_epoch(void *user, const mmoe_epoch_report *report) {
    const engine *e = user;
    double factors[MOST], losses[MOST];
    reference_model *after = reference_create(&epoch_problem.spec);
    reference_balance_gradient(&epoch_balance, &epoch_problem.batch, losses);
    reference_update(epoch_problem.model, &slow_descent, (int)report->epoch);
    reference_balance_end_epoch(&epoch_balance);
    epochs_seen++;
    mmoe_trainer_task_factors(e->trainer, factors);
    comparison r = compare_tensors("factors", factors, epoch_balance.factors,
                                   (size_t)e->spec.n_task, factor_tolerance, 0);
    ck_assert_msg(r.agrees, "epoch %d: %s", (int)report->epoch, r.message);
    engine_get_weights(e, after);
    for (size_t k = 0; k < reference_tensor_count(after); k++) {
        const reference_tensor *got = reference_tensor_at(after, k),
                               *want = reference_tensor_at(epoch_problem.model, k);
        r = compare_tensors(want->name, got->value, want->value, want->count, tolerance, 0);
        ck_assert_msg(r.agrees, "epoch %d: %s", (int)report->epoch, r.message);
    }
    reference_free(after);
    return 0;
}

START_TEST(dwa_follows_the_epochs) {
    const reference_case *c = &three_tasks[0];
    reference_balance_spec spec = reference_balance_default(REFERENCE_DWA);
    const engine_key keys[] = {{"trainer.n_epoch", "6"},
                               {KEY("method"), "dwa"},
                               {KEY("temperature"), _i ? "0.5" : "2"},
                               {KEY("normalize"), _i ? "false" : "true"},
                               {NULL, NULL}};
    spec.temperature = _i ? 0.5 : 2;
    spec.normalize = !_i;
    engine e;
    epochs_seen = 0;
    reference_problem_init(&epoch_problem, c, kink_distance);
    reference_balance_init(&epoch_balance, &spec, epoch_problem.model);
    engine_init_with(&e, &epoch_problem.spec, &slow_descent, c->rows, c->weighted, keys);
    engine_set_weights(&e, epoch_problem.model);
    e.on_epoch = check_epoch;
    engine_prepare(&e, &epoch_problem.batch, 1);
    engine_fit(&e);
    ck_assert_int_eq(epochs_seen, 6);
    if (_i) ck_assert_double_gt(fabs(epoch_balance.factors[0] - 1), 1e-3);
    engine_finish(&e);
    reference_balance_finish(&epoch_balance);
    reference_problem_finish(&epoch_problem);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, engine_agrees_with_the_reference, 0, CASES);
    tcase_add_loop_test(c, three_tasks_agree_with_the_reference, 0, THREE);
    tcase_add_loop_test(c, keys_are_the_references, 0, WITH_KEYS);
    tcase_add_loop_test(c, pcgrad_meets_the_tasks_in_random_order, 0, 2 * CONFLICTS);
    tcase_add_loop_test(c, optimizers_agree_with_the_reference, 0,
                        (int)(sizeof trained / sizeof *trained));
    tcase_add_loop_test(c, dwa_follows_the_epochs, 0, 2);
}
