#include "data/input.h"

#include <string.h>

#include "base/error.h"

/* ---- The caller's columns ---- */

const mmoe_input_column *mmoe_input_find(const mmoe_input *input, const char *name) {
    for (size_t i = 0; i < input->count; i++)
        if (strcmp(input->columns[i].name, name) == 0) return &input->columns[i];
    return NULL;
}

static mmoe_status check_given(const mmoe_input_column *columns, size_t at, mmoe_error *err) {
    const mmoe_input_column *c = &columns[at];
    const char *fault = NULL;
    if (!c->name || !*c->name)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_input_create: column %zu has no name", at);
    for (size_t i = 0; i < at; i++)
        if (strcmp(columns[i].name, c->name) == 0) fault = "two columns have this name";
    if (!mmoe_value_is_raw(c->type))
        fault = "an input is of raw values: integers, texts, floats or doubles";
    if (c->side != MMOE_SIDE_ITEM && c->side != MMOE_SIDE_USER) fault = "there is no such side";
    if (c->dim < 0) fault = "dim is negative";
    if (c->is_list && c->dim > 1) fault = "a list's values are of one number";
    if (!fault) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, c->name, "mmoe_input_create: %s", fault);
}

mmoe_status mmoe_input_create(const mmoe_input_column *columns, size_t count,
                              const mmoe_allocator *alloc, mmoe_input **out, mmoe_error *err) {
    if (!out || (count && !columns))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_input_create: %s is NULL",
                         out ? "columns" : "out");
    mmoe_status status = mmoe_allocator_check(alloc, "mmoe_input_create", err);
    for (size_t i = 0; !status && i < count; i++) status = check_given(columns, i, err);
    if (status) return status;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_input *input = mmoe_alloc_zero(&a, 1, sizeof *input);
    if (!input) return mmoe_fail_memory(err, sizeof *input);
    input->alloc = a;
    input->columns = mmoe_alloc_zero(&a, count ? count : 1, sizeof *columns);
    for (size_t i = 0; input->columns && i < count; i++) {
        char *name = mmoe_copy_text(&a, columns[i].name, strlen(columns[i].name));
        if (!name) break;
        input->columns[i] = columns[i];
        input->columns[i].name = name;
        input->ranks |= columns[i].side == MMOE_SIDE_USER;
        input->count++;
    }
    if (input->columns && input->count == count) {
        *out = input;
        return MMOE_OK;
    }
    mmoe_input_free(input);
    return mmoe_fail_memory(err, (count + 1) * sizeof *columns);
}

void mmoe_input_free(mmoe_input *input) {
    if (!input) return;
    const mmoe_allocator a = input->alloc;
    for (size_t i = 0; i < input->count; i++)
        mmoe_release(&a, (void *)(uintptr_t)input->columns[i].name);
    mmoe_release(&a, input->columns);
    mmoe_release(&a, input);
}

/* ---- A model's ---- */

size_t mmoe_wanted_count(const mmoe_schema *schema, int32_t feature) {
    const size_t parts =
        feature < schema->n_sparse ? mmoe_sparse_parts(&schema->sparse[feature]) : 0;
    return parts ? parts : 1;
}

mmoe_wanted_column mmoe_wanted(const mmoe_schema *schema, int32_t feature, size_t part) {
    if (feature >= schema->n_sparse) {
        const mmoe_dense_column *d = &schema->dense[feature - schema->n_sparse];
        return (mmoe_wanted_column){mmoe_feature_column(d->name, d->column), d->encoder, d->side,
                                    d->span, false};
    }
    const mmoe_sparse_column *c = &schema->sparse[feature];
    if (mmoe_sparse_parts(c))
        return (mmoe_wanted_column){c->columns.items[part], NULL, c->side, 1, false};
    return (mmoe_wanted_column){mmoe_feature_column(c->name, c->column),
                                schema->tables[c->table].encoder, c->side, 1, c->list >= 0};
}

/* ---- Whether they fit ---- */

