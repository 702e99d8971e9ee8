#include "serve/request.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/vocab.h"

static size_t size_of(mmoe_value_type type) {
    switch (type) {
    case MMOE_VALUE_ROW:
        return sizeof(int32_t);
    case MMOE_VALUE_INT64:
        return sizeof(int64_t);
    case MMOE_VALUE_TEXT:
        return sizeof(const char *);
    case MMOE_VALUE_DOUBLE:
        return sizeof(double);
    default:
        return sizeof(float);
    }
}

static size_t stride_of(const mmoe_column *c) { return c->stride ? c->stride : size_of(c->type); }
static const char *value_at(const mmoe_column *c, size_t row) {
    return (const char *)c->values + row * stride_of(c);
}

/* ---- One value ---- */

/* The row of a raw id: -1 where the table has none for it. */
static int32_t find_int(const mmoe_table *t, const char *at) {
    int64_t id;
    memcpy(&id, at, sizeof id);
    if (t->vocab) return mmoe_vocab_find_int(t->vocab, id);
    return id >= 0 && id < t->rows ? (int32_t)id : (int32_t)t->oov_id;
}

static int32_t find_text(const mmoe_table *t, const char *at, bool *is_number) {
    const char *text;
    memcpy(&text, at, sizeof text);
    const size_t length = text ? strlen(text) : 0;
    *is_number = true;
    if (t->vocab) return mmoe_vocab_find(t->vocab, text ? text : "", length);
    int64_t id = -1;
    if (!mmoe_text_is_missing(text, length))
        *is_number = mmoe_parse_integral(text, length, &id) != 0;
    return id >= 0 && id < t->rows ? (int32_t)id : (int32_t)t->oov_id;
}

static double raw_number(mmoe_value_type type, const char *at) {
    double wide;
    float narrow;
    if (type == MMOE_VALUE_DOUBLE) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow);
    return (double)narrow;
}

/* ---- Checks ---- */

#define AT(row) (int64_t)(row) + 1

static mmoe_status fail_row(const mmoe_serve_side *s, int32_t i, size_t row, int32_t id,
                            mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, AT(row), s->sparse[i]->name,
                        "row number %d is outside 0 to %d", (int)id, (int)s->last[i]);
}

static mmoe_status fail_input(const mmoe_serve_side *s, int32_t i, size_t row, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, AT(row), s->dense[i].column->name,
                        "the value is not finite");
}

static mmoe_status check_ids(const mmoe_serve_side *s, const mmoe_batch *b, mmoe_error *err) {
    for (size_t row = 0; row < b->rows; row++) {
        const int32_t *ids = b->ids + row * b->id_stride;
        int bad = 0;
        for (int32_t i = 0; i < s->n_sparse; i++) bad |= (ids[i] < 0) | (ids[i] > s->last[i]);
        for (int32_t i = 0; bad && i < s->n_sparse; i++)
            if (ids[i] < 0 || ids[i] > s->last[i]) return fail_row(s, i, row, ids[i], err);
    }
    return MMOE_OK;
}

static mmoe_status check_inputs(const mmoe_serve_side *s, const mmoe_batch *b, mmoe_error *err) {
    for (size_t row = 0; row < b->rows; row++)
        for (int32_t i = 0; i < s->n_dense; i++)
            if (!isfinite(b->dense[row * b->dense_stride + (size_t)i]))
                return fail_input(s, i, row, err);
    return MMOE_OK;
}

static mmoe_status fail_id(const mmoe_serve_side *s, int32_t i, size_t row, const char *value,
                           size_t length, bool is_number, mmoe_error *err) {
    const size_t most = 64;
    const char *const name = s->sparse[i]->name;
    if (!is_number)
        return mmoe_fail_at(err, MMOE_E_DATA, NULL, AT(row), name,
                            "\"%.*s\" is not an integer, but the column's ids are row numbers",
                            (int)(length < most ? length : most), value);
    return mmoe_fail_at(err, MMOE_E_DATA, NULL, AT(row), name,
                        "\"%.*s\" is outside of the table's rows 0 to %d",
                        (int)(length < most ? length : most), value, (int)s->last[i]);
}

