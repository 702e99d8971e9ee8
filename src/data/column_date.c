#include "data/column_date.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/key_macros.h"

static const mmoe_key date_keys[] = {
    {.doc = {"features.dense[].date", "string", NULL, MMOE_WORDS(MMOE_DATE_ORDERS),
             "Dates, in this order of year, month and day (\"2024-01-31\", \"31.1.2024\", "
             "\"1/31/24\", \"Jan 31, 2024\"), or of months alone (\"Jan-2024\"): the days since "
             "1970, standardized, the weekday and the place in the year, ten inputs in all."},
     .kind = MMOE_KEY_WORD,
     IN_NUMBER(mmoe_date_encoder, order),
     .absent = -1},
    BOOLEAN(
        "features.dense[].hours", LATER(IN_NUMBER(mmoe_date_encoder, hours)), "false",
        "With date: also read the time of day (\"2024-01-31 13:45\", \"1/31/24 1:45 PM\"), which "
        "is added to the days as a fraction, and gives 24 more inputs, one for each hour."),
    MMOE_GAPS_KEY("dense", IN_NUMBER, mmoe_date_encoder, text, true),
};

static const mmoe_key date_fitted[] = {
    FITTED("shift", MMOE_KEY_DOUBLE, mmoe_date_encoder, shift),
    FITTED("scale", MMOE_KEY_DOUBLE, mmoe_date_encoder, scale),
};

static const mmoe_date_encoder *constant_of(const mmoe_encoder *e) {
    return (const mmoe_date_encoder *)e;
}

/* ---- Texts ---- */

static const mmoe_number_text *text_of_date(const mmoe_encoder *e) { return &constant_of(e)->text; }

bool mmoe_date_gap(const mmoe_date_encoder *d, size_t *index, double *out) {
    const mmoe_texts *gaps = &d->text.gaps;
    while (*index < gaps->count) {
        const char *gap = gaps->items[(*index)++];
        if (mmoe_date_parse((mmoe_date_order)d->order, gap, strlen(gap), out)) return true;
    }
    return false;
}

static bool is_gap(const mmoe_encoder *e, double days) {
    double gap;
    for (size_t i = 0; mmoe_date_gap(constant_of(e), &i, &gap);)
        if (floor(days) == gap) return true;
    return false;
}

static bool parse_text(const mmoe_encoder *e, const char *text, size_t length, double *days) {
    const mmoe_date_encoder *d = constant_of(e);
    const mmoe_date_order order = (mmoe_date_order)d->order;
    return d->hours ? mmoe_date_parse_hours(order, text, length, days)
                    : mmoe_date_parse(order, text, length, days);
}

/* ---- Values ---- */

static int32_t date_width(const mmoe_encoder *e) {
    return MMOE_DATE_INPUTS + (constant_of(e)->hours ? MMOE_DATE_HOURS : 0);
}

static void finish_date(const mmoe_encoder *e, const double *learned, float *inputs) {
    const mmoe_date_encoder *d = constant_of(e);
    const double day = floor(*learned), angle = 2 * acos(-1) * *learned / 365.2425;
    const int weekday = (int)(day + 3 - 7 * floor((day + 3) / 7)); /* 1970-01-01 was a Thursday */
    inputs[0] = (float)((*learned - d->shift) * d->scale);
    for (int i = 0; i < 7; i++) inputs[1 + i] = (float)(i == weekday);
    inputs[8] = (float)sin(angle);
    inputs[9] = (float)cos(angle);
    const int hour = (int)(24 * (*learned - day) + MMOE_DATE_EARLY) % MMOE_DATE_HOURS;
    for (int i = 0; d->hours && i < MMOE_DATE_HOURS; i++)
        inputs[MMOE_DATE_INPUTS + i] = (float)(i == hour);
}

/* Years 1 to 9999. */
static const char *encode_days(const mmoe_encoder *e, double days, mmoe_cell *out) {
    if (!(days >= -719162 && days < 2932897)) return "is no number of days since 1970-01-01";
    if (out->inputs) finish_date(e, &days, out->inputs);
    return NULL;
}

