#include "init_dates.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* The order that all cells have; NULL: there is none, or they are no dates alone. */
static const char *date_order(const cli_column *c) {
    const int orders = c->dates == c->present ? c->date_orders : 0;
    if (c->days == c->present) return "ymd";
    if (orders & CLI_DATE_YMD) return "ymd";
    if ((orders & CLI_DATE_DMY) && (orders & CLI_DATE_MDY))
        return strchr(c->odd, '/') ? "mdy" : "dmy";
    if (orders & CLI_DATE_DMY) return "dmy";
    if (orders & CLI_DATE_MDY) return "mdy";
    if (orders & CLI_DATE_YM) return "ym";
    return orders & CLI_DATE_MY ? "my" : NULL;
}

bool cli_is_date(const cli_survey *s, const cli_column *c) {
    (void)s;
    return (c->dates > 0 || c->days > 0) && date_order(c);
}

static int count_hours(const cli_column *c) {
    int count = 0;
    for (uint32_t left = c->hours; left; left &= left - 1) count++;
    return c->other_hours ? 0 : count;
}

void cli_say_date(const cli_survey *s, const cli_column *c, char remark[CLI_REMARK_SIZE]) {
    const char *first = c->odd ? c->odd : c->two.seen[0].text;
    const bool is_open = (c->date_orders & CLI_DATE_DMY) && (c->date_orders & CLI_DATE_MDY);
    char hours[64] = "";
    (void)s;
    if (count_hours(c) > 1)
        snprintf(hours, sizeof hours, "; of %d hours of the day (\"hours\")", count_hours(c));
    snprintf(remark, CLI_REMARK_SIZE,
             "taken as dates, in the order %s%s: %" PRId64 " differ, the first is \"%.*s\"%s",
             date_order(c), is_open ? " (no day above 12 tells it from another)" : "",
             cli_column_distinct(c), (int)mmoe_utf8_cut(first, strlen(first), 40), first, hours);
}

void cli_write_date(const cli_survey *s, const cli_column *c, json_t *features) {
    json_t *json =
        json_pack("{s:s, s:s, s:s}", "name", c->name, "date", date_order(c), "missing", "mean");
    if (count_hours(c) > 1) json_object_set_new(json, "hours", json_true());
    if (c->present < s->rows) json_object_set_new(json, "indicator", json_true());
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
