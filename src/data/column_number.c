#include "data/column_number.h"

#include <math.h>
#include <stdio.h>

#include "base/short_number.h"
#include "base/text.h"
#include "data/key_macros.h"

_Static_assert(sizeof(mmoe_transform) == sizeof(int32_t), "words are stored as int32_t");

static const mmoe_key number_keys[] = {
    WORDS("features.dense[].transform", IN_NUMBER(mmoe_number_encoder, transform), "\"none\"",
          MMOE_TRANSFORMS, "What is done to the values, fitted on the training rows."),
    MMOE_NUMBER_TEXT_KEYS("dense", IN_NUMBER, mmoe_number_encoder, text, false, ""),
};

static const mmoe_key number_fitted[] = {
    FITTED("shift", MMOE_KEY_DOUBLE, mmoe_number_encoder, shift),
    FITTED("scale", MMOE_KEY_DOUBLE, mmoe_number_encoder, scale),
};

static const mmoe_number_encoder *constant_of(const mmoe_encoder *e) {
    return (const mmoe_number_encoder *)e;
}

static const char *check_number(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                const char **key) {
    (void)fault;
    return mmoe_number_text_fault(&constant_of(e)->text, key);
}

static const char *number_without_file(const mmoe_encoder *e) {
    return constant_of(e)->transform == MMOE_TRANSFORM_NONE
               ? NULL
               : "a schema without a file needs the transform \"none\"";
}

static mmoe_status start_number(mmoe_encoder *e, mmoe_error *err) {
    (void)err;
    mmoe_number_of(e)->shift = 0;
    mmoe_number_of(e)->scale = 1;
    return MMOE_OK;
}

/* ---- Values ---- */

static void finish_number(const mmoe_encoder *e, const double *learned, float *inputs) {
    const mmoe_number_encoder *n = constant_of(e);
    *inputs = (float)((*learned - n->shift) * n->scale);
}

/* f(value), or what is wrong with the value. */
static const char *prepare_number(const mmoe_encoder *e, double value, double *prepared) {
    const bool log = constant_of(e)->transform == MMOE_TRANSFORM_LOG1P_STANDARDIZE;
    if (!isfinite(value)) return "is not finite";
    if (log && value <= -1) return "is not above -1, as log1p needs";
    *prepared = log ? log1p(value) : value;
    return NULL;
}

static const char too_large[] = "is too large for single precision after the column's transform";

static const char *encode_number(const mmoe_encoder *e, double value, mmoe_cell *out) {
    double prepared;
    float input;
    const char *fault = prepare_number(e, value, &prepared);
    if (fault) out->state = isfinite(value) ? MMOE_CELL_UNKNOWN : MMOE_CELL_KNOWN;
    if (fault) return fault;
    finish_number(e, &prepared, &input);
    if (out->inputs) *out->inputs = input;
    return isfinite(input) ? NULL : too_large;
}

static const mmoe_number_text *text_of_number(const mmoe_encoder *e) {
    return &constant_of(e)->text;
}

static const char *parse_number(const mmoe_encoder *e, const char *text, size_t length,
                                mmoe_cell *out) {
    double value;
    const char *fault = mmoe_cell_number(text_of_number(e), text, length, &value, out);
    return fault ? fault : encode_number(e, value, out);
}

/* A number of more characters, that begins no missing cell; false: it may be none. */
static bool parse_other(const mmoe_cell_run *run, const mmoe_csv_field *cell, double *value) {
    const uint8_t first = (uint8_t)*cell->text;
    if (!cell->length || !(run->plain[first / 64] >> first % 64 & 1)) return false;
    return mmoe_parse_double(cell->text, cell->length, value) && isfinite((float)*value);
}

/* As many of them as have inputs. */
static size_t finish_numbers(const mmoe_encoder *e, const mmoe_cell_run *run, size_t first,
                             const double *values, size_t count) {
    float *input = run->inputs + first * run->step;
    size_t k = 0;
    for (; k < count; k++, input += run->step) {
        finish_number(e, &values[k], input);
        if (!isfinite(*input)) break;
    }
    return k;
}

static bool is_among(const mmoe_numbers *numbers, double value) {
    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->items[i] == value) return true;
    return false;
}

/* Those of cells that are looked at together: true: all are known. */
static bool known_numbers_of(const mmoe_encoder *e, const mmoe_cell_run *run,
                             const mmoe_numbers *gaps, size_t *done) {
    const mmoe_csv_cells cells = mmoe_cell_run_next(run, *done);
    double values[MMOE_CELLS_AT_ONCE];
    const uint64_t good = run->scanner->decimals(&cells, values);
    size_t k = 0, first = *done;
    for (; k < cells.count; k++) {
        const mmoe_csv_field cell = mmoe_csv_cells_at(&cells, k);
        if (!(good >> k & 1) && !parse_other(run, &cell, &values[k])) break;
        if (is_among(gaps, values[k])) break;
    }
    const size_t n = run->learned ? k : finish_numbers(e, run, first, values, k);
    for (size_t i = 0; run->learned && i < k; i++)
        run->learned[(first + i) * run->step] = values[i];
    *done += n;
    return n == cells.count;
}

