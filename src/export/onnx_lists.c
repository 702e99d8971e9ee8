#include "export/onnx_lists.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/schema.h"

/* A list padded to L elements. */
typedef struct padded {
    const char *parts;   /* bool [B, L]: the elements that it is pooled of */
    const char *rows;    /* [B, L, dim] of the table */
    const char *weights; /* [B, L]; NULL: all 1 */
} padded;

static const mmoe_sparse_column *column_of(const mmoe_exporter *e, const mmoe_lookup *l) {
    const mmoe_schema *s = e->model->schema;
    return &s->sparse[s->n_sparse - s->n_list + l->column];
}

static const char *join(mmoe_exporter *e, const char *name, const char *what) {
    const size_t size = strlen(name) + strlen(what) + 2;
    char *out = mmoe_onnx_room(e->onnx, size, 1);
    if (!out) return "";
    snprintf(out, size, "%s.%s", name, what);
    return out;
}

static const char *add_input(mmoe_exporter *e, const char *feature, const char *what,
                             int32_t type) {
    const char *name = join(e, feature, what);
    if (mmoe_onnx_adds_inputs(e))
        mmoe_onnx_input_ragged(e->onnx, name, type, join(e, feature, "length"));
    return name;
}

static const char *whole(mmoe_exporter *e, int64_t value) {
    return mmoe_onnx_ints(e->onnx, 1, &value);
}

/* [B, L] to [B, 1, L] or [B, L, 1]. */
static const char *widen(mmoe_exporter *e, const char *name, int64_t axis) {
    return mmoe_onnx_add(e->onnx, "Unsqueeze", name, whole(e, axis));
}

/* ---- Which elements ---- */

/* How many elements of `mask` there are up to each, or from each on: 1 for the first, or last. */
static const char *count_up(mmoe_exporter *e, const char *mask, bool from_the_last) {
    const char *ones = mmoe_onnx_cast(e, mask, MMOE_ONNX_INT64),
               *out = mmoe_onnx_add(e->onnx, "CumSum", ones, whole(e, 1));
    if (from_the_last) mmoe_onnx_set_int(e->onnx, "reverse", 1);
    return out;
}

/* Those of `mask` without what max_len cuts off, and then without padding rows. */
static const char *keep_parts(mmoe_exporter *e, const mmoe_sparse_column *c, const char *ids,
                              const char *mask) {
    mmoe_onnx *o = e->onnx;
    const char *parts = mask;
    if (c->how.max_len > 0) {
        const char *place = count_up(e, mask, c->how.truncate == MMOE_KEEP_LAST);
        parts = mmoe_onnx_add(o, "And", mask,
                              mmoe_onnx_add(o, "LessOrEqual", place, whole(e, c->how.max_len)));
    }
    if (c->padding >= 0) {
        const char *is_padding = mmoe_onnx_add(o, "Equal", ids, whole(e, c->padding));
        parts = mmoe_onnx_add(o, "And", parts, mmoe_onnx_add(o, "Not", is_padding));
    }
    return parts;
}

/* ---- Pooling ---- */

static const char *add_sum(mmoe_exporter *e, const padded *p, bool is_mean, int64_t dim) {
    mmoe_onnx *o = e->onnx;
    const char *w = p->weights
                        ? mmoe_onnx_add(o, "Where", p->parts, p->weights, mmoe_onnx_scalar(o, 0))
                        : mmoe_onnx_cast(e, p->parts, MMOE_ONNX_FLOAT);
    const char *sum =
        mmoe_onnx_flatten(e, mmoe_onnx_add(o, "MatMul", widen(e, w, 1), p->rows), dim);
    if (!is_mean) return sum;
    const char *total = mmoe_onnx_add(o, "ReduceSum", w, whole(e, 1)); /* [B, 1] */
    const char *has_some = mmoe_onnx_add(o, "Greater", total, mmoe_onnx_scalar(o, 0));
    return mmoe_onnx_add(o, "Div", sum,
                         mmoe_onnx_add(o, "Where", has_some, total, mmoe_onnx_scalar(o, 1)));
}

static const char *add_max(mmoe_exporter *e, const padded *p, int64_t dim) {
    mmoe_onnx *o = e->onnx;
    const char *rows =
        mmoe_onnx_add(o, "Where", widen(e, p->parts, 2), p->rows, mmoe_onnx_scalar(o, -INFINITY));
    const char *largest = mmoe_onnx_add(o, "ReduceMax", rows); /* [B, 1, dim] */
    mmoe_onnx_set_axes(o, 1);
    const char *count = mmoe_onnx_add(o, "ReduceSum", mmoe_onnx_cast(e, p->parts, MMOE_ONNX_FLOAT),
                                      whole(e, 1)); /* [B, 1] */
    return mmoe_onnx_add(o, "Where", mmoe_onnx_add(o, "Greater", count, mmoe_onnx_scalar(o, 0)),
                         mmoe_onnx_flatten(e, largest, dim), mmoe_onnx_scalar(o, 0));
}

/* [B, max_len, L] has a 1 where part k of the list is element i; the rows times that move up, and 0
 * fills what is behind the last. */
static const char *add_concat(mmoe_exporter *e, const padded *p, int64_t max_len, int64_t dim) {
    mmoe_onnx *o = e->onnx;
    int64_t *places = mmoe_onnx_room(o, (size_t)max_len, sizeof *places);
    const int64_t shape[] = {max_len, 1};
    if (!places) return "";
    for (int64_t k = 0; k < max_len; k++) places[k] = k + 1;
    const char *place = mmoe_onnx_add(o, "Where", p->parts, count_up(e, p->parts, false),
                                      whole(e, 0)); /* 0: no part */
    const char *is_there =
        mmoe_onnx_add(o, "Equal", widen(e, place, 1),
                      mmoe_onnx_tensor(o, NULL, MMOE_ONNX_INT64, 2, shape, places));
    const char *rows = mmoe_onnx_add(o, "MatMul", mmoe_onnx_cast(e, is_there, MMOE_ONNX_FLOAT),
                                     p->rows); /* [B, max_len, dim] */
    return mmoe_onnx_flatten(e, rows, max_len * dim);
}

const char *mmoe_onnx_pool(mmoe_exporter *e, const char *table, const mmoe_lookup *l) {
    const mmoe_sparse_column *c = column_of(e, l);
    padded p = {0};
    const char *ids = add_input(e, c->name, "ids", MMOE_ONNX_INT64),
               *mask = add_input(e, c->name, "mask", MMOE_ONNX_BOOL);
    if (c->how.weight_separator) p.weights = add_input(e, c->name, "weights", MMOE_ONNX_FLOAT);
    p.parts = keep_parts(e, c, ids, mask);
    p.rows = mmoe_onnx_add(e->onnx, "Gather", table,
                           mmoe_onnx_add(e->onnx, "Where", p.parts, ids, whole(e, 0)));
    switch (l->bag.how) {
    case MMOE_POOL_MAX:
        return add_max(e, &p, l->dim);
    case MMOE_POOL_CONCAT:
        return add_concat(e, &p, l->bag.max_len, l->dim);
    default:
        return add_sum(e, &p, l->bag.how == MMOE_POOL_MEAN, l->dim);
    }
}
