/* Any bytes as a model file, whose checksum is put right first, for else nothing behind it would be
 * reached. A model that loads can be scored with. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_file.h"
#include "model/model_file.h"

static void put_checksum_right(uint8_t *bytes, size_t size) {
    static const char key[] = "\"checksum\":\"";
    mmoe_container *c;
    if (mmoe_container_parse(bytes, size, "fuzz", NULL, &c, NULL)) return;
    const char *values[MMOE_FILE_COVERED];
    bool whole = mmoe_container_count(c) > 0;
    for (int i = 0; i < MMOE_FILE_COVERED; i++)
        whole &=
            (values[i] = mmoe_container_metadata(c, mmoe_file_covered[i])) || i >= MMOE_FILE_NEEDED;
    uint8_t *at = whole ? memmem(bytes, size, key, strlen(key)) : NULL;
    if (at && (size_t)(at - bytes) + strlen(key) + 16 <= size) {
        char sum[17];
        snprintf(sum, sizeof sum, "%016" PRIx64,
                 mmoe_file_checksum(mmoe_container_at(c, 0), mmoe_container_count(c), values));
        memcpy(at + strlen(key), sum, 16);
    }
    mmoe_container_close(c);
}

static void score(const mmoe_model *model) {
    const size_t n_sparse = (size_t)mmoe_model_sparse_count(model),
                 n_dense = (size_t)mmoe_model_dense_count(model);
    size_t width = 0;
    for (size_t i = 0; i < n_dense; i++) width += (size_t)mmoe_model_dense_width(model, (int32_t)i);
    int32_t *ids = calloc(n_sparse + 1, sizeof *ids);
    float *dense = calloc(width + 1, sizeof *dense),
          *scores = calloc((size_t)mmoe_model_task_count(model), sizeof *scores);
    mmoe_predictor *predictor;
    mmoe_error err;
    const mmoe_batch batch = {
        .rows = 1, .ids = ids, .id_stride = n_sparse, .dense = dense, .dense_stride = width};
    if (!ids || !dense || !scores || mmoe_predictor_create(model, NULL, &predictor, &err)) abort();
    if (mmoe_predictor_run(predictor, &batch, scores, &err)) abort();
    mmoe_predictor_free(predictor);
    free(ids);
    free(dense);
    free(scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size ? size : 1);
    if (!bytes) abort();
    memcpy(bytes, data, size);
    put_checksum_right(bytes, size);
    mmoe_model *model;
    mmoe_error err;
    if (!mmoe_model_load(fuzz_file(bytes, size), NULL, &model, &err)) {
        score(model);
        mmoe_model_free(model);
    }
    free(bytes);
    return 0;
}