static const char *fault_of_text(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    static const char *const words[] = {"year, month, day", "day, month, year", "month, day, year",
                                        "year, month", "month, year"};
    snprintf(fault, MMOE_FAULT_SIZE, "is no date of %s%s", words[constant_of(e)->order],
             constant_of(e)->hours ? ", with a time of day behind a blank or T" : "");
    return fault;
}

/* The days of a cell's text; a fault beside a state that is not _KNOWN: "gaps" has it. */
static const char *read_days(const mmoe_encoder *e, const char *text, size_t length, double *days,
                             mmoe_cell *out) {
    const mmoe_number_text *how = text_of_date(e);
    const bool is_date = parse_text(e, text, length, days);
    const char *fault = is_date ? NULL : fault_of_text(e, out->fault);
    if (!how->gaps.count) return fault;
    const bool is_named =
        mmoe_number_text_has_word(how, text, length) || (is_date && is_gap(e, *days));
    if (!is_named && (is_date || !mmoe_number_text_takes_all(how))) return fault;
    out->state = is_named ? MMOE_CELL_MISSING : MMOE_CELL_NO_NUMBER;
    return mmoe_column_gap;
}

static const char *parse_date(const mmoe_encoder *e, const char *text, size_t length,
                              mmoe_cell *out) {
    double days;
    const char *fault = read_days(e, text, length, &days, out);
    return fault ? fault : encode_days(e, days, out);
}

static const char *take_date(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                             mmoe_cell *out) {
    double days;
    size_t length;
    if (type == MMOE_VALUE_TEXT) {
        const char *text = mmoe_value_text(at, &length);
        return parse_date(e, text, length, out);
    }
    mmoe_value_number(type, at, &days);
    if (!is_gap(e, days)) return encode_days(e, days, out);
    out->state = MMOE_CELL_MISSING;
    return mmoe_column_gap;
}

/* ---- Learning ---- */

static const char *learn_date(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    return read_days(e, text, length, out->learned, out);
}

static mmoe_status start_date(mmoe_encoder *e, mmoe_error *err) {
    (void)err;
    mmoe_date_of(e)->shift = 0;
    mmoe_date_of(e)->scale = 1;
    return MMOE_OK;
}

static const char *date_without_file(const mmoe_encoder *e) {
    (void)e;
    return "a schema without a file has no \"date\": its days are standardized";
}

static void measure_date(mmoe_encoder *e, int32_t pass, const double *x, size_t stride,
                         int64_t rows) {
    mmoe_date_encoder *d = mmoe_date_of(e);
    const double mean = d->rows ? d->sum / (double)d->rows : 0;
    for (int64_t r = 0; r < rows; r++, x += stride)
        if (pass == 0)
            d->sum += *x;
        else
            d->square += (*x - mean) * (*x - mean);
    if (pass == 0) d->rows += rows;
}

/* Days without hours are integers: their sums are exact. */
static const char *settle_date(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    mmoe_date_encoder *d = mmoe_date_of(e);
    (void)fault;
    d->shift = d->sum / (double)d->rows;
    d->scale = d->square > 0 ? 1 / sqrt(d->square / (double)d->rows) : 0;
    return NULL;
}

const mmoe_column_kind mmoe_column_date = {
    .word = "date",
    .shape = MMOE_SHAPE_NUMBER,
    .size = sizeof(mmoe_date_encoder),
    .keys = date_keys,
    .n_key = sizeof date_keys / sizeof *date_keys,
    .is_decided = true,
    .fitted = date_fitted,
    .n_fitted = sizeof date_fitted / sizeof *date_fitted,
    .text = text_of_date,
    .without_file = date_without_file,
    .start = start_date,
    .learn = learn_date,
    .width = date_width,
    .passes = 2,
    .measure = measure_date,
    .settle = settle_date,
    .finish = finish_date,
    .parse = parse_date,
    .take = take_date,
};
