/* The inputs "ids" and "x", look-ups and transforms. */
#include "data/column_number.h"
#include "data/schema.h"
#include "export/onnx_ops.h"

static const char *table_name(const mmoe_exporter *e, const mmoe_lookup *l) {
    const mmoe_tensors *t = &e->graph->tensors;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].kind == MMOE_TENSOR_TABLE && t->items[i].table == l->table)
            return t->items[i].name;
    return NULL;
}

/* A table is an initialiser of its first lookup's. */
static const char *add_table(mmoe_exporter *e, const mmoe_node *n, int32_t lookup,
                             const char **tables) {
    const mmoe_lookup *l = n->u.input.lookups;
    for (int32_t i = 0; i < lookup; i++)
        if (l[i].table == l[lookup].table) return tables[i];
    const int64_t shape[] = {l[lookup].rows, l[lookup].dim};
    return mmoe_onnx_tensor(e->onnx, table_name(e, &l[lookup]), MMOE_ONNX_FLOAT, 2, shape,
                            mmoe_params_rows(&e->model->params, l[lookup].table));
}

static const char *look_up(mmoe_exporter *e, const char *table, const char *ids, int32_t column) {
    int64_t *index = mmoe_onnx_room(e->onnx, 1, sizeof *index);
    if (index) *index = column;
    const char *rows =
        mmoe_onnx_add(e->onnx, "Gather", ids,
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_INT64, 0, NULL, index)); /* [B] */
    mmoe_onnx_set_int(e->onnx, "axis", 1);
    return mmoe_onnx_add(e->onnx, "Gather", table, rows);
}

/* Where the column's transform takes the logarithm: Where(mask, log(1 + x), x). */
static const char *add_logarithms(mmoe_exporter *e, const char *x, const mmoe_dense_column *columns,
                                  int64_t n) {
    bool *mask = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *mask), any = false;
    double *one = mmoe_onnx_room(e->onnx, 1, sizeof *one);
    if (!one) return "";
    *one = 1;
    for (int64_t i = 0; i < n; i++)
        any |= mask[i] =
            mmoe_number_of(columns[i].encoder)->transform == MMOE_TRANSFORM_LOG1P_STANDARDIZE;
    if (!any) return x;
    const char *sum = mmoe_onnx_add(
        e->onnx, "Add", x, mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 0, NULL, one));
    const char *logarithm = mmoe_onnx_add(e->onnx, "Log", sum);
    return mmoe_onnx_add(e->onnx, "Where",
                         mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_BOOL, 1, &n, mask), logarithm,
                         x);
}

/* Where a value is missing, and may be: Where(IsNaN(raw) and mask, fill, x). */
static const char *add_gaps(mmoe_exporter *e, const char *x, const mmoe_dense_column *columns,
                            int64_t n) {
    bool *mask = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *mask), any = false;
    float *fill = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *fill);
    if (!fill) return "";
    for (int64_t i = 0; i < n; i++) {
        any |= mask[i] = columns[i].gap.fill;
        fill[i] = mask[i] ? *columns[i].gap.fill : 0;
    }
    if (!any) return x;
    const char *missing =
        mmoe_onnx_add(e->onnx, "And", mmoe_onnx_add(e->onnx, "IsNaN", "x"),
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_BOOL, 1, &n, mask));
    return mmoe_onnx_add(e->onnx, "Where", missing,
                         mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_FLOAT, 1, &n, fill), x);
}

/* In double, as the library does it: a column of large values that lie close together keeps its
 * digits. */
static const char *add_transforms(mmoe_exporter *e, const mmoe_dense_column *columns, int64_t n) {
    double *shift = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *shift),
           *scale = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *scale);
    if (!scale) return "";
    bool any = false;
    for (int64_t i = 0; i < n; i++) any |= columns[i].gap.fill != NULL;
    for (int64_t i = 0; i < n; i++) {
        const mmoe_number_encoder *number = mmoe_number_of(columns[i].encoder);
        shift[i] = number->shift;
        scale[i] = number->scale;
        any |= number->transform != MMOE_TRANSFORM_NONE;
    }
    if (!any) return "x";
    const char *x = mmoe_onnx_add(e->onnx, "Cast", "x");
    mmoe_onnx_set_int(e->onnx, "to", MMOE_ONNX_DOUBLE);
    x = add_logarithms(e, x, columns, n);
    x = mmoe_onnx_add(e->onnx, "Sub", x,
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 1, &n, shift));
    x = mmoe_onnx_add(e->onnx, "Mul", x,
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 1, &n, scale));
    x = mmoe_onnx_add(e->onnx, "Cast", x);
    mmoe_onnx_set_int(e->onnx, "to", MMOE_ONNX_FLOAT);
    return add_gaps(e, x, columns, n);
}

void mmoe_onnx_op_input(mmoe_exporter *e, const mmoe_node *n) {
    const int32_t n_lookup = n->u.input.n_lookup, n_dense = n->u.input.n_dense;
    const char **tables = mmoe_onnx_room(e->onnx, (size_t)n_lookup, sizeof *tables);
    mmoe_onnx_piece *items = mmoe_onnx_room(e->onnx, (size_t)n_lookup + 1, sizeof *items);
    if (!items) return;
    if (e->graph->n_id) mmoe_onnx_input(e->onnx, "ids", MMOE_ONNX_INT64, e->graph->n_id);
    if (n_dense) mmoe_onnx_input(e->onnx, "x", MMOE_ONNX_FLOAT, n_dense);
    for (int32_t i = 0; i < n_lookup; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        tables[i] = add_table(e, n, i, tables);
        items[i] = (mmoe_onnx_piece){l->col, l->dim, look_up(e, tables[i], "ids", l->column)};
    }
    if (n_dense)
        items[n_lookup] = (mmoe_onnx_piece){n->u.input.dense_col, n_dense,
                                            add_transforms(e, e->model->schema->dense, n_dense)};
    mmoe_onnx_set_value(e, n->out, items, n_lookup + (n_dense > 0));
}
