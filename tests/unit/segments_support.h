/* Rows with ids, lists, weights and missing labels, and models of every kind and way of training to
 * take steps with them: for tests of what is summed over a batch. */
#ifndef MMOE_TESTS_SEGMENTS_SUPPORT_H
#define MMOE_TESTS_SEGMENTS_SUPPORT_H

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "succeeds.h"
#include "train/trainer.h"

enum { ROWS = 900, SPARSE = 4, LISTS = 3, DENSE = 2, TASKS = 2, MOST_ELEMENTS = 4 };

typedef struct way {
    const char *name, *model, *trainer; /* members of "model" and "trainer" */
    const char *first_layer;
} way;

#define SGD "\"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.05}"
#define METHOD(keys) SGD ", \"adaptive_params\": {\"method\": " keys "}"

static const way ways[] = {
    {"shared_bottom", "\"bottom_params\": {\"dims\": [24, 12], \"activation\": \"prelu\"}", SGD,
     "dense"},
    {"single_task", "\"expert_params\": {\"dims\": [150, 6]}", SGD, "distinct"},
    {"mmoe",
     "\"n_expert\": 5, \"expert_params\": {\"dims\": [16], \"dropout\": 0.2}, \"gate_params\": "
     "{\"expert_dropout\": 0.3, \"load_balance\": 0.5}",
     SGD, "distinct"},
    {"omoe", "\"linear\": true, \"n_expert\": 3, \"expert_params\": {\"dims\": [16]}", SGD,
     "dense"},
    {"cgc", "\"expert_params\": {\"dims\": [8, 6], \"activation\": \"dice\"}", SGD, "distinct"},
    {"ple", "\"expert_params\": {\"dims\": [12], \"dropout\": 0.1}", SGD, "dense"},
    {"esmm", "\"linear\": true", SGD, "distinct"},
    {"aitm", "\"bottom_params\": {\"dims\": [12]}", SGD, "dense"},
    {"cross_stitch", "\"expert_params\": {\"dims\": [16, 6]}", SGD, "distinct"},
    {"mmoe", "\"linear\": true, \"n_expert\": 3", SGD ", \"clip_norm\": 0.01", "distinct"},
    {"mmoe", "\"linear\": true, \"n_expert\": 3", SGD ", \"embedding_update\": \"deferred\"",
     "dense"},
    {"mmoe", "\"n_expert\": 3",
     "\"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.05, \"weight_decay\": 0}, "
     "\"embedding_update\": \"lazy\"",
     "auto"},
    {"mmoe", "\"linear\": true, \"n_expert\": 3", METHOD("\"gradnorm\""), "distinct"},
    {"shared_bottom", "\"bottom_params\": {\"dims\": [64]}", METHOD("\"aligned_mtl\""), "dense"},
    {"ple", "\"expert_params\": {\"dims\": [12]}", METHOD("\"pcgrad\", \"at\": \"parameters\""),
     "distinct"},
    {"mmoe", "\"n_expert\": 3", METHOD("\"famo\""), "auto"},
    {"mmoe", "\"n_expert\": 3", METHOD("\"uwl\""), "dense"},
};
enum { WAYS = sizeof ways / sizeof *ways };

static const char *const row_columns[] = {"a", "b",  "c",  "big", "l", "m",
                                          "n", "d0", "d1", "x",   "y", "w"};
enum { ROW_COLUMNS = sizeof row_columns / sizeof *row_columns };

/* What tests may change: the rows of a table, and keys of a list that reads it. */
static int big_rows = 9000;
static const char *big_list = "";

/* A table of 7 rows, one that two columns and a list of maxima read, one so large that its gradient
 * is cut, which a list reads, too, and one of a list alone. */
