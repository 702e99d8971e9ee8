#include "serve/request.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/encode.h"
#include "serve/request_lists.h"

static mmoe_values sparse_values(const mmoe_request *q, int32_t i, size_t first, size_t rows) {
    const mmoe_column *c = q->batch->sparse_columns;
    return (mmoe_values){q->side->tables[i]->encoder,
                         q->side->sparse[i]->name,
                         c ? c + i : NULL,
                         first,
                         rows,
                         q->side->reading,
                         .parts = mmoe_sparse_parts(q->side->sparse[i])};
}

static mmoe_values dense_values(const mmoe_request *q, int32_t i, size_t first, size_t rows) {
    const mmoe_column *c = q->batch->dense_columns;
    const mmoe_dense_column *d = q->side->dense[i].column;
    return (mmoe_values){.encoder = d->encoder,
                         .name = d->name,
                         .column = c ? c + i : NULL,
                         .first = first,
                         .rows = rows,
                         .reading = q->side->reading,
                         .dense = d};
}

/* ---- Checks ---- */

static mmoe_status check_ids(const mmoe_request *q, mmoe_error *err) {
    const mmoe_serve_side *s = q->side;
    const mmoe_batch *b = q->batch;
    for (size_t row = 0; row < b->rows; row++) {
        const int32_t *ids = b->ids + row * b->id_stride;
        int bad = 0;
        for (int32_t i = 0; i < s->n_id; i++) bad |= (ids[i] < 0) | (ids[i] > s->last[i]);
        for (int32_t i = 0; bad && i < s->n_id; i++)
            if (ids[i] < 0 || ids[i] > s->last[i]) {
                const mmoe_values v = sparse_values(q, i, 0, 0);
                return mmoe_fail_row_number(&v, row, ids[i], err);
            }
    }
    return MMOE_OK;
}

static mmoe_status check_inputs(const mmoe_request *q, mmoe_error *err) {
    const mmoe_batch *b = q->batch;
    for (size_t row = 0; row < b->rows; row++)
        for (int32_t i = 0; i < q->side->dense_width; i++)
            if (!isfinite(b->dense[row * b->dense_stride + (size_t)i])) {
                int32_t last = q->side->n_dense - 1;
                while (q->side->dense[last].first > i) last--;
                const mmoe_values v = dense_values(q, last, 0, 0);
                return mmoe_fail_input(&v, row, err);
            }
    return MMOE_OK;
}

/* Raw values are read into the working memory where they all fit, so that no text is read twice. */
static mmoe_status check_sparse(const mmoe_request *q, mmoe_error *err) {
    const int32_t n = q->side->n_id;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < n; i++) {
        const mmoe_values v = sparse_values(q, i, 0, q->batch->rows);
        status = mmoe_values_check(&v, q->call, err);
    }
    for (int32_t i = 0; !status && i < n; i++) {
        const mmoe_values v = sparse_values(q, i, 0, q->batch->rows);
        status = mmoe_encode_ids(&v, q->is_read ? q->ids + i : NULL, (size_t)n, err);
    }
    return status;
}

static mmoe_status check_dense(const mmoe_request *q, mmoe_error *err) {
    const int32_t n = q->side->n_dense;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < n; i++) {
        const mmoe_values v = dense_values(q, i, 0, q->batch->rows);
        status = mmoe_values_check(&v, q->call, err);
    }
    for (int32_t i = 0; !status && i < n; i++) {
        const mmoe_values v = dense_values(q, i, 0, q->batch->rows);
        status = mmoe_encode_numbers(&v, q->is_read ? q->dense + q->side->dense[i].first : NULL,
                                     (size_t)q->side->dense_width, err);
    }
    return status;
}

static const char *column_name(const mmoe_serve_side *s, bool dense, int32_t i) {
    return dense ? s->dense[i].column->name : s->sparse[i]->name;
}

