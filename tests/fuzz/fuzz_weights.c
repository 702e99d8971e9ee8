/* Any bytes as a file of weights of others; the model's must be whole, or the model as it was. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_file.h"
#include "mmoe/train.h"

static const char json[] =
    "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 3, \"embed_dim\": 2}], "
    "\"dense\": [{\"name\": \"d\"}]},"
    " \"tasks\": [{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [2]}}],"
    " \"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [2]}}}";

static mmoe_model *new_model(void) {
    const char *const columns[] = {"a", "d"};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    if (mmoe_config_parse(json, strlen(json), NULL, NULL, &config, NULL) ||
        mmoe_schema_create(config, columns, 2, NULL, &schema, NULL) ||
        mmoe_model_create(config, schema, NULL, &model, NULL))
        abort();
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return model;
}

/* FNV-1a over all tensors. */
static uint64_t digest(const mmoe_model *model) {
    uint64_t h = 0xcbf29ce484222325u;
    mmoe_tensor_info t;
    for (size_t i = 0; !mmoe_model_tensor(model, i, &t); i++) {
        int64_t count = 1;
        for (int32_t d = 0; d < t.rank; d++) count *= t.shape[d];
        const unsigned char *bytes = t.data;
        for (int64_t k = 0; k < count * (t.is_integer ? 8 : 4); k++)
            h = (h ^ bytes[k]) * 0x100000001b3u;
    }
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mmoe_model *model;
    mmoe_error err;
    if (!model) model = new_model();
    const uint64_t before = digest(model);
    if (mmoe_model_load_weights(model, fuzz_file(data, size), &err) && digest(model) != before)
        abort();
    return 0;
}
