#include "base/date.h"

#include <string.h>
#include <strings.h>

#include "base/missing.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

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

int mmoe_month_of(const char *word, size_t length) {
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    for (int i = 0; length >= 3 && i < 12; i++)
        if (length <= strlen(names[i]) && strncasecmp(word, names[i], length) == 0) return i + 1;
    return 0;
}

static int take_month(const char **at, const char *end) {
    const char *word = *at;
    while (*at < end && is_letter(**at)) ++*at;
    return mmoe_month_of(word, (size_t)(*at - word));
}

/* One of them, 'y', 'm' or 'd'. How many digits or letters it has; 0: it is none. */
static size_t take_part(char which, const char **at, const char *end, mmoe_date *out) {
    const char *first = *at;
    if (which == 'm' && *at < end && is_letter(**at)) {
        out->month = take_month(at, end);
        return out->month ? (size_t)(*at - first) : 0;
    }
    int *part = which == 'm' ? &out->month : &out->day;
    if (which == 'y') part = &out->year;
    const size_t digits = take_digits(at, end, which == 'y' ? 4 : 2, part);
    if (which == 'm') out->month_digits = digits;
    if (which != 'y') return digits;
    out->year_digits = digits;
    if (digits == 2) *part += *part < 70 ? 2000 : 1900;
    return digits != 2 && digits != 4 ? 0 : digits;
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

bool mmoe_date_read(mmoe_date_order order, const char *text, size_t length, mmoe_date *out) {
    static const char *const orders[] = {"ymd", "dmy", "mdy", "ym", "my"};
    text = mmoe_trim_blanks(text, &length);
    const char *at = text, *end = text + length, *which = orders[order];
    char mark = '\0';
    *out = (mmoe_date){.day = 1, .has_marks = true, .is_even = true};
    for (; *which; which++) {
        const size_t size = take_part(*which, &at, end, out);
        if (!size) return false;
        if (!which[1]) continue;
        const char *behind = at;
        const bool is_compact = order == MMOE_DATE_YMD && size == (*which == 'y' ? 4 : 2),
                   has_mark = take_mark(&at, end, out->month && !out->month_digits);
        if (!has_mark && !is_compact) return false;
        const char own = has_mark ? *behind : '\0';
        out->is_even &= which == orders[order] || own == mark;
        out->has_marks &= has_mark;
        mark = own;
    }
    if (at < end && *at != ' ' && *at != 'T') return false;
    if (!is_day(out->year, out->month, out->day)) return false;
    out->days = days_of(out->year, out->month, out->day);
    out->rest = at;
    out->end = end;
    return true;
}

bool mmoe_date_parse(mmoe_date_order order, const char *text, size_t length, double *days) {
    mmoe_date date;
    if (!mmoe_date_read(order, text, length, &date)) return false;
    *days = date.days;
    return true;
}

/* Two digits behind a colon, or two more of "134530". */
static bool take_pair(const char **at, const char *end, bool *has_colons, int *out) {
    *has_colons |= *at < end && **at == ':';
    *at += *has_colons && *at < end && **at == ':';
    return take_digits(at, end, 2, out) == 2;
}

bool mmoe_time_read(const char **text, const char *end, double *part) {
    const char *at = *text;
    int hour, minute = 0, second = 0;
    bool has_colons = false;
    while (at < end && *at == ' ') at++;
    if (!take_digits(&at, end, 2, &hour) || !take_pair(&at, end, &has_colons, &minute))
        return false;
    if (at < end && (has_colons ? *at == ':' : is_digit(*at)) &&
        !take_pair(&at, end, &has_colons, &second))
        return false;
    *text = at;
    while (at < end && *at == ' ') at++;
    const char half = at + 1 < end && strchr("mM", at[1]) ? *at : '\0';
    if (half && strchr("aApP", half)) {
        if (hour < 1 || hour > 12) return false;
        hour = hour % 12 + (half == 'p' || half == 'P' ? 12 : 0);
        *text = at + 2;
    }
    if (hour > 23 || minute > 59 || second > 60) return false;
    *part = (hour * 3600 + minute * 60 + second) / 86400.0;
    return true;
}

bool mmoe_date_parse_hours(mmoe_date_order order, const char *text, size_t length, double *days) {
    mmoe_date date;
    double part = 0;
    if (!mmoe_date_read(order, text, length, &date)) return false;
    const char *at = date.rest + (date.rest < date.end);
    if (date.rest < date.end && !mmoe_time_read(&at, date.end, &part)) return false;
    *days = date.days + part;
    return true;
}
