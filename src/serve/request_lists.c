#include "serve/request_lists.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "data/encode.h"

/* ---- Which elements ---- */

typedef struct span {
    size_t begin, end;
} span;

/* Those of a list that max_len leaves. */
static span kept(const mmoe_sparse_column *c, size_t begin, size_t end) {
    const size_t most = (size_t)c->how.max_len;
    if (most == 0 || end - begin <= most) return (span){begin, end};
    return c->how.truncate == MMOE_KEEP_LAST ? (span){end - most, end}
                                             : (span){begin, begin + most};
}

static mmoe_values elements(const mmoe_request_lists *q, int32_t i, size_t row, span s) {
    return (mmoe_values){.encoder = q->side->tables[i]->encoder,
                         .name = q->side->sparse[i]->name,
                         .column = &q->batch->sparse_columns[i],
                         .first = s.begin,
                         .rows = s.end - s.begin,
                         .reading = q->side->reading,
                         .is_list = true,
                         .row = row};
}

/* ---- Checks ---- */

/* `row` counts from 1; 0: of the column. */
static mmoe_status fail_list(const mmoe_request_lists *q, int32_t i, size_t row, const char *fault,
                             mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, (int64_t)row, q->side->sparse[i]->name,
                        "%s: %s", q->call, fault);
}

static const char no_weights[] = "lists that are pooled by max or concat have no weights";

static bool takes_weights(const mmoe_sparse_column *c) {
    return c->how.pooling == MMOE_POOL_MEAN || c->how.pooling == MMOE_POOL_SUM;
}

static const char *weight_fault(const float *weights, span s) {
    for (size_t e = s.begin; weights && e < s.end; e++)
        if (!isfinite(weights[e]) || weights[e] < 0)
            return "a weight is not a number of at least 0";
    return NULL;
}

static const char *raw_fault(const mmoe_column *c, span s) {
    if (s.end < s.begin) return "its offsets descend";
    if (s.end > c->count) return "its offsets pass the values";
    return weight_fault(c->weights, s);
}

/* Encoded lists have one array of weights: those that take none have 1 there. */
static const char *encoded_weight_fault(const mmoe_sparse_column *c, const float *weights, span s) {
    if (takes_weights(c)) return weight_fault(weights, s);
    for (size_t e = s.begin; weights && e < s.end; e++)
        if (weights[e] != 1) return no_weights;
    return NULL;
}

/* Raw values, or row numbers, of one column. */
static mmoe_status check_column(const mmoe_request_lists *q, int32_t i, mmoe_error *err) {
    const mmoe_column *c = &q->batch->sparse_columns[i];
    if (!c->offsets && q->batch->rows)
        return fail_list(q, i, 0, "the column is a list and lacks offsets", err);
    if (c->weights && !takes_weights(q->side->sparse[i]))
        return fail_list(q, i, 0, no_weights, err);
    const mmoe_values all = elements(q, i, 0, (span){0, c->count});
    mmoe_status status = mmoe_values_check(&all, q->call, err);
    for (size_t row = 0; !status && row < q->batch->rows; row++) {
        const span s = {c->offsets[row], c->offsets[row + 1]};
        const char *fault = raw_fault(c, s);
        if (fault) return fail_list(q, i, row + 1, fault, err);
        const mmoe_values v = elements(q, i, row, kept(q->side->sparse[i], s.begin, s.end));
        status = mmoe_encode_ids(&v, NULL, 1, err);
    }
    return status;
}

