#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "model/build.h"
#include "model/file_reader.h"
#include "file/schema_json.h"

/* ---- Tables ---- */

static void *give_table(void *context, const mmoe_tensor *tensor) {
    const mmoe_file_reader *r = context;
    return mmoe_container_take(r->file, mmoe_container_find(r->file, tensor->name));
}

/* Of a file that is mapped, the first tables that follow each other without gaps, as all do in one
 * that this library wrote. Small ones are copied instead, into larger pages. */
static mmoe_lent_tables map_tables(const mmoe_file_reader *r, const mmoe_tensors *tensors) {
    const size_t least = (size_t)8 << 20;
    const mmoe_container_tensor *first = NULL;
    mmoe_lent_tables lent = {0};
    size_t size = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if (t->kind != MMOE_TENSOR_TABLE) continue;
        const mmoe_container_tensor *f = mmoe_container_find(r->file, t->name);
        if (!first) first = f;
        if ((const char *)f->data != (const char *)first->data + size) break;
        size += f->bytes;
        lent.count++;
    }
    if (size < least || (uintptr_t)first->data % 64 ||
        !mmoe_container_map(r->file, first, size, &lent.map))
        lent.count = 0;
    return lent;
}

/* ---- Schema and configuration ---- */

/* A tensor vocab.TABLE.WHAT. */
typedef struct vocab_vector {
    const char *table, *what;
    mmoe_dtype dtype;
    int64_t count; /* -1: any number */
} vocab_vector;

static mmoe_status take_vocab(mmoe_file_reader *r, const vocab_vector *v,
                              const mmoe_container_tensor **out, mmoe_error *err) {
    char *name = mmoe_file_vocab_name(r->alloc, v->table, v->what);
    if (!name) return mmoe_fail_memory(err, strlen(v->table));
    mmoe_status status = MMOE_OK;
    const mmoe_container_tensor *t = *out = mmoe_file_take_tensor(r, name);
    if (!t)
        status = mmoe_fail_format(err, r->path, "tensor \"%.120s\" is missing", name);
    else if (t->dtype != v->dtype || t->rank != 1 || (v->count >= 0 && t->shape[0] != v->count))
        status = mmoe_fail_format(
            err, r->path,
            "tensor \"%.120s\": its type or its shape is not that of its table's vocabulary", name);
    mmoe_release(r->alloc, name);
    return status;
}

/* Of an mmoe_vocab_source. */
static mmoe_status read_vocab(void *user, const mmoe_vocab_wanted *wanted, mmoe_vocab **out,
                              mmoe_error *err) {
    mmoe_file_reader *r = user;
    const char *name = wanted->name;
    const int64_t rows = wanted->rows;
    const bool is_string = wanted->is_text;
    if (rows < 1)
        return mmoe_fail_format(err, r->path, "table \"%.120s\": a vocabulary has at least one row",
                                name);
    const mmoe_container_tensor *keys = NULL, *bytes = NULL;
    const vocab_vector offsets = {name, "offsets", MMOE_I64, rows},
                       texts = {name, "bytes", MMOE_U8, -1},
                       numbers = {name, "keys", MMOE_I64, rows - 1};
    mmoe_status status = take_vocab(r, is_string ? &offsets : &numbers, &keys, err);
    if (!status && is_string) status = take_vocab(r, &texts, &bytes, err);
    if (status) return status;
    mmoe_error inner = {0};
    status = is_string ? mmoe_vocab_from_texts(&(mmoe_packed_texts){bytes->data, bytes->bytes,
                                                                    keys->data, (size_t)rows - 1},
                                               r->alloc, out, &inner)
                       : mmoe_vocab_from_ints(keys->data, (size_t)rows - 1, r->alloc, out, &inner);
    if (status == MMOE_E_FORMAT)
        return mmoe_fail_format(err, r->path, "the vocabulary of \"%.120s\": %.300s", name,
                                inner.message);
    if (status && err) *err = inner;
    return status;
}

static mmoe_status read_schema(mmoe_file_reader *r, mmoe_schema **out, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, "schema");
    json_t *json;
    json_error_t error;
    mmoe_status status =
        mmoe_json_parse(text, strlen(text), JSON_REJECT_DUPLICATES, r->alloc, &json, &error);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, strlen(text));
    if (status)
        return mmoe_fail_format(err, r->path, "its schema is not valid JSON: %.200s", error.text);
    status = mmoe_schema_from_json(json, r->path, (mmoe_vocab_source){read_vocab, r}, r->alloc, out,
                                   err);
    json_decref(json);
    return status;
}

