#include "init_dates.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* ---- What is no date ---- */

/* Days that stand for nothing. */
static int64_t count_none(const cli_column *c) {
    int64_t rows = 0;
    for (int k = 0; k < CLI_NO_DAYS; k++)
        if (cli_days_have_none(&c->between, k, cli_column_distinct(c))) rows += c->between.rows[k];
    return rows;
}

/* One word for nothing, or several, or little else. */
static bool are_gaps(const cli_days *d, int64_t present) {
    if (10 * d->strange <= present) return true;
    return (d->same == d->strange || d->nothing == d->strange) && 10 * d->strange <= 9 * present;
}

/* As the order has it. */
static json_t *day_json(const cli_no_day *none, const char *order) {
    const int y = none->year, m = none->month, d = none->day;
    if (strcmp(order, "ymd") == 0) return json_sprintf("%04d-%02d-%02d", y, m, d);
    if (strcmp(order, "dmy") == 0) return json_sprintf("%02d-%02d-%04d", d, m, y);
    if (strcmp(order, "mdy") == 0) return json_sprintf("%02d-%02d-%04d", m, d, y);
    return *order == 'y' ? json_sprintf("%04d-%02d", y, m) : json_sprintf("%02d-%04d", m, y);
}

static void write_gaps(const cli_column *c, const char *order, json_t *json) {
    const cli_days *d = &c->between;
    json_t *gaps = json_array();
    for (int k = 0; k < CLI_NO_DAYS; k++)
        if (cli_days_have_none(d, k, cli_column_distinct(c)))
            json_array_append_new(gaps, day_json(&cli_no_days[k], order));
    const bool is_one = d->strange && d->same == d->strange && strlen(d->first) <= 64 &&
                        mmoe_utf8_is(d->first, strlen(d->first));
    if (d->strange) json_array_append_new(gaps, json_string(is_one ? d->first : "*"));
    if (json_array_size(gaps)) json_object_set(json, "gaps", gaps);
    json_decref(gaps);
}

/* "; lacks 30 of 400 values: 12 are no dates, the first "later" in row 7; 18 are 1900-01-01, apart
 * from the others ("gaps")", or nothing. */
static void say_gaps(const cli_survey *s, const cli_column *c, char *text, size_t size) {
    const cli_days *d = &c->between;
    const int64_t lacking = s->rows - c->present + d->strange + count_none(c);
    const char *mark = ": ";
    size_t used = 0;
    *text = '\0';
    if (!d->strange && !count_none(c)) return;
    used +=
        (size_t)snprintf(text, size, "; lacks %" PRId64 " of %" PRId64 " values", lacking, s->rows);
    if (d->strange) {
        used += (size_t)snprintf(
            text + used, size - used, "%s%" PRId64 " %s, the first \"%.*s\" in row %" PRId64, mark,
            d->strange, d->strange == 1 ? "is no date" : "are no dates",
            (int)mmoe_utf8_cut(d->first, strlen(d->first), 40), d->first, d->row);
        mark = "; ";
    }
    for (int k = 0; k < CLI_NO_DAYS && used < size; k++) {
        if (!cli_days_have_none(d, k, cli_column_distinct(c))) continue;
        used += (size_t)snprintf(
            text + used, size - used, "%s%" PRId64 " are %04d-%02d-%02d, apart from the others",
            mark, d->rows[k], cli_no_days[k].year, cli_no_days[k].month, cli_no_days[k].day);
        mark = "; ";
    }
    if (used < size) snprintf(text + used, size - used, " (\"gaps\")");
}

/* ---- Dates ---- */

/* The order that all dates have; NULL: there is none. */
static const char *date_order(const cli_column *c) {
    int orders = c->dates ? c->date_orders : CLI_DATE_YMD;
    if (c->days) orders &= CLI_DATE_YMD;
    if (c->dates + c->days == 0 || !are_gaps(&c->between, c->present)) return NULL;
    if (orders & CLI_DATE_YMD) return "ymd";
    if ((orders & CLI_DATE_DMY) && (orders & CLI_DATE_MDY))
        return strchr(c->between.date, '/') ? "mdy" : "dmy";
    if (orders & CLI_DATE_DMY) return "dmy";
    if (orders & CLI_DATE_MDY) return "mdy";
    if (orders & CLI_DATE_YM) return "ym";
    return orders & CLI_DATE_MY ? "my" : NULL;
}

bool cli_is_date(const cli_survey *s, const cli_column *c) {
    (void)s;
    return date_order(c);
}

static int count_hours(const cli_column *c) {
    int count = 0;
    for (uint32_t left = c->hours; left; left &= left - 1) count++;
    return c->other_hours ? 0 : count;
}

void cli_say_date(const cli_survey *s, const cli_column *c, char remark[CLI_REMARK_SIZE]) {
    const char *first = c->between.date;
    const bool is_open = (c->date_orders & CLI_DATE_DMY) && (c->date_orders & CLI_DATE_MDY);
    char hours[64] = "", gaps[CLI_REMARK_SIZE / 2];
    say_gaps(s, c, gaps, sizeof gaps);
    if (count_hours(c) > 1)
        snprintf(hours, sizeof hours, "; of %d hours of the day (\"hours\")", count_hours(c));
    snprintf(remark, CLI_REMARK_SIZE,
             "taken as dates, in the order %s%s: %" PRId64 " differ, the first is \"%.*s\"%s%s",
             date_order(c), is_open ? " (no day above 12 tells it from another)" : "",
             cli_column_distinct(c), (int)mmoe_utf8_cut(first, strlen(first), 40), first, hours,
             gaps);
}

void cli_write_date(const cli_survey *s, const cli_column *c, json_t *features) {
    json_t *json =
        json_pack("{s:s, s:s, s:s}", "name", c->name, "date", date_order(c), "missing", "mean");
    if (count_hours(c) > 1) json_object_set_new(json, "hours", json_true());
    const int64_t dates = c->present - c->between.strange - count_none(c);
    if (dates < s->rows) json_object_set_new(json, "indicator", json_true());
    write_gaps(c, date_order(c), json);
    json_array_append_new(json_object_get(features, "dense"), json);
}

bool cli_is_like_date(const cli_survey *s, const cli_column *c) {
    (void)s;
    return c->dates > 0 && 10 * c->dates >= 9 * c->present;
}

void cli_say_like_date(const cli_survey *s, const cli_column *c, char remark[CLI_REMARK_SIZE]) {
    (void)s;
    snprintf(remark, CLI_REMARK_SIZE,
             "left out: %" PRId64 " of %" PRId64 " values are dates (the first text is \"%.*s\"), "
             "but not in one order that a feature reads",
             c->dates, c->present, (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40), c->odd);
}
