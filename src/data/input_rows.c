/* Rows by the names of an input, as a data set is made of them. */
#include "base/error.h"
#include "data/input.h"

static mmoe_status check_batch(const mmoe_batch *batch, const char *call, mmoe_error *err) {
    const mmoe_input *input = batch->input;
    if (batch->column_count != input->count || (input->count && !batch->columns))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: the batch must have the input's %zu columns, not %zu", call,
                         input->count, batch->columns ? batch->column_count : 0);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < input->count; i++)
        status = mmoe_input_check_column(&input->columns[i], &batch->columns[i], batch, call, err);
    return status;
}

static mmoe_column column_of(const mmoe_batch *given, const char *name) {
    return given->columns[mmoe_input_find(given->input, name) - given->input->columns];
}

static mmoe_list_column list_of(const mmoe_batch *given, const char *name) {
    const mmoe_input_column *at = given->input->columns, *end = mmoe_input_find(given->input, name);
    size_t list = 0;
    for (; at < end; at++) list += at->is_list != 0;
    return given->list_columns[list];
}

/* Sparse columns, then what the crosses among them are of, then the dense ones. */
static void fill(const mmoe_schema *schema, const mmoe_batch *given, mmoe_numbered_batch *out,
                 mmoe_list_column *lists) {
    mmoe_column *more = out->columns + schema->n_sparse;
    for (int32_t f = 0; f < schema->n_sparse; f++) {
        const size_t parts = mmoe_sparse_parts(&schema->sparse[f]);
        const mmoe_wanted_column first = mmoe_wanted(schema, f, 0);
        if (first.is_list) *lists++ = list_of(given, first.name);
        out->columns[f] =
            parts ? (mmoe_column){MMOE_VALUE_PARTS, more, 0} : column_of(given, first.name);
        for (size_t i = 0; i < parts; i++)
            *more++ = column_of(given, mmoe_wanted(schema, f, i).name);
    }
    out->batch.dense_columns = more;
    for (int32_t f = 0; f < schema->n_dense; f++)
        *more++ = column_of(given, mmoe_wanted(schema, schema->n_sparse + f, 0).name);
}

mmoe_status mmoe_input_number(const mmoe_schema *schema, const mmoe_batch *given, const char *call,
                              const mmoe_allocator *alloc, mmoe_numbered_batch *out,
                              mmoe_error *err) {
    mmoe_status status = mmoe_input_fits(given->input, schema, err);
    if (!status) status = check_batch(given, call, err);
    if (status) return status;
    size_t columns = (size_t)schema->n_sparse;
    for (int32_t f = 0; f < schema->n_sparse + schema->n_dense; f++)
        columns += mmoe_wanted_count(schema, f);
    const size_t bytes =
        columns * sizeof(mmoe_column) + (size_t)schema->n_list * sizeof(mmoe_list_column);
    out->columns = mmoe_alloc(alloc, bytes, 1);
    if (!out->columns) return mmoe_fail_memory(err, bytes);
    mmoe_list_column *lists = (mmoe_list_column *)(void *)(out->columns + columns);
    out->batch = (mmoe_batch){.rows = given->rows,
                              .sparse_columns = out->columns,
                              .list_columns = lists,
                              .sparse_count = (size_t)schema->n_sparse,
                              .dense_count = (size_t)schema->n_dense};
    fill(schema, given, out, lists);
    return MMOE_OK;
}
