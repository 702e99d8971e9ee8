/* Balanced training: the parts of a step are the step, no number of threads changes a bit, a run
 * that is cut off goes on to the same bits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "models_support.h"
#include "params_support.h"
#include "succeeds.h"
#include "train/trainer.h"

enum { ROWS = 700, SPARSE = 3, DENSE = 2, TASKS = 2, BATCH = 300 };

static int32_t ids[ROWS * SPARSE];
static float dense[ROWS * DENSE], labels[ROWS * TASKS];

typedef struct world {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *rows;
} world;

static world world_of(int shape, int method) {
    char json[1024];
    world w;
    models_json(json, shape, method, BATCH);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &w.config, &err));
    SUCCEEDS(mmoe_schema_create(w.config, models_columns, MODELS_COLUMNS, NULL, &w.schema, &err));
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < SPARSE; k++)
            ids[i * SPARSE + k] = (i * 31 + i / 7 * k) % (k == 1 ? 7 : 50);
        for (int k = 0; k < DENSE; k++) dense[i * DENSE + k] = (float)(i % (k + 5)) - 2;
        labels[i * TASKS] = i % 9 == 0 ? NAN : (float)(i % 3 == 0);
        labels[i * TASKS + 1] =
            i >= 600 ? NAN : (float)(i % 6 == 0); /* the last rows have no label of it at all */
    }
    const mmoe_batch batch = {ROWS, ids, SPARSE, dense, DENSE};
    SUCCEEDS(mmoe_dataset_create(w.schema, &batch, labels, NULL, NULL, &w.rows, &err));
    return w;
}

static void world_end(world *w) {
    mmoe_dataset_free(w->rows);
    mmoe_schema_free(w->schema);
    mmoe_config_free(w->config);
}

static mmoe_model *model_of(const world *w) {
    mmoe_model *model = NULL;
    SUCCEEDS(mmoe_model_create(w->config, w->schema, NULL, &model, &err));
    return model;
}

static mmoe_trainer *trainer_of(mmoe_model *model, const mmoe_trainer_options *options) {
    mmoe_trainer *trainer = NULL;
    SUCCEEDS(mmoe_trainer_create(model, options, NULL, &trainer, &err));
    return trainer;
}

static bool same_model(const mmoe_model *a, const mmoe_model *b) {
    return params_same(&a->params, &b->params);
}

/* An epoch or two by fit, then a batch of one row, and one in which a task has no label. */
static mmoe_model *train(const world *w, int threads) {
    mmoe_model *model = model_of(w);
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    mmoe_trainer *trainer = trainer_of(model, &options);
    SUCCEEDS(mmoe_trainer_fit(trainer, w->rows, NULL, &err));
    SUCCEEDS(mmoe_trainer_step(trainer, w->rows, 610, 80, NULL, &err));
    SUCCEEDS(mmoe_trainer_step(trainer, w->rows, 5, 1, NULL, &err));
    mmoe_trainer_free(trainer);
    return model;
}

static void check_threads(int shape, int method) {
    world w = world_of(shape, method);
    mmoe_model *fresh = model_of(&w), *one = train(&w, 1);
    ck_assert(!same_model(one, fresh));
    const float *value;
    for (int64_t i = 0; (value = params_value(&one->params, i)); i++)
        if (!isfinite(*value))
            ck_abort_msg("%s, %s: not finite", model_shapes[shape].name, model_methods[method]);
    for (int threads = 2; threads <= 4; threads += 2) {
        mmoe_model *other = train(&w, threads);
        ck_assert_msg(same_model(one, other), "%s, %s: %d threads", model_shapes[shape].name,
                      model_methods[method], threads);
        mmoe_model_free(other);
    }
    mmoe_model_free(one);
    mmoe_model_free(fresh);
    world_end(&w);
}

START_TEST(threads_change_no_bit) {
    for (int method = 0; method < METHODS; method++)
        if (!IS_EMULATED || (_i + method) % METHODS == 0) check_threads(_i, method);
}
END_TEST

/* ---- The parts of a step ---- */

static float *zeros(int64_t count) {
    float *x = calloc((size_t)count + 1, sizeof *x);
    ck_assert_ptr_nonnull(x);
    return x;
}

/* |got - want| of each tensor, against its largest entry. */
static void check_near(const mmoe_model *m, const float *got, const float *want) {
    const mmoe_tensors *t = &m->graph->tensors;
    for (size_t i = 0; i < t->count; i++) {
        if (!mmoe_tensor_is_trained(&t->items[i])) continue;
        float most = 1e-6f, worst = 0;
        const int64_t first = mmoe_tensors_place(t, &t->items[i]);
        for (int64_t k = first; k < first + t->items[i].count; k++) {
            most = fmaxf(most, fabsf(want[k]));
            worst = fmaxf(worst, fabsf(got[k] - want[k]));
        }
        ck_assert_msg(worst <= 2e-5f * most, "%s: %g of %g", t->items[i].name, (double)worst,
                      (double)most);
    }
}

/* Forward and backward are what training in one go is, to the bit; so is a second replay. The
 * probes of single tasks, put in the place of the shared gradient, give the plain gradient again.
 */
