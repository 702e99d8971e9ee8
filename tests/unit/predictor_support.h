/* Models to serve: of any shape, their weights and running statistics drawn at random, and rows for
 * them. */
#ifndef MMOE_TESTS_PREDICTOR_SUPPORT_H
#define MMOE_TESTS_PREDICTOR_SUPPORT_H

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmoe/train.h"

enum { SPARSE = 5, DENSE = 4, MOST_TASKS = 4 };
static const int32_t table_rows[SPARSE] = {50, 7, 50, 20, 3};

static inline void ok(mmoe_status status, const mmoe_error *err) {
    if (status != MMOE_OK) ck_abort_msg("status %d: %s", status, err->message);
}

static uint64_t draw_state; /* set by build_model */
static inline uint32_t draw_bits(void) {
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33);
}
static inline float draw(void) { return (float)draw_bits() / (float)(1u << 30) - 1; }

/* Who of the columns a..e and d0..d3 is the user's: 'u', else the item's. */
static inline mmoe_model *build_model(const char *sides, const char *tasks, const char *rest) {
    char json[4096], side[SPARSE + DENSE][24];
    draw_state = 7;
    for (int i = 0; i < SPARSE + DENSE; i++)
        snprintf(side[i], sizeof side[i], ", \"side\": \"%s\"", sides[i] == 'u' ? "user" : "item");
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50%s}, {\"name\": "
             "\"b\", \"vocab_size\": 7, \"embed_dim\": 3%s},"
             " {\"name\": \"c\", \"shared_with\": \"a\"%s}, {\"name\": \"d\", \"vocab_size\": 20, "
             "\"embed_dim\": 17%s},"
             " {\"name\": \"e\", \"vocab_size\": 3, \"embed_dim\": 1, \"oov_id\": 2%s}],"
             " \"dense\": [{\"name\": \"d0\"%s}, {\"name\": \"d1\"%s}, {\"name\": \"d2\"%s}, "
             "{\"name\": \"d3\"%s}]}, \"tasks\": [%s], %s}",
             side[0], side[1], side[2], side[3], side[4], side[5], side[6], side[7], side[8], tasks,
             rest);
    const char *const columns[] = {"a", "b", "c", "d", "e", "d0", "d1", "d2", "d3"};
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    ok(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err), &err);
    ok(mmoe_schema_create(config, columns, SPARSE + DENSE, NULL, &schema, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &model, &err), &err);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return model;
}

/* The tensors are the model's own memory, and no one else reads it now. */
static inline void scatter_weights(mmoe_model *model) {
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        if (info.is_integer) continue;
        float *data = (float *)(uintptr_t)info.data;
        const int64_t count =
            (info.rank > 0 ? info.shape[0] : 1) * (info.rank > 1 ? info.shape[1] : 1);
        const bool is_variance = strstr(info.name, "running_var") != NULL,
                   is_table = strstr(info.name, "embedding") != NULL;
        for (int64_t k = 0; k < count; k++) {
            if (is_variance)
                data[k] = 1 + 0.5f * draw();
            else if (is_table || info.rank < 2)
                data[k] = draw();
            else
                data[k] *= 2; /* so that scores differ */
        }
    }
}

typedef struct test_rows {
    int32_t *ids; /* [rows, SPARSE] */
    float *dense; /* [rows, DENSE] */
    mmoe_batch batch;
} test_rows;

static inline test_rows draw_rows(size_t rows) {
    test_rows r = {malloc((rows * SPARSE + 1) * sizeof *r.ids),
                   malloc((rows * DENSE + 1) * sizeof *r.dense),
                   {0}};
    ck_assert(r.ids && r.dense);
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < SPARSE; c++)
            r.ids[i * SPARSE + c] = (int32_t)(draw_bits() % (uint32_t)table_rows[c]);
        for (size_t c = 0; c < DENSE; c++) r.dense[i * DENSE + c] = draw();
    }
    r.batch = (mmoe_batch){
        .rows = rows, .ids = r.ids, .id_stride = SPARSE, .dense = r.dense, .dense_stride = DENSE};
    return r;
}

static inline void free_rows(test_rows *r) {
    free(r->ids);
    free(r->dense);
}

static inline mmoe_batch rows_of(const test_rows *r, size_t first, size_t rows) {
    mmoe_batch b = r->batch;
    b.rows = rows;
    b.ids += first * SPARSE;
    b.dense += first * DENSE;
    return b;
}

/* The columns of one side of rows [first, first + rows): the user's, or the items'. */
static inline test_rows side_of(const test_rows *from, const char *sides, bool user, size_t first,
                                size_t rows) {
    test_rows r = draw_rows(rows);
    size_t n_sparse = 0, n_dense = 0;
    for (size_t c = 0; c < SPARSE; c++) n_sparse += (sides[c] == 'u') == user;
    for (size_t c = 0; c < DENSE; c++) n_dense += (sides[SPARSE + c] == 'u') == user;
    for (size_t i = 0; i < rows; i++) {
        int32_t *id = r.ids + i * n_sparse;
        float *x = r.dense + i * n_dense;
        for (size_t c = 0; c < SPARSE; c++)
            if ((sides[c] == 'u') == user) *id++ = from->ids[(first + i) * SPARSE + c];
        for (size_t c = 0; c < DENSE; c++)
            if ((sides[SPARSE + c] == 'u') == user) *x++ = from->dense[(first + i) * DENSE + c];
    }
    r.batch = (mmoe_batch){.rows = rows,
                           .ids = r.ids,
                           .id_stride = n_sparse,
                           .dense = r.dense,
                           .dense_stride = n_dense};
    return r;
}

/* Every row has the user's columns of the first one. */
static inline void same_user(const test_rows *r, const char *sides) {
    for (size_t i = 1; i < r->batch.rows; i++) {
        for (size_t c = 0; c < SPARSE; c++)
            if (sides[c] == 'u') r->ids[i * SPARSE + c] = r->ids[c];
        for (size_t c = 0; c < DENSE; c++)
            if (sides[SPARSE + c] == 'u') r->dense[i * DENSE + c] = r->dense[c];
    }
}

#endif