static size_t known_numbers(const mmoe_encoder *e, const mmoe_cell_run *run) {
    const mmoe_number_encoder *n = constant_of(e);
    size_t done = 0;
    double room[MMOE_MOST_GAPS];
    mmoe_numbers gaps = {room, 0};
    if (n->text.strip || n->text.decimal || n->transform == MMOE_TRANSFORM_LOG1P_STANDARDIZE)
        return 0;
    for (size_t i = 0; mmoe_number_text_gap(&n->text, &i, &room[gaps.count]);) gaps.count++;
    while (done < run->cells.count && known_numbers_of(e, run, &gaps, &done)) continue;
    return done;
}

static const char *take_number(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                               mmoe_cell *out) {
    return mmoe_value_encode(e, type, at, out, encode_number);
}

/* ---- Learning ---- */

/* A transform that is yet to be fitted may bring any value into the range of float. */
static const char *learn_number(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    double value;
    const char *fault = mmoe_cell_number(text_of_number(e), text, length, &value, out);
    if (!fault) fault = prepare_number(e, value, out->learned);
    if (fault || constant_of(e)->transform != MMOE_TRANSFORM_NONE) return fault;
    return isfinite((float)value) ? NULL : too_large;
}

static bool number_stands(const mmoe_encoder *e) {
    return constant_of(e)->transform == MMOE_TRANSFORM_NONE;
}

/* The first pass: the mean; the second: the distances from it, whose sum corrects the first one's
 * rounding (Chan, Golub and LeVeque, 1983). */
static void measure_number(mmoe_encoder *e, int32_t pass, const double *x, size_t stride,
                           int64_t rows) {
    mmoe_far_value *far = &mmoe_number_of(e)->far;
    mmoe_moments m = mmoe_number_of(e)->moments;
    if (constant_of(e)->transform == MMOE_TRANSFORM_NONE) return;
    if (pass == 0 && m.rows == 0) m = (mmoe_moments){0, *x, *x, 0, 0, 0};
    if (pass == 0)
        mmoe_far_value_begin(far, x, stride, rows);
    else
        mmoe_far_value_see(far, m.max - m.min, x, stride, rows);
    const double mean = m.sum / (double)m.rows;
    for (int64_t r = 0; r < rows; r++, x += stride) {
        if (pass == 0) { /* fmin and fmax are calls */
            m.min = m.min < *x ? m.min : *x;
            m.max = m.max > *x ? m.max : *x;
            m.sum += *x;
            continue;
        }
        const double distance = *x - mean;
        m.rest += distance;
        m.square += distance * distance;
    }
    if (pass == 0) m.rows += rows;
    mmoe_number_of(e)->moments = m;
}

/* Logarithms bring values near. */
static const mmoe_far_value *far_number(const mmoe_encoder *e) {
    const mmoe_number_encoder *n = constant_of(e);
    const bool is_linear =
        n->transform == MMOE_TRANSFORM_STANDARDIZE || n->transform == MMOE_TRANSFORM_MINMAX;
    return is_linear && n->scale > 0 && mmoe_far_value_is(&n->far, 1 / n->scale) ? &n->far : NULL;
}

static const char *settle_number(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    mmoe_number_encoder *n = mmoe_number_of(e);
    const mmoe_moments *m = &n->moments;
    if (n->transform == MMOE_TRANSFORM_NONE) return NULL;
    const double rows = (double)m->rows;
    const bool minmax = n->transform == MMOE_TRANSFORM_MINMAX;
    double spread = m->max - m->min;
    n->shift = minmax || spread == 0 ? m->min : m->sum / rows + m->rest / rows;
    if (!minmax)
        spread = m->min == m->max ? 0 : sqrt((m->square - m->rest * m->rest / rows) / rows);
    n->scale = m->min == m->max ? 0 : 1 / spread;
    if (isfinite(n->shift) && isfinite(spread) && isfinite(n->scale)) return NULL;
    char low[MMOE_NUMBER_SIZE], high[MMOE_NUMBER_SIZE];
    mmoe_format_double(m->min, low);
    mmoe_format_double(m->max, high);
    snprintf(fault, MMOE_FAULT_SIZE, "values from %s to %s cannot be scaled in double precision",
             low, high);
    return fault;
}

const mmoe_column_kind mmoe_column_number = {
    .word = "number",
    .shape = MMOE_SHAPE_NUMBER,
    .size = sizeof(mmoe_number_encoder),
    .keys = number_keys,
    .n_key = sizeof number_keys / sizeof *number_keys,
    .fitted = number_fitted,
    .n_fitted = sizeof number_fitted / sizeof *number_fitted,
    .text = text_of_number,
    .check = check_number,
    .without_file = number_without_file,
    .start = start_number,
    .learn = learn_number,
    .stands = number_stands,
    .passes = 2,
    .measure = measure_number,
    .settle = settle_number,
    .far = far_number,
    .finish = finish_number,
    .parse = parse_number,
    .known = known_numbers,
    .take = take_number,
};
