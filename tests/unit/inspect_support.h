/* Small models whose gates are known. */
#ifndef MMOE_TESTS_INSPECT_SUPPORT_H
#define MMOE_TESTS_INSPECT_SUPPORT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "models_support.h"
#include "succeeds.h"
#include "train/trainer.h"

typedef struct world {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *rows;
    mmoe_model *model;
} world;

/* Rows of the columns that a small model reads; the labels, which play no part, are missing in
 * every other row. */
static inline world world_of(const char *json, int n_sparse, int n_dense, int32_t rows) {
    world w;
    const char *const dense_columns[] = {"d0", "d1"};
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &w.config, &err));
    SUCCEEDS(mmoe_schema_create(w.config, n_sparse ? models_columns : dense_columns,
                                n_sparse ? MODELS_COLUMNS : 2, NULL, &w.schema, &err));
    int32_t *ids = calloc((size_t)(rows * n_sparse) + 1, sizeof *ids);
    float *dense = calloc((size_t)(rows * n_dense), sizeof *dense),
          *labels = calloc((size_t)rows * 2, sizeof *labels);
    for (int32_t i = 0; i < rows; i++) {
        for (int k = 0; k < n_sparse; k++)
            ids[i * n_sparse + k] = (i * 31 + i / 7 * k) % (k == 1 ? 7 : 50);
        for (int k = 0; k < n_dense; k++)
            dense[i * n_dense + k] = (float)((i * (k + 3) + i / 11) % (k + 6)) / 4;
        for (int t = 0; t < 2; t++) labels[i * 2 + t] = i % 2 ? NAN : (float)(i % (t + 3) == 0);
    }
    const mmoe_batch batch = {.rows = (size_t)rows,
                              .ids = n_sparse ? ids : NULL,
                              .id_stride = (size_t)n_sparse,
                              .dense = dense,
                              .dense_stride = (size_t)n_dense};
    SUCCEEDS(mmoe_dataset_create(w.schema, &batch, labels, NULL, NULL, &w.rows, &err));
    SUCCEEDS(mmoe_model_create(w.config, w.schema, NULL, &w.model, &err));
    free(ids);
    free(dense);
    free(labels);
    return w;
}

static inline void world_end(world *w) {
    mmoe_model_free(w->model);
    mmoe_dataset_free(w->rows);
    mmoe_schema_free(w->schema);
    mmoe_config_free(w->config);
}

static inline mmoe_inspection *inspect(const world *w, int threads) {
    mmoe_inspection *in = NULL;
    SUCCEEDS(mmoe_inspect(w->model, w->rows, threads, NULL, &in, &err));
    return in;
}

static inline void set(const world *w, const char *name, const float *values) {
    const mmoe_tensor *t = mmoe_tensors_find(&w->model->graph->tensors, name);
    ck_assert_msg(t != NULL, "%s", name);
    memcpy(mmoe_params_at(&w->model->params, t), values, (size_t)t->count * sizeof *values);
}

/* Two dense inputs, three experts of four relu units, nothing normalised; `gate` are more members
 * of gate_params. */
static inline world by_hand(const char *gate, int32_t rows) {
    char json[1024];
    snprintf(json, sizeof json,
             "{\"features\": {\"dense\": [{\"name\": \"d*\"}]}, \"tasks\": [{\"name\": \"x\", "
             "\"label\": \"x\"}, {\"name\": \"y\", \"label\": \"y\"}],"
             " \"model\": {\"name\": \"mmoe\", \"n_expert\": 3, \"expert_params\": {\"dims\": [4], "
             "\"batch_norm\": false},"
             " \"gate_params\": {\"batch_norm\": false%s}}, \"trainer\": {\"batch_size\": 64, "
             "\"n_epoch\": 1, \"optimizer_params\": {\"lr\": 1e-9}}}",
             gate);
    return world_of(json, 0, 2, rows);
}

static const float gate_weight[2][6] = {{1, -2, 0.5F, 0.25F, -1, 0.75F}, {0, 0, 0, 0, 0, 0}};
static const float gate_bias[2][3] = {{0.5F, -0.5F, 1}, {0, 1, 0}};

static inline void set_gates(const world *w) {
    set(w, "gates.0.mlp.0.weight", gate_weight[0]);
    set(w, "gates.0.mlp.0.bias", gate_bias[0]);
    set(w, "gates.1.mlp.0.weight", gate_weight[1]);
    set(w, "gates.1.mlp.0.bias", gate_bias[1]);
}

typedef struct hand {
    double weight[3], largest[3], entropy;
} hand;

static inline hand gate_by_hand(const world *w, int gate, int top_k) {
    hand h = {0};
    const double n = (double)w->rows->rows;
    for (int64_t i = 0; i < w->rows->rows; i++) {
        double a[3], g[3], sum = 0;
        int most = 0;
        for (int e = 0; e < 3; e++)
            a[e] = gate_weight[gate][2 * e] * (double)w->rows->dense[2 * i] +
                   gate_weight[gate][2 * e + 1] * (double)w->rows->dense[2 * i + 1] +
                   gate_bias[gate][e];
        for (int e = 1; e < 3; e++)
            if (a[e] > a[most]) most = e;
        for (int e = 0; e < 3; e++) sum += g[e] = top_k == 1 && a[e] < a[most] ? 0 : exp(a[e]);
        for (int e = 0; e < 3; e++) {
            h.weight[e] += g[e] / sum / n;
            if (g[e] > 0) h.entropy -= g[e] / sum * log(g[e] / sum) / n;
        }
        h.largest[most] += 1 / n;
    }
    return h;
}

static inline int find_shape(const char *name, int nth) {
    for (int i = 0; i < MODELS; i++)
        if (strcmp(model_shapes[i].name, name) == 0 && nth-- == 0) return i;
    ck_abort_msg("no %s", name);
    return -1;
}

/* Gates whose every row is softmax(bias). */
static inline world constant_gates(const float bias[2][3], int32_t rows) {
    world w = by_hand("", rows);
    for (int t = 0; t < 2; t++) {
        set(&w, t ? "gates.1.mlp.0.weight" : "gates.0.mlp.0.weight", gate_weight[1]);
        set(&w, t ? "gates.1.mlp.0.bias" : "gates.0.mlp.0.bias", bias[t]);
    }
    return w;
}

#endif
