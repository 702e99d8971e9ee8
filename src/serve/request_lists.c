#include "serve/request_lists.h"

#include <string.h>

#include "base/error.h"
#include "data/encode.h"
#include "data/list_values.h"

/* ---- Which elements ---- */

static const mmoe_list_column *list_column(const mmoe_request_lists *q, int32_t i) {
    return q->batch->list_columns ? &q->batch->list_columns[i - q->side->n_id] : NULL;
}

static mmoe_values elements(const mmoe_request_lists *q, int32_t i, size_t row, mmoe_list_span s) {
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

/* Raw values, or row numbers, of one column. */
static mmoe_status check_column(const mmoe_request_lists *q, int32_t i, mmoe_error *err) {
    const mmoe_list_column *c = list_column(q, i);
    if ((!c || !c->offsets) && q->batch->rows)
        return fail_list(q, i, 0, "the column is a list and lacks offsets", err);
    const mmoe_values all = elements(q, i, 0, (mmoe_list_span){0, c ? c->count : 0});
    return mmoe_values_check(&all, q->call, err);
}

static mmoe_status check_raw(const mmoe_request_lists *q, int32_t i, size_t row, mmoe_error *err) {
    const mmoe_list_column *c = list_column(q, i);
    const mmoe_list_how *how = &q->side->sparse[i]->how;
    const char *fault = mmoe_list_fault(how, c, row);
    if (fault) return fail_list(q, i, row + 1, fault, err);
    const mmoe_values v =
        elements(q, i, row, mmoe_list_kept(how, c->offsets[row], c->offsets[row + 1]));
    return mmoe_encode_ids(&v, NULL, 1, err);
}

/* One list of an encoded batch. */
static mmoe_status check_encoded(const mmoe_request_lists *q, int32_t i, size_t row,
                                 mmoe_error *err) {
    const mmoe_lists *lists = &q->batch->lists;
    const mmoe_list_how *how = &q->side->sparse[i]->how;
    const size_t index = row * (size_t)lists->count + (size_t)(i - q->side->n_id);
    const char *fault = mmoe_list_encoded_fault(how, lists, index);
    if (fault) return fail_list(q, i, row + 1, fault, err);
    const mmoe_list_span s = mmoe_list_encoded(how, lists, index);
    for (size_t e = s.begin; e < s.end; e++)
        if (lists->ids[e] < 0 || lists->ids[e] > q->side->last[i]) {
            const mmoe_values v = {.encoder = q->side->tables[i]->encoder,
                                   .name = q->side->sparse[i]->name};
            return mmoe_fail_row_number(&v, row, lists->ids[e], err);
        }
    return MMOE_OK;
}

mmoe_status mmoe_request_check_list(const mmoe_request_lists *q, int32_t i, size_t row,
                                    mmoe_error *err) {
    return q->batch->sparse_columns ? check_raw(q, i, row, err) : check_encoded(q, i, row, err);
}

/* What all rows have in common. */
static mmoe_status check_columns(const mmoe_request_lists *q, mmoe_error *err) {
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
    return MMOE_OK;
}

mmoe_status mmoe_request_check_lists(const mmoe_request_lists *q, bool rows, mmoe_error *err) {
    mmoe_status status = check_columns(q, err);
    for (size_t row = 0; !status && rows && row < q->batch->rows; row++)
        for (int32_t i = q->side->n_id; !status && i < q->side->n_sparse; i++)
            status = mmoe_request_check_list(q, i, row, err);
    return status;
}

/* ---- Pooling ---- */

enum { PIECE = 64 };

static void add_encoded(const mmoe_request_lists *q, const mmoe_serve_lookup *l, size_t row,
                        float *x, mmoe_bag_state *state) {
    const mmoe_lists *lists = &q->batch->lists;
    const mmoe_list_span s =
        mmoe_list_encoded(&q->side->sparse[l->column]->how, lists,
                          row * (size_t)lists->count + (size_t)(l->column - q->side->n_id));
    if (s.begin == s.end) return;
    const mmoe_list list = {(int64_t)(s.end - s.begin), lists->ids + s.begin,
                            lists->weights ? lists->weights + s.begin : NULL};
    mmoe_bag_add(l->bag, &list, &l->table, x, state);
}

static void add_raw(const mmoe_request_lists *q, const mmoe_serve_lookup *l, size_t row, float *x,
                    mmoe_bag_state *state) {
    const mmoe_list_column *c = list_column(q, l->column);
    const mmoe_list_span all =
        mmoe_list_kept(&q->side->sparse[l->column]->how, c->offsets[row], c->offsets[row + 1]);
    int32_t ids[PIECE];
    for (mmoe_list_span s = {all.begin, 0}; s.begin < all.end; s.begin = s.end) {
        s.end = all.end - s.begin < PIECE ? all.end : s.begin + PIECE;
        mmoe_values v = elements(q, l->column, row, s);
        v.seen = q->seen;
        if (q->seen) mmoe_seen_elements(q->seen, v.rows);
        mmoe_encode_ids(&v, ids, 1, NULL);
        const mmoe_list piece = {(int64_t)(s.end - s.begin), ids,
                                 c->weights ? c->weights + s.begin : NULL};
        mmoe_bag_add(l->bag, &piece, &l->table, x, state);
    }
}

int32_t mmoe_request_pool(const mmoe_request_lists *q, const mmoe_serve_lookup *l, size_t row,
                          float *x) {
    mmoe_bag_state state = {0};
    mmoe_bag_begin(l->bag, &l->table, x, &state);
    if (q->batch->sparse_columns && !q->is_bad)
        add_raw(q, l, row, x, &state);
    else if (!q->is_bad)
        add_encoded(q, l, row, x, &state);
    mmoe_bag_end(l->bag, &l->table, x, &state);
    return mmoe_bag_only(l->bag, &state);
}
