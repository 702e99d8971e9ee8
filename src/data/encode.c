#include "data/encode.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

mmoe_status mmoe_fail_row_number(const mmoe_values *v, size_t row, int32_t id, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, (int64_t)row + 1, v->name,
                        "row number %d is outside 0 to %d", (int)id, (int)v->encoder->rows - 1);
}

mmoe_status mmoe_fail_input(const mmoe_values *v, size_t row, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, (int64_t)row + 1, v->name,
                        "the value is not finite");
}

static mmoe_status fail_raw(const mmoe_values *v, size_t row, const char *at, const char *fault,
                            mmoe_error *err) {
    char shown[MMOE_SHOWN_SIZE];
    const bool vector = v->dense && v->dense->span > 1 && v->column->type != MMOE_VALUE_TEXT;
    return mmoe_fail_at(err, MMOE_E_DATA, NULL, (int64_t)row + 1, v->name, "%s %s",
                        vector ? "the vector" : mmoe_value_show(v->column->type, at, shown), fault);
}

/* Bytes of a row's value. */
static size_t size_of(const mmoe_values *v) {
    const mmoe_value_type type = v->column->type;
    const size_t size = mmoe_value_size(type);
    if (!v->dense || type == MMOE_VALUE_TEXT) return size;
    return size * (size_t)(type == MMOE_VALUE_INPUT ? v->dense->width : v->dense->span);
}

/* A stride in values, not in bytes, would read each value from within the one before. */
static mmoe_status check_stride(const mmoe_values *v, const char *call, mmoe_error *err) {
    const size_t stride = v->column->stride, size = size_of(v);
    if (stride == 0 || stride >= size || v->rows < 2) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, v->name,
                        "%s: the column's stride, %zu bytes, is less than a value's %zu", call,
                        stride, size);
}

/* Are there values, as far apart as they must be? */
static mmoe_status check_place(const mmoe_values *v, const char *call, mmoe_error *err) {
    if (v->column->values || !v->rows) return check_stride(v, call, err);
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, v->name, "%s: the column's values are NULL",
                        call);
}

static mmoe_values part_of(const mmoe_values *v, size_t part) {
    mmoe_values p = *v;
    p.column = (const mmoe_column *)v->column->values + part;
    p.parts = 0;
    return p;
}

static mmoe_status check_parts(const mmoe_values *v, const char *call, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    if (v->column->stride)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, v->name,
                            "%s: a cross has no stride; its columns have their own", call);
    if (!v->column->values && v->rows)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, v->name,
                            "%s: the columns of the cross are NULL", call);
    for (size_t i = 0; !status && v->column->values && i < v->parts; i++) {
        const mmoe_values part = part_of(v, i);
        if (!mmoe_value_is_raw(part.column->type))
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, v->name,
                                "%s: %d is no type of the values of a cross's column %zu", call,
                                (int)part.column->type, i);
        status = check_place(&part, call, err);
    }
    return status;
}

mmoe_status mmoe_values_check(const mmoe_values *v, const char *call, mmoe_error *err) {
    const bool sparse = v->encoder->kind->shape == MMOE_SHAPE_ID;
    const mmoe_value_type type = v->column->type,
                          encoded = sparse ? MMOE_VALUE_ROW : MMOE_VALUE_INPUT;
    const char *what = v->parts ? "cross" : "dense column";
    if (sparse && !v->parts) what = "sparse column";
    if (v->parts && type == MMOE_VALUE_PARTS) return check_parts(v, call, err);
    if (type != encoded && (v->parts || !mmoe_value_is_raw(type)))
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, v->name,
                            "%s: %d is no type of a %s's values", call, (int)type, what);
    return check_place(v, call, err);
}

/* Of a row to the next. */
static size_t step_of(const mmoe_values *v) {
    if (v->column->stride == MMOE_STRIDE_SAME) return 0;
    return v->column->stride ? v->column->stride : size_of(v);
}

