/* The model's inputs, look-ups, transforms and encodings. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "data/column_date.h"
#include "data/column_number.h"
#include "data/column_piecewise_linear.h"
#include "data/schema.h"
#include "export/onnx_lists.h"
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

static const char *look_up(mmoe_exporter *e, const char *table, const mmoe_lookup *l) {
    if (l->is_list) return mmoe_onnx_pool(e, table, l);
    int64_t *index = mmoe_onnx_room(e->onnx, 1, sizeof *index);
    if (index) *index = l->column;
    const char *rows =
        mmoe_onnx_add(e->onnx, "Gather", "ids",
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

/* In double, as the library does it: a column of large values that lie close together keeps its
 * digits. */
static const char *add_transforms(mmoe_exporter *e, const char *raw,
                                  const mmoe_dense_column *columns, int64_t n) {
    double *shift = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *shift),
           *scale = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *scale);
    if (!scale) return "";
    bool any = false;
    for (int64_t i = 0; i < n; i++) {
        const mmoe_number_encoder *number = mmoe_number_of(columns[i].encoder);
        shift[i] = number->shift;
        scale[i] = number->scale;
        any |= number->transform != MMOE_TRANSFORM_NONE;
    }
    if (!any) return raw;
    const char *x = mmoe_onnx_cast(e, raw, MMOE_ONNX_DOUBLE);
    x = add_logarithms(e, x, columns, n);
    x = mmoe_onnx_add(e->onnx, "Sub", x,
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 1, &n, shift));
    x = mmoe_onnx_add(e->onnx, "Mul", x,
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 1, &n, scale));
    return mmoe_onnx_cast(e, x, MMOE_ONNX_FLOAT);
}

/* min(max((x - low) / (high - low), least), most), a bin an entry; the first has no least, the last
 * no most. */
static const char *add_bins(mmoe_exporter *e, const char *raw, const mmoe_dense_column *c) {
    const mmoe_numbers *edges = &mmoe_piecewise_of(c->encoder)->edges;
    const int64_t n = (int64_t)edges->count - 1;
    double *bounds[4]; /* low, size, least, most */
    for (int i = 0; i < 4; i++) {
        bounds[i] = mmoe_onnx_room(e->onnx, (size_t)n, sizeof **bounds);
        if (!bounds[i]) return "";
    }
    for (int64_t t = 0; t < n; t++) {
        bounds[0][t] = edges->items[t];
        bounds[1][t] = edges->items[t + 1] - edges->items[t];
        bounds[2][t] = t > 0 ? 0 : -DBL_MAX;
        bounds[3][t] = t + 1 < n ? 1 : DBL_MAX;
    }
    static const char *const ops[] = {"Sub", "Div", "Max", "Min"};
    const char *x = mmoe_onnx_cast(e, raw, MMOE_ONNX_DOUBLE);
    for (int i = 0; i < 4; i++)
        x = mmoe_onnx_add(e->onnx, ops[i], x,
                          mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 1, &n, bounds[i]));
    return mmoe_onnx_cast(e, x, MMOE_ONNX_FLOAT);
}

static const char *add_constants(mmoe_exporter *e, const double *values, int64_t n) {
    double *copy = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *copy);
    if (!copy) return "";
    memcpy(copy, values, (size_t)n * sizeof *copy);
    return mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 1, &n, copy);
}

static const char *combine(mmoe_exporter *e, const char *op, const char *x, double constant) {
    return mmoe_onnx_add(e->onnx, op, x, add_constants(e, &constant, 1));
}

/* x mod 7 of whole days, Monday being 0, as seven comparisons. */
static const char *add_weekdays(mmoe_exporter *e, const char *days) {
    static const double weekdays[] = {0, 1, 2, 3, 4, 5, 6};
    const char *day = combine(e, "Add", mmoe_onnx_add(e->onnx, "Floor", days), 3);
    const char *weeks = mmoe_onnx_add(e->onnx, "Floor", combine(e, "Div", day, 7));
    day = mmoe_onnx_add(e->onnx, "Sub", day, combine(e, "Mul", weeks, 7));
    return mmoe_onnx_add(e->onnx, "Equal", day, add_constants(e, weekdays, 7));
}

