/* The engine against the reference on the table of shapes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "check_main.h"
#include "compare.h"
#include "engine.h"

/* Errors are measured against a tensor's largest entry, those of gradients against their scale
 * (reference.h). A float rounds to 6e-8, and eight layers of sums make some 1e-6 of that. */
static const double tolerance = 2e-5;
/* Nothing stands nearer to a kink than this, which is more than rounding moves a value. */
static const double kink_distance = 5e-6;
/* Plain gradient descent with a rate that outweighs the weights: (old - new) / rate is the gradient
 * to the last bits. */
static const reference_optimizer descent = {.kind = REFERENCE_SGD, .lr = 512};

static double *numbers(size_t count) {
    double *p = calloc(count, sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

static void check_scores(const reference_case *c, reference_problem *p, engine *e) {
    size_t n = (size_t)(c->rows * c->tasks);
    double *got = numbers(n), *want = numbers(n);
    reference_predict(p->model, &p->batch, want);
    engine_predict(e, &p->batch, got);
    comparison r = compare_tensors("scores", got, want, n, tolerance, 0);
    ck_assert_msg(r.agrees, "%s: %s", c->name, r.message);
    free(got);
    free(want);
}

/* A task without a label has a loss of 0 in the sum, which is reported as NaN: undefined. */
static void check_losses(const reference_case *c, const reference_problem *p, const double *got,
                         const double *want) {
    for (int t = 0; t < c->tasks; t++) {
        const bool labelled = reference_label_weight(p->model, &p->batch, t) > 0;
        ck_assert_msg(labelled || isnan(got[t]), "%s: loss %d of no label is %g", c->name, t,
                      got[t]);
        comparison r = compare_tensors("loss", &got[t], &want[t], 1, tolerance, 0);
        ck_assert_msg(!labelled || r.agrees, "%s: task %d: %s", c->name, t, r.message);
    }
}

/* Gradients by (old - new) / rate, then the running statistics. `before` is what both began with,
 * `after` the engine. */
static void check_step(const reference_case *c, reference_problem *p, reference_model *before,
                       reference_model *after) {
    for (size_t k = 0; k < reference_tensor_count(after); k++) {
        const reference_tensor *t = reference_tensor_at(p->model, k),
                               *old = reference_tensor_at(before, k),
                               *new = reference_tensor_at(after, k);
        double *got = numbers(t->count);
        for (size_t i = 0; i < t->count; i++)
            got[i] = t->trainable ? (old->value[i] - new->value[i]) / descent.lr : new->value[i];
        comparison r =
            compare_tensors(t->name, got, t->trainable ? t->gradient : t->value, t->count,
                            tolerance, t->trainable ? reference_gradient_scale(t) : 0);
        ck_assert_msg(r.agrees, "%s: %s %s", c->name, t->trainable ? "gradient" : "statistics",
                      r.message);
        free(got);
    }
}

/* What an engine begins with, and the reference behind a step: its gradients, statistics and
 * losses. */
typedef struct expected {
    reference_problem begin, stepped;
    double losses[REFERENCE_MAX_TASKS];
} expected;

static void expect_step(expected *x, const reference_case *c) {
    reference_problem_init(&x->begin, c, kink_distance);
    x->stepped = x->begin;
    x->stepped.model = reference_create(&x->begin.spec);
    for (size_t k = 0; k < reference_tensor_count(x->stepped.model); k++) {
        const reference_tensor *from = reference_tensor_at(x->begin.model, k),
                               *to = reference_tensor_at(x->stepped.model, k);
        memcpy(to->value, from->value, from->count * sizeof *from->value);
    }
    reference_gradient(x->stepped.model, &x->stepped.batch, NULL, x->losses);
}

static void expected_finish(expected *x) {
    reference_free(x->stepped.model);
    reference_problem_finish(&x->begin);
}

/* One step with `threads` workers, compared with the reference; returns the engine's tensors
 * afterwards. */
static reference_model *step_and_check(const reference_case *c, expected *x,
                                       const char *first_layer, const char *segments, int threads) {
    const engine_key keys[] = {
        {"model.first_layer", first_layer}, {"trainer.segments", segments}, {NULL, NULL}};
    const reference_problem *p = &x->begin;
    engine e;
    engine_init_with(&e, &p->spec, &descent, c->rows, c->weighted, keys);
    engine_set_weights(&e, p->model);
    engine_prepare(&e, &p->batch, threads);
    check_scores(c, &x->begin, &e);

    reference_model *before = reference_create(&p->spec), *after = reference_create(&p->spec);
    engine_get_weights(&e, before);
    double got[REFERENCE_MAX_TASKS];
    engine_step(&e, got);
    engine_get_weights(&e, after);
    check_losses(c, p, got, x->losses);
    check_step(c, &x->stepped, before, after);

    reference_free(before);
    engine_finish(&e);
    return after;
}

/* Dense steps of several threads have tests of their own. */
START_TEST(engine_agrees_with_the_reference) {
    const reference_case *c = &reference_cases[_i];
    expected x;
    expect_step(&x, c);
    if (THREADS_ALONE) {
        reference_free(step_and_check(c, &x, "distinct", _i % 2 ? "1" : "16", 2));
        expected_finish(&x);
        return;
    }
    reference_free(step_and_check(c, &x, "dense", "1", 1));
    reference_free(step_and_check(c, &x, _i % 2 ? "dense" : "distinct", "16", 1));
    reference_model *one = step_and_check(c, &x, "distinct", "1", 1),
                    *two = step_and_check(c, &x, "distinct", "1", 2);
    for (size_t k = 0; k < reference_tensor_count(one); k++) {
        const reference_tensor *a = reference_tensor_at(one, k), *b = reference_tensor_at(two, k);
        ck_assert_msg(memcmp(a->value, b->value, a->count * sizeof(double)) == 0,
                      "%s: %s differs between one thread and two", c->name, a->name);
    }
    reference_free(one);
    reference_free(two);
    expected_finish(&x);
}
END_TEST

/* An eps that Adam feels keeps a step smooth in the gradient: with 1e-8 the update of an entry that
 * is next to 0 is a coin's side. */
static const reference_optimizer adamw = {REFERENCE_ADAMW, 0.02, 0.5, 0.8, 0.9, 0.01, 0},
                                 rows_alone = {REFERENCE_ROWWISE_ADAGRAD, .lr = 0.03, .eps = 0.01},
                                 rows = {REFERENCE_ROWWISE_ADAGRAD,
                                         .lr = 0.05,
                                         .eps = 0.01,
                                         .weight_decay = 0.1,
                                         .lr_decay = 0.3,
                                         .accumulator = 0.02};
static const reference_optimizer optimizers[] = {
    {REFERENCE_ADAM, 0.01, 0.1, 0.9, 0.999, 0.01, 0},
    {REFERENCE_ADAM, 0.01, 0, 0.8, 0.9, 0.01, 0},
    {REFERENCE_ADAMW, 0.01, 0.5, 0.9, 0.999, 0.01, 0},
    {REFERENCE_SGD, 0.05, 0.01, 0, 0, 0, 0.9},
    {REFERENCE_SGD, 0.05, 0, 0, 0, 0, 0},
    {REFERENCE_SGD, .lr = 0.05, .embedding_l1 = 0.1},
    {REFERENCE_SGD, .lr = 0.05, .embedding_l2 = 0.3},
    {REFERENCE_SGD, .lr = 0.05, .dense_l1 = 0.1},
    {REFERENCE_SGD, .lr = 0.05, .dense_l2 = 0.3},
    {REFERENCE_SGD, .lr = 0.05, .clip_norm = 0.1},
    {REFERENCE_SGD, .lr = 0.05, .clip_norm = 1000},
    {REFERENCE_ADAM, 0.01, 0.1, 0.9, 0.999, 0.01, 0, 0.02, 0.03, 0.04, 0.05, 0},
    {REFERENCE_ADAMW, 0.01, 0.5, 0.9, 0.999, 0.01, 0, 0.05, 0.04, 0.03, 0.02, 0.2},
    {REFERENCE_SGD, 0.05, 0.01, 0, 0, 0, 0.9, 0.05, 0.04, 0.03, 0.02, 0.2},
    {REFERENCE_ADAGRAD, 0.01, 0.1, .eps = 0.01, .lr_decay = 0.5, .accumulator = 0.01},
    {REFERENCE_SGD, .lr = 0.05, .embeddings = &adamw},
    {REFERENCE_ADAM, 0.01, 0, 0.9, 0.999, 0.01, .embeddings = &rows_alone},
    {REFERENCE_ADAGRAD, 0.01, 0, .eps = 0.01, .embedding_l1 = 0.02, .embedding_l2 = 0.03,
     .clip_norm = 0.2, .embeddings = &rows},
};
enum { OPTIMIZERS = sizeof optimizers / sizeof *optimizers };

START_TEST(optimizers_agree_with_the_reference) {
    const reference_optimizer *o = &optimizers[_i];
    const reference_case c = {"optimizers",
                              33,
                              3,
                              3,
                              2,
                              REFERENCE_TANH,
                              true,
                              true,
                              .regression = 2,
                              .missing = true,
                              .weighted = true,
                              .shared = true};
    reference_problem p;
    reference_problem_init(&p, &c, kink_distance);
    engine e;
    engine_init(&e, &p.spec, o, c.rows, c.weighted);
    engine_set_weights(&e, p.model);
    engine_prepare(&e, &p.batch, 1);
    reference_model *after = reference_create(&p.spec);
    for (int step = 1; step <= 5; step++) {
        reference_gradient(p.model, &p.batch, NULL, NULL);
        reference_update(p.model, o, step);
        engine_step(&e, NULL);
        engine_get_weights(&e, after);
        for (size_t k = 0; k < reference_tensor_count(after); k++) {
            const reference_tensor *got = reference_tensor_at(after, k),
                                   *want = reference_tensor_at(p.model, k);
            comparison r =
                compare_tensors(want->name, got->value, want->value, want->count, tolerance, 0);
            ck_assert_msg(r.agrees, "step %d: %s", step, r.message);
        }
    }
    reference_free(after);
    engine_finish(&e);
    reference_problem_finish(&p);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, engine_agrees_with_the_reference, 0, (int)reference_case_count);
    if (THREADS_ALONE) return;
    tcase_add_loop_test(c, optimizers_agree_with_the_reference, 0, OPTIMIZERS);
}