static const char *start_of(const mmoe_values *v) {
    const char *values = v->column->values;
    return values ? values + v->first * step_of(v) : NULL; /* of no values */
}

/* The value at `at`, or an empty text where it is a word for nothing. */
static const char *present_value(const mmoe_values *v, const char *at) {
    static const char *const nothing = "";
    size_t length;
    if (v->column->type != MMOE_VALUE_TEXT) return at;
    const char *text = mmoe_value_text(at, &length);
    return mmoe_reading_is_missing(v->reading, text, length) ? (const char *)&nothing : at;
}

/* The batch's row that value r of them is of. */
static size_t row_of(const mmoe_values *v, size_t r) { return v->is_list ? v->row : v->first + r; }

/* Has each value of the type a row? */
static bool is_total(const mmoe_column_kind *kind, mmoe_value_type type) {
    if (type == MMOE_VALUE_ROW) return false;
    return kind->is_total || (kind->is_total_of_numbers && type != MMOE_VALUE_TEXT);
}

/* Row r's values of all columns of a cross as one. */
static const char *join_parts(const mmoe_values *v, size_t r, mmoe_cell *out) {
    mmoe_part parts[MMOE_MOST_PARTS];
    char rooms[MMOE_MOST_PARTS][MMOE_SHOWN_SIZE];
    for (size_t i = 0; i < v->parts; i++) {
        const mmoe_values part = part_of(v, i);
        const char *at = start_of(&part) + r * step_of(&part);
        parts[i] = mmoe_value_part(part.column->type, present_value(&part, at), rooms[i]);
    }
    return v->encoder->kind->join(v->encoder, parts, v->parts, out);
}

static void see(mmoe_seen *seen, mmoe_cell_state state) {
    *seen->any = true;
    seen->missing += state == MMOE_CELL_MISSING || state == MMOE_CELL_NO_NUMBER;
    seen->unknown += state == MMOE_CELL_UNKNOWN;
}

/* Of a raw value. */
static void note_value(const mmoe_values *v, const char *at, size_t row, mmoe_cell_state state) {
    size_t length;
    mmoe_note_add(v->note, state, (int64_t)row + 1);
    if (state != MMOE_CELL_NO_NUMBER) return; /* it is a text */
    const char *text = mmoe_value_text(at, &length);
    mmoe_note_text(v->note, state, text, length);
}

static mmoe_status encode_crosses(const mmoe_values *v, int32_t *to, size_t stride,
                                  mmoe_error *err) {
    mmoe_cell cell;
    if (!to && v->encoder->kind->is_total) return MMOE_OK;
    for (size_t r = 0; r < v->rows; r++) {
        cell.state = MMOE_CELL_KNOWN;
        const char *fault = join_parts(v, r, &cell);
        if (fault)
            return mmoe_fail_at(err, MMOE_E_DATA, NULL, (int64_t)row_of(v, r) + 1, v->name,
                                "the cross %s", fault);
        if (v->note) mmoe_note_add(v->note, cell.state, (int64_t)row_of(v, r) + 1);
        if (cell.state != MMOE_CELL_KNOWN && v->seen) see(v->seen, cell.state);
        if (to) to[r * stride] = cell.id;
    }
    return MMOE_OK;
}

/* Of what the values from the r-th on are looked up in. */
static void ask(const mmoe_values *v, const char *at, size_t r) {
    const mmoe_encoder *e = v->encoder;
    const size_t left = v->rows - r;
    if (left > 1 && e->kind->ask && v->column->type != MMOE_VALUE_ROW)
        e->kind->ask(e, v->column->type, at, step_of(v),
                     left < MMOE_MOST_ASKED ? left : MMOE_MOST_ASKED);
}

static const char *give_unknown(const mmoe_values *v, const char *at, mmoe_cell *cell) {
    char room[MMOE_SHOWN_SIZE];
    return v->unknown->take(v->unknown->context, mmoe_value_part(v->column->type, at, room), cell);
}

