#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/json_text.h"
#include "model/model_file.h"
#include "file/schema_json.h"
#include "file/schema_tensors.h"

/* ---- Collecting what is written ---- */

size_t mmoe_file_tensor_count(const mmoe_model *model) {
    size_t count = 0;
    for (; model; model = model->next) count += model->graph->tensors.count;
    return count;
}

static size_t member_tensors(const mmoe_model *model, mmoe_dtype dtype,
                             mmoe_container_tensor *out) {
    const mmoe_tensors *tensors = &model->graph->tensors;
    size_t count = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if (mmoe_params_dtype(&model->params, t) != dtype) continue;
        out[count++] = (mmoe_container_tensor){
            .name = t->name,
            .dtype = dtype,
            .rank = t->rank,
            .shape = {t->shape[0], t->shape[1]},
            .data = t->deal.shift ? NULL : mmoe_params_at(&model->params, t),
            .bytes = (size_t)t->count * mmoe_dtype_size(dtype)};
    }
    return count;
}

size_t mmoe_file_model_tensors(const mmoe_model *model, mmoe_dtype dtype,
                               mmoe_container_tensor *out) {
    size_t count = 0;
    for (; model; model = model->next) count += member_tensors(model, dtype, out + count);
    return count;
}

static char *scale_name(mmoe_schema_tensors *c, const char *table) {
    const size_t size = strlen(table) + sizeof MMOE_FILE_SCALE;
    char *name = mmoe_schema_tensors_own(c, mmoe_alloc(c->alloc, size, 1));
    if (name) snprintf(name, size, "%s" MMOE_FILE_SCALE, table);
    return name;
}

static mmoe_status member_scales(mmoe_schema_tensors *c, const mmoe_model *model, mmoe_error *err) {
    const mmoe_tensors *tensors = &model->graph->tensors;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if (t->kind != MMOE_TENSOR_TABLE) continue;
        const mmoe_vectors v = mmoe_table_vectors(&model->params.tables[t->table]);
        if (!v.scales) continue;
        const char *name = scale_name(c, t->name);
        if (!name) return mmoe_fail_memory(err, strlen(t->name));
        c->items[c->count++] =
            (mmoe_container_tensor){.name = name,
                                    .dtype = MMOE_F32,
                                    .rank = 2,
                                    .shape = {t->shape[0], 1},
                                    .data = v.scales,
                                    .bytes = (size_t)t->shape[0] * sizeof *v.scales};
    }
    return MMOE_OK;
}

static mmoe_status collect_scales(mmoe_schema_tensors *c, const mmoe_model *model,
                                  mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (; !status && model; model = model->next) status = member_scales(c, model, err);
    return status;
}

static void collect_tensors(mmoe_schema_tensors *c, const mmoe_model *model, mmoe_dtype dtype) {
    c->count += mmoe_file_model_tensors(model, dtype, c->items + c->count);
}

/* In the order that keeps each aligned: 8-byte types, 4-byte types, 2-byte types, bytes. */
static mmoe_status collect(mmoe_schema_tensors *c, const mmoe_model *model, mmoe_error *err) {
    const size_t own = mmoe_file_tensor_count(model); /* each may have scales */
    mmoe_status status = mmoe_schema_tensors_open(c, model->schema, 2 * own, err);
    if (status) return status;
    collect_tensors(c, model, MMOE_I64);
    status = mmoe_schema_tensors_add_keys(c, model->schema, err);
    if (status) return status;
    collect_tensors(c, model, MMOE_F32);
    status = collect_scales(c, model, err);
    if (status) return status;
    collect_tensors(c, model, MMOE_BF16);
    collect_tensors(c, model, MMOE_I8);
    return mmoe_schema_tensors_add_bytes(c, model->schema, err);
}

mmoe_status mmoe_file_size(const mmoe_model *model, int64_t *bytes, mmoe_error *err) {
    mmoe_schema_tensors c = {.alloc = &model->alloc};
    const mmoe_status status = collect(&c, model, err);
    *bytes = 0;
    for (size_t i = 0; !status && i < c.count; i++) *bytes += (int64_t)c.items[i].bytes;
    mmoe_schema_tensors_finish(&c);
    return status;
}

/* ---- Writing ---- */

void mmoe_model_watch(mmoe_model *model, const mmoe_watcher *watcher) {
    if (model) model->watcher = watcher ? *watcher : (mmoe_watcher){0};
}

/* The texts of a model's metadata. */
typedef struct file_texts {
    char *config, *schema, *meta; /* meta: NULL where there are none */
} file_texts;

