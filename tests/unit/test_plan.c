/* Plans: the same bits whatever the threads and slices, batches of every size, gradients against
 * differences of the loss. test_plan_memory.c looks at buffers and weight tasks. */
#include "check_main.h"
#include "plan_support.h"
#include "params_support.h"

#include "graph/run.h"
#include "model/model.h"
#include "train/trainer.h"

enum { BATCH = 700 };

/* ---- Determinism ---- */

/* The seed's first model, trained by `threads` workers. */
static void check_threads(const shape *s, int batch_size, int steps, int threads,
                          const bench *by_one) {
    bench many;
    char what[160];
    snprintf(what, sizeof what, "%s, %d threads", s->name, threads);
    bench_init(&many, s, batch_size);
    take_steps(&many, threads, steps, batch_size, batch_size / 2 + 1);
    check_same_model(what, by_one->model, many.model);
    bench_finish(&many);
}

START_TEST(same_bits_with_any_threads) {
    static const int threads[] = {1, 2, 3, 4, 7};
    const int all = _i == WIDE ? 4 : 30, steps = THREADS_ALONE || IS_EMULATED ? all / 8 + 2 : all;
    bench one;
    bench_init(&one, &shapes[_i], BATCH);
    take_steps(&one, 1, steps, BATCH, BATCH / 2 + 1);
    for (size_t k = 0; k < sizeof threads / sizeof *threads; k++)
        check_threads(&shapes[_i], BATCH, steps, threads[k], &one);
    bench_finish(&one);
}
END_TEST

/* More chunks, and larger ones. */
START_TEST(same_bits_of_a_large_batch) {
    bench one;
    bench_init(&one, &shapes[_i], ROWS);
    take_steps(&one, 1, 3, ROWS, ROWS);
    bench_finish(&one);
    bench_init(&one, &shapes[_i], ROWS);
    take_steps(&one, 1, 3, ROWS, ROWS / 2 + 1);
    check_threads(&shapes[_i], ROWS, 3, 2, &one);
    check_threads(&shapes[_i], ROWS, 3, 5, &one);
    bench_finish(&one);
}
END_TEST

/* ---- Predictions ---- */

static void predict(const bench *b, mmoe_predictor *predictor, int64_t first, size_t n,
                    float *scores) {
    mmoe_batch batch;
    SUCCEEDS(mmoe_dataset_batch(b->data, first, n, &batch, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, scores, &err));
}

/* A product's rounding depends on a row's place in OpenBLAS's tiles, so bits are promised for
 * slices of whole chunks alone. */
static void check_slices(const bench *b, const float *whole, size_t slice) {
    static float scores[ROWS * 3];
    const size_t tasks = (size_t)b->n_task;
    const double allowed = slice % 256 == 0 ? 0 : 5e-7;
    mmoe_predictor *predictor;
    SUCCEEDS(mmoe_predictor_create(b->model, NULL, &predictor, &err));
    for (size_t first = 0; first < ROWS; first += slice)
        predict(b, predictor, (int64_t)first, ROWS - first < slice ? ROWS - first : slice,
                scores + first * tasks);
    for (size_t i = 0; i < ROWS * tasks; i++)
        if (!(fabs((double)scores[i] - (double)whole[i]) <= allowed))
            ck_abort_msg("slices of %zu: row %zu, task %zu: %.9g, not %.9g", slice, i / tasks,
                         i % tasks, (double)scores[i], (double)whole[i]);
    mmoe_predictor_free(predictor);
}

START_TEST(predictions_do_not_depend_on_slices) {
    static const size_t slices[] = {256, 512, 1024, 2560, 1,   2,   3,   5,
                                    7,   16,  33,   100,  255, 257, 600, ROWS - 1};
    static float whole[ROWS * 3];
    bench b;
    mmoe_predictor *predictor;
    bench_init(&b, &shapes[_i], BATCH);
    take_steps(&b, 1, 3, BATCH, BATCH);
    SUCCEEDS(mmoe_predictor_create(b.model, NULL, &predictor, &err));
    predict(&b, predictor, 0, ROWS, whole);
    for (size_t i = 0; i < (size_t)(ROWS * b.n_task); i++) ck_assert(isfinite(whole[i]));
    for (size_t k = 0; k < sizeof slices / sizeof *slices; k++) check_slices(&b, whole, slices[k]);
    mmoe_predictor_free(predictor);
    bench_finish(&b);
}
END_TEST

