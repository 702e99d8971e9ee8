/* Tables whose rows are updated when they are read: the same as dense, where every step is run also
 * to the bit; the same bits for any number of workers and from a checkpoint on; never read stale.
 */
#include "deferred_support.h"

/* Sanitizers see in few steps what they see in many, and one way of cutting off an optimizer. */
enum {
    STEPS = IS_SANITIZED ? 100 : 400,
    FEW = IS_SANITIZED ? 20 : 60,
    CUTS = IS_SANITIZED ? 1 : 4
};

START_TEST(deferred_is_dense) {
    char keys[512];
    mmoe_model *dense_one = trained(keys_of(_i, "dense", keys), 1, STEPS),
               *deferred = trained(keys_of(_i, "deferred", keys), 2, STEPS),
               *start = trained(keys, 1, 0);
    const double most = difference(dense_one, deferred);
    ck_assert_double_gt(difference(start, deferred), IS_SANITIZED ? 0.002 : 0.01);
    if (_i >= CLOSED)
        ck_assert_double_eq(most, 0);
    else
        ck_assert_msg(most <= 1e-5, "%g", most);
    mmoe_model_free(dense_one);
    mmoe_model_free(deferred);
    mmoe_model_free(start);
}
END_TEST

START_TEST(threads_change_no_bit) {
    char keys[512];
    const int optimizer = _i % (OPTIMIZERS + 1);
    if (optimizer == OPTIMIZERS)
        keys_of(LAZY, "lazy", keys);
    else
        keys_of(optimizer, "deferred", keys);
    mmoe_model *one = trained(keys, 1, FEW);
    for (int threads = 2; threads <= 7; threads += threads + 1 == 3 ? 1 : 4) {
        mmoe_model *other = trained(keys, threads, FEW);
        ck_assert_double_eq(difference(one, other), 0);
        mmoe_model_free(other);
    }
    mmoe_model_free(one);
}
END_TEST

/* A gradient that is kept whole is handed on in pieces, whose ends are within rows. */
START_TEST(rows_stay_whole) {
    static const char rows[] = ", \"embedding_optimizer\": \"rowwise_adagrad\"",
                      clipped[] = ", \"embedding_optimizer\": \"rowwise_adagrad\", "
                                  "\"clip_norm\": 1000000";
    mmoe_model *one = trained(rows, 2, 20), *other = trained(clipped, 2, 20);
    ck_assert_double_eq(difference(one, other), 0);
    mmoe_model_free(one);
    mmoe_model_free(other);
}
END_TEST

/* ---- Checkpoints ---- */

/* Rows are behind when it is written, and are as far behind when it is read; once after all were
 * brought up to date. */
START_TEST(a_run_goes_on_to_the_same_bits) {
    char keys[512];
    if (_i == OPTIMIZERS)
        keys_of(LAZY, "lazy", keys);
    else
        keys_of(_i, "deferred", keys);
    make_path();
    world w = world_of(keys);
    mmoe_model *whole = model_of(&w), *second = model_of(&w);
    mmoe_tensor_info info;
    mmoe_trainer *t = trainer_of(whole, 1, NULL);
    take_steps(t, &w, 0, 20);
    mmoe_model_tensor(whole, 0, &info);
    take_steps(t, &w, 20, 17);
    SUCCEEDS(mmoe_checkpoint_write(t, path, &err));
    take_steps(t, &w, 37, 30);
    mmoe_trainer_free(t);
    t = trainer_of(second, 3, NULL);
    take_steps(t, &w, 100, 3); /* forgotten */
    SUCCEEDS(mmoe_trainer_resume(t, path, &err));
    take_steps(t, &w, 37, 30);
    mmoe_trainer_free(t);
    ck_assert_double_eq(difference(whole, second), 0);
    mmoe_model_free(whole);
    mmoe_model_free(second);
    world_finish(&w);
    remove_path();
}
END_TEST

typedef struct cut {
    mmoe_trainer *trainer;
    int stops; /* in this epoch's first step, from 1; 0: not */
    bool is_judged;
} cut;

static int stop_in_epoch(void *user, const mmoe_epoch_report *report) {
    const cut *c = user;
    if (report->epoch == c->stops - 1) mmoe_trainer_stop(c->trainer);
    return 0;
}

static mmoe_status fit(mmoe_model *model, const world *w, cut *c, const char *from) {
    const mmoe_trainer_options options = {.threads = 2,
                                          .single_threaded_blas = 1,
                                          .checkpoint_path = c->stops ? path : NULL,
                                          .user = c,
                                          .on_epoch = stop_in_epoch};
    mmoe_error why;
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &c->trainer, &err));
    if (from) SUCCEEDS(mmoe_trainer_resume(c->trainer, from, &err));
    if (c->stops == 1) mmoe_trainer_stop(c->trainer);
    const mmoe_status status =
        mmoe_trainer_fit(c->trainer, w->rows, c->is_judged ? w->rows : NULL, &why);
    mmoe_trainer_free(c->trainer);
    return status;
}

/* Whoever looks at the weights before the step that is next finds rows behind, and leaves them so:
 * brought up to date in other parts they would differ in their last bits. */
