#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/build.h"
#include "base/json_text.h"
#include "model/model_file.h"
#include "model/state_dict.h"
#include "file/schema_json.h"

/* A file that is being read. */
typedef struct model_reader {
    const mmoe_allocator *alloc;
    mmoe_container *file;
    const char *path;
    bool *used; /* [tensors of the file] whether something of the model took it */
    mmoe_container_tensor *tensors; /* [of the file] as it has them, or converted to memory of the
                                       reader's own */
    bool foreign;                   /* its names and types may be other programs' */
    mmoe_state_names names;
    int64_t converted[MMOE_DTYPES]; /* tensors, by the type that they had */
} model_reader;

static mmoe_status open_reader(model_reader *r, const char *path, bool mapped,
                               const mmoe_allocator *alloc, mmoe_error *err) {
    *r = (model_reader){.alloc = alloc, .path = path};
    mmoe_status status = mmoe_container_open(path, mapped, alloc, &r->file, err);
    if (status) return status;
    const size_t count = mmoe_container_count(r->file);
    r->used = mmoe_alloc_zero(alloc, count, sizeof *r->used);
    r->tensors = mmoe_alloc(alloc, count, sizeof *r->tensors);
    if (r->used && r->tensors) {
        for (size_t i = 0; i < count; i++) {
            r->tensors[i] = *mmoe_container_at(r->file, i);
            r->tensors[i].own = NULL;
        }
        return MMOE_OK;
    }
    mmoe_release(alloc, r->used);
    mmoe_release(alloc, r->tensors);
    mmoe_container_close(r->file);
    return mmoe_fail_memory(err, count * (sizeof *r->tensors + sizeof *r->used));
}

static void close_reader(model_reader *r) {
    for (size_t i = 0; i < mmoe_container_count(r->file); i++)
        mmoe_release_aligned(r->alloc, r->tensors[i].own);
    mmoe_release(r->alloc, r->tensors);
    mmoe_release(r->alloc, r->used);
    mmoe_container_close(r->file);
}

/* ---- Metadata ---- */

static bool is_of_format(const model_reader *r, const char *wanted) {
    const char *format = mmoe_container_metadata(r->file, "format");
    return format && !strcmp(format, wanted);
}

static bool is_mmoe_file(const model_reader *r) { return is_of_format(r, MMOE_FILE_FORMAT); }

static mmoe_status refuse_checkpoint(const model_reader *r, mmoe_error *err) {
    if (!is_of_format(r, MMOE_CHECKPOINT_FORMAT)) return MMOE_OK;
    return mmoe_fail_format(err, r->path,
                            "this is a checkpoint of a run, and no model; `mmoe train --resume` "
                            "goes on with it and writes the model");
}

static mmoe_status check_version(const model_reader *r, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, "format_version"),
               *writer = mmoe_container_metadata(r->file, "mmoe_version");
    int64_t version;
    if (!text || !mmoe_parse_int64(text, strlen(text), &version) || version < 1)
        return mmoe_fail_format(
            err, r->path, "its metadata have no format_version, or one that is no positive number");
    if (version > MMOE_FILE_FORMAT_VERSION)
        return mmoe_fail_at(
            err, MMOE_E_VERSION, r->path, 0, NULL,
            "written by mmoe %.40s in format version %lld; mmoe %s reads up to version %d",
            writer ? writer : "(unknown)", (long long)version, mmoe_version(),
            MMOE_FILE_FORMAT_VERSION);
    return MMOE_OK;
}

static mmoe_status check_sum(const model_reader *r, mmoe_error *err) {
    const char *values[MMOE_FILE_COVERED], *stored = mmoe_container_metadata(r->file, "checksum");
    if (!stored) return mmoe_fail_format(err, r->path, "its metadata have no checksum");
    for (int i = 0; i < MMOE_FILE_COVERED; i++) {
        values[i] = mmoe_container_metadata(r->file, mmoe_file_covered[i]);
        if (!values[i])
            return mmoe_fail_format(err, r->path, "its metadata have no %s", mmoe_file_covered[i]);
    }
    char sum[24];
    size_t count = mmoe_container_count(r->file);
    snprintf(sum, sizeof sum, "%016" PRIx64,
             mmoe_file_checksum(count ? mmoe_container_at(r->file, 0) : NULL, count, values));
    if (!strcmp(sum, stored)) return MMOE_OK;
    return mmoe_fail_format(
        err, r->path,
        "the checksum does not agree: the file is damaged, or was changed without mmoe");
}

