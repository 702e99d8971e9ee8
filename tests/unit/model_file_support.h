/* A small model with everything in it, and its file. */
#ifndef MMOE_TESTS_MODEL_FILE_SUPPORT_H
#define MMOE_TESTS_MODEL_FILE_SUPPORT_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "data/column_number.h"
#include "files.h"
#include "model/model_file.h"
#include "params_support.h"

static char file[128], other[128], table[128];

static const char config_json[] =
    "{\"features\": {\"sparse\": [{\"name\": \"user\", \"embed_dim\": 3}, {\"name\": \"town\", "
    "\"embed_dim\": 2},"
    " {\"name\": \"slot\", \"embed_dim\": 2, \"vocab_size\": 5}, {\"name\": \"friend\", "
    "\"embed_dim\": 3, \"shared_with\": \"user\"}],"
    " \"dense\": [{\"name\": \"age\", \"transform\": \"standardize\"}]},"
    " \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\", \"type\": \"classification\", "
    "\"tower_params\": {\"dims\": [3]}},"
    " {\"name\": \"value\", \"label\": \"price\", \"type\": \"regression\", \"tower_params\": "
    "{\"dims\": [2], \"activation\": \"dice\"}}],"
    " \"model\": {\"name\": \"mmoe\", \"n_expert\": 2, \"expert_params\": {\"dims\": [4, 3], "
    "\"activation\": \"prelu\"}},"
    " \"trainer\": {\"seed\": 11}}";

static const char csv[] = "user,town,slot,friend,age,click,price\n"
                          "-7,Z\xc3\xbcrich,0,9000000000,20,1,1.5\n"
                          "9000000000,Bern,4,12,30,0,2\n"
                          "12,\"a,b\",2,-7,41,0,-1\n";

static inline mmoe_model *new_model(const char *config_text, const mmoe_allocator *alloc) {
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *dataset;
    mmoe_model *model;
    FILE *f = fopen(table, "wb");
    ck_assert_ptr_nonnull(f);
    fputs(csv, f);
    fclose(f);
    ck_assert_msg(!mmoe_config_parse(config_text, strlen(config_text), NULL, NULL, &config, &err),
                  "%s", err.message);
    ck_assert_msg(!mmoe_dataset_fit_csv(config, table, NULL, &schema, &dataset, &err), "%s",
                  err.message);
    ck_assert_msg(!mmoe_model_create(config, schema, alloc, &model, &err), "%s", err.message);
    mmoe_dataset_free(dataset);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    ck_assert_int_eq(unlink(table), 0);
    for (int64_t i = 0; i < model->params.n_counter; i++) model->params.counters[i] = i + 5;
    return model;
}

static mmoe_model *sample;

static inline void set_up(void) {
    make_folder();
    snprintf(file, sizeof file, "%s/m.safetensors", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    snprintf(table, sizeof table, "%s/table.csv", folder);
    sample = new_model(config_json, NULL);
    mmoe_error err = {0};
    ck_assert_msg(!mmoe_model_save(sample, file, &err), "%s", err.message);
}

static inline void tear_down(void) {
    mmoe_model_free(sample);
    unlink(file);
    unlink(other);
    ck_assert_int_eq(empty_folder(), 0); /* so nothing else was left there */
    remove_folder();
}

static inline bool same_weights(const mmoe_model *a, const mmoe_model *b) {
    const mmoe_tensors *ta = &a->graph->tensors, *tb = &b->graph->tensors;
    ck_assert_uint_eq(ta->count, tb->count);
    for (size_t i = 0; i < ta->count; i++) {
        ck_assert_str_eq(ta->items[i].name, tb->items[i].name);
        ck_assert_int_eq(ta->items[i].count, tb->items[i].count);
        size_t size = ta->items[i].kind == MMOE_TENSOR_COUNTER ? sizeof(int64_t) : sizeof(float);
        if (memcmp(mmoe_params_at(&a->params, &ta->items[i]),
                   mmoe_params_at(&b->params, &tb->items[i]), (size_t)ta->items[i].count * size))
            return false;
    }
    return true;
}

static inline void check_message(const mmoe_error *err, mmoe_status wanted, const char *message) {
    ck_assert_int_eq(err->code, wanted);
    ck_assert_msg(strstr(err->message, other) == err->message && strstr(err->message, message),
                  "%s", err->message);
}

static inline void check_load(mmoe_status wanted, const char *message) {
    mmoe_model *model = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_load(other, NULL, &model, &err), wanted);
    check_message(&err, wanted, message);
    ck_assert_int_eq(mmoe_model_load(other, NULL, &model, NULL), wanted);
    ck_assert_ptr_null(model);
}

static inline mmoe_model *blank_model(void) {
    mmoe_model *model = new_model(config_json, NULL);
    float *value;
    for (int64_t i = 0; (value = params_value(&model->params, i)); i++) *value = 0.25f;
    for (int64_t i = 0; i < model->params.n_counter; i++) model->params.counters[i] = 77;
    return model;
}

static inline void check_load_weights(mmoe_status wanted, const char *message) {
    mmoe_model *model = blank_model(), *before = blank_model();
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_model_load_weights(model, other, &err), wanted);
    check_message(&err, wanted, message);
    ck_assert(same_weights(model, before));
    mmoe_model_free(model);
    mmoe_model_free(before);
}

#endif