/* The hour of a part of a day, as 24 comparisons. */
static const char *add_hours(mmoe_exporter *e, const char *days) {
    double hours[MMOE_DATE_HOURS];
    for (int i = 0; i < MMOE_DATE_HOURS; i++) hours[i] = i;
    const char *part = mmoe_onnx_add(e->onnx, "Sub", days, mmoe_onnx_add(e->onnx, "Floor", days));
    const char *hour = combine(e, "Add", combine(e, "Mul", part, 24), MMOE_DATE_EARLY);
    hour = mmoe_onnx_add(e->onnx, "Floor", hour);
    const char *turns = mmoe_onnx_add(e->onnx, "Floor", combine(e, "Div", hour, 24));
    hour = mmoe_onnx_add(e->onnx, "Sub", hour, combine(e, "Mul", turns, 24));
    return mmoe_onnx_add(e->onnx, "Equal", hour, add_constants(e, hours, MMOE_DATE_HOURS));
}

/* A date's inputs, of its days; the cosine is the sine a quarter of a turn on. */
static const char *add_date(mmoe_exporter *e, const char *raw, const mmoe_dense_column *c) {
    const mmoe_date_encoder *date = mmoe_date_of(c->encoder);
    const double turn = 2 * acos(-1), quarters[] = {0, turn / 4};
    const char *days = mmoe_onnx_cast(e, raw, MMOE_ONNX_DOUBLE);
    const char *angle = combine(e, "Mul", days, turn / 365.2425);
    const char *parts[] = {
        combine(e, "Mul", combine(e, "Sub", days, date->shift), date->scale),
        add_weekdays(e, days),
        mmoe_onnx_add(e->onnx, "Sin",
                      mmoe_onnx_add(e->onnx, "Add", angle, add_constants(e, quarters, 2))),
        date->hours ? add_hours(e, days) : NULL,
    };
    const int count = date->hours ? 4 : 3;
    for (int i = 0; i < count; i++) parts[i] = mmoe_onnx_cast(e, parts[i], MMOE_ONNX_FLOAT);
    return mmoe_onnx_concat(e, parts, count);
}

/* Columns of the input "x". */
static const char *raw_columns(mmoe_exporter *e, int32_t first, int32_t count) {
    int64_t *index = mmoe_onnx_room(e->onnx, (size_t)count, sizeof *index);
    const int64_t n = count;
    if (!index) return "";
    for (int32_t i = 0; i < count; i++) index[i] = first + i;
    const char *out = mmoe_onnx_add(e->onnx, "Gather", "x",
                                    mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_INT64, 1, &n, index));
    mmoe_onnx_set_int(e->onnx, "axis", 1);
    return out;
}

/* NaN, and where there are logarithms what has none. */
static const char *has_none(mmoe_exporter *e, const mmoe_dense_column *c, const char *raw) {
    if (c->encoder->kind == &mmoe_column_number &&
        mmoe_number_of(c->encoder)->transform == MMOE_TRANSFORM_LOG1P_STANDARDIZE)
        return mmoe_onnx_add(e->onnx, "Not",
                             combine(e, "Greater", mmoe_onnx_cast(e, raw, MMOE_ONNX_DOUBLE), -1));
    return mmoe_onnx_add(e->onnx, "IsNaN", c->span == 1 ? raw : raw_columns(e, c->first_number, 1));
}

/* Days that stand for a missing date as well. */
static const char *is_missing_day(mmoe_exporter *e, const mmoe_dense_column *c, const char *raw,
                                  const char *missing) {
    double gap;
    for (size_t i = 0; mmoe_date_gap(mmoe_date_of(c->encoder), &i, &gap);) {
        const char *day = mmoe_onnx_add(e->onnx, "Floor", mmoe_onnx_cast(e, raw, MMOE_ONNX_DOUBLE));
        missing = mmoe_onnx_add(e->onnx, "Or", missing, combine(e, "Equal", day, gap));
    }
    return missing;
}

