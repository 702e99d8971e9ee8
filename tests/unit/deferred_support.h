/* A model with tables whose rows are updated when they are read, rows to train it on, and
 * optimizers that do. */
#ifndef MMOE_TESTS_DEFERRED_SUPPORT_H
#define MMOE_TESTS_DEFERRED_SUPPORT_H

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
static inline int32_t draw(uint64_t *x, int32_t below) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (int32_t)pow(below, (double)(*x >> 11) * 0x1p-53) - 1;
}

static inline void make_rows(void) {
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

static inline world world_of(const char *keys) {
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

static inline void world_finish(world *w) {
    mmoe_dataset_free(w->rows);
    mmoe_schema_free(w->schema);
    mmoe_config_free(w->config);
}

static inline mmoe_model *model_of(const world *w) {
    mmoe_model *model;
    SUCCEEDS(mmoe_model_create(w->config, w->schema, NULL, &model, &err));
    return model;
}

static inline mmoe_trainer *trainer_of(mmoe_model *model, int threads, const char *checkpoint) {
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {
        .threads = threads, .single_threaded_blas = 1, .checkpoint_path = checkpoint};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    return trainer;
}

/* Of all sizes, for some of which there is more to sort. */
static inline void take_steps(mmoe_trainer *t, const world *w, int first, int count) {
    for (int i = first; i < first + count; i++)
        SUCCEEDS(mmoe_trainer_step(t, w->rows, i % 39 * BATCH, (size_t)(i % 5 ? BATCH : 11), NULL,
                                   &err));
}

static inline mmoe_model *trained(const char *keys, int threads, int steps) {
    world w = world_of(keys);
    mmoe_model *model = model_of(&w);
    mmoe_trainer *trainer = trainer_of(model, threads, NULL);
    take_steps(trainer, &w, 0, steps);
    mmoe_trainer_free(trainer);
    world_finish(&w);
    return model;
}

/* The largest difference of two models' weights. */
static inline double difference(const mmoe_model *a, const mmoe_model *b) {
    mmoe_tensor_info x, y;
    double most = 0;
    for (size_t i = 0; mmoe_model_tensor(a, i, &x) == 0; i++) {
        ck_assert_int_eq(mmoe_model_tensor(b, i, &y), 0);
        const float *p = x.data, *q = y.data;
        const int64_t count = (x.rank > 0 ? x.shape[0] : 1) * (x.rank > 1 ? x.shape[1] : 1);
        for (int64_t k = 0; !x.is_integer && k < count; k++) {
            const double apart = fabs((double)p[k] - (double)q[k]);
            if (apart > most) most = apart; /* gcc 12 of arm64 dies of fmax */
        }
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

static inline const char *keys_of(int optimizer, const char *update, char keys[512]) {
    snprintf(keys, 512, ", %s, \"embedding_update\": \"%s\"", optimizers[optimizer], update);
    return keys;
}

/* ---- A file ---- */

static char path[] = "/tmp/mmoe-deferred-XXXXXX";

static inline void make_path(void) { ck_assert_int_eq(close(mkstemp(path)), 0); }

static inline void remove_path(void) { unlink(path); }

#endif
