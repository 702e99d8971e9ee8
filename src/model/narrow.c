/* mmoe_model_with_tables: a copy of a model whose tables are narrow. */
#include "base/error.h"
#include "base/text.h"
#include "mmoe/train.h"
#include "model/members.h"

static mmoe_lent_table want_type(void *context, const mmoe_tensor *table) {
    const mmoe_table_kind *kind = context;
    (void)table;
    return (mmoe_lent_table){.dtype = kind->dtype};
}

static mmoe_status put_rows(const mmoe_model *from, mmoe_model *to, const mmoe_tensor *tensor,
                            mmoe_error *err) {
    mmoe_embedding *t = &to->params.tables[tensor->table];
    const float *values = mmoe_params_rows(&from->params, tensor->table);
    for (int64_t r = 0; r < t->rows; r++, values += t->dim) {
        const int32_t bad = t->kind->put(t, r, values);
        if (bad < 0) continue;
        char value[MMOE_NUMBER_SIZE];
        mmoe_format_float(values[bad], value);
        return mmoe_fail(err, MMOE_E_NUMERIC,
                         "tensor \"%.120s\": value %d of row %lld, both counted from 0, is %s: no "
                         "finite %s is near it",
                         tensor->name, (int)bad, (long long)r, value, mmoe_dtype_name(t->dtype));
    }
    return MMOE_OK;
}

static mmoe_status fill(const mmoe_model *from, mmoe_model *to, mmoe_error *err) {
    const mmoe_tensors *tensors = &from->graph->tensors;
    mmoe_status status = mmoe_model_settle(&from->params, "the model is not narrowed", err);
    if (status) return status;
    for (size_t i = 0; !status && i < tensors->count; i++)
        if (tensors->items[i].kind == MMOE_TENSOR_TABLE)
            status = put_rows(from, to, &tensors->items[i], err);
    mmoe_params_copy_layers(&to->params, &from->params);
    return status;
}

typedef struct narrowing {
    const mmoe_table_kind *kind;
    const mmoe_allocator *alloc;
} narrowing;

static mmoe_status narrow_member(const mmoe_model *model, void *context, mmoe_model **out,
                                 mmoe_error *err) {
    const narrowing *how = context;
    const mmoe_allocator *a = how->alloc;
    mmoe_model *m;
    const mmoe_lent_tables types = {.lend = want_type, .context = (void *)(uintptr_t)how->kind};
    mmoe_status status = mmoe_model_like(model, types, a, &m, err);
    if (status) return status;
    status = fill(model, m, err);
    if (!status) status = mmoe_meta_merge(&m->meta, &model->meta, "", a, err);
    if (status)
        mmoe_model_free(m);
    else
        *out = m;
    return status;
}

mmoe_status mmoe_model_with_tables(const mmoe_model *model, const char *type,
                                   const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    static const char call[] = "mmoe_model_with_tables";
    if (!model || !type || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: model, type and out must not be NULL", call);
    const mmoe_table_kind *kind = mmoe_table_kind_named(type);
    if (!kind)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: \"%.40s\" is no type of tables: bf16 and int8 "
                         "are",
                         call, type);
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a;
    mmoe_status status = mmoe_model_check_floats(model, call, err);
    if (!status) status = mmoe_model_begin(alloc, &a, err);
    if (status) return status;
    narrowing how = {kind, &a};
    status = mmoe_members_make(model, narrow_member, &how, out, err);
    mmoe_tally_end(&a);
    return status;
}
