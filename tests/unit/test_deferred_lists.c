/* A deferred table that lists alone read: a batch may read no row of it. */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "succeeds.h"
#include "mmoe/train.h"

enum { ROWS = 4, DIM = 4, VALUES = 50 };

static const char shape[] =
    "{\"features\": {\"sequence\": [{\"name\": \"p\", \"vocab_size\": 50, \"embed_dim\": 4}], "
    "\"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}], "
    "\"model\": {\"n_expert\": 1, \"expert_params\": {\"dims\": [3], \"batch_norm\": false}}, "
    "\"trainer\": {\"batch_size\": %d, \"optimizer\": \"adamw\", \"optimizer_params\": "
    "{\"weight_decay\": 0}, \"embedding_update\": \"%s\"}}";

static const float dense[ROWS] = {1, 2, 3, 4}, labels[ROWS] = {0, 1, 1, 0};

/* Rows whose lists have `count` elements each. */
static mmoe_dataset *rows_of(const mmoe_schema *schema, int64_t count) {
    static const int32_t elements[ROWS] = {1, 2, 3, 1};
    const int64_t offsets[ROWS + 1] = {0, count, 2 * count, 3 * count, 4 * count};
    const mmoe_batch batch = {.rows = ROWS,
                              .dense = dense,
                              .dense_stride = 1,
                              .lists = {1, offsets, elements, NULL, (size_t)(ROWS * count)}};
    mmoe_dataset *out;
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &out, &err));
    return out;
}

START_TEST(lists_may_be_empty) {
    static const char *const columns[] = {"p", "d"};
    const int batch_size = _i % 2 ? 1 : ROWS;
    char json[1024];
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    mmoe_trainer *trainer;
    mmoe_tensor_info table;
    float before[VALUES * DIM];
    snprintf(json, sizeof json, shape, batch_size, _i / 2 ? "lazy" : "deferred");
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 2, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    const mmoe_trainer_options options = {.threads = 2, .single_threaded_blas = 1};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    mmoe_dataset *empty = rows_of(schema, 0), *some = rows_of(schema, 1);
    ck_assert_int_eq(mmoe_model_tensor(model, 0, &table), 0);
    memcpy(before, table.data, sizeof before);
    SUCCEEDS(mmoe_trainer_step(trainer, empty, 0, (size_t)batch_size, NULL, &err));
    mmoe_model_tensor(model, 0, &table);
    ck_assert(memcmp(before, table.data, sizeof before) == 0);
    SUCCEEDS(mmoe_trainer_step(trainer, some, 0, (size_t)batch_size, NULL, &err));
    SUCCEEDS(mmoe_trainer_step(trainer, empty, 0, (size_t)batch_size, NULL, &err));
    mmoe_model_tensor(model, 0, &table);
    ck_assert(memcmp(before, table.data, sizeof before) != 0);
    mmoe_dataset_free(empty);
    mmoe_dataset_free(some);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, lists_may_be_empty, 0, 4); }