START_TEST(replays_are_steps) {
    world w = world_of(_i, 0);
    mmoe_model *m = model_of(&w);
    mmoe_run *whole, *parts, *probes;
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){m->graph, &m->params, NULL, MMOE_PLAN_TRAIN, BATCH}, &whole, &err));
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){m->graph, &m->params, NULL, MMOE_PLAN_REPLAY, BATCH}, &parts, &err));
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){m->graph, &m->params, NULL, MMOE_PLAN_PROBE, BATCH}, &probes, &err));
    const mmoe_rows batch = mmoe_dataset_rows_of(w.rows, 0, BATCH, NULL);
    const int64_t n = m->params.n_whole,
                  shared = (int64_t)BATCH * mmoe_plan_shared_cols(probes->plan);
    float *want = zeros(n), *got = zeros(n), *probe = zeros(shared), *sum = zeros(shared);
    mmoe_gradient_room room = {&m->params, got};
    double loss[TASKS], loss_again[TASKS], weight[TASKS];
    mmoe_run_train(whole, &(mmoe_pass){&batch, 1, 1, loss, weight}, mmoe_gradient_keep,
                   &(mmoe_gradient_room){&m->params, want});
    mmoe_run_forward(parts, &(mmoe_pass){&batch, 1, 1, loss_again, weight});
    ck_assert_mem_eq(loss, loss_again, sizeof loss);
    for (int k = 0; k < 2; k++) {
        memset(got, 0, (size_t)n * sizeof *got);
        mmoe_run_backward(parts, NULL, mmoe_gradient_keep, &room);
        ck_assert_msg(memcmp(got, want, (size_t)n * sizeof *got) == 0, "%s: replay %d",
                      model_shapes[_i].name, k);
    }

    mmoe_run_forward(probes, &(mmoe_pass){&batch, 1, 1, loss_again, weight});
    for (int t = 0; t < TASKS; t++) {
        double alone[TASKS] = {0};
        alone[t] = 1;
        mmoe_run_set_factors(probes, alone);
        mmoe_run_probe(probes, probe);
        double length = 0;
        for (int64_t i = 0; i < shared; i++) {
            sum[i] += probe[i];
            length += fabs((double)probe[i]);
        }
        ck_assert_double_gt(length, 0);
    }
    mmoe_run_set_factors(probes, NULL);
    memset(got, 0, (size_t)n * sizeof *got);
    mmoe_run_backward(probes, sum, mmoe_gradient_keep, &room);
    check_near(m, got, want);
    free(want);
    free(got);
    free(probe);
    free(sum);
    mmoe_run_free(whole);
    mmoe_run_free(parts);
    mmoe_run_free(probes);
    mmoe_model_free(m);
    world_end(&w);
}
END_TEST

/* ---- Resuming ---- */

static int stop_after_two(void *user, const mmoe_epoch_report *report) {
    (void)user;
    return report->epoch == 2;
}

START_TEST(resumed_runs_are_the_same) {
    char path[] = "/tmp/mmoe-balance-XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    close(file);
    world w = world_of(3, _i);
    mmoe_model *whole = model_of(&w), *cut = model_of(&w), *resumed = model_of(&w);
    const mmoe_trainer_options plain = {.threads = 1}, stopping = {.threads = 1,
                                                                   .checkpoint_path = path,
                                                                   .on_epoch = stop_after_two};
    mmoe_trainer *t = trainer_of(whole, &plain);
    double factors[2][TASKS];
    SUCCEEDS(mmoe_trainer_fit(t, w.rows, w.rows, &err));
    mmoe_trainer_task_factors(t, factors[0]);
    mmoe_trainer_free(t);
    t = trainer_of(cut, &stopping);
    ck_assert_int_eq(mmoe_trainer_fit(t, w.rows, w.rows, NULL), MMOE_E_CANCELLED);
    mmoe_trainer_free(t);
    t = trainer_of(resumed, &plain);
    SUCCEEDS(mmoe_trainer_resume(t, path, &err));
    SUCCEEDS(mmoe_trainer_fit(t, w.rows, w.rows, &err));
    mmoe_trainer_task_factors(t, factors[1]);
    mmoe_trainer_free(t);
    ck_assert_msg(same_model(whole, resumed), "%s", model_methods[_i]);
    ck_assert_mem_eq(factors[0], factors[1], sizeof factors[0]);
    mmoe_model_free(whole);
    mmoe_model_free(cut);
    mmoe_model_free(resumed);
    world_end(&w);
    unlink(path);
}
END_TEST

/* ---- Factors ---- */

/* Without a method they are 1; with one, positive and, after some steps, not the same for both
 * tasks. */
START_TEST(factors_are_told) {
    world w = world_of(3, _i);
    mmoe_model *m = model_of(&w);
    mmoe_trainer *t = trainer_of(m, NULL);
    double factors[TASKS];
    mmoe_trainer_task_factors(t, factors);
    ck_assert(factors[0] == 1 && factors[1] == 1);
    SUCCEEDS(mmoe_trainer_fit(t, w.rows, NULL, &err));
    SUCCEEDS(mmoe_trainer_step(t, w.rows, 0, BATCH, NULL, &err));
    mmoe_trainer_task_factors(t, factors);
    for (int k = 0; k < TASKS; k++)
        ck_assert_msg(factors[k] >= 0 && isfinite(factors[k]), "%s: %g", model_methods[_i],
                      factors[k]);
    if (_i == 0)
        ck_assert(factors[0] == 1 && factors[1] == 1);
    else
        ck_assert_msg(factors[0] != factors[1] || strstr(model_methods[_i], "pcgrad"),
                      "%s: %g twice", model_methods[_i], factors[0]);
    mmoe_trainer_free(t);
    mmoe_model_free(m);
    world_end(&w);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, replays_are_steps, 0, MODELS);
    tcase_add_loop_test(c, threads_change_no_bit, 0, MODELS);
    tcase_add_loop_test(c, resumed_runs_are_the_same, 0, METHODS);
    tcase_add_loop_test(c, factors_are_told, 0, METHODS);
}