/* One list of an encoded batch. */
static mmoe_status check_encoded(const mmoe_request_lists *q, int32_t i, size_t row,
                                 mmoe_error *err) {
    const mmoe_lists *lists = &q->batch->lists;
    const int64_t *at = lists->offsets + row * (size_t)lists->count + (size_t)(i - q->side->n_id);
    if (at[0] < 0 || at[1] < at[0]) return fail_list(q, i, row + 1, "its offsets descend", err);
    const span s = kept(q->side->sparse[i], (size_t)at[0], (size_t)at[1]);
    const char *fault = s.begin < s.end && !lists->ids
                            ? "its elements are NULL"
                            : encoded_weight_fault(q->side->sparse[i], lists->weights, s);
    if (fault) return fail_list(q, i, row + 1, fault, err);
    for (size_t e = s.begin; e < s.end; e++)
        if (lists->ids[e] < 0 || lists->ids[e] > q->side->last[i]) {
            const mmoe_values v = {.encoder = q->side->tables[i]->encoder,
                                   .name = q->side->sparse[i]->name};
            return mmoe_fail_row_number(&v, row, lists->ids[e], err);
        }
    return MMOE_OK;
}

mmoe_status mmoe_request_check_lists(const mmoe_request_lists *q, mmoe_error *err) {
    const int32_t first = q->side->n_id, end = q->side->n_sparse;
    const mmoe_lists *lists = &q->batch->lists;
    mmoe_status status = MMOE_OK;
    if (q->batch->sparse_columns) {
        for (int32_t i = first; !status && i < end; i++) status = check_column(q, i, err);
        return status;
    }
    if (lists->count != end - first)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the %s %s %d encoded lists, not %d", q->call,
                         q->what, strcmp(q->what, "items") ? "has" : "have", (int)lists->count,
                         (int)(end - first));
    if (first < end && q->batch->rows && !lists->offsets)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the %s lacks the offsets of its lists", q->call,
                         q->what);
    for (size_t row = 0; !status && first < end && row < q->batch->rows; row++)
        for (int32_t i = first; !status && i < end; i++) status = check_encoded(q, i, row, err);
    return status;
}

/* ---- Pooling ---- */

enum { PIECE = 64 };

static void add_encoded(const mmoe_request_lists *q, const mmoe_serve_lookup *l, size_t row,
                        float *x, mmoe_bag_state *state) {
    const mmoe_bag_table table = {l->table, l->dim};
    const mmoe_lists *lists = &q->batch->lists;
    const int64_t *at =
        lists->offsets + row * (size_t)lists->count + (size_t)(l->column - q->side->n_id);
    const span s = kept(q->side->sparse[l->column], (size_t)at[0], (size_t)at[1]);
    if (s.begin == s.end) return;
    const mmoe_list list = {(int64_t)(s.end - s.begin), lists->ids + s.begin,
                            lists->weights ? lists->weights + s.begin : NULL};
    mmoe_bag_add(l->bag, &list, &table, x, state);
}

static void add_raw(const mmoe_request_lists *q, const mmoe_serve_lookup *l, size_t row, float *x,
                    mmoe_bag_state *state) {
    const mmoe_bag_table table = {l->table, l->dim};
    const mmoe_column *c = &q->batch->sparse_columns[l->column];
    const span all = kept(q->side->sparse[l->column], c->offsets[row], c->offsets[row + 1]);
    int32_t ids[PIECE];
    for (span s = {all.begin, 0}; s.begin < all.end; s.begin = s.end) {
        s.end = all.end - s.begin < PIECE ? all.end : s.begin + PIECE;
        const mmoe_values v = elements(q, l->column, row, s);
        mmoe_encode_ids(&v, ids, 1, NULL);
        const mmoe_list piece = {(int64_t)(s.end - s.begin), ids,
                                 c->weights ? c->weights + s.begin : NULL};
        mmoe_bag_add(l->bag, &piece, &table, x, state);
    }
}

void mmoe_request_pool(const mmoe_request_lists *q, const mmoe_serve_lookup *l, size_t row,
                       float *x) {
    const mmoe_bag_table table = {l->table, l->dim};
    mmoe_bag_state state = {0};
    mmoe_bag_begin(l->bag, &table, x, &state);
    if (q->batch->sparse_columns)
        add_raw(q, l, row, x, &state);
    else
        add_encoded(q, l, row, x, &state);
    mmoe_bag_end(l->bag, &table, x, &state);
}