/* Row b of an indexed batch is row index[b]. */
START_TEST(predictions_do_not_depend_on_threads_and_order) {
    static float whole[ROWS * 3], some[ROWS * 3];
    static uint32_t index[ROWS];
    bench b;
    bench_init(&b, &shapes[_i], BATCH);
    const size_t tasks = (size_t)b.n_task;
    for (uint32_t i = 0; i < ROWS; i++) index[i] = (i * 1009u + 5) % ROWS;
    for (int workers = 1; workers <= 7; workers += 2) {
        mmoe_pool *pool;
        mmoe_run *run;
        SUCCEEDS(mmoe_pool_create(workers, NULL, &pool, &err));
        SUCCEEDS(mmoe_run_create(
            &(mmoe_plan_request){b.model->graph, &b.model->params, pool, MMOE_PLAN_PREDICT, ROWS},
            &run, &err));
        mmoe_run_fold(run);
        mmoe_rows batch = mmoe_dataset_rows_of(b.data, 0, ROWS, NULL);
        mmoe_run_predict(run, &batch, workers == 1 ? whole : some);
        if (workers > 1) ck_assert_mem_eq(some, whole, ROWS * tasks * sizeof *some);
        batch = mmoe_dataset_rows_of(b.data, 0, ROWS, index);
        mmoe_run_predict(run, &batch, some);
        for (size_t i = 0; i < ROWS; i++)
            for (size_t t = 0; t < tasks; t++)
                if (!(fabs((double)some[i * tasks + t] - (double)whole[index[i] * tasks + t]) <=
                      5e-7))
                    ck_abort_msg("row %zu of an order, task %zu", i, t);
        mmoe_run_free(run);
        mmoe_pool_free(pool);
    }
    bench_finish(&b);
}
END_TEST

/* The weights are drawn anew, larger, so that every gradient matters. */
static void draw_weights(mmoe_model *m) {
    for (size_t k = 0; k < m->graph->tensors.count; k++) {
        const mmoe_tensor *t = &m->graph->tensors.items[k];
        const int is_scale = t->init == MMOE_INIT_CONSTANT && t->init_a > 0;
        if (!mmoe_tensor_is_trained(t)) continue;
        float *values = mmoe_params_at(&m->params, t);
        for (int64_t i = 0; i < t->count; i++)
            values[i] = (float)(drawn(100 + k, (size_t)i) - 0.5) + (is_scale ? 1.0f : 0.0f);
    }
}

/* A task's tower and gate serve that task alone; experts and tables serve all. */
static void check_reach(const bench *b, const mmoe_tensor *t, const float *before) {
    static float after[ROWS * 3];
    const int own = t->name[0] == 't' || t->name[0] == 'g' ? atoi(strchr(t->name, '.') + 1)
                                                           : -1; /* towers.0, gates.0 */
    float *value = mmoe_params_at(&b->model->params, t), kept = *value;
    mmoe_predictor *predictor;
    *value += 0.5f;
    SUCCEEDS(mmoe_predictor_create(b->model, NULL, &predictor, &err));
    predict(b, predictor, 0, ROWS, after);
    mmoe_predictor_free(predictor);
    *value = kept;
    for (int task = 0; task < b->n_task; task++) {
        int moved = 0;
        for (size_t i = (size_t)task; i < ROWS * (size_t)b->n_task; i += (size_t)b->n_task)
            moved += after[i] != before[i];
        if (!moved != (own >= 0 && own != task))
            ck_abort_msg("%s: %d predictions of task %d move", t->name, moved, task);
    }
}

/* The second task's last bias, the last of its tower's tensors. */
static float *bias_of_regression(mmoe_model *m) {
    float *bias = NULL;
    for (size_t k = 0; k < m->graph->tensors.count; k++)
        if (strncmp(m->graph->tensors.items[k].name, "towers.1.", 9) == 0)
            bias = mmoe_params_at(&m->params, &m->graph->tensors.items[k]);
    return bias;
}