mmoe_status mmoe_encode_ids(const mmoe_values *v, int32_t *to, size_t stride, mmoe_error *err) {
    const mmoe_encoder *e = v->encoder;
    const mmoe_value_type type = v->column->type;
    if (type == MMOE_VALUE_PARTS) return encode_crosses(v, to, stride, err);
    const size_t step = step_of(v);
    const char *at = start_of(v);
    mmoe_cell cell;
    if (!to && !v->unknown && is_total(e->kind, type)) return MMOE_OK;
    for (size_t r = 0; r < v->rows; r++, at += step) {
        if (r % MMOE_MOST_ASKED == 0) ask(v, at, r);
        if (type == MMOE_VALUE_ROW) {
            memcpy(&cell.id, at, sizeof cell.id);
            if (cell.id < 0 || cell.id >= e->rows)
                return mmoe_fail_row_number(v, row_of(v, r), cell.id, err);
        } else {
            cell.state = MMOE_CELL_KNOWN;
            const char *fault = e->kind->take(e, type, present_value(v, at), &cell);
            if (!fault && v->unknown && cell.state == MMOE_CELL_UNKNOWN)
                fault = give_unknown(v, at, &cell);
            if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, v->rows);
            if (fault) return fail_raw(v, row_of(v, r), at, fault, err);
            if (v->note) note_value(v, at, row_of(v, r), cell.state);
            if (cell.state != MMOE_CELL_KNOWN && v->seen) see(v->seen, cell.state);
        }
        if (to) to[r * stride] = cell.id;
    }
    return MMOE_OK;
}

/* Is a number missing? A vector is where all its numbers are. */
static bool is_missing(const mmoe_values *v, const char *at) {
    const mmoe_value_type type = v->column->type;
    double value;
    size_t length;
    if (type == MMOE_VALUE_TEXT) {
        const char *text = mmoe_value_text(at, &length);
        return mmoe_reading_is_missing(v->reading, text, length);
    }
    for (int32_t k = 0; k < v->dense->span; k++, at += mmoe_value_size(type)) {
        mmoe_value_number(type, at, &value);
        if (!isnan(value)) return false;
    }
    return true;
}

/* Inputs that have passed the encoder, at any address. */
static bool copy_inputs(const mmoe_values *v, const char *at, float *to) {
    float input;
    for (int32_t i = 0; i < v->dense->width; i++, at += sizeof input) {
        memcpy(&input, at, sizeof input);
        if (!isfinite(input)) return false;
        if (to) to[i] = input;
    }
    return true;
}

mmoe_status mmoe_encode_numbers(const mmoe_values *v, float *to, size_t stride, mmoe_error *err) {
    const mmoe_encoder *e = v->encoder;
    const mmoe_value_type type = v->column->type;
    const size_t step = step_of(v);
    const char *at = start_of(v);
    mmoe_cell cell = {.inputs = to};
    for (size_t r = 0; r < v->rows; r++, at += step) {
        if (to) cell.inputs = to + r * stride;
        if (type == MMOE_VALUE_INPUT) {
            if (!copy_inputs(v, at, cell.inputs)) return mmoe_fail_input(v, v->first + r, err);
            continue;
        }
        const bool missing = v->dense->gap.fill && is_missing(v, at);
        cell.state = missing ? MMOE_CELL_MISSING : MMOE_CELL_KNOWN;
        const char *fault = missing ? NULL : e->kind->take(e, type, at, &cell);
        if (fault && !mmoe_dense_pardons(v->dense, &cell, fault))
            return fail_raw(v, v->first + r, at, fault, err);
        if (to) mmoe_dense_fill(v->dense, cell.inputs, cell.state != MMOE_CELL_KNOWN);
        if (cell.state == MMOE_CELL_KNOWN) continue;
        if (v->seen) see(v->seen, cell.state);
        if (v->note) note_value(v, at, v->first + r, cell.state);
    }
    return MMOE_OK;
}