/* What is wrong with a part of the file is wrong with the file. */
static mmoe_status of_file(const mmoe_file_reader *r, mmoe_status status, const mmoe_error *inner,
                           const char *part, mmoe_error *err) {
    if (status && status != MMOE_E_MEMORY)
        return mmoe_fail_format(err, r->path, "its %s: %.400s", part, inner->message);
    if (status && err) *err = *inner;
    return status;
}

static mmoe_status read_config(const mmoe_file_reader *r, mmoe_config **out, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, "config");
    mmoe_error inner = {0};
    mmoe_status status = mmoe_config_parse(text, strlen(text), NULL, r->alloc, out, &inner);
    return of_file(r, status, &inner, "configuration", err);
}

/* A configuration and a schema of one model name the same tasks. */
static mmoe_status check_tasks(const mmoe_file_reader *r, const mmoe_config *config,
                               const mmoe_schema *schema, mmoe_error *err) {
    bool same = config->n_task == schema->n_label;
    for (int32_t i = 0; same && i < config->n_task; i++)
        same = config->tasks[i].type == schema->labels[i].type &&
               config->tasks[i].label_transform == schema->labels[i].scale.transform &&
               !strcmp(config->tasks[i].name, schema->labels[i].task);
    return same ? MMOE_OK
                : mmoe_fail_format(err, r->path,
                                   "its configuration and its schema name different tasks");
}

/* Compares the file with the graph before there are weights: a forged configuration could ask for
 * any amount of them. */
static mmoe_status read_graph(mmoe_file_reader *r, mmoe_model_parts *parts, mmoe_error *err) {
    mmoe_status status = mmoe_graph_create(r->alloc, &parts->graph, err);
    if (status) return status;
    mmoe_error inner = {0};
    status = mmoe_build_graph(parts->graph, parts->config, parts->schema, &inner);
    status = of_file(r, status, &inner, "model", err);
    return status ? status : mmoe_file_check_tensors(r, &parts->graph->tensors, err);
}

static mmoe_status read_model(mmoe_file_reader *r, mmoe_model **out, mmoe_error *err) {
    mmoe_model_parts parts = {0};
    mmoe_status status = read_config(r, &parts.config, err);
    if (!status) status = read_schema(r, &parts.schema, err);
    if (!status) status = check_tasks(r, parts.config, parts.schema, err);
    if (!status) status = read_graph(r, &parts, err);
    if (status) {
        mmoe_graph_free(parts.graph);
        mmoe_config_free(parts.config);
        mmoe_schema_free(parts.schema);
        return status;
    }
    parts.tables = map_tables(r, &parts.graph->tensors);
    parts.tables.give = give_table;
    parts.tables.context = r;
    status = mmoe_model_assemble(&parts, r->alloc, out, err);
    if (!status) mmoe_file_copy_tensors(r, parts.tables.count, *out);
    return status;
}

/* ---- Public ---- */

static mmoe_status check_load(const char *call, const char *path,
                              const mmoe_model_load_options *options, const mmoe_allocator *alloc,
                              mmoe_model **out, mmoe_error *err) {
    if (!path || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s is NULL", call, path ? "out" : "path");
    for (size_t i = 0; options && i < sizeof options->reserved / sizeof *options->reserved; i++)
        if (options->reserved[i])
            return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the options' reserved members must be NULL",
                             call);
    return mmoe_allocator_check(alloc, call, err);
}

static mmoe_status load_model(const char *path, bool mapped, const mmoe_allocator *alloc,
                              mmoe_model **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_file_reader r;
    mmoe_status status = mmoe_file_reader_open(&r, path, mapped, &a, err);
    if (status) return status;
    status = mmoe_file_refuse_checkpoint(&r, err);
    if (!status && !mmoe_file_is_model(&r))
        status = mmoe_fail_format(
            err, r.path,
            "no model of mmoe, but a safetensors file; `mmoe import` makes a model "
            "of torch-rechub's weights");
    if (!status) status = mmoe_file_check_version(&r, err);
    if (!status) status = mmoe_file_check_intact(&r, err);
    if (!status) status = read_model(&r, out, err);
    mmoe_file_reader_close(&r);
    return status;
}

mmoe_status mmoe_model_load(const char *path, const mmoe_allocator *alloc, mmoe_model **out,
                            mmoe_error *err) {
    const mmoe_status status = check_load("mmoe_model_load", path, NULL, alloc, out, err);
    return status ? status : load_model(path, false, alloc, out, err);
}

mmoe_status mmoe_model_load_with(const char *path, const mmoe_model_load_options *options,
                                 const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    const mmoe_status status = check_load("mmoe_model_load_with", path, options, alloc, out, err);
    return status ? status : load_model(path, options && options->map_tables, alloc, out, err);
}
