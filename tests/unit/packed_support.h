/* Rows with all that rows can have, and a folder of them. */
#ifndef MMOE_TESTS_PACKED_SUPPORT_H
#define MMOE_TESTS_PACKED_SUPPORT_H

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "succeeds.h"

#include "file/packed.h"

enum { ROWS = 2 * MMOE_WINDOW_ROWS + 3 * MMOE_BLOCK_ROWS + 77 };

static const char *const columns[] = {"a", "b", "l", "d", "e"};
static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_dataset *rows;
static char packed[128];

/* ---- Rows ---- */

static inline uint32_t draw(int64_t i) { return (uint32_t)((uint64_t)i * 2654435761u >> 9); }

static inline void make_schema(void) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 5000}, "
        "{\"name\": \"b\", \"vocab_size\": 7}], \"sequence\": [{\"name\": \"l\", "
        "\"vocab_size\": 90, \"weight_separator\": \":\"}],"
        " \"dense\": [{\"name\": \"d\"}, {\"name\": \"e\"}], \"weight\": \"w\"}, \"tasks\": "
        "[{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": \"y\"}],"
        " \"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [4]}},"
        " \"trainer\": {\"batch_size\": 4096, \"n_epoch\": 1}}";
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 5, NULL, &schema, &err));
}

static inline mmoe_dataset *make_rows(int64_t first, int64_t count) {
    const size_t n = (size_t)count;
    int32_t *ids = malloc(2 * n * sizeof *ids), *elements = malloc(3 * n * sizeof *elements);
    int64_t *offsets = calloc(n + 1, sizeof *offsets);
    float *dense = malloc(2 * n * sizeof *dense), *labels = malloc(2 * n * sizeof *labels),
          *weights = malloc(n * sizeof *weights), *importance = malloc(3 * n * sizeof *importance);
    for (int64_t r = 0; r < count; r++) {
        const uint32_t x = draw(first + r);
        ids[2 * r] = (int32_t)(x % 5000);
        ids[2 * r + 1] = (int32_t)(x / 5000 % 7);
        dense[2 * r] = (float)(first + r);
        dense[2 * r + 1] = (float)(x % 100) / 7;
        labels[2 * r] = x % 11 == 0 ? NAN : (float)(x % 3 == 0);
        labels[2 * r + 1] = (float)(x % 5 == 0);
        weights[r] = (float)(x % 4);
        offsets[r + 1] = offsets[r] + x % 4;
        for (int64_t i = offsets[r]; i < offsets[r + 1]; i++) {
            elements[i] = (int32_t)(draw(5 * (first + r) + i - offsets[r]) % 90);
            importance[i] = (float)(x % 3);
        }
    }
    const mmoe_batch batch = {.rows = n,
                              .ids = ids,
                              .id_stride = 2,
                              .dense = dense,
                              .dense_stride = 2,
                              .lists = {1, offsets, elements, importance, (size_t)offsets[n]}};
    mmoe_dataset *made;
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels, weights, NULL, &made, &err));
    void *const memory[] = {ids, elements, offsets, dense, labels, weights, importance};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
    return made;
}

static inline void set_up_schema(void) {
    make_folder();
    make_schema();
}

static inline void set_up_packed(void) {
    set_up_schema();
    rows = make_rows(0, ROWS);
    snprintf(packed, sizeof packed, "%s/p", folder);
    SUCCEEDS(mmoe_dataset_pack(rows, schema, packed, 2, NULL, &err));
}

static inline void tear_down_packed(void) {
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    remove_tree(folder);
}

static inline mmoe_dataset *open_packed(int how) {
    mmoe_dataset *set;
    SUCCEEDS(mmoe_dataset_read_packed(schema, packed, how, NULL, &set, &err));
    return set;
}

static inline mmoe_status refusal(int how, mmoe_error *err) {
    mmoe_dataset *set = NULL;
    const mmoe_status status = mmoe_dataset_read_packed(schema, packed, how, NULL, &set, err);
    mmoe_dataset_free(set);
    return status;
}

#endif