/* ---- Tensors ---- */

static mmoe_container_tensor *take_tensor(model_reader *r, const char *name) {
    const mmoe_container_tensor *t =
        r->foreign ? mmoe_state_find(r->file, &r->names, name) : mmoe_container_find(r->file, name);
    if (!t) return NULL;
    const size_t index = (size_t)(t - mmoe_container_at(r->file, 0));
    r->used[index] = true;
    return &r->tensors[index];
}

/* "[2, 3]" */
static const char *shape_text(int32_t rank, const int64_t *shape, char out[128]) {
    size_t used = 0;
    out[used++] = '[';
    for (int32_t d = 0; d < rank; d++)
        used += (size_t)snprintf(out + used, 128 - used, d ? ", %" PRId64 : "%" PRId64, shape[d]);
    snprintf(out + used, 128 - used, "]");
    return out;
}

/* A single value may be [] or [1]: torch has both. */
static bool same_shape(const mmoe_tensor *t, const mmoe_container_tensor *f) {
    if (t->count == 1 && t->rank <= 1) return f->rank == 0 || (f->rank == 1 && f->shape[0] == 1);
    bool same = t->rank == f->rank;
    for (int32_t d = 0; same && d < t->rank; d++) same = t->shape[d] == f->shape[d];
    return same;
}

static mmoe_status check_values(const model_reader *r, const mmoe_tensor *t,
                                const mmoe_container_tensor *f, mmoe_error *err) {
    if (t->kind == MMOE_TENSOR_COUNTER) {
        const int64_t *counts = f->data;
        for (int64_t i = 0; i < t->count; i++)
            if (counts[i] < 0 || counts[i] > MMOE_FILE_MOST_BATCHES)
                return mmoe_fail_format(err, r->path,
                                        "tensor \"%.120s\": the count %" PRId64 " is %s", t->name,
                                        counts[i], counts[i] < 0 ? "negative" : "above 2^62");
        return MMOE_OK;
    }
    bool variance = mmoe_file_is_variance(t);
    int64_t bad = mmoe_file_bad_value(f->data, t->count, variance);
    if (bad < 0) return MMOE_OK;
    return mmoe_fail_format(err, r->path, "tensor \"%.120s\": value %" PRId64 " is not finite%s",
                            t->name, bad, variance ? " or is negative" : "");
}

/* A tensor of another program's type becomes one of ours, in memory of the reader's. */
static mmoe_status convert_tensor(model_reader *r, const mmoe_tensor *t, mmoe_container_tensor *f,
                                  mmoe_error *err) {
    const bool counter = t->kind == MMOE_TENSOR_COUNTER;
    const mmoe_dtype wanted = counter ? MMOE_I64 : MMOE_F32;
    const size_t size = mmoe_dtype_size(wanted);
    void *memory = mmoe_alloc_aligned(r->alloc, (size_t)t->count, size);
    if (!memory) return mmoe_fail_memory(err, (size_t)t->count * size);
    mmoe_status status = MMOE_OK;
    if (!counter)
        status = mmoe_state_floats(f, t->count, r->path, memory, err);
    else if (!mmoe_state_counts(f, t->count, memory))
        status = mmoe_fail_format(
            err, r->path,
            "tensor \"%.120s\": its type is not I64 but %s, and its value is no whole number",
            t->name, mmoe_dtype_name(f->dtype));
    r->converted[f->dtype] += !counter;
    f->own = memory;
    f->data = memory;
    f->dtype = wanted;
    f->bytes = (size_t)t->count * size;
    return status;
}

static bool can_convert(const model_reader *r, const mmoe_tensor *t, mmoe_dtype from) {
    if (!r->foreign) return false;
    if (mmoe_state_is_other_float(from)) return true;
    return t->kind == MMOE_TENSOR_COUNTER && (from == MMOE_F32 || from == MMOE_I32);
}