START_TEST(a_fit_goes_on_to_the_same_bits) {
    char keys[512];
    make_path();
    keys_of(_i % OPTIMIZERS, "deferred", keys);
    strcat(keys, ", \"scheduler\": \"cosine\"");
    world w = world_of(keys);
    mmoe_model *whole = model_of(&w), *cut_off = model_of(&w);
    const int way = _i / OPTIMIZERS + _i % OPTIMIZERS; /* of four, each with some optimizers */
    cut c = {.is_judged = way / 2 % 2};
    ck_assert_int_eq(fit(whole, &w, &c, NULL), MMOE_OK);
    c.stops = 1 + way % 2;
    ck_assert_int_eq(fit(cut_off, &w, &c, NULL), MMOE_E_CANCELLED);
    c.stops = 0;
    ck_assert_int_eq(fit(cut_off, &w, &c, path), MMOE_OK);
    ck_assert_double_eq(difference(whole, cut_off), 0);
    mmoe_model_free(whole);
    mmoe_model_free(cut_off);
    world_finish(&w);
    remove_path();
}
END_TEST

typedef struct told {
    const mmoe_model *model, *settled;
    int times;
    double apart;
} told;

static void compare_weights(void *user, const mmoe_warning *warning) {
    told *t = user;
    if (!strstr(warning->message, "is over")) return;
    t->apart = difference(t->model, t->settled);
    t->times++;
}

/* A callback before the first step reads them as of the last one, where the fit itself, which goes
 * on within an epoch, leaves them behind. */
START_TEST(callbacks_before_the_first_step_read_no_old_rows) {
    char keys[512];
    make_path();
    keys_of(0, "deferred", keys);
    world w = world_of(keys);
    mmoe_model *cut_off = model_of(&w);
    cut c = {.stops = 2};
    ck_assert_int_eq(fit(cut_off, &w, &c, NULL), MMOE_E_CANCELLED);
    SUCCEEDS(mmoe_config_set(w.config, "trainer.n_epoch", "1", &err)); /* which are done */
    mmoe_model *resumed = model_of(&w), *settled = model_of(&w);
    told heard = {resumed, settled, 0, 0};
    const mmoe_trainer_options options = {.user = &heard, .on_warning = compare_weights};
    mmoe_trainer *t, *other = trainer_of(settled, 1, NULL);
    SUCCEEDS(mmoe_trainer_resume(other, path, &err));
    SUCCEEDS(mmoe_trainer_create(resumed, &options, NULL, &t, &err));
    SUCCEEDS(mmoe_trainer_resume(t, path, &err));
    SUCCEEDS(mmoe_trainer_fit(t, w.rows, NULL, &err));
    ck_assert_int_eq(heard.times, 1);
    ck_assert_double_eq(heard.apart, 0);
    mmoe_trainer_free(t);
    mmoe_trainer_free(other);
    mmoe_model *models[] = {cut_off, resumed, settled};
    for (int i = 0; i < 3; i++) mmoe_model_free(models[i]);
    world_finish(&w);
    remove_path();
}
END_TEST

/* ---- Readers ---- */

/* What somebody makes of a model, as a number. */
static double sum_of_file(const char *name) {
    FILE *f = fopen(name, "rb");
    double sum = 0, factor = 1;
    ck_assert_ptr_nonnull(f);
    for (int c; (c = fgetc(f)) != EOF; factor = fmod(factor * 1.37, 101)) sum += factor * c;
    fclose(f);
    return sum;
}

static double saved(mmoe_model *m, const world *w) {
    (void)w;
    SUCCEEDS(mmoe_model_save(m, path, &err));
    return sum_of_file(path);
}

static double exported(mmoe_model *m, const world *w) {
    (void)w;
    SUCCEEDS(mmoe_model_export_weights(m, path, &err));
    return sum_of_file(path);
}

static double exported_onnx(mmoe_model *m, const world *w) {
    (void)w;
    mmoe_error why;
    const mmoe_status status = mmoe_model_export_onnx(m, path, &why);
    if (status == MMOE_E_ARGUMENT) return 0; /* built without it */
    ck_assert_int_eq(status, MMOE_OK);
    return sum_of_file(path);
}

static double evaluated(mmoe_model *m, const world *w) {
    mmoe_task_metrics metrics[TASKS];
    SUCCEEDS(mmoe_evaluate(m, w->rows, 1, NULL, metrics, &err));
    return metrics[0].logloss + 3 * metrics[1].logloss;
}

static double predicted(mmoe_model *m, const world *w) {
    static float scores[ROWS * TASKS];
    mmoe_predictor *p;
    double sum = 0;
    mmoe_batch batch;
    SUCCEEDS(mmoe_dataset_batch(w->rows, 0, ROWS, &batch, &err));
    SUCCEEDS(mmoe_predictor_create(m, NULL, &p, &err));
    SUCCEEDS(mmoe_predictor_run(p, &batch, scores, &err));
    for (int i = 0; i < ROWS * TASKS; i++) sum += (double)scores[i] * (i % 17 + 1);
    mmoe_predictor_free(p);
    return sum;
}

