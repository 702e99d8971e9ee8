/* mmoe_model_load_weights: a state_dict of torch's, or a model file's tensors. */
#include <string.h>

#include "base/error.h"
#include "file/schema_tensors.h"
#include "model/file_reader.h"

/* What was read as something else than it is. */
static mmoe_status warn_of_conversions(const mmoe_file_reader *r, mmoe_warnings *list,
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

static const float *row_of(mmoe_file_reader *r, const mmoe_tensor *table) {
    const mmoe_container_tensor *f = mmoe_file_take_tensor(r, table->name);
    return (const float *)f->data + table->padding * table->shape[1];
}

static bool is_zero(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (values[i] != 0) return false;
    return true;
}

/* A row that nothing moves is 0 in a model that was made here. */
static mmoe_status warn_of_padding(mmoe_file_reader *r, const mmoe_tensors *tensors,
                                   mmoe_warnings *list, mmoe_error *err) {
    mmoe_warning about = {0};
    const mmoe_tensor *first = NULL;
    long long tables = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        tables += t->kind == MMOE_TENSOR_TABLE;
        if (!t->has_padding || is_zero(row_of(r, t), t->shape[1])) continue;
        if (about.count++ == 0) first = t;
    }
    if (!first) return MMOE_OK;
    return mmoe_warn(list, about, err,
                     "%lld of %lld tables have a padding row that is not 0 (\"%.120s\", row %lld): "
                     "it is kept, and no part of lists",
                     (long long)about.count, tables, first->name, (long long)first->padding);
}

static mmoe_status read_weights(mmoe_file_reader *r, mmoe_model *model, mmoe_error *err) {
    const size_t prefix = strlen(MMOE_VOCAB_PREFIX);
    mmoe_warnings warnings = {.alloc = model->alloc};
    r->foreign = !mmoe_file_is_model(r);
    mmoe_status status = mmoe_file_refuse_checkpoint(r, err);
    if (!status && !r->foreign) {
        status = mmoe_file_check_version(r, err);
        if (!status && mmoe_container_metadata(r->file, "checksum"))
            status = mmoe_file_check_intact(r, err);
    }
    for (size_t i = 0; i < mmoe_container_count(r->file); i++)
        r->used[i] = !strncmp(r->tensors[i].name, MMOE_VOCAB_PREFIX, prefix);
    for (const mmoe_model *m = model; !status && m; m = m->next)
        status = mmoe_file_check_tensors(r, &m->graph->tensors, err);
    if (!status) status = mmoe_file_check_used(r, err);
    if (!status) status = warn_of_conversions(r, &warnings, err);
    if (!status) status = warn_of_padding(r, &model->graph->tensors, &warnings, err);
    if (status) {
        mmoe_warnings_finish(&warnings);
        return status;
    }
    for (mmoe_model *m = model; m; m = m->next) {
        mmoe_params_settle(&m->params); /* what rows have missed is not to come upon others */
        mmoe_file_copy_tensors(r, false, m);
    }
    mmoe_warnings_finish(&model->warnings);
    model->warnings = warnings;
    return MMOE_OK;
}

mmoe_status mmoe_model_load_weights(mmoe_model *model, const char *path, mmoe_error *err) {
    if (!model || !path)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_model_load_weights: %s is NULL",
                         model ? "path" : "model");
    mmoe_file_reader r;
    mmoe_status status = mmoe_model_check_floats(model, "mmoe_model_load_weights", err);
    if (!status) status = mmoe_model_check_unserved(model, "mmoe_model_load_weights", err);
    if (!status) status = mmoe_file_reader_open(&r, path, false, &model->alloc, err);
    if (status) return status;
    status = read_weights(&r, model, err);
    mmoe_file_reader_close(&r);
    return status;
}
