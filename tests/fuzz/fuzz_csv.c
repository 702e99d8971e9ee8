/* Any bytes as a training file: a schema that was fitted to it reads it again. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_file.h"
#include "mmoe/train.h"

static const char json[] = "{\"features\": {\"sparse\": [{\"name\": \"r\", \"vocab_size\": 9, "
                           "\"oov_id\": 0}, {\"name\": \"*\"}],"
                           " \"dense\": [{\"name\": \"d*\", \"transform\": \"standardize\"}, "
                           "{\"name\": \"l\", \"transform\": \"log1p_standardize\"}],"
                           " \"weight\": \"w\"},"
                           " \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", "
                           "\"label\": \"y\", \"type\": \"regression\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static mmoe_config *config;
    mmoe_error err;
    mmoe_schema *schema;
    mmoe_dataset *fitted, *read;
    if (!config && mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err)) abort();
    const char *path = fuzz_file(data, size);
    if (mmoe_dataset_fit_csv(config, path, NULL, &schema, &fitted, &err)) return 0;
    if (mmoe_dataset_read_csv(schema, path, MMOE_LABELS_REQUIRED, NULL, &read, &err)) abort();
    if (mmoe_dataset_rows(fitted) != mmoe_dataset_rows(read)) abort();
    mmoe_dataset_free(fitted);
    mmoe_dataset_free(read);
    mmoe_schema_free(schema);
    return 0;
}
