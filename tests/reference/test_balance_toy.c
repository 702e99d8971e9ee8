/* A task whose loss is a hundred times that of another keeps it from learning; every balancing
 * method, with its default keys, ends that.
 *
 * Two regressions read one small network: y_0 = x_0 + noise, y_1 = x_0 cos 45 + x_1 sin 45 + noise,
 * whose noises go against each other. What one step moves is the second task's, noise and all,
 * until the first one's tower no longer listens. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "check_main.h"
#include "engine.h"
#include "reference_balance.h"

enum { ROWS = 512, COLUMNS = 4, TASKS = 2 };

static const double pi = 3.14159265358979323846;

/* SplitMix64, as a number of [0, 1). */
static double uniform(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

/* Of 12 uniform numbers the sum, which has a variance of 1. */
static double normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += uniform(state);
    return sum;
}

typedef enum scaling { BY_WEIGHT, BY_LABEL, SCALINGS } scaling;
static const char *const scaling_names[] = {"loss_weight 100", "labels times 10"};

typedef struct toy {
    double x[ROWS * COLUMNS], y[ROWS * TASKS];
    double variance[TASKS],
        noise[TASKS]; /* mean squares of the labels, and of what no model can know of them */
    reference_spec spec;
} toy;

static void toy_init(toy *p, reference_kind kind, scaling s) {
    uint64_t state = 42;
    const double angle = pi / 4, against = -0.6, sigma = 1.5, label = s == BY_LABEL ? 10 : 1;
    *p = (toy){.variance = {0}};
    for (int r = 0; r < ROWS; r++) {
        double *x = p->x + r * COLUMNS, *y = p->y + r * TASKS, noise[TASKS];
        for (int j = 0; j < COLUMNS; j++) x[j] = normal(&state);
        noise[0] = sigma * normal(&state);
        noise[1] =
            label * (against * noise[0] + sqrt(1 - against * against) * sigma * normal(&state));
        y[0] = x[0] + noise[0];
        y[1] = label * (cos(angle) * x[0] + sin(angle) * x[1]) + noise[1];
        for (int t = 0; t < TASKS; t++) {
            p->variance[t] += y[t] * y[t] / ROWS;
            p->noise[t] += noise[t] * noise[t] / ROWS;
        }
    }
    const reference_mlp_spec two_units = {.depth = 1, .dims = {2}, .activation = REFERENCE_TANH},
                             one_unit = {.depth = 1, .dims = {1}, .activation = REFERENCE_TANH};
    p->spec = (reference_spec){.kind = kind,
                               .n_dense = COLUMNS,
                               .n_expert = 2,
                               .expert = one_unit,
                               .bottom = two_units,
                               .n_task = TASKS};
    for (int t = 0; t < TASKS; t++) {
        p->spec.tasks[t].regression = true;
        p->spec.tasks[t].loss_weight = 1;
    }
    if (s == BY_WEIGHT) p->spec.tasks[1].loss_weight = 100;
}

/* Trains and writes how much of each task's signal is not learned: 0 all is, 1 nothing. */
static void train(const toy *p, reference_method method, const char *at, const char *seed,
                  double missed[TASKS]) {
    const reference_optimizer adam = {
        .kind = REFERENCE_ADAM, .lr = 0.03, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};
    const engine_key keys[] = {{"trainer.n_epoch", "250"},
                               {"trainer.seed", seed},
                               {"trainer.adaptive_params.method", reference_method_names[method]},
                               {at ? "trainer.adaptive_params.at" : NULL, at},
                               {NULL, NULL}};
    const reference_batch batch = {ROWS, NULL, p->x, p->y, NULL};
    engine e;
    mmoe_task_metrics metrics[TASKS];
    mmoe_error err;
    engine_init_with(&e, &p->spec, &adam, 64, false, keys);
    engine_prepare(&e, &batch, 1);
    engine_fit(&e);
    ck_assert_int_eq(mmoe_evaluate(e.model, e.rows, 1, NULL, metrics, &err), MMOE_OK);
    for (int t = 0; t < TASKS; t++)
        missed[t] = (metrics[t].mse - p->noise[t]) / (p->variance[t] - p->noise[t]);
    engine_finish(&e);
}

static const struct {
    reference_kind kind;
    const char *name, *seed;
} models[] = {{REFERENCE_SHARED_BOTTOM, "shared bottom", "1"},
              {REFERENCE_SHARED_BOTTOM, "shared bottom", "2"},
              {REFERENCE_MMOE, "mmoe", "1"}};
enum { MODELS = sizeof models / sizeof *models };

static const double dominated = 0.2, balanced = 0.1;

START_TEST(no_method_leaves_the_small_task_behind) {
    const int m = _i / SCALINGS, s = _i % SCALINGS;
    toy p;
    double missed[TASKS];
    toy_init(&p, models[m].kind, (scaling)s);
    train(&p, REFERENCE_PLAIN, NULL, models[m].seed, missed);
    ck_assert_msg(missed[0] > dominated, "%s, %s: the first task misses only %.3f", models[m].name,
                  scaling_names[s], missed[0]);
    ck_assert_msg(missed[1] < balanced, "%s, %s: the second task misses %.3f", models[m].name,
                  scaling_names[s], missed[1]);
}
END_TEST

START_TEST(methods_let_the_small_task_learn) {
    const reference_method method = (reference_method)(REFERENCE_PLAIN + 1 + _i / SCALINGS);
    const int s = _i % SCALINGS;
    static const char *const places[] = {NULL, "parameters"};
    for (int m = 0; m < MODELS; m++)
        for (int at = 0; at <= reference_balance_sees_gradients(method); at++) {
            toy p;
            double missed[TASKS];
            toy_init(&p, models[m].kind, (scaling)s);
            train(&p, method, places[at], models[m].seed, missed);
            ck_assert_msg(missed[0] < balanced, "%s, %s, %s at %s: the first task misses %.3f",
                          models[m].name, scaling_names[s], reference_method_names[method],
                          at ? places[at] : "its default", missed[0]);
        }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, no_method_leaves_the_small_task_behind, 0, MODELS * SCALINGS);
    tcase_add_loop_test(c, methods_let_the_small_task_learn, 0, (REFERENCE_METHODS - 1) * SCALINGS);
}