/* Numbers that stand for a missing one as well; "x" is of single precision, as they are then. */
static const char *is_missing(mmoe_exporter *e, const mmoe_dense_column *c, const char *raw) {
    const char *missing = has_none(e, c, raw);
    const mmoe_encoder *encoder = c->encoder;
    double gap;
    if (!mmoe_encoder_has_gaps(encoder)) return missing;
    if (encoder->kind == &mmoe_column_date) return is_missing_day(e, c, raw, missing);
    for (size_t i = 0; mmoe_number_text_gap(encoder->kind->text(encoder), &i, &gap);) {
        const char *x = mmoe_onnx_cast(e, raw, MMOE_ONNX_DOUBLE);
        missing = mmoe_onnx_add(e->onnx, "Or", missing, combine(e, "Equal", x, (double)(float)gap));
    }
    return missing;
}

/* A dense feature that is no plain number: its inputs, what stands for a missing value in their
 * place, and whether it was. */
static const char *add_feature(mmoe_exporter *e, const mmoe_dense_column *c) {
    const int64_t width = c->width - c->indicator;
    const char *raw = raw_columns(e, c->first_number, c->span), *x = raw;
    if (c->encoder->kind == &mmoe_column_number) x = add_transforms(e, raw, c, 1);
    if (c->encoder->kind == &mmoe_column_piecewise_linear) x = add_bins(e, raw, c);
    if (c->encoder->kind == &mmoe_column_date) x = add_date(e, raw, c);
    if (!c->gap.fill) return x;
    float *fill = mmoe_onnx_room(e->onnx, (size_t)width, sizeof *fill);
    if (!fill) return "";
    memcpy(fill, c->gap.fill, (size_t)width * sizeof *fill);
    const char *missing = is_missing(e, c, raw);
    x = mmoe_onnx_add(e->onnx, "Where", missing,
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_FLOAT, 1, &width, fill), x);
    const char *const both[] = {x,
                                c->indicator ? mmoe_onnx_cast(e, missing, MMOE_ONNX_FLOAT) : NULL};
    return c->indicator ? mmoe_onnx_concat(e, both, 2) : x;
}

static bool is_plain(const mmoe_dense_column *c) {
    return c->encoder->kind == &mmoe_column_number && !c->gap.fill;
}

/* The dense features' inputs; features that are plain numbers are transformed together. */
static int32_t add_dense(mmoe_exporter *e, int32_t col, mmoe_onnx_piece *items) {
    const mmoe_schema *s = e->model->schema;
    int32_t n = 0;
    for (int32_t i = 0, end; i < s->n_dense; i = end) {
        const mmoe_dense_column *c = &s->dense[i];
        for (end = i; end < s->n_dense && is_plain(&s->dense[end]);) end++;
        const int32_t plain = end - i;
        if (plain == 0) end = i + 1;
        items[n] = (mmoe_onnx_piece){col + c->first, plain ? plain : c->width, NULL};
        const char *raw = "x";
        if (plain > 0 && plain < s->n_dense) raw = raw_columns(e, c->first_number, plain);
        items[n++].name = plain > 0 ? add_transforms(e, raw, c, plain) : add_feature(e, c);
    }
    return n;
}

void mmoe_onnx_op_input(mmoe_exporter *e, const mmoe_node *n) {
    const int32_t n_lookup = n->u.input.n_lookup, n_dense = e->model->schema->n_dense;
    const char **tables = mmoe_onnx_room(e->onnx, (size_t)n_lookup, sizeof *tables);
    mmoe_onnx_piece *items =
        mmoe_onnx_room(e->onnx, (size_t)n_lookup + (size_t)n_dense, sizeof *items);
    if (!items) return;
    const bool adds = mmoe_onnx_adds_inputs(e);
    if (adds && e->graph->n_id) mmoe_onnx_input(e->onnx, "ids", MMOE_ONNX_INT64, e->graph->n_id);
    if (adds && n_dense)
        mmoe_onnx_input(e->onnx, "x", MMOE_ONNX_FLOAT, e->model->schema->dense_span);
    for (int32_t i = 0; i < n_lookup; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        tables[i] = add_table(e, n, i, tables);
        items[i] = (mmoe_onnx_piece){l->col, mmoe_lookup_width(l), look_up(e, tables[i], l)};
    }
    const int32_t added = add_dense(e, n->u.input.dense_col, items + n_lookup);
    mmoe_onnx_set_value(e, n->out, items, n_lookup + added);
}
