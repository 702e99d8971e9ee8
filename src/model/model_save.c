#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "model/model_file.h"
#include "file/schema_json.h"

/* ---- Collecting what is written ---- */

typedef struct file_contents {
    const mmoe_allocator *alloc;
    mmoe_container_tensor *tensors;
    size_t count;
    void **owned; /* names and keys of vocabularies */
    size_t n_owned;
} file_contents;

static void *own(file_contents *c, void *memory) {
    if (memory) c->owned[c->n_owned++] = memory;
    return memory;
}

static void add_key_vector(file_contents *c, const char *name, mmoe_dtype dtype, int64_t n,
                           const void *data, size_t bytes) {
    c->tensors[c->count++] = (mmoe_container_tensor){
        .name = name, .dtype = dtype, .rank = 1, .shape = {n}, .data = data, .bytes = bytes};
}

static mmoe_status add_int_keys(file_contents *c, const mmoe_table *table, mmoe_error *err) {
    const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
    int64_t n = mmoe_vocab_rows(vocab) - 1;
    char *name = own(c, mmoe_file_vocab_name(c->alloc, table->name, "keys"));
    int64_t *keys = own(c, mmoe_alloc(c->alloc, (size_t)n, sizeof *keys));
    if (!name || !keys) return mmoe_fail_memory(err, (size_t)n * sizeof *keys);
    for (int64_t i = 0; i < n; i++) keys[i] = mmoe_vocab_int_key(vocab, i + 1);
    add_key_vector(c, name, MMOE_I64, n, keys, (size_t)n * sizeof *keys);
    return MMOE_OK;
}

static mmoe_status add_text_offsets(file_contents *c, const mmoe_table *table, mmoe_error *err) {
    const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
    int64_t n = mmoe_vocab_rows(vocab);
    char *name = own(c, mmoe_file_vocab_name(c->alloc, table->name, "offsets"));
    int64_t *offsets = own(c, mmoe_alloc(c->alloc, (size_t)n, sizeof *offsets));
    if (!name || !offsets) return mmoe_fail_memory(err, (size_t)n * sizeof *offsets);
    offsets[0] = 0;
    for (int64_t i = 1; i < n; i++) {
        size_t length;
        mmoe_vocab_text_key(vocab, i, &length);
        offsets[i] = offsets[i - 1] + (int64_t)length;
    }
    add_key_vector(c, name, MMOE_I64, n, offsets, (size_t)n * sizeof *offsets);
    return MMOE_OK;
}

static mmoe_status add_text_bytes(file_contents *c, const mmoe_table *table, mmoe_error *err) {
    const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
    size_t size = 0, length;
    int64_t rows = mmoe_vocab_rows(vocab);
    for (int64_t i = 1; i < rows; i++) {
        mmoe_vocab_text_key(vocab, i, &length);
        size += length;
    }
    char *name = own(c, mmoe_file_vocab_name(c->alloc, table->name, "bytes"));
    char *bytes = own(c, mmoe_alloc(c->alloc, size, 1));
    if (!name || !bytes) return mmoe_fail_memory(err, size);
    add_key_vector(c, name, MMOE_U8, (int64_t)size, bytes, size);
    for (int64_t i = 1; i < rows; i++, bytes += length) {
        const char *key = mmoe_vocab_text_key(vocab, i, &length);
        if (length) memcpy(bytes, key, length);
    }
    return MMOE_OK;
}

size_t mmoe_file_model_tensors(const mmoe_model *model, bool counters, mmoe_container_tensor *out) {
    const mmoe_tensors *tensors = &model->graph->tensors;
    size_t count = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if ((t->kind == MMOE_TENSOR_COUNTER) != counters) continue;
        out[count++] = (mmoe_container_tensor){
            .name = t->name,
            .dtype = counters ? MMOE_I64 : MMOE_F32,
            .rank = t->rank,
            .shape = {t->shape[0], t->shape[1]},
            .data = mmoe_params_at(&model->params, t),
            .bytes = (size_t)t->count * (counters ? sizeof(int64_t) : sizeof(float))};
    }
    return count;
}

