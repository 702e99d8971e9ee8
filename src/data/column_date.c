#include "data/column_date.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/missing.h"
#include "data/key_macros.h"

static const mmoe_key date_keys[] = {
    {.doc = {"features.dense[].date", "string", NULL, MMOE_WORDS(MMOE_DATE_ORDERS),
             "Dates, in this order of year, month and day (\"2024-01-31\", \"31.1.2024\", "
             "\"1/31/24\"): the days since 1970, standardized, the weekday and the place in the "
             "year, ten inputs in all."},
     .kind = MMOE_KEY_WORD,
     IN_NUMBER(mmoe_date_encoder, order),
     .absent = -1},
};

static const mmoe_key date_fitted[] = {
    FITTED("shift", MMOE_KEY_DOUBLE, mmoe_date_encoder, shift),
    FITTED("scale", MMOE_KEY_DOUBLE, mmoe_date_encoder, scale),
};

static const mmoe_date_encoder *constant_of(const mmoe_encoder *e) {
    return (const mmoe_date_encoder *)e;
}

/* ---- Texts ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* A number of at most `most` digits; how many it has. */
static size_t take_digits(const char **at, const char *end, size_t most, int *out) {
    size_t digits = 0;
    for (*out = 0; digits < most && *at < end && is_digit(**at); ++*at, digits++)
        *out = 10 * *out + (**at - '0');
    return digits;
}

/* Days of the proleptic Gregorian calendar (H. Hinnant, chrono-Compatible Low-Level Date
 * Algorithms), its year beginning in March. */
static double days_of(int year, int month, int day) {
    const int y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
    const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return (double)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_day(int year, int month, int day) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || month < 1 || month > 12 || day < 1) return false;
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= lengths[month - 1] + (month == 2 && is_leap);
}

bool mmoe_date_parse(mmoe_date_order order, const char *text, size_t length, double *days) {
    static const int year_at[] = {0, 2, 2}, month_at[] = {1, 1, 0}, day_at[] = {2, 0, 1};
    text = mmoe_trim_blanks(text, &length);
    const char *at = text, *end = text + length;
    int parts[3];
    size_t digits[3];
    for (int i = 0; i < 3; i++) {
        const bool is_year = i == year_at[order];
        digits[i] = take_digits(&at, end, is_year ? 4 : 2, &parts[i]);
        if (digits[i] == 0 || (is_year && digits[i] != 2 && digits[i] != 4)) return false;
        if (i < 2 && at < end && strchr("-/.", *at)) {
            at++;
        } else if (i < 2 && (order != MMOE_DATE_YMD || digits[i] != (i ? 2 : 4))) {
            return false;
        }
    }
    if (at < end && *at != ' ' && *at != 'T') return false;
    int year = parts[year_at[order]];
    if (digits[year_at[order]] == 2) year += year < 70 ? 2000 : 1900;
    if (!is_day(year, parts[month_at[order]], parts[day_at[order]])) return false;
    *days = days_of(year, parts[month_at[order]], parts[day_at[order]]);
    return true;
}

/* ---- Values ---- */

static int32_t date_width(const mmoe_encoder *e) {
    (void)e;
    return MMOE_DATE_INPUTS;
}

static void finish_date(const mmoe_encoder *e, const double *learned, float *inputs) {
    const mmoe_date_encoder *d = constant_of(e);
    const double day = floor(*learned), angle = 2 * acos(-1) * *learned / 365.2425;
    const int weekday = (int)(day + 3 - 7 * floor((day + 3) / 7)); /* 1970-01-01 was a Thursday */
    inputs[0] = (float)((*learned - d->shift) * d->scale);
    for (int i = 0; i < 7; i++) inputs[1 + i] = (float)(i == weekday);
    inputs[8] = (float)sin(angle);
    inputs[9] = (float)cos(angle);
}

/* Years 1 to 9999. */
static const char *encode_days(const mmoe_encoder *e, double days, mmoe_cell *out) {
    if (!(days >= -719162 && days < 2932897)) return "is no number of days since 1970-01-01";
    if (out->inputs) finish_date(e, &days, out->inputs);
    return NULL;
}

static const char *fault_of_text(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    static const char *const words[] = {"year, month, day", "day, month, year", "month, day, year"};
    snprintf(fault, MMOE_FAULT_SIZE, "is no date of %s", words[constant_of(e)->order]);
    return fault;
}

static const char *parse_date(const mmoe_encoder *e, const char *text, size_t length,
                              mmoe_cell *out) {
    double days;
    if (!mmoe_date_parse((mmoe_date_order)constant_of(e)->order, text, length, &days))
        return fault_of_text(e, out->fault);
    return encode_days(e, days, out);
}

static const char *take_date(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                             mmoe_cell *out) {
    return mmoe_value_encode(e, type, at, out, encode_days);
}

/* ---- Learning ---- */

static const char *learn_date(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    return mmoe_date_parse((mmoe_date_order)constant_of(e)->order, text, length, out->learned)
               ? NULL
               : fault_of_text(e, out->fault);
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

/* Days are integers: their sums are exact. */
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
