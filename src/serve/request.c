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

/* The same values, which count: each is read so once. */
static mmoe_values counted_sparse(const mmoe_request *q, int32_t i, size_t first, size_t rows) {
    mmoe_values v = sparse_values(q, i, first, rows);
    v.seen = mmoe_request_seen(q, i);
    return v;
}

static mmoe_values counted_dense(const mmoe_request *q, int32_t i, size_t first, size_t rows) {
    mmoe_values v = dense_values(q, i, first, rows);
    if (q->seen)
        v.seen = q->seen + q->schema->n_sparse + (q->side->dense[i].column - q->schema->dense);
    return v;
}

/* ---- Checks ---- */

static mmoe_status check_ids(const mmoe_request *q, size_t row, mmoe_error *err) {
    const mmoe_serve_side *s = q->side;
    const int32_t *ids = q->batch->ids + row * q->batch->id_stride;
    int bad = 0;
    for (int32_t i = 0; i < s->n_id; i++) bad |= (ids[i] < 0) | (ids[i] > s->last[i]);
    for (int32_t i = 0; bad && i < s->n_id; i++)
        if (ids[i] < 0 || ids[i] > s->last[i]) {
            const mmoe_values v = sparse_values(q, i, 0, 0);
            return mmoe_fail_row_number(&v, row, ids[i], err);
        }
    return MMOE_OK;
}

static mmoe_status check_inputs(const mmoe_request *q, size_t row, mmoe_error *err) {
    const mmoe_batch *b = q->batch;
    for (int32_t i = 0; i < q->side->dense_width; i++)
        if (!isfinite(b->dense[row * b->dense_stride + (size_t)i])) {
            int32_t last = q->side->n_dense - 1;
            while (q->side->dense[last].first > i) last--;
            const mmoe_values v = dense_values(q, last, 0, 0);
            return mmoe_fail_input(&v, row, err);
        }
    return MMOE_OK;
}

/* What stands encoded. */
static mmoe_status check_encoded(const mmoe_request *q, size_t row, mmoe_error *err) {
    const bool ids = q->side->n_id && !q->batch->sparse_columns,
               dense = q->side->n_dense && !q->batch->dense_columns;
    const mmoe_status status = ids ? check_ids(q, row, err) : MMOE_OK;
    return status || !dense ? status : check_inputs(q, row, err);
}