/* In the order that keeps each aligned: 8-byte types, 4-byte types, bytes. */
static mmoe_status collect(file_contents *c, const mmoe_model *model, mmoe_error *err) {
    const mmoe_schema *schema = model->schema;
    size_t n = model->graph->tensors.count + 2 * (size_t)schema->n_table;
    c->tensors = mmoe_alloc(c->alloc, n, sizeof *c->tensors);
    c->owned = mmoe_alloc(c->alloc, 4 * (size_t)schema->n_table, sizeof *c->owned);
    if (!c->tensors || !c->owned) return mmoe_fail_memory(err, n * sizeof *c->tensors);
    c->count = mmoe_file_model_tensors(model, true, c->tensors);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < schema->n_table && !status; i++) {
        const mmoe_table *table = &schema->tables[i];
        const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
        if (vocab)
            status = mmoe_vocab_is_int(vocab) ? add_int_keys(c, table, err)
                                              : add_text_offsets(c, table, err);
    }
    c->count += mmoe_file_model_tensors(model, false, c->tensors + c->count);
    for (int32_t i = 0; i < schema->n_table && !status; i++) {
        const mmoe_table *table = &schema->tables[i];
        const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
        if (vocab && !mmoe_vocab_is_int(vocab)) status = add_text_bytes(c, table, err);
    }
    return status;
}

static void finish_contents(file_contents *c) {
    for (size_t i = 0; i < c->n_owned; i++) mmoe_release(c->alloc, c->owned[i]);
    mmoe_release(c->alloc, c->owned);
    mmoe_release(c->alloc, c->tensors);
}

/* ---- Writing ---- */

static mmoe_status write_contents(const file_contents *c, const char *path, const char *config,
                                  const char *schema, mmoe_error *err) {
    char version[24], checksum[24];
    snprintf(version, sizeof version, "%d", MMOE_FILE_FORMAT_VERSION);
    const char *const values[MMOE_FILE_COVERED] = {MMOE_FILE_FORMAT, version, mmoe_version(),
                                                   config, schema};
    snprintf(checksum, sizeof checksum, "%016" PRIx64,
             mmoe_file_checksum(c->tensors, c->count, values));
    const char *metadata[2 * MMOE_FILE_COVERED + 3];
    for (int i = 0; i < MMOE_FILE_COVERED; i++) {
        metadata[2 * i] = mmoe_file_covered[i];
        metadata[2 * i + 1] = values[i];
    }
    metadata[2 * MMOE_FILE_COVERED] = "checksum";
    metadata[2 * MMOE_FILE_COVERED + 1] = checksum;
    metadata[2 * MMOE_FILE_COVERED + 2] = NULL;
    return mmoe_container_write(path, c->tensors, c->count, metadata, c->alloc, err);
}

static char *schema_text(const mmoe_model *model) {
    json_t *json = mmoe_schema_to_json(model->schema);
    char *text = json ? mmoe_json_print(json, JSON_COMPACT, &model->alloc) : NULL;
    json_decref(json);
    return text;
}

mmoe_status mmoe_file_check_values(const mmoe_model *model, mmoe_error *err) {
    const mmoe_tensors *tensors = &model->graph->tensors;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if (t->kind == MMOE_TENSOR_COUNTER) continue;
        int64_t bad = mmoe_file_bad_value(mmoe_params_at(&model->params, t), t->count,
                                          mmoe_file_is_variance(t));
        if (bad >= 0)
            return mmoe_fail(
                err, MMOE_E_NUMERIC,
                "the model is not saved: tensor \"%.120s\" has a value that is not finite",
                t->name);
    }
    return MMOE_OK;
}

mmoe_status mmoe_model_save(const mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_save: %s is NULL",
                         model ? "path" : "model");
    mmoe_status status = mmoe_file_check_values(model, err);
    if (status) return status;
    char *config = NULL;
    status = mmoe_config_text(model->config, &config, err);
    if (status) return status;
    char *schema = schema_text(model);
    file_contents c = {.alloc = &model->alloc};
    status = schema ? collect(&c, model, err) : mmoe_fail_memory(err, 0);
    if (!status) status = write_contents(&c, path, config, schema, err);
    finish_contents(&c);
    mmoe_release(&model->alloc, schema);
    mmoe_config_text_free(model->config, config);
    return status;
}