static mmoe_status write_contents(const mmoe_schema_tensors *c, const char *path,
                                  const file_texts *texts, const mmoe_model *model,
                                  mmoe_error *err) {
    char version[24], checksum[MMOE_CHECKSUM_SIZE];
    const bool is_dealt = mmoe_params_dealt(&model->params) != NULL;
    snprintf(version, sizeof version, "%d", MMOE_FILE_FORMAT_VERSION);
    const char *const values[MMOE_FILE_COVERED] = {MMOE_FILE_FORMAT, version,       mmoe_version(),
                                                   texts->config,    texts->schema, texts->meta};
    mmoe_checksum_print(is_dealt ? 0 : mmoe_file_checksum(c->items, c->count, values), checksum);
    const char *metadata[2 * MMOE_FILE_COVERED + 3];
    size_t n = 0;
    for (int i = 0; i < MMOE_FILE_COVERED; i++) {
        if (!values[i]) continue;
        metadata[n++] = mmoe_file_covered[i];
        metadata[n++] = values[i];
    }
    metadata[n++] = "checksum";
    metadata[n++] = checksum;
    metadata[n] = NULL;
    const mmoe_container_contents what = {c->items, c->count, metadata};
    if (is_dealt) return mmoe_dealt_file_write(model, path, &what, values, checksum, err);
    return mmoe_container_write_watched(path, &what, mmoe_model_watcher(model), c->alloc, err);
}

static mmoe_status make_texts(const mmoe_model *model, file_texts *out, mmoe_error *err) {
    mmoe_status status = mmoe_config_text(model->config, &out->config, err);
    if (status) return status;
    json_t *json = mmoe_schema_to_json(model->schema);
    out->schema = json ? mmoe_json_print(json, JSON_COMPACT, &model->alloc) : NULL;
    json_decref(json);
    return out->schema ? mmoe_meta_text(&model->meta, &model->alloc, &out->meta, err)
                       : mmoe_fail_memory(err, 0);
}

mmoe_status mmoe_file_check_params(const mmoe_tensors *tensors, const mmoe_params *params,
                                   const char *what, mmoe_error *err) {
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if (mmoe_params_dtype(params, t) != MMOE_F32) continue;
        const int64_t count = t->deal.shift ? params->blocks[t->table].memory.count : t->count;
        int64_t bad =
            mmoe_file_bad_value(mmoe_params_at(params, t), count, mmoe_file_is_variance(t));
        if (bad >= 0)
            return mmoe_fail(err, MMOE_E_NUMERIC,
                             "%s: tensor \"%.120s\" has a value that is not finite", what, t->name);
    }
    return MMOE_OK;
}

static mmoe_status check_member(const mmoe_model *model, mmoe_error *err) {
    if (!mmoe_params_settle(&model->params))
        return mmoe_fail(err, MMOE_E_IO,
                         "the model is not saved: ranks have parts of its tables, "
                         "and one has failed");
    return mmoe_file_check_params(&model->graph->tensors, &model->params, "the model is not saved",
                                  err);
}

mmoe_status mmoe_file_check_values(const mmoe_model *model, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (; !status && model; model = model->next) status = check_member(model, err);
    return status;
}

static mmoe_status write_file(const mmoe_model *model, const char *path, mmoe_error *err) {
    file_texts texts = {0};
    mmoe_status status = make_texts(model, &texts, err);
    mmoe_schema_tensors c = {.alloc = &model->alloc};
    if (!status) status = collect(&c, model, err);
    if (!status) status = write_contents(&c, path, &texts, model, err);
    mmoe_schema_tensors_finish(&c);
    mmoe_release(&model->alloc, texts.meta);
    mmoe_release(&model->alloc, texts.schema);
    mmoe_config_text_free(model->config, texts.config);
    return status;
}

/* By all ranks, of which the first writes. */
static mmoe_status save_dealt(const mmoe_model *model, const char *path, mmoe_error *err) {
    const mmoe_collector *ranks = &model->params.collector;
    mmoe_error why;
    if (!ranks->collect) return mmoe_model_check_whole(model, "the model is not saved", err);
    if (!ranks->may(ranks->context))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "the model is not saved: ranks have parts of its tables, and the first "
                         "alone is in a callback");
    mmoe_status status = mmoe_file_check_values(model, &why);
    if (!status && ranks->is_first)
        status = write_file(model, path, &why);
    else if (!status)
        status = mmoe_dealt_file_send(model, &why);
    return ranks->end(ranks->context, status, &why, err);
}

mmoe_status mmoe_model_save(const mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_save: %s is NULL",
                         model ? "path" : "model");
    if (mmoe_params_dealt(&model->params)) return save_dealt(model, path, err);
    const mmoe_status status = mmoe_file_check_values(model, err);
    return status ? status : write_file(model, path, err);
}