/* A name that stands behind another word may be the one that is meant. */
static mmoe_status fail_missing(const model_reader *r, const char *name, mmoe_error *err) {
    const size_t length = strlen(name);
    for (size_t i = 0; i < mmoe_container_count(r->file); i++) {
        const char *other = mmoe_container_at(r->file, i)->name;
        const size_t more = strlen(other) - length;
        if (strlen(other) > length && other[more - 1] == '.' && strcmp(other + more, name) == 0)
            return mmoe_fail_format(
                err, r->path, "tensor \"%.120s\" is missing; the file has \"%.120s\"", name, other);
    }
    return mmoe_fail_format(err, r->path, "tensor \"%.120s\" is missing", name);
}

static mmoe_status check_tensor(model_reader *r, const mmoe_tensor *t, mmoe_error *err) {
    mmoe_container_tensor *f = take_tensor(r, t->name);
    if (!f) return fail_missing(r, t->name, err);
    const mmoe_dtype wanted = t->kind == MMOE_TENSOR_COUNTER ? MMOE_I64 : MMOE_F32;
    const bool convert = f->dtype != wanted && can_convert(r, t, f->dtype);
    if (f->dtype != wanted && !convert)
        return mmoe_fail_format(err, r->path, "tensor \"%.120s\": its type is not %s but %s",
                                t->name, mmoe_dtype_name(wanted), mmoe_dtype_name(f->dtype));
    char have[128], want[128];
    if (!same_shape(t, f))
        return mmoe_fail_format(
            err, r->path, "tensor \"%.120s\": its shape is %s, the model's is %s", t->name,
            shape_text(f->rank, f->shape, have), shape_text(t->rank, t->shape, want));
    const mmoe_status status = convert ? convert_tensor(r, t, f, err) : MMOE_OK;
    return status ? status : check_values(r, t, f, err);
}

/* Every tensor of the model is there and good, and no other is. */
static mmoe_status check_tensors(model_reader *r, const mmoe_tensors *tensors, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < tensors->count && !status; i++)
        status = check_tensor(r, &tensors->items[i], err);
    for (size_t i = 0; i < mmoe_container_count(r->file) && !status; i++)
        if (!r->used[i])
            status = mmoe_fail_format(
                err, r->path, "tensor \"%.120s\" is too many: the model has none of this name",
                mmoe_container_at(r->file, i)->name);
    return status;
}

/* All tensors but the tables that are there already: those that were given, and the first, lent
 * ones. */
static void copy_tensors(model_reader *r, int32_t lent, mmoe_model *model) {
    const mmoe_tensors *tensors = &model->graph->tensors;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        const mmoe_container_tensor *f = take_tensor(r, t->name);
        if (t->kind == MMOE_TENSOR_TABLE && t->table < lent) continue;
        void *to = mmoe_params_at(&model->params, t);
        if (f->bytes && to != f->data) memcpy(to, f->data, f->bytes);
    }
}

static void *give_table(void *context, const mmoe_tensor *tensor) {
    const model_reader *r = context;
    return mmoe_container_take(r->file, mmoe_container_find(r->file, tensor->name));
}

/* Of a file that is mapped, the first tables that follow each other without gaps, as all do in one
 * that this library wrote. Small ones are copied instead, into larger pages. */
