/* Small models of differing structure, and rows for them, for the tests of plans. */
#ifndef MMOE_TESTS_PLAN_SUPPORT_H
#define MMOE_TESTS_PLAN_SUPPORT_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "succeeds.h"
#include "base/rng.h"
#include "mmoe/train.h"

typedef struct shape {
    const char *name;
    int n_task, n_expert;
    const char *experts;   /* members of expert_params */
    const char *gates;     /* of gate_params */
    const char *towers[3]; /* of tower_params; task 1 is a regression */
} shape;

/* Those from SMOOTH on have no kinks; the last one's products are cut into several tasks. */
static const shape shapes[] = {
    {"dropout",
     2,
     4,
     "\"dims\": [16], \"dropout\": 0.3",
     "",
     {"\"dims\": [8], \"dropout\": 0.3", "\"dims\": [8], \"dropout\": 0.3"}},
    {"prelu",
     2,
     3,
     "\"dims\": [12, 6], \"activation\": \"prelu\", \"dropout\": 0.3",
     "",
     {"\"dims\": [5], \"activation\": \"dice\"", "\"dims\": [5, 3]"}},
    {"gates dropped and balanced",
     2,
     5,
     "\"dims\": [16]",
     "\"dims\": [16, 7], \"activation\": \"tanh\", \"top_k\": 3, \"expert_dropout\": 0.3, "
     "\"load_balance\": 2",
     {"\"dims\": [5], \"activation\": \"tanh\"", "\"dims\": [5, 3], \"activation\": \"tanh\""}},
    {"dice, three tasks",
     3,
     3,
     "\"dims\": [7], \"activation\": \"dice\", \"dropout\": 0.3",
     "",
     {"\"dims\": []", "\"dims\": [6, 3], \"activation\": \"sigmoid\"",
      "\"dims\": [4], \"activation\": \"dice\", \"dropout\": 0.3"}},
    {"gates and one tower with batch norm",
     3,
     2,
     "\"dims\": [9, 5], \"activation\": \"tanh\", \"batch_norm\": false",
     "\"batch_norm\": true",
     {"\"dims\": [6], \"activation\": \"sigmoid\", \"batch_norm\": false",
      "\"dims\": [5, 4], \"activation\": \"tanh\"", "\"dims\": [], \"batch_norm\": false"}},
    {"experts with batch norm",
     2,
     5,
     "\"dims\": [8, 6, 4], \"activation\": \"sigmoid\"",
     "\"batch_norm\": false",
     {"\"dims\": [7, 3], \"activation\": \"tanh\", \"batch_norm\": false", "\"dims\": []"}},
    {"gates with a hidden layer and a temperature",
     2,
     4,
     "\"dims\": [6], \"activation\": \"tanh\"",
     "\"dims\": [5], \"activation\": \"sigmoid\", \"batch_norm\": false, \"temperature\": 0.5",
     {"\"dims\": [4], \"activation\": \"tanh\"", "\"dims\": []"}},
    {"no batch norm, one expert, one task",
     1,
     1,
     "\"dims\": [5], \"activation\": \"tanh\", \"batch_norm\": false",
     "",
     {"\"dims\": [4], \"activation\": \"dice\", \"batch_norm\": false"}},
    {"wide",
     2,
     30,
     "\"dims\": [64], \"activation\": \"tanh\"",
     "",
     {"\"dims\": [32], \"activation\": \"tanh\"", "\"dims\": [8], \"activation\": \"tanh\""}},
};
enum {
    SHAPES = sizeof shapes / sizeof *shapes,
    SMOOTH = 3,
    WIDE = SHAPES - 1,
    ROWS = 2600,
    SPARSE = 3,
    DENSE = 2
};

/* Rows drawn once: labels and weights with some of each kind missing or 0. */
typedef struct table {
    int32_t ids[ROWS * SPARSE];
    float dense[ROWS * DENSE], labels[ROWS * 3], weights[ROWS];
} table;

typedef struct bench {
    int n_task;
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *data; /* ROWS rows */
    mmoe_model *model;
} bench;

static inline double drawn(uint64_t stream, size_t index) {
    return mmoe_random_uniform(7, stream, index);
}

static inline void table_draw(table *r, int n_task) {
    for (size_t b = 0; b < ROWS; b++) {
        for (size_t c = 0; c < SPARSE; c++)
            r->ids[b * SPARSE + c] = (int32_t)(drawn(1, b * SPARSE + c) * (c == 1 ? 7 : 50));
        for (size_t c = 0; c < DENSE; c++)
            r->dense[b * DENSE + c] = (float)(4 * drawn(2, b * DENSE + c) - 2);
        for (size_t t = 0; t < (size_t)n_task; t++) {
            const double y = drawn(3, 3 * b + t),
                         signal = (double)r->dense[b * DENSE] / 8 + r->ids[b * SPARSE] / 100.0;
            float *label = &r->labels[b * (size_t)n_task + t];
            *label = t == 1 ? (float)(y + signal) : (float)(y < 0.2 + signal);
            if (y > 0.95) *label = NAN;
        }
        r->weights[b] = (float)((int)(5 * drawn(4, b))) / 2;
    }
}

