/* Tables whose rows are updated when they are read: the same as dense, where every step is run also
 * to the bit; the same bits for any number of workers and from a checkpoint on; never read stale;
 * and what cannot be deferred is refused. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "succeeds.h"
#include "train/deferred.h"
#include "train/trainer.h"

enum { ROWS = 1600, BATCH = 40, IDS = 3, LISTS = 4, DENSE = 1, TASKS = 2, MOST = 5 };

static int32_t ids[ROWS * IDS], elements[ROWS * LISTS * MOST];
static int64_t offsets[ROWS * LISTS + 1];
static float weights[ROWS * LISTS * MOST], dense[ROWS], labels[ROWS * TASKS];

/* Two columns and lists of each pooling share a table of 14000 rows, of which row 3 is padding; one
 * has its own. Nothing here has a kink, so that a rounding stays one. */
static const char shape[] =
    "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 14000, \"embed_dim\": 5, "
    "\"padding_idx\": 3}, {\"name\": \"b\", \"shared_with\": \"a\"}, {\"name\": \"c\", "
    "\"vocab_size\": 90, \"embed_dim\": 16}], \"sequence\": ["
    "{\"name\": \"p\", \"shared_with\": \"a\", \"weight_separator\": \":\"},"
    "{\"name\": \"q\", \"shared_with\": \"a\", \"pooling\": \"sum\", \"padding_idx\": 9},"
    "{\"name\": \"r\", \"shared_with\": \"a\", \"pooling\": \"max\"},"
    "{\"name\": \"s\", \"shared_with\": \"a\", \"pooling\": \"concat\", \"max_len\": 2}],"
    "\"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": \"x\", \"label\": \"x\", "
    "\"tower_params\": {\"dims\": [3], \"activation\": \"tanh\", \"batch_norm\": false}},"
    "{\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": []}}],"
    "\"model\": {\"n_expert\": 2, \"embedding_init_scale\": 0.1, \"first_layer\": \"dense\","
    "\"expert_params\": {\"dims\": [4], \"activation\": \"tanh\", \"batch_norm\": false}},"
    "\"trainer\": {\"batch_size\": 40, \"n_epoch\": 3, \"shuffle\": true%s}}";

typedef struct world {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *rows;
} world;

/* By a power law. */
static int32_t draw(uint64_t *x, int32_t below) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (int32_t)pow(below, (double)(*x >> 11) * 0x1p-53) - 1;
}

static void make_rows(void) {
    uint64_t x = 88172645463325252u;
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < IDS; k++) ids[i * IDS + k] = draw(&x, k == 2 ? 90 : 14000);
        for (int k = 0; k < LISTS; k++) {
            int64_t *at = offsets + i * LISTS + k;
            at[1] = at[0] + draw(&x, MOST);
            for (int64_t e = at[0]; e < at[1]; e++) {
                elements[e] = draw(&x, 14000);
                weights[e] = k ? 1 : (float)(draw(&x, 9)) / 4;
            }
        }
        dense[i] = (float)(draw(&x, 100)) / 100;
        labels[i * TASKS] = (float)(ids[i * IDS] % 3 == 0);
        labels[i * TASKS + 1] = (float)((ids[i * IDS + 1] + ids[i * IDS + 2]) % 2);
    }
}

static world world_of(const char *keys) {
    static const char *const columns[] = {"a", "b", "c", "p", "q", "r", "s", "d"};
    char json[4096];
    world w;
    make_rows();
    const mmoe_batch batch = {
        .rows = ROWS,
        .ids = ids,
        .id_stride = IDS,
        .dense = dense,
        .dense_stride = DENSE,
        .lists = {LISTS, offsets, elements, weights, (size_t)offsets[ROWS * LISTS]}};
    snprintf(json, sizeof json, shape, keys);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &w.config, &err));
    SUCCEEDS(mmoe_schema_create(w.config, columns, 8, NULL, &w.schema, &err));
    SUCCEEDS(mmoe_dataset_create(w.schema, &batch, labels, NULL, NULL, &w.rows, &err));
    return w;
}

static void world_finish(world *w) {
    mmoe_dataset_free(w->rows);
    mmoe_schema_free(w->schema);
    mmoe_config_free(w->config);
}

static mmoe_model *model_of(const world *w) {
    mmoe_model *model;
    SUCCEEDS(mmoe_model_create(w->config, w->schema, NULL, &model, &err));
    return model;
}