static mmoe_status fail_count(const mmoe_request *q, bool dense, mmoe_error *err) {
    const mmoe_serve_side *s = q->side;
    const size_t given = dense ? q->batch->dense_count : q->batch->sparse_count,
                 wanted = (size_t)(dense ? s->n_dense : s->n_sparse);
    char names[200] = "none";
    size_t used = 0;
    for (size_t i = 0; i < wanted && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, i ? ", %s" : "%s",
                                 column_name(s, dense, (int32_t)i));
    return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the %s %s %zu %s columns, not %zu (%s%s)", q->call,
                     q->what, strcmp(q->what, "items") ? "has" : "have", given,
                     dense ? "dense" : "sparse", wanted, names, used < sizeof names ? "" : " ...");
}

/* What a caller counted, if it counted: others' columns would be read as these. */
static mmoe_status check_counts(const mmoe_request *q, mmoe_error *err) {
    const mmoe_batch *b = q->batch;
    if (!b->sparse_count && !b->dense_count) return MMOE_OK;
    if (b->sparse_count != (size_t)q->side->n_sparse) return fail_count(q, false, err);
    return b->dense_count != (size_t)q->side->n_dense ? fail_count(q, true, err) : MMOE_OK;
}

static mmoe_status check_arrays(const mmoe_request *q, mmoe_error *err) {
    const mmoe_serve_side *s = q->side;
    const mmoe_batch *b = q->batch;
    const bool ids = s->n_id && !b->sparse_columns, dense = s->n_dense && !b->dense_columns;
    if ((ids && !b->ids) || (dense && !b->dense))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the %s lacks %s", q->call, q->what,
                         ids && !b->ids ? "ids" : "dense values");
    if ((ids && b->id_stride < (size_t)s->n_id) ||
        (dense && b->dense_stride < (size_t)s->dense_width)) {
        const bool of_ids = ids && b->id_stride < (size_t)s->n_id;
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s of the %s is smaller than its %d %s",
                         q->call, of_ids ? "id_stride" : "dense_stride", q->what,
                         (int)(of_ids ? s->n_id : s->dense_width),
                         of_ids || s->dense_width == s->n_dense ? "columns" : "inputs");
    }
    return MMOE_OK;
}

mmoe_status mmoe_request_check(mmoe_request *q, mmoe_error *err) {
    q->is_read = q->batch->rows <= q->room;
    mmoe_status status = check_counts(q, err);
    if (!status) status = check_arrays(q, err);
    if (!status && q->side->n_id)
        status = q->batch->sparse_columns ? check_sparse(q, err) : check_ids(q, err);
    if (!status && (q->side->n_sparse > q->side->n_id || q->batch->lists.count))
        status = mmoe_request_check_lists(
            &(mmoe_request_lists){q->side, q->batch, q->call, q->what}, err);
    if (!status && q->side->n_dense)
        status = q->batch->dense_columns ? check_dense(q, err) : check_inputs(q, err);
    return status;
}

/* ---- Encoding ---- */

static void encode_rows(const mmoe_request *q, size_t first, int32_t rows) {
    const mmoe_serve_side *s = q->side;
    for (int32_t i = 0; q->batch->sparse_columns && i < s->n_id; i++) {
        const mmoe_values v = sparse_values(q, i, first, (size_t)rows);
        mmoe_encode_ids(&v, q->ids + i, (size_t)s->n_id, NULL);
    }
    for (int32_t i = 0; q->batch->dense_columns && i < s->n_dense; i++) {
        const mmoe_values v = dense_values(q, i, first, (size_t)rows);
        mmoe_encode_numbers(&v, q->dense + s->dense[i].first, (size_t)s->dense_width, NULL);
    }
}

mmoe_encoded mmoe_request_encode(const mmoe_request *q, size_t first, int32_t rows) {
    const mmoe_batch *b = q->batch;
    const size_t done = q->is_read ? first : 0, sparse = (size_t)q->side->n_id,
                 dense = (size_t)q->side->dense_width;
    mmoe_encoded e = {q->ids + done * sparse, q->dense + done * dense, sparse, dense};
    if (!q->is_read) encode_rows(q, first, rows);
    if (!b->sparse_columns && sparse) {
        e.ids = b->ids + first * b->id_stride;
        e.id_stride = b->id_stride;
    }
    if (!b->dense_columns && dense) {
        e.dense = b->dense + first * b->dense_stride;
        e.dense_stride = b->dense_stride;
    }
    return e;
}