/* Probabilities of a classification; of a regression, values around 5. */
static void check_types(const bench *b, const float *scores) {
    for (int task = 0; task < b->n_task; task++) {
        int outside = 0;
        for (size_t i = (size_t)task; i < ROWS * (size_t)b->n_task; i += (size_t)b->n_task)
            outside += !(scores[i] > 0 && scores[i] < 1);
        if (!outside != (task != 1))
            ck_abort_msg("task %d: %d predictions outside of 0 to 1", task, outside);
    }
}

START_TEST(towers_and_gates_serve_their_task) {
    static float before[ROWS * 3];
    bench b;
    mmoe_predictor *predictor;
    bench_init(&b, &shapes[_i], BATCH);
    draw_weights(b.model);
    if (b.n_task > 1) *bias_of_regression(b.model) = 5;
    SUCCEEDS(mmoe_predictor_create(b.model, NULL, &predictor, &err));
    predict(&b, predictor, 0, ROWS, before);
    check_types(&b, before);
    for (size_t k = 0; k < b.model->graph->tensors.count; k++) {
        const mmoe_tensor *t = &b.model->graph->tensors.items[k];
        if (mmoe_tensor_is_trained(t) && (shapes[_i].n_expert > 1 || t->name[0] != 'g'))
            check_reach(&b, t, before);
    }
    mmoe_predictor_free(predictor);
    bench_finish(&b);
}
END_TEST

/* ---- Batches of every size ---- */

/* An epoch is steps over the rows in their order, the last one shorter; of one row where one is
 * left. */
static void check_epoch(const shape *s, int64_t n) {
    bench fitted, stepped;
    bench_init(&fitted, s, BATCH);
    bench_init(&stepped, s, BATCH);
    mmoe_dataset *data = data_of(&fitted, n);
    mmoe_trainer *fit = trainer_of(fitted.model, 2), *step = trainer_of(stepped.model, 1);
    SUCCEEDS(mmoe_trainer_fit(fit, data, NULL, &err));
    for (int64_t first = 0; first < n; first += BATCH)
        SUCCEEDS(mmoe_trainer_step(step, data, first,
                                   (size_t)(n - first < BATCH ? n - first : BATCH), NULL, &err));
    check_same_model(s->name, fitted.model, stepped.model);
    mmoe_trainer_free(fit);
    mmoe_trainer_free(step);
    mmoe_dataset_free(data);
    bench_finish(&fitted);
    bench_finish(&stepped);
}

START_TEST(last_batch_may_be_short) {
    check_epoch(&shapes[_i], 2 * BATCH + 123);
    check_epoch(&shapes[_i], BATCH + 1);
    check_epoch(&shapes[_i], 1);
}
END_TEST

/* It has no variance: the running statistics serve, and stay. */
START_TEST(one_row_leaves_the_statistics) {
    bench b, before;
    bench_init(&b, &shapes[_i], BATCH);
    bench_init(&before, &shapes[_i], BATCH);
    take_steps(&b, 1, 2, BATCH, BATCH);
    mmoe_params_copy(&before.model->params, &b.model->params);
    take_steps(&b, 2, 1, 1, 1);
    const mmoe_params *x = &b.model->params, *y = &before.model->params;
    for (int32_t i = 0; i < x->n_trained; i++) ck_assert(!params_same_block(x, y, i));
    const float *value;
    for (int64_t i = 0; (value = params_value(x, i)); i++)
        if (!isfinite(*value)) ck_abort_msg("value %lld is not finite", (long long)i);
    for (int32_t i = x->n_trained; i < x->n_block; i++) ck_assert(params_same_block(x, y, i));
    bench_finish(&b);
    bench_finish(&before);
}
END_TEST

START_TEST(chunks_depend_on_the_batch_alone) {
    for (int32_t rows = 1, before = 0; rows < 20000; rows++) {
        const int32_t chunk = mmoe_plan_cut(&(mmoe_plan){.segments = 1}, rows).chunk;
        if (chunk < 256 || chunk > 1024 || chunk % 16 || chunk < before)
            ck_abort_msg("%d rows in chunks of %d", rows, chunk);
        if (chunk > 256 && chunk < 1024 && (rows + chunk - 1) / chunk > 8)
            ck_abort_msg("%d rows: more than eight chunks of %d", rows, chunk);
        before = chunk;
    }
}
END_TEST

/* ---- Gradients ---- */

enum { FEW = 300 };