static mmoe_trainer *trainer_of(mmoe_model *model, int threads, const char *checkpoint) {
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {
        .threads = threads, .single_threaded_blas = 1, .checkpoint_path = checkpoint};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    return trainer;
}

/* Of all sizes, for some of which there is more to sort. */
static void take_steps(mmoe_trainer *t, const world *w, int first, int count) {
    for (int i = first; i < first + count; i++)
        SUCCEEDS(mmoe_trainer_step(t, w->rows, i % 39 * BATCH, (size_t)(i % 5 ? BATCH : 11), NULL,
                                   &err));
}

static mmoe_model *trained(const char *keys, int threads, int steps) {
    world w = world_of(keys);
    mmoe_model *model = model_of(&w);
    mmoe_trainer *trainer = trainer_of(model, threads, NULL);
    take_steps(trainer, &w, 0, steps);
    mmoe_trainer_free(trainer);
    world_finish(&w);
    return model;
}

/* The largest difference of two models' weights. */
static double difference(const mmoe_model *a, const mmoe_model *b) {
    mmoe_tensor_info x, y;
    double most = 0;
    for (size_t i = 0; mmoe_model_tensor(a, i, &x) == 0; i++) {
        ck_assert_int_eq(mmoe_model_tensor(b, i, &y), 0);
        const float *p = x.data, *q = y.data;
        const int64_t count = (x.rank > 0 ? x.shape[0] : 1) * (x.rank > 1 ? x.shape[1] : 1);
        for (int64_t k = 0; !x.is_integer && k < count; k++)
            most = fmax(most, fabs((double)p[k] - (double)q[k]));
    }
    return most;
}

static const char *const optimizers[] = {
    "\"optimizer\": \"adam\", \"optimizer_params\": {\"weight_decay\": 0, \"lr\": 0.001}",
    ("\"optimizer\": \"adamw\", \"optimizer_params\": {\"weight_decay\": 0.05, \"lr\": 0.001}, "
     "\"warmup_steps\": 150"),
    "\"optimizer\": \"sgd\", \"optimizer_params\": {\"weight_decay\": 0, \"momentum\": 0.9}",
    "\"optimizer\": \"sgd\", \"optimizer_params\": {\"weight_decay\": 0.1}",
    "\"optimizer\": \"adamw\", \"optimizer_params\": {\"lr\": 0.001}, \"clip_norm\": 0.02",
    ("\"embedding_optimizer\": \"rowwise_adagrad\", \"optimizer\": \"adamw\", "
     "\"optimizer_params\": {\"lr\": 0.001}, \"clip_norm\": 0.02"),
    /* run step by step */
    "\"optimizer\": \"adam\", \"optimizer_params\": {\"weight_decay\": 0.0001}",
    "\"optimizer\": \"sgd\", \"optimizer_params\": {\"weight_decay\": 0.1, \"momentum\": 0.9}",
    ("\"embedding_optimizer\": \"adagrad\", \"embedding_optimizer_params\": {\"lr_decay\": 0.01, "
     "\"weight_decay\": 0.01}, \"warmup_steps\": 20"),
    /* which miss nothing */
    "\"embedding_optimizer\": \"rowwise_adagrad\"",
};
enum { CLOSED = 6, OPTIMIZERS = sizeof optimizers / sizeof *optimizers, LAZY = 0 };

static const char *keys_of(int optimizer, const char *update, char keys[512]) {
    snprintf(keys, 512, ", %s, \"embedding_update\": \"%s\"", optimizers[optimizer], update);
    return keys;
}