static const char *type_name(mmoe_value_type type) {
    if (type == MMOE_VALUE_TEXT) return "texts";
    return type == MMOE_VALUE_INT64 ? "integers" : "numbers";
}

static mmoe_status fail_fit(const char *name, const char *fault, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, name, "%s", fault);
}

static mmoe_status check_wanted(const mmoe_input *input, const mmoe_wanted_column *w,
                                mmoe_error *err) {
    const mmoe_input_column *c = mmoe_input_find(input, w->name);
    if (!c) return fail_fit(w->name, "the model reads this column, and the input has none", err);
    if (!c->is_list != !w->is_list)
        return fail_fit(w->name,
                        c->is_list ? "the input has lists, and the model reads one value"
                                   : "the input has one value, and the model reads lists",
                        err);
    if ((c->dim ? c->dim : 1) != w->dim)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, w->name,
                            "a value has %d numbers in the input, and %d in the model",
                            (int)(c->dim ? c->dim : 1), (int)w->dim);
    if (w->side == MMOE_SIDE_USER && c->side == MMOE_SIDE_ITEM && input->ranks)
        return fail_fit(w->name,
                        "the input gives the column with the items, and the model's configuration "
                        "says \"side\": \"user\"",
                        err);
    if (w->is_list && w->side == MMOE_SIDE_ITEM && c->side == MMOE_SIDE_USER)
        return fail_fit(w->name,
                        "the input gives the lists with the user, which needs \"side\": \"user\" "
                        "in the model's configuration",
                        err);
    return MMOE_OK;
}

static mmoe_status check_type(const mmoe_input *input, const mmoe_wanted_column *w,
                              mmoe_error *err) {
    const mmoe_value_type type = mmoe_input_find(input, w->name)->type;
    const mmoe_column_kind *kind = w->encoder ? w->encoder->kind : NULL;
    const char *fault = kind && kind->refuses ? kind->refuses(w->encoder, type) : NULL;
    if (!fault) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, w->name, "the input has %s, and %s",
                        type_name(type), fault);
}

static bool is_read(const mmoe_schema *schema, const char *name) {
    for (int32_t f = 0; f < schema->n_sparse + schema->n_dense; f++)
        for (size_t i = 0; i < mmoe_wanted_count(schema, f); i++)
            if (strcmp(mmoe_wanted(schema, f, i).name, name) == 0) return true;
    return false;
}

mmoe_status mmoe_input_fits(const mmoe_input *input, const mmoe_schema *schema, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t f = 0; f < schema->n_sparse + schema->n_dense; f++)
        for (size_t i = 0; !status && i < mmoe_wanted_count(schema, f); i++) {
            const mmoe_wanted_column w = mmoe_wanted(schema, f, i);
            status = check_wanted(input, &w, err);
        }
    for (size_t i = 0; !status && i < input->count; i++)
        if (!input->columns[i].is_optional && !is_read(schema, input->columns[i].name))
            status = fail_fit(input->columns[i].name,
                              "the input has this column, and the model does not read it", err);
    return status;
}

mmoe_status mmoe_input_can_know(const mmoe_input *input, const mmoe_schema *schema,
                                mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t f = 0; f < schema->n_sparse + schema->n_dense; f++)
        for (size_t i = 0; !status && i < mmoe_wanted_count(schema, f); i++) {
            const mmoe_wanted_column w = mmoe_wanted(schema, f, i);
            status = check_type(input, &w, err);
        }
    return status;
}

mmoe_status mmoe_input_check_column(const mmoe_input_column *type, const mmoe_column *given,
                                    const mmoe_batch *batch, const char *call, mmoe_error *err) {
    if (given->type != type->type)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, type->name,
                            "%s: the column is of the type %d, and %d in the input", call,
                            (int)given->type, (int)type->type);
    if (type->is_list && !batch->list_columns)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, type->name,
                            "%s: the column is a list and lacks offsets", call);
    return MMOE_OK;
}