/* The loss that the gradient is of: the mean of the tasks' weighted losses. */
static double loss_and_gradient(const bench *b, mmoe_trainer *trainer, float *gradient) {
    double sum = 0;
    const mmoe_rows few = mmoe_dataset_rows_of(b->data, 0, FEW, NULL);
    mmoe_trainer_gradients(trainer, &few, gradient);
    for (int t = 0; t < b->n_task; t++) sum += (t + 1) * trainer->loss[t] / b->n_task;
    return sum;
}

static double moved_loss(const bench *b, mmoe_trainer *trainer, const mmoe_tensor *t,
                         const double *direction, double by, float *scratch) {
    float *values = mmoe_params_at(&b->model->params, t);
    float *kept = malloc((size_t)t->count * sizeof *kept);
    ck_assert_ptr_nonnull(kept);
    memcpy(kept, values, (size_t)t->count * sizeof *kept);
    for (int64_t i = 0; i < t->count; i++)
        values[i] = (float)((double)values[i] + by * direction[i]);
    const double loss = loss_and_gradient(b, trainer, scratch);
    memcpy(values, kept, (size_t)t->count * sizeof *kept);
    free(kept);
    return loss;
}

/* Along a tensor's own gradient the loss rises by its length; the error of the difference is of
 * fourth order. */
static void check_tensor(const bench *b, mmoe_trainer *trainer, const mmoe_tensor *t,
                         const float *gradient, float *scratch) {
    const double h = 0.02;
    double length = 0, *direction = malloc((size_t)t->count * sizeof *direction);
    ck_assert_ptr_nonnull(direction);
    gradient += mmoe_tensors_place(&b->model->graph->tensors, t);
    for (int64_t i = 0; i < t->count; i++) length += (double)gradient[i] * (double)gradient[i];
    length = sqrt(length);
    for (int64_t i = 0; i < t->count; i++)
        direction[i] = length > 0 ? (double)gradient[i] / length : 1 / sqrt((double)t->count);
    double difference[2];
    for (int k = 0; k < 2; k++) {
        const double by = (k + 1) * h;
        difference[k] = (moved_loss(b, trainer, t, direction, by, scratch) -
                         moved_loss(b, trainer, t, direction, -by, scratch)) /
                        (2 * by);
    }
    const double rise = (4 * difference[0] - difference[1]) / 3;
    if (!(fabs(rise - length) <= 0.005 * length + 3e-5))
        ck_abort_msg("%s: gradient of length %.6g, the loss rises by %.6g", t->name, length, rise);
    free(direction);
}

START_TEST(gradients_are_the_loss_s) {
    bench b;
    bench_init(&b, &shapes[_i], BATCH);
    draw_weights(b.model);
    mmoe_trainer *trainer = trainer_of(b.model, 1);
    const size_t n = (size_t)b.model->params.n_whole;
    float *gradient = malloc(n * sizeof *gradient), *scratch = malloc(n * sizeof *scratch);
    ck_assert(gradient && scratch);
    loss_and_gradient(&b, trainer, gradient);
    const size_t of_wide = IS_EMULATED ? 25 : 9, step = _i == WIDE ? of_wide : 1;
    for (size_t k = 0; k < b.model->graph->tensors.count; k += step)
        if (mmoe_tensor_is_trained(&b.model->graph->tensors.items[k]))
            check_tensor(&b, trainer, &b.model->graph->tensors.items[k], gradient, scratch);
    free(gradient);
    free(scratch);
    mmoe_trainer_free(trainer);
    bench_finish(&b);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, same_bits_with_any_threads, 0, SHAPES);
    tcase_add_loop_test(c, same_bits_of_a_large_batch, 0,
                        THREADS_ALONE || IS_EMULATED ? WIDE : SHAPES);
    tcase_add_loop_test(c, predictions_do_not_depend_on_threads_and_order, 0, SHAPES);
    tcase_add_loop_test(c, last_batch_may_be_short, 0, SHAPES);
    if (THREADS_ALONE) return;
    tcase_add_loop_test(c, predictions_do_not_depend_on_slices, 0, SHAPES);
    tcase_add_loop_test(c, towers_and_gates_serve_their_task, 0, WIDE);
    tcase_add_loop_test(c, one_row_leaves_the_statistics, 0, SHAPES);
    tcase_add_test(c, chunks_depend_on_the_batch_alone);
    tcase_add_loop_test(c, gradients_are_the_loss_s, SMOOTH, SHAPES);
}