static mmoe_status check_id(const mmoe_serve_side *s, int32_t i, mmoe_value_type type, size_t row,
                            const char *at, mmoe_error *err) {
    if (type == MMOE_VALUE_ROW) {
        int32_t id;
        memcpy(&id, at, sizeof id);
        return id < 0 || id > s->last[i] ? fail_row(s, i, row, id, err) : MMOE_OK;
    }
    bool is_number = true;
    if (type == MMOE_VALUE_TEXT) {
        if (find_text(s->tables[i], at, &is_number) >= 0 && is_number) return MMOE_OK;
        const char *text;
        memcpy(&text, at, sizeof text);
        return fail_id(s, i, row, text ? text : "", text ? strlen(text) : 0, is_number, err);
    }
    if (find_int(s->tables[i], at) >= 0) return MMOE_OK;
    int64_t id;
    memcpy(&id, at, sizeof id);
    return mmoe_fail_at(err, MMOE_E_DATA, NULL, AT(row), s->sparse[i]->name,
                        "%lld is outside of the table's rows 0 to %d", (long long)id,
                        (int)s->last[i]);
}

static mmoe_status check_number(const mmoe_serve_side *s, int32_t i, mmoe_value_type type,
                                size_t row, const char *at, mmoe_error *err) {
    const mmoe_dense_column *c = s->dense[i].column;
    const double value = raw_number(type, at);
    if (isfinite(value) && type == MMOE_VALUE_INPUT) return MMOE_OK;
    if (type == MMOE_VALUE_INPUT) return fail_input(s, i, row, err);
    const char *fault = NULL;
    if (!isfinite(value))
        fault = "is not finite";
    else if (c->transform == MMOE_TRANSFORM_LOG1P_STANDARDIZE && value <= -1)
        fault = "is not above -1, as log1p needs";
    else if (s->dense[i].unbounded && !isfinite(mmoe_dense_apply(c, value)))
        fault = "is too large for single precision after the column's transform";
    if (!fault) return MMOE_OK;
    char text[MMOE_NUMBER_SIZE];
    mmoe_format_double(value, text);
    return mmoe_fail_at(err, MMOE_E_DATA, NULL, AT(row), c->name, "%s %s", text, fault);
}

/* Ids of a learned vocabulary need no check: there is a row for each. */
static mmoe_status check_sparse(const mmoe_serve_side *s, const mmoe_batch *b, const char *call,
                                mmoe_error *err) {
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const mmoe_column *c = &b->sparse_columns[i];
        if (c->type != MMOE_VALUE_ROW && c->type != MMOE_VALUE_INT64 && c->type != MMOE_VALUE_TEXT)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, s->sparse[i]->name,
                                "%s: %d is no type of a sparse column's values", call,
                                (int)c->type);
        if (!c->values && b->rows)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, s->sparse[i]->name,
                                "%s: the column's values are NULL", call);
    }
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const mmoe_column *c = &b->sparse_columns[i];
        if (c->type != MMOE_VALUE_ROW && s->tables[i]->vocab) continue;
        for (size_t row = 0; row < b->rows; row++) {
            const mmoe_status status = check_id(s, i, c->type, row, value_at(c, row), err);
            if (status) return status;
        }
    }
    return MMOE_OK;
}