START_TEST(deferred_is_dense) {
    char keys[512];
    mmoe_model *dense_one = trained(keys_of(_i, "dense", keys), 1, 400),
               *deferred = trained(keys_of(_i, "deferred", keys), 2, 400),
               *start = trained(keys, 1, 0);
    const double most = difference(dense_one, deferred);
    ck_assert_double_gt(difference(start, deferred), 0.01);
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
    mmoe_model *one = trained(keys, 1, 60);
    for (int threads = 2; threads <= 7; threads += threads + 1 == 3 ? 1 : 4) {
        mmoe_model *other = trained(keys, threads, 60);
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

static char path[] = "/tmp/mmoe-deferred-XXXXXX", other_path[] = "/tmp/mmoe-deferred-XXXXXX";

static void make_paths(void) { ck_assert(!close(mkstemp(path)) && !close(mkstemp(other_path))); }

static void remove_paths(void) {
    unlink(path);
    unlink(other_path);
}

/* Rows are behind when it is written, and are as far behind when it is read; once after all were
 * brought up to date. */
START_TEST(a_run_goes_on_to_the_same_bits) {
    char keys[512];
    if (_i == OPTIMIZERS)
        keys_of(LAZY, "lazy", keys);
    else
        keys_of(_i, "deferred", keys);
    make_paths();
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
    remove_paths();
}
END_TEST

typedef struct cut {
    mmoe_trainer *trainer;
    bool stops; /* in the second epoch's first step */
} cut;

static int stop_behind_one(void *user, const mmoe_epoch_report *report) {
    const cut *c = user;
    if (c->stops && report->epoch == 1) mmoe_trainer_stop(c->trainer);
    return 0;
}

static mmoe_status fit(mmoe_model *model, const world *w, cut *c, const char *from) {
    const mmoe_trainer_options options = {.threads = 2,
                                          .single_threaded_blas = 1,
                                          .checkpoint_path = c->stops ? path : NULL,
                                          .user = c,
                                          .on_epoch = stop_behind_one};
    mmoe_error why;
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &c->trainer, &err));
    if (from) SUCCEEDS(mmoe_trainer_resume(c->trainer, from, &err));
    const mmoe_status status = mmoe_trainer_fit(c->trainer, w->rows, NULL, &why);
    mmoe_trainer_free(c->trainer);
    return status;
}

START_TEST(a_fit_goes_on_to_the_same_bits) {
    char keys[512];
    make_paths();
    keys_of(1, "deferred", keys);
    strcat(keys, ", \"scheduler\": \"cosine\"");
    world w = world_of(keys);
    mmoe_model *whole = model_of(&w), *cut_off = model_of(&w);
    cut c = {0};
    ck_assert_int_eq(fit(whole, &w, &c, NULL), MMOE_OK);
    c.stops = true;
    ck_assert_int_eq(fit(cut_off, &w, &c, NULL), MMOE_E_CANCELLED);
    c.stops = false;
    ck_assert_int_eq(fit(cut_off, &w, &c, path), MMOE_OK);
    ck_assert_double_eq(difference(whole, cut_off), 0);
    mmoe_model_free(whole);
    mmoe_model_free(cut_off);
    world_finish(&w);
    remove_paths();
}
END_TEST

/* Of another update, or another optimizer; and one whose history would be longer than there is. */
START_TEST(other_checkpoints_are_refused) {
    char keys[512];
    mmoe_error why;
    make_paths();
    world w = world_of(keys_of(0, "deferred", keys)), other = world_of(keys_of(0, "lazy", keys));
    mmoe_model *model = model_of(&w), *lazy = model_of(&other);
    mmoe_trainer *t = trainer_of(model, 1, NULL), *u = trainer_of(lazy, 1, NULL);
    take_steps(t, &w, 0, 3);
    SUCCEEDS(mmoe_checkpoint_write(t, path, &err));
    ck_assert_int_eq(mmoe_trainer_resume(u, path, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "trainer.embedding_update is \"lazy\", the "
                                              "checkpoint's is \"deferred\""));
    t->optimizer.history.base += 4;
    SUCCEEDS(mmoe_checkpoint_write(t, path, &err));
    t->optimizer.history.base -= 4;
    ck_assert_int_eq(mmoe_trainer_resume(t, path, &why), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "optimizer.settled"));
    mmoe_trainer_free(t);
    mmoe_trainer_free(u);
    mmoe_model_free(model);
    mmoe_model_free(lazy);
    world_finish(&w);
    world_finish(&other);
    remove_paths();
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

typedef double reader(mmoe_model *m, const world *w);
static reader *const readers[] = {saved, exported, exported_onnx, evaluated, predicted, inspected};
enum { READERS = sizeof readers / sizeof *readers };

/* Twins, of which one was brought up to date before. */
START_TEST(nobody_reads_a_row_that_is_behind) {
    char keys[512];
    make_paths();
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
    remove_paths();
}
END_TEST

/* Weights that are loaded are not moved by what the rows before them had missed; and a trainer that
 * is freed leaves none behind, nor a second one beside it. */
START_TEST(a_model_changes_hands_up_to_date) {
    char keys[512];
    mmoe_error why;
    make_paths();
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
    remove_paths();
}
END_TEST

