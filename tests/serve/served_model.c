#include "served_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(mmoe_status status, const mmoe_error *err) {
    if (!status) return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

mmoe_model *served_model(unsigned seed, const mmoe_allocator *alloc) {
    char json[1024];
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 500, \"embed_dim\": "
             "8}, {\"name\": \"b\", \"vocab_size\": 70, \"embed_dim\": 4},"
             " {\"name\": \"c\", \"shared_with\": \"a\", \"embed_dim\": 8}], \"dense\": "
             "[{\"name\": \"d*\"}]},"
             " \"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [8]}},"
             " {\"name\": \"y\", \"label\": \"y\", \"type\": \"regression\", \"tower_params\": "
             "{\"dims\": [6, 3]}}],"
             " \"model\": {\"n_expert\": 4, \"expert_params\": {\"dims\": [16, 8]}}, \"trainer\": "
             "{\"seed\": %u}}",
             seed);
    const char *const columns[] = {"a", "b", "c", "d0", "d1"};
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    need(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err), &err);
    need(mmoe_schema_create(config, columns, 5, NULL, &schema, &err), &err);
    need(mmoe_model_create(config, schema, alloc, &model, &err), &err);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return model;
}

const mmoe_batch *served_rows(void) {
    static int32_t ids[SERVED_ROWS * SERVED_SPARSE];
    static float dense[SERVED_ROWS * SERVED_DENSE];
    static const mmoe_batch batch = {SERVED_ROWS, ids, SERVED_SPARSE, dense, SERVED_DENSE};
    if (ids[SERVED_SPARSE]) return &batch;
    for (int i = 0; i < SERVED_ROWS; i++) {
        for (int k = 0; k < SERVED_SPARSE; k++)
            ids[i * SERVED_SPARSE + k] = (i * 31 + k + 1) % (k == 1 ? 70 : 500);
        for (int k = 0; k < SERVED_DENSE; k++)
            dense[i * SERVED_DENSE + k] = (float)(i % (k + 5)) - 2;
    }
    return &batch;
}