static inline mmoe_config *config_of(const shape *s, int batch_size) {
    char tasks[1024] = "", json[4096];
    for (int t = 0; t < s->n_task; t++)
        snprintf(tasks + strlen(tasks), sizeof tasks - strlen(tasks),
                 "%s{\"name\": \"t%d\", \"label\": \"y%d\", \"type\": \"%s\", \"loss_weight\": %d, "
                 "\"tower_params\": {%s}}",
                 t ? ", " : "", t, t, t == 1 ? "regression" : "classification", t + 1,
                 s->towers[t]);
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50}, {\"name\": "
             "\"b\", \"vocab_size\": 7, \"embed_dim\": 3},"
             " {\"name\": \"c\", \"shared_with\": \"a\"}], \"dense\": [{\"name\": \"d*\"}], "
             "\"weight\": \"w\"}, \"tasks\": [%s],"
             " \"model\": {\"n_expert\": %d, \"expert_params\": {%s}, \"gate_params\": {%s}},"
             " \"trainer\": {\"batch_size\": %d, \"n_epoch\": 1, \"shuffle\": false, "
             "\"optimizer_params\": {\"lr\": 0.01}}}",
             tasks, s->n_expert, s->experts, s->gates, batch_size);
    mmoe_config *config;
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    return config;
}

static inline mmoe_dataset *data_of(const bench *b, int64_t count) {
    static table r;
    mmoe_dataset *data;
    table_draw(&r, b->n_task);
    const mmoe_batch batch = {.rows = (size_t)count,
                              .ids = r.ids,
                              .id_stride = SPARSE,
                              .dense = r.dense,
                              .dense_stride = DENSE};
    SUCCEEDS(mmoe_dataset_create(b->schema, &batch, r.labels, r.weights, NULL, &data, &err));
    return data;
}

static inline void bench_init(bench *b, const shape *s, int batch_size) {
    static const char *const columns[] = {"a", "b", "c", "d0", "d1"};
    b->n_task = s->n_task;
    b->config = config_of(s, batch_size);
    SUCCEEDS(mmoe_schema_create(b->config, columns, 5, NULL, &b->schema, &err));
    SUCCEEDS(mmoe_model_create(b->config, b->schema, NULL, &b->model, &err));
    b->data = data_of(b, ROWS);
}

static inline void bench_finish(bench *b) {
    mmoe_model_free(b->model);
    mmoe_dataset_free(b->data);
    mmoe_schema_free(b->schema);
    mmoe_config_free(b->config);
}

static inline mmoe_trainer *trainer_of(mmoe_model *model, int threads) {
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    mmoe_trainer *trainer;
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    return trainer;
}

/* Steps over changing rows of the data, of which the last has `last` rows. */
static inline void take_steps(const bench *b, int threads, int steps, int rows, int last) {
    mmoe_trainer *trainer = trainer_of(b->model, threads);
    double losses[3];
    for (int k = 0; k < steps; k++) {
        const int n = k + 1 < steps ? rows : last;
        SUCCEEDS(
            mmoe_trainer_step(trainer, b->data, k * 397 % (ROWS - n + 1), (size_t)n, losses, &err));
        for (int t = 0; t < b->n_task; t++)
            if (!isfinite(losses[t])) ck_abort_msg("step %d: loss %d is %g", k, t, losses[t]);
    }
    mmoe_trainer_free(trainer);
}

static inline void check_same_model(const char *what, const mmoe_model *a, const mmoe_model *b) {
    mmoe_tensor_info x, y;
    size_t i = 0;
    for (; mmoe_model_tensor(a, i, &x) == 0; i++) {
        ck_assert_int_eq(mmoe_model_tensor(b, i, &y), 0);
        ck_assert_str_eq(x.name, y.name);
        int64_t count = 1;
        for (int32_t r = 0; r < x.rank; r++) count *= x.shape[r];
        ck_assert_msg(memcmp(x.data, y.data, (size_t)count * (x.is_integer ? 8 : 4)) == 0,
                      "%s: %s differs", what, x.name);
    }
    ck_assert_int_ne(mmoe_model_tensor(b, i, &y), 0);
    ck_assert_uint_gt(i, 5);
}

#endif