static mmoe_status check_dense(const mmoe_serve_side *s, const mmoe_batch *b, const char *call,
                               mmoe_error *err) {
    for (int32_t i = 0; i < s->n_dense; i++) {
        const mmoe_column *c = &b->dense_columns[i];
        if (c->type != MMOE_VALUE_INPUT && c->type != MMOE_VALUE_FLOAT &&
            c->type != MMOE_VALUE_DOUBLE)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, s->dense[i].column->name,
                                "%s: %d is no type of a dense column's values", call, (int)c->type);
        if (!c->values && b->rows)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, s->dense[i].column->name,
                                "%s: the column's values are NULL", call);
    }
    for (int32_t i = 0; i < s->n_dense; i++)
        for (size_t row = 0; row < b->rows; row++) {
            const mmoe_column *c = &b->dense_columns[i];
            const mmoe_status status = check_number(s, i, c->type, row, value_at(c, row), err);
            if (status) return status;
        }
    return MMOE_OK;
}

mmoe_status mmoe_request_check(const mmoe_serve_side *s, const mmoe_batch *b, const char *call,
                               const char *what, mmoe_error *err) {
    const bool ids = s->n_sparse && !b->sparse_columns, dense = s->n_dense && !b->dense_columns;
    if ((ids && !b->ids) || (dense && !b->dense))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the %s lacks %s", call, what,
                         ids && !b->ids ? "ids" : "dense values");
    if ((ids && b->id_stride < (size_t)s->n_sparse) ||
        (dense && b->dense_stride < (size_t)s->n_dense)) {
        const bool of_ids = ids && b->id_stride < (size_t)s->n_sparse;
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s of the %s is smaller than its %d columns",
                         call, of_ids ? "id_stride" : "dense_stride", what,
                         (int)(of_ids ? s->n_sparse : s->n_dense));
    }
    mmoe_status status = MMOE_OK;
    if (s->n_sparse) status = ids ? check_ids(s, b, err) : check_sparse(s, b, call, err);
    if (!status && s->n_dense)
        status = dense ? check_inputs(s, b, err) : check_dense(s, b, call, err);
    return status;
}

/* ---- Encoding ---- */

static void encode_sparse(const mmoe_table *t, const mmoe_column *c, size_t first, int32_t rows,
                          int32_t *to, size_t stride) {
    const size_t step = stride_of(c);
    const char *at = value_at(c, first);
    bool is_number;
    for (int32_t r = 0; r < rows; r++, at += step, to += stride) {
        if (c->type == MMOE_VALUE_ROW)
            memcpy(to, at, sizeof *to);
        else if (c->type == MMOE_VALUE_INT64)
            *to = find_int(t, at);
        else
            *to = find_text(t, at, &is_number);
    }
}

static void encode_dense(const mmoe_dense_column *d, const mmoe_column *c, size_t first,
                         int32_t rows, float *to, size_t stride) {
    const size_t step = stride_of(c);
    const char *at = value_at(c, first);
    for (int32_t r = 0; r < rows; r++, at += step, to += stride) {
        if (c->type == MMOE_VALUE_INPUT)
            memcpy(to, at, sizeof *to);
        else
            *to = mmoe_dense_apply(d, raw_number(c->type, at));
    }
}

mmoe_encoded mmoe_request_encode(const mmoe_serve_side *s, const mmoe_batch *b, size_t first,
                                 int32_t rows, int32_t *ids, float *dense) {
    mmoe_encoded e = {ids, dense, (size_t)s->n_sparse, (size_t)s->n_dense};
    if (!b->sparse_columns && s->n_sparse) {
        e.ids = b->ids + first * b->id_stride;
        e.id_stride = b->id_stride;
    }
    if (!b->dense_columns && s->n_dense) {
        e.dense = b->dense + first * b->dense_stride;
        e.dense_stride = b->dense_stride;
    }
    for (int32_t i = 0; b->sparse_columns && i < s->n_sparse; i++)
        encode_sparse(s->tables[i], &b->sparse_columns[i], first, rows, ids + i, e.id_stride);
    for (int32_t i = 0; b->dense_columns && i < s->n_dense; i++)
        encode_dense(s->dense[i].column, &b->dense_columns[i], first, rows, dense + i,
                     e.dense_stride);
    return e;
}
