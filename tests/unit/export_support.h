/* A small model of every kind of layer, and a folder for its files. */
#ifndef MMOE_TESTS_EXPORT_SUPPORT_H
#define MMOE_TESTS_EXPORT_SUPPORT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "params_support.h"
#include "data/schema.h"
#include "model/model.h"
#include "mmoe/train.h"

static const char export_config[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\", \"embed_dim\": 3, \"vocab_size\": 7}, "
    "{\"name\": \"slot\", \"embed_dim\": 2, \"vocab_size\": 5},"
    " {\"name\": \"friend\", \"embed_dim\": 3, \"shared_with\": \"user\"}], \"dense\": [{\"name\": "
    "\"age\"}, {\"name\": \"wage\"}]},"
    " \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\", \"type\": \"classification\", "
    "\"tower_params\": {\"dims\": [3]}},"
    " {\"name\": \"value\", \"label\": \"price\", \"type\": \"regression\", \"tower_params\": "
    "{\"dims\": [2], \"activation\": \"dice\", \"batch_norm\": "
    "false}}],"
    " \"model\": {\"name\": \"mmoe\", \"n_expert\": 2, \"expert_params\": {\"dims\": [4, 3], "
    "\"activation\": \"prelu\"}}, \"trainer\": {\"seed\": 11}}";

static char folder[64], file[128];

static inline mmoe_model *export_model_of(const char *json, const mmoe_allocator *alloc) {
    static const char *const columns[] = {"user", "slot", "friend", "age", "wage"};
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    ck_assert_msg(!mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err), "%s",
                  err.message);
    ck_assert_msg(
        !mmoe_schema_create(config, columns, sizeof columns / sizeof *columns, NULL, &schema, &err),
        "%s", err.message);
    ck_assert_msg(!mmoe_model_create(config, schema, alloc, &model, &err), "%s", err.message);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    float *value;
    for (int64_t i = 0; (value = params_value(&model->params, i)); i++)
        *value += (float)(i % 17) / 16;
    for (int64_t i = 0; i < model->params.n_state; i++)
        model->params.states[i] += (float)(i % 5) / 4;
    for (int64_t i = 0; i < model->params.n_counter; i++) model->params.counters[i] = i + 5;
    return model;
}

static inline mmoe_model *export_model(const mmoe_allocator *alloc) {
    return export_model_of(export_config, alloc);
}

static inline void make_folder(void) {
    strcpy(folder, "/tmp/mmoe-export-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/f", folder);
}

static inline void remove_folder(void) {
    unlink(file);
    ck_assert_int_eq(rmdir(folder), 0); /* so nothing else was left there */
}

/* The calls that both exports refuse. */
static inline void refuse_calls(mmoe_status (*export)(const mmoe_model *, const char *,
                                                      mmoe_error *),
                                const char *name) {
    mmoe_error err = {0};
    mmoe_model *model = export_model(NULL);
    ck_assert_int_eq(export(NULL, file, &err), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(err.message, name) && strstr(err.message, "model is NULL"), "%s",
                  err.message);
    ck_assert_int_eq(export(model, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(err.message, name) && strstr(err.message, "path is NULL"), "%s",
                  err.message);
    ck_assert_int_eq(export(model, folder, &err), MMOE_E_IO);
    ck_assert_str_eq(err.file, folder);
    ck_assert_int_eq(export(model, "/dev/full", NULL), MMOE_E_IO);
    const mmoe_tensor *tensor = mmoe_tensors_find(&model->graph->tensors, "experts.1.mlp.0.weight");
    ((float *)mmoe_params_at(&model->params, tensor))[2] = 1 / 0.0f;
    ck_assert_int_eq(export(model, file, &err), MMOE_E_NUMERIC);
    ck_assert_msg(strstr(err.message, "experts.1.mlp.0.weight"), "%s", err.message);
    ck_assert_int_ne(access(file, F_OK), 0);
    mmoe_model_free(model);
}

#endif