static inline mmoe_config *config_of(const way *w, int segments, int batch_size) {
    char json[4096];
    mmoe_config *config;
    const bool is_esmm = strcmp(w->name, "esmm") == 0,
               is_nested = is_esmm || strcmp(w->name, "aitm") == 0;
    snprintf(
        json, sizeof json,
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50}, {\"name\": \"b\", "
        "\"vocab_size\": 7, \"embed_dim\": 3}, {\"name\": \"c\", \"shared_with\": \"a\"}, "
        "{\"name\": \"big\", \"vocab_size\": %d, \"embed_dim\": 8, \"padding_idx\": 3}], "
        "\"sequence\": [{\"name\": \"l\", \"shared_with\": \"big\"%s, \"pooling\": \"sum\"}, "
        "{\"name\": \"m\", \"shared_with\": \"a\", \"pooling\": \"max\"}, {\"name\": \"n\", "
        "\"vocab_size\": 40, \"embed_dim\": 4}], \"dense\": [{\"name\": \"d*\"}], "
        "\"weight\": \"w\"}, \"tasks\": [{\"name\": \"x\", \"label\": \"x\", "
        "\"tower_params\": {\"dims\": [4]}}, {\"name\": \"y\", \"label\": \"y\", "
        "\"type\": \"%s\", \"tower_params\": {\"dims\": [5, 3], \"batch_norm\": false}}], "
        "\"model\": {\"name\": \"%s\"%s%s, \"first_layer\": \"%s\"}, \"trainer\": "
        "{\"batch_size\": %d, \"n_epoch\": 2, \"segments\": %d, %s}}",
        big_rows, big_list, is_nested ? "classification" : "regression", w->name,
        is_esmm ? "" : ", ", is_esmm ? "" : w->model, w->first_layer, batch_size, segments,
        w->trainer);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    return config;
}

typedef struct problem {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *rows;
    mmoe_model *model;
} problem;

static inline mmoe_dataset *rows_of(const mmoe_schema *schema) {
    static int32_t ids[ROWS * SPARSE], elements[ROWS * LISTS * MOST_ELEMENTS];
    static int64_t offsets[ROWS * LISTS + 1];
    static float dense[ROWS * DENSE], labels[ROWS * TASKS], weights[ROWS];
    static const int values[SPARSE] = {50, 7, 50, 9000}, of_list[LISTS] = {9000, 50, 40};
    int64_t n = 0;
    for (int b = 0; b < ROWS; b++) {
        for (int c = 0; c < SPARSE; c++)
            ids[b * SPARSE + c] = (b * 31 + b / 7 * (c + 1) + b % 3 * 1000) % values[c];
        for (int i = 0; i < LISTS; i++) {
            offsets[b * LISTS + i] = n;
            for (int k = (b + i) % 3 ? 1 : b / 3 % (MOST_ELEMENTS + 1); k > 0; k--, n++)
                elements[n] = (int32_t)((n * 17 + b * k) % of_list[i]);
        }
        for (int c = 0; c < DENSE; c++) dense[b * DENSE + c] = (float)((b * 13 + c) % 11) / 5 - 1;
        labels[b * TASKS] = b % 9 == 0 ? NAN : (float)((b * 31 % 49 + b % 11) % 3 == 0);
        labels[b * TASKS + 1] = labels[b * TASKS] > 0 && b % 6 == 0;
        weights[b] = (float)(b % 5) / 3;
    }
    offsets[ROWS * LISTS] = n;
    const mmoe_batch batch = {ROWS,  ids,   SPARSE,
                              dense, DENSE, .lists = {LISTS, offsets, elements, NULL, (size_t)n}};
    mmoe_dataset *rows;
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, weights, NULL, &rows, &err));
    return rows;
}

static inline problem problem_of(const way *w, int segments, int batch_size) {
    problem p = {.config = config_of(w, segments, batch_size)};
    SUCCEEDS(mmoe_schema_create(p.config, row_columns, ROW_COLUMNS, NULL, &p.schema, &err));
    p.rows = rows_of(p.schema);
    SUCCEEDS(mmoe_model_create(p.config, p.schema, NULL, &p.model, &err));
    return p;
}

static inline void problem_finish(problem *p) {
    mmoe_model_free(p->model);
    mmoe_dataset_free(p->rows);
    mmoe_schema_free(p->schema);
    mmoe_config_free(p->config);
}

#endif
