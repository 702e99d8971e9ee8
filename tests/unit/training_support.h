/* A small model of two tasks that share three experts, and rows to train it on. */
#ifndef MMOE_TESTS_TRAINING_SUPPORT_H
#define MMOE_TESTS_TRAINING_SUPPORT_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "succeeds.h"
#include "mmoe/train.h"

enum { ROWS = 700, SPARSE = 2, DENSE = 2, TASKS = 2, BATCH = 100 };

static int32_t ids[ROWS * SPARSE];
static float dense[ROWS * DENSE], labels[ROWS * TASKS];
static const mmoe_batch batch = {ROWS, ids, SPARSE, dense, DENSE};

static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows, *valid;

/* Keys beside the usual ones, each with a comma in front, or "". */
static inline void set_up(const char *task_keys, const char *model_keys, const char *trainer_keys) {
    char json[2048];
    const char *const columns[] = {"a", "b", "d0", "d1"};
    snprintf(
        json, sizeof json,
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50}, {\"name\": \"b\", "
        "\"vocab_size\": 7, \"embed_dim\": 3}],"
        " \"dense\": [{\"name\": \"d*\"}]},"
        " \"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [4]}%s},"
        " {\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": [3, 2]}%s}],"
        " \"model\": {\"n_expert\": 3%s%s}, \"trainer\": {\"batch_size\": %d%s}}",
        task_keys, task_keys,
        strstr(model_keys, "expert_params") ? "" : ", \"expert_params\": {\"dims\": [8, 5]}",
        model_keys, BATCH, trainer_keys);
    for (int i = 0; i < ROWS; i++) {
        ids[i * SPARSE] = i * 31 % 49; /* the last row of both tables is never read */
        ids[i * SPARSE + 1] = (i * 31 + i / 7) % 6;
        for (int k = 0; k < DENSE; k++)
            dense[i * DENSE + k] = (float)((i * 17 + k) % (k + 11)) / 5 - 1;
        labels[i * TASKS] = i % 9 == 0 ? NAN : (float)((i * 31 % 49 + i % 11) % 3 == 0);
        labels[i * TASKS + 1] = (float)(i % 6 == 0);
    }
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &rows, &err));
    mmoe_batch part = batch;
    part.rows = 200;
    SUCCEEDS(mmoe_dataset_create(schema, &part, labels, NULL, NULL, &valid, &err));
}

static inline void tear_down(void) {
    mmoe_dataset_free(rows);
    mmoe_dataset_free(valid);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

static inline mmoe_model *new_model(void) {
    mmoe_model *made = NULL;
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &made, &err));
    return made;
}

static inline mmoe_trainer *new_trainer(mmoe_model *model, int threads) {
    mmoe_trainer *trainer = NULL;
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    return trainer;
}

static inline mmoe_tensor_info tensor_named(const mmoe_model *model, const char *name) {
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++)
        if (strcmp(info.name, name) == 0) return info;
    ck_abort_msg("no tensor %s", name);
}

static inline size_t count_of(const mmoe_tensor_info *info) {
    size_t n = 1;
    for (int r = 0; r < info->rank; r++) n *= (size_t)info->shape[r];
    return n;
}

/* The model's own memory, which no one else reads now. */
static inline float *values_of(const mmoe_model *model, const char *name) {
    const mmoe_tensor_info info = tensor_named(model, name);
    return (float *)(uintptr_t)info.data;
}

/* All numbers of a model, in the order of its tensors; the caller frees them. */
static inline double *numbers_of(const mmoe_model *model, size_t *count) {
    mmoe_tensor_info info;
    size_t n = 0;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) n += count_of(&info);
    double *out = malloc(n * sizeof *out), *at = out;
    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++)
        for (size_t k = 0; k < count_of(&info); k++)
            *at++ = info.is_integer ? (double)((const int64_t *)info.data)[k]
                                    : (double)((const float *)info.data)[k];
    *count = n;
    return out;
}

static inline void assert_same_models(const mmoe_model *a, const mmoe_model *b) {
    size_t n, m;
    double *x = numbers_of(a, &n), *y = numbers_of(b, &m);
    ck_assert_uint_eq(n, m);
    ck_assert(memcmp(x, y, n * sizeof *x) == 0);
    free(x);
    free(y);
}

#endif
