#include "data/column_date.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/missing.h"
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

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* The first three letters of a month's name or more: 1 to 12, else 0. */
static int take_month(const char **at, const char *end) {
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    const char *word = *at;
    while (*at < end && is_letter(**at)) ++*at;
    const size_t length = (size_t)(*at - word);
    for (int i = 0; length >= 3 && i < 12; i++)
        if (length <= strlen(names[i]) && strncasecmp(word, names[i], length) == 0) return i + 1;
    return 0;
}

typedef struct date_parts {
    int year, month, day;
    bool has_word; /* the month is one */
} date_parts;

/* One of them, 'y', 'm' or 'd'. How many digits or letters it has; 0: it is none. */
static size_t take_part(char which, const char **at, const char *end, date_parts *out) {
    const char *first = *at;
    if (which == 'm' && *at < end && is_letter(**at)) {
        out->has_word = true;
        out->month = take_month(at, end);
        return out->month ? (size_t)(*at - first) : 0;
    }
    int *part = which == 'm' ? &out->month : &out->day;
    if (which == 'y') part = &out->year;
    const size_t digits = take_digits(at, end, which == 'y' ? 4 : 2, part);
    if (which == 'y' && digits == 2) *part += *part < 70 ? 2000 : 1900;
    return which == 'y' && digits != 2 && digits != 4 ? 0 : digits;
}

/* What stands between two parts; blanks and commas do beside a month's name. */
static bool take_mark(const char **at, const char *end, bool has_word) {
    const char *first = *at;
    if (*at < end && **at && strchr("-/.", **at)) ++*at;
    const bool has_mark = *at > first;
    const char *next = *at;
    while (next < end && (*next == ' ' || *next == ',')) next++;
    if (has_word || (next < end && is_letter(*next))) *at = next;
    return has_mark || *at > first;
}

/* *rest: what stands behind the date, up to *end. */
static bool parse_day(mmoe_date_order order, const char *text, size_t length, double *days,
                      const char **rest, const char **stop) {
    static const char *const orders[] = {"ymd", "dmy", "mdy", "ym", "my"};
    text = mmoe_trim_blanks(text, &length);
    const char *at = text, *end = text + length;
    date_parts parts = {.day = 1};
    for (const char *which = orders[order]; *which; which++) {
        const size_t size = take_part(*which, &at, end, &parts);
        const bool is_compact = order == MMOE_DATE_YMD && size == (*which == 'y' ? 4 : 2);
        if (!size || (which[1] && !take_mark(&at, end, parts.has_word) && !is_compact))
            return false;
    }
    if (at < end && *at != ' ' && *at != 'T') return false;
    if (!is_day(parts.year, parts.month, parts.day)) return false;
    *days = days_of(parts.year, parts.month, parts.day);
    *rest = at;
    *stop = end;
    return true;
}

bool mmoe_date_parse(mmoe_date_order order, const char *text, size_t length, double *days) {
    const char *rest, *end;
    return parse_day(order, text, length, days, &rest, &end);
}

/* Two digits behind a colon, or two more of "134530". */
static bool take_pair(const char **at, const char *end, bool *has_colons, int *out) {
    *has_colons |= *at < end && **at == ':';
    *at += *has_colons && *at < end && **at == ':';
    return take_digits(at, end, 2, out) == 2;
}

/* Behind a blank or a T. */
static bool parse_time(const char *at, const char *end, double *part) {
    int hour, minute = 0, second = 0;
    bool has_colons = false;
    while (at < end && *at == ' ') at++;
    if (!take_digits(&at, end, 2, &hour) || !take_pair(&at, end, &has_colons, &minute))
        return false;
    if (at < end && (has_colons ? *at == ':' : is_digit(*at)) &&
        !take_pair(&at, end, &has_colons, &second))
        return false;
    while (at < end && *at == ' ') at++;
    const char half = at + 1 < end && strchr("mM", at[1]) ? *at : '\0';
    if (half && strchr("aApP", half)) {
        if (hour < 1 || hour > 12) return false;
        hour = hour % 12 + (half == 'p' || half == 'P' ? 12 : 0);
    }
    if (hour > 23 || minute > 59 || second > 60) return false;
    *part = (hour * 3600 + minute * 60 + second) / 86400.0;
    return true;
}

bool mmoe_date_parse_hours(mmoe_date_order order, const char *text, size_t length, double *days) {
    const char *rest, *end;
    double part = 0;
    if (!parse_day(order, text, length, days, &rest, &end)) return false;
    if (rest < end && !parse_time(rest + 1, end, &part)) return false;
    *days += part;
    return true;
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

static const char *parse_date(const mmoe_encoder *e, const char *text, size_t length,
                              mmoe_cell *out) {
    double days;
    if (!parse_text(e, text, length, &days)) return fault_of_text(e, out->fault);
    return encode_days(e, days, out);
}

static const char *take_date(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                             mmoe_cell *out) {
    return mmoe_value_encode(e, type, at, out, encode_days);
}

/* ---- Learning ---- */

static const char *learn_date(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    return parse_text(e, text, length, out->learned) ? NULL : fault_of_text(e, out->fault);
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