/* ---- What is refused ---- */

typedef struct refusal {
    const char *keys, *update, *key;
} refusal;

#define ADAMW "\"optimizer\": \"adamw\""
static const refusal refusals[] = {
    {ADAMW ", \"ema_decay\": 0.9", "deferred", "trainer.ema_decay"},
    {ADAMW ", \"regularization_params\": {\"embedding_l1\": 0.1}", "deferred",
     "trainer.regularization_params.embedding_l1"},
    {ADAMW ", \"regularization_params\": {\"embedding_l2\": 0.1}", "deferred",
     "trainer.regularization_params.embedding_l2"},
    {ADAMW ", \"adaptive_params\": {\"method\": \"pcgrad\", \"at\": \"parameters\"}", "deferred",
     "trainer.adaptive_params.at"},
    {"\"ema_decay\": 0.9, \"optimizer_params\": {\"weight_decay\": 0}", "lazy",
     "trainer.ema_decay"},
    {ADAMW, "lazy", "trainer.optimizer_params.weight_decay"},
    {"\"optimizer\": \"adam\"", "lazy", "trainer.optimizer_params.weight_decay"},
    {ADAMW ", \"ema_decay\": 0.9", "auto", "trainer.ema_decay"},
    {"\"optimizer\": \"adam\"", "auto", "trainer.optimizer_params.weight_decay"},
    {"\"embedding_optimizer\": \"adagrad\", \"embedding_optimizer_params\": {\"weight_decay\": "
     "0.1}",
     "auto", "trainer.embedding_optimizer_params.weight_decay"},
    {"\"embedding_optimizer\": \"rowwise_adagrad\", \"embedding_optimizer_params\": "
     "{\"weight_decay\": 0.1}",
     "lazy", "trainer.embedding_optimizer_params.weight_decay"},
    {"\"embedding_optimizer\": \"adagrad\", \"ema_decay\": 0.9", "deferred", "trainer.ema_decay"},
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

/* With auto not before the table's rows are known: then with a name and the ways out. */
START_TEST(what_cannot_be_is_refused) {
    static const char *const columns[] = {"a", "b", "c", "p", "q", "r", "s", "d"};
    const refusal *r = &refusals[_i];
    char keys[512], json[4096];
    mmoe_error why;
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    snprintf(keys, sizeof keys, ", %s, \"embedding_update\": \"%s\"", r->keys, r->update);
    snprintf(json, sizeof json, shape, keys);
    mmoe_status status = mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &why);
    if (strcmp(r->update, "auto") == 0) {
        ck_assert_int_eq(status, MMOE_OK);
        SUCCEEDS(mmoe_schema_create(config, columns, 8, NULL, &schema, &err));
        status = mmoe_model_create(config, schema, NULL, &model, &why);
        ck_assert_ptr_nonnull(strstr(why.message, "of 14000 rows"));
        ck_assert_ptr_nonnull(strstr(why.message, "adamw"));
        mmoe_schema_free(schema);
        mmoe_config_free(config);
    }
    ck_assert_int_eq(status, MMOE_E_CONFIG);
    ck_assert_msg(strstr(why.message, r->key) != NULL, "%s", why.message);
}
END_TEST

/* auto defers the large table and no small one. */
START_TEST(auto_is_by_size) {
    world w = world_of(", \"optimizer\": \"adamw\", \"embedding_update\": \"auto\"");
    mmoe_model *model = model_of(&w);
    ck_assert(model->params.tables[0].is_deferred);
    ck_assert(!model->params.tables[1].is_deferred);
    mmoe_model_free(model);
    world_finish(&w);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, deferred_is_dense, 0, OPTIMIZERS);
    tcase_add_loop_test(c, threads_change_no_bit, 0, OPTIMIZERS + 1);
    tcase_add_test(c, rows_stay_whole);
    tcase_add_loop_test(c, a_run_goes_on_to_the_same_bits, 0, OPTIMIZERS + 1);
    tcase_add_test(c, a_fit_goes_on_to_the_same_bits);
    tcase_add_test(c, other_checkpoints_are_refused);
    tcase_add_loop_test(c, nobody_reads_a_row_that_is_behind, 0, READERS);
    tcase_add_test(c, a_model_changes_hands_up_to_date);
    tcase_add_loop_test(c, what_cannot_be_is_refused, 0, REFUSALS);
    tcase_add_test(c, auto_is_by_size);
}