static double inspected(mmoe_model *m, const world *w) {
    mmoe_inspection *inspection;
    SUCCEEDS(mmoe_inspect(m, w->rows, 1, NULL, &inspection, &err));
    double sum = 0;
    for (int32_t g = 0; g < inspection->n_gate; g++)
        for (int32_t e = 0; e < inspection->gates[g].n_expert; e++)
            sum += (e + 1) * inspection->gates[g].mean_weight[e];
    mmoe_inspection_free(inspection);
    return sum;
}

/* Of a copy, which is saved. */
static double copied(mmoe_model *copy, const world *w) {
    const double sum = saved(copy, w);
    mmoe_model_free(copy);
    return sum;
}

static double cloned(mmoe_model *m, const world *w) {
    mmoe_model *copy;
    SUCCEEDS(mmoe_model_clone(m, NULL, &copy, &err));
    return copied(copy, w);
}

static double grown(mmoe_model *m, const world *w) {
    mmoe_model *copy;
    SUCCEEDS(mmoe_model_grow(m, NULL, w->schema, NULL, &copy, &err));
    return copied(copy, w);
}

static double narrowed(mmoe_model *m, const world *w, const char *type) {
    mmoe_model *copy;
    SUCCEEDS(mmoe_model_with_tables(m, type, NULL, &copy, &err));
    return copied(copy, w);
}

static double as_int8(mmoe_model *m, const world *w) { return narrowed(m, w, "int8"); }
static double as_bf16(mmoe_model *m, const world *w) { return narrowed(m, w, "bf16"); }

typedef double reader(mmoe_model *m, const world *w);
static reader *const readers[] = {saved,     exported, exported_onnx, evaluated, predicted,
                                  inspected, cloned,   grown,         as_int8,   as_bf16};
enum { READERS = sizeof readers / sizeof *readers };

/* Twins, of which one was brought up to date before. */
START_TEST(nobody_reads_a_row_that_is_behind) {
    char keys[512];
    make_path();
    world w = world_of(keys_of(1, "deferred", keys));
    mmoe_model *fresh = model_of(&w), *stale = model_of(&w);
    mmoe_trainer *t = trainer_of(fresh, 1, NULL), *u = trainer_of(stale, 1, NULL);
    take_steps(t, &w, 0, 30);
    take_steps(u, &w, 0, 30);
    mmoe_deferred_settle(&t->optimizer, t->pool);
    const float *x = mmoe_params_rows(&fresh->params, 0), *y = mmoe_params_rows(&stale->params, 0);
    const size_t size = 14000 * 5 * sizeof *x;
    ck_assert(memcmp(x, y, size) != 0);
    ck_assert_double_eq(readers[_i](fresh, &w), readers[_i](stale, &w));
    ck_assert(memcmp(x, y, size) == 0);
    mmoe_trainer_free(t);
    mmoe_trainer_free(u);
    mmoe_model_free(fresh);
    mmoe_model_free(stale);
    world_finish(&w);
    remove_path();
}
END_TEST

/* Weights that are loaded are not moved by what the rows before them had missed; and a trainer that
 * is freed leaves none behind, nor a second one beside it. */
START_TEST(a_model_changes_hands_up_to_date) {
    char keys[512];
    mmoe_error why;
    make_path();
    world w = world_of(keys_of(0, "deferred", keys));
    mmoe_model *model = model_of(&w), *kept = model_of(&w);
    SUCCEEDS(mmoe_model_save(kept, path, &err));
    mmoe_trainer *t = trainer_of(model, 1, NULL), *second;
    take_steps(t, &w, 0, 30);
    SUCCEEDS(mmoe_model_load_weights(model, path, &err));
    ck_assert_double_eq(difference(model, kept), 0);
    ck_assert_int_eq(mmoe_trainer_create(model, NULL, NULL, &second, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "the model has a trainer"));
    mmoe_trainer_free(t);
    t = trainer_of(model, 1, NULL);
    take_steps(t, &w, 0, 30);
    mmoe_trainer_free(t);
    t = trainer_of(kept, 1, NULL);
    take_steps(t, &w, 0, 30);
    mmoe_deferred_settle(&t->optimizer, t->pool);
    ck_assert_int_eq(memcmp(mmoe_params_rows(&model->params, 0), mmoe_params_rows(&kept->params, 0),
                            14000 * 5 * sizeof(float)),
                     0);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(kept);
    world_finish(&w);
    remove_path();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, deferred_is_dense, 0, OPTIMIZERS);
    tcase_add_loop_test(c, threads_change_no_bit, 0, OPTIMIZERS + 1);
    tcase_add_test(c, rows_stay_whole);
    tcase_add_loop_test(c, a_run_goes_on_to_the_same_bits, 0, OPTIMIZERS + 1);
    tcase_add_loop_test(c, a_fit_goes_on_to_the_same_bits, 0, CUTS * OPTIMIZERS);
    tcase_add_test(c, callbacks_before_the_first_step_read_no_old_rows);
    tcase_add_loop_test(c, nobody_reads_a_row_that_is_behind, 0, READERS);
    tcase_add_test(c, a_model_changes_hands_up_to_date);
}