/* Raw values are read into the working memory where they all fit, so that no text is read twice. */
static mmoe_status check_sparse(const mmoe_request *q, mmoe_error *err) {
    const int32_t n = q->side->n_id;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < n; i++) {
        const mmoe_values v = sparse_values(q, i, 0, q->batch->rows);
        status = mmoe_values_check(&v, q->call, err);
    }
    for (int32_t i = 0; !status && !q->bad && i < n; i++) {
        const mmoe_values v = q->is_read ? counted_sparse(q, i, 0, q->batch->rows)
                                         : sparse_values(q, i, 0, q->batch->rows);
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
    for (int32_t i = 0; !status && !q->bad && i < n; i++) {
        const mmoe_values v = q->is_read ? counted_dense(q, i, 0, q->batch->rows)
                                         : dense_values(q, i, 0, q->batch->rows);
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
    const mmoe_batch *b = q->batch;
    const mmoe_request_lists lists = {q->side, b, q->call, q->what, false, NULL};
    q->is_read = b->rows > 0 && b->rows <= q->room && !q->bad; /* no rows may have no room */
    if (q->bad) q->bad->count = 0;
    mmoe_status status = check_counts(q, err);
    if (!status) status = check_arrays(q, err);
    if (!status && q->side->n_id && b->sparse_columns) status = check_sparse(q, err);
    if (!status && (q->side->n_sparse > q->side->n_id || b->lists.count))
        status = mmoe_request_check_lists(&lists, !q->bad, err);
    if (!status && q->side->n_dense && b->dense_columns) status = check_dense(q, err);
    for (size_t row = 0; !status && !q->bad && row < b->rows; row++)
        status = check_encoded(q, row, err);
    return status;
}

/* ---- Rows at fault ---- */

static void tell(const mmoe_request *q, size_t first, const mmoe_error *fault) {
    int32_t *is_bad = &q->is_bad[(size_t)fault->row - 1 - first];
    if (*is_bad) return;
    *is_bad = 1;
    if (q->bad->errors && q->bad->count < q->bad->capacity) q->bad->errors[q->bad->count] = *fault;
    q->bad->count++;
}

/* A column as far as each row is right, and so on behind a row at fault, which gets zeros. */
static void encode_around(const mmoe_request *q, mmoe_values v, bool dense, void *to,
                          size_t stride) {
    const size_t first = v.first, end = first + v.rows, width = dense ? (size_t)v.dense->width : 1;
    _Static_assert(sizeof(int32_t) == sizeof(float), "both are four bytes of zeros");
    while (v.first < end) {
        mmoe_error fault = {0};
        char *at = (char *)to + (v.first - first) * stride * sizeof(float);
        v.rows = end - v.first;
        const mmoe_status status = dense ? mmoe_encode_numbers(&v, (void *)at, stride, &fault)
                                         : mmoe_encode_ids(&v, (void *)at, stride, &fault);
        if (!status) return;
        tell(q, first, &fault);
        v.first = (size_t)fault.row;
        memset((char *)to + (v.first - 1 - first) * stride * sizeof(float), 0,
               width * sizeof(float));
    }
}

/* Rows that stand encoded are copied, so that a wrong row number is not read. */
static void copy_around(const mmoe_request *q, size_t first, int32_t rows) {
    const size_t n_id = (size_t)q->side->n_id, width = (size_t)q->side->dense_width;
    const mmoe_batch *b = q->batch;
    for (size_t r = 0; r < (size_t)rows; r++) {
        mmoe_error fault = {0};
        const bool bad = check_encoded(q, first + r, &fault) != MMOE_OK;
        if (bad) tell(q, first, &fault);
        if (n_id && !b->sparse_columns && bad) memset(q->ids + r * n_id, 0, n_id * sizeof *q->ids);
        if (n_id && !b->sparse_columns && !bad)
            memcpy(q->ids + r * n_id, b->ids + (first + r) * b->id_stride, n_id * sizeof *q->ids);
        if (width && !b->dense_columns && bad)
            memset(q->dense + r * width, 0, width * sizeof *q->dense);
        if (width && !b->dense_columns && !bad)
            memcpy(q->dense + r * width, b->dense + (first + r) * b->dense_stride,
                   width * sizeof *q->dense);
    }
}

static void check_lists_around(const mmoe_request *q, size_t first, int32_t rows) {
    const mmoe_request_lists lists = {q->side, q->batch, q->call, q->what, false, NULL};
    for (size_t row = first; row < first + (size_t)rows; row++)
        for (int32_t i = q->side->n_id; i < q->side->n_sparse; i++) {
            mmoe_error fault = {0};
            if (mmoe_request_check_list(&lists, i, row, &fault)) tell(q, first, &fault);
        }
}

/* ---- Encoding ---- */

static void encode_rows(const mmoe_request *q, size_t first, int32_t rows) {
    const mmoe_serve_side *s = q->side;
    for (int32_t i = 0; q->batch->sparse_columns && i < s->n_id; i++) {
        const mmoe_values v = counted_sparse(q, i, first, (size_t)rows);
        if (q->bad)
            encode_around(q, v, false, q->ids + i, (size_t)s->n_id);
        else
            mmoe_encode_ids(&v, q->ids + i, (size_t)s->n_id, NULL);
    }
    for (int32_t i = 0; q->batch->dense_columns && i < s->n_dense; i++) {
        const mmoe_values v = counted_dense(q, i, first, (size_t)rows);
        float *to = q->dense + s->dense[i].first;
        if (q->bad)
            encode_around(q, v, true, to, (size_t)s->dense_width);
        else
            mmoe_encode_numbers(&v, to, (size_t)s->dense_width, NULL);
    }
}

mmoe_encoded mmoe_request_encode(const mmoe_request *q, size_t first, int32_t rows) {
    const mmoe_batch *b = q->batch;
    const size_t done = q->is_read ? first : 0, sparse = (size_t)q->side->n_id,
                 dense = (size_t)q->side->dense_width;
    mmoe_encoded e = {q->ids + done * sparse, q->dense + done * dense, sparse, dense};
    if (q->bad) memset(q->is_bad, 0, (size_t)rows * sizeof *q->is_bad);
    if (!q->is_read) encode_rows(q, first, rows);
    if (q->bad) {
        copy_around(q, first, rows);
        check_lists_around(q, first, rows);
        return e;
    }
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