static mmoe_lent_tables map_tables(const model_reader *r, const mmoe_tensors *tensors) {
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

static mmoe_status take_vocab(model_reader *r, const vocab_vector *v,
                              const mmoe_container_tensor **out, mmoe_error *err) {
    char *name = mmoe_file_vocab_name(r->alloc, v->table, v->what);
    if (!name) return mmoe_fail_memory(err, strlen(v->table));
    mmoe_status status = MMOE_OK;
    const mmoe_container_tensor *t = *out = take_tensor(r, name);
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
    model_reader *r = user;
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

static mmoe_status read_schema(model_reader *r, mmoe_schema **out, mmoe_error *err) {
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
static mmoe_status of_file(const model_reader *r, mmoe_status status, const mmoe_error *inner,
                           const char *part, mmoe_error *err) {
    if (status && status != MMOE_E_MEMORY)
        return mmoe_fail_format(err, r->path, "its %s: %.400s", part, inner->message);
    if (status && err) *err = *inner;
    return status;
}

static mmoe_status read_config(const model_reader *r, mmoe_config **out, mmoe_error *err) {
    const char *text = mmoe_container_metadata(r->file, "config");
    mmoe_error inner = {0};
    mmoe_status status = mmoe_config_parse(text, strlen(text), NULL, r->alloc, out, &inner);
    return of_file(r, status, &inner, "configuration", err);
}

/* A configuration and a schema of one model name the same tasks. */
static mmoe_status check_tasks(const model_reader *r, const mmoe_config *config,
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
static mmoe_status read_graph(model_reader *r, mmoe_model_parts *parts, mmoe_error *err) {
    mmoe_status status = mmoe_graph_create(r->alloc, &parts->graph, err);
    if (status) return status;
    mmoe_error inner = {0};
    status = mmoe_build_graph(parts->graph, parts->config, parts->schema, &inner);
    status = of_file(r, status, &inner, "model", err);
    return status ? status : check_tensors(r, &parts->graph->tensors, err);
}

static mmoe_status read_model(model_reader *r, mmoe_model **out, mmoe_error *err) {
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
    if (!status) copy_tensors(r, parts.tables.count, *out);
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
    model_reader r;
    mmoe_status status = open_reader(&r, path, mapped, &a, err);
    if (status) return status;
    status = refuse_checkpoint(&r, err);
    if (!status && !is_mmoe_file(&r))
        status = mmoe_fail_format(
            err, r.path,
            "no model of mmoe, but a safetensors file; `mmoe import` makes a model "
            "of torch-rechub's weights");
    if (!status) status = check_version(&r, err);
    if (!status) status = check_sum(&r, err);
    if (!status) status = read_model(&r, out, err);
    close_reader(&r);
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

/* What was read as something else than it is. */
static mmoe_status warn_of_conversions(const model_reader *r, mmoe_warnings *list,
                                       mmoe_error *err) {
    static const mmoe_dtype types[] = {MMOE_F64, MMOE_F16, MMOE_BF16};
    const size_t all = mmoe_container_count(r->file);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < sizeof types / sizeof *types; i++) {
        const mmoe_warning about = {.count = r->converted[types[i]]};
        if (about.count)
            status = mmoe_warn(list, about, err, "%lld of %zu tensors are %s: %s single precision",
                               (long long)about.count, all, mmoe_dtype_name(types[i]),
                               types[i] == MMOE_F64 ? "rounded to" : "widened to");
    }
    const mmoe_warning about = {.count = r->names.wrapped};
    if (!status && about.count)
        status = mmoe_warn(list, about, err,
                           "%lld of %zu tensors have words of a wrapper in their names (\"%s\"), "
                           "which were passed over",
                           (long long)about.count, all,
                           *r->names.prefix ? r->names.prefix : r->names.first);
    return status;
}

static mmoe_status read_weights(model_reader *r, mmoe_model *model, mmoe_error *err) {
    const size_t prefix = strlen(MMOE_FILE_VOCAB_PREFIX);
    mmoe_warnings warnings = {.alloc = model->alloc};
    r->foreign = !is_mmoe_file(r);
    mmoe_status status = refuse_checkpoint(r, err);
    if (!status && !r->foreign) {
        status = check_version(r, err);
        if (!status && mmoe_container_metadata(r->file, "checksum")) status = check_sum(r, err);
    }
    for (size_t i = 0; i < mmoe_container_count(r->file); i++)
        r->used[i] = !strncmp(r->tensors[i].name, MMOE_FILE_VOCAB_PREFIX, prefix);
    if (!status) status = check_tensors(r, &model->graph->tensors, err);
    if (!status) status = warn_of_conversions(r, &warnings, err);
    if (status) {
        mmoe_warnings_finish(&warnings);
        return status;
    }
    copy_tensors(r, 0, model);
    mmoe_warnings_finish(&model->warnings);
    model->warnings = warnings;
    return MMOE_OK;
}

mmoe_status mmoe_model_load_weights(mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_load_weights: %s is NULL",
                         model ? "path" : "model");
    model_reader r;
    mmoe_status status = open_reader(&r, path, false, &model->alloc, err);
    if (status) return status;
    status = read_weights(&r, model, err);
    close_reader(&r);
    return status;
}
