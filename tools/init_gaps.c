#include "init_gaps.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Rows of a sentinel; other values of its column, of fewer of which each may have an embedding of
 * its own; rows of -1, and of nines, as a multiple of those that other values have. */
enum { LEAST_ROWS = 5, LEAST_VALUES = 10, FEW_VALUES = 4, MORE_ROWS = 3, MANY_ROWS = 10 };
/* Of the others' range, between them and a sentinel. */
static const double far_off = 2, very_far_off = 5;

/* ---- Numbers ---- */

/* That differ and are none of the sentinels, as far as they were counted: of numbers with fractions
 * they are many. */
static int64_t count_others(const cli_column *c) {
    int64_t count = cli_column_distinct(c) - (int64_t)c->words.count;
    for (int k = 0; k < CLI_SENTINELS; k++) count -= c->far.rows[k] > 0;
    return c->fractions ? c->far.others : count;
}

/* Of few values, as the answers from 1 to 5, farther than of many. */
static bool is_far(const cli_column *c, double value) {
    const cli_sentinels *s = &c->far;
    const double distance = value < s->lowest ? s->lowest - value : value - s->highest,
                 least = count_others(c) < LEAST_VALUES ? very_far_off : far_off;
    return distance >= least * (s->highest - s->lowest);
}

/* Is it in a hundredth of the rows, and in so many times as many as another number on average? */
static bool is_spike(const cli_column *c, int k, int64_t times) {
    const int64_t rows = c->far.rows[k];
    return 100 * rows >= c->present && rows * count_others(c) >= times * c->far.others;
}

/* Is it the one number below 0, and no end of what ends there by chance? */
static bool is_alone_below(const cli_column *c, int k) {
    const double value = cli_sentinel_values[k];
    return value < 0 && c->far.lowest >= 0 && (value != -1 || is_spike(c, k, MORE_ROWS));
}

/* Is it the largest number, of nines alone, and no end either? */
static bool is_nines(const cli_column *c, int k) {
    double value = cli_sentinel_values[k];
    if (value < 9999 || value <= c->far.highest || value != floor(value)) return false;
    while (value > 9 && fmod(value, 10) == 9) value = floor(value / 10);
    return value == 9 && is_spike(c, k, MANY_ROWS);
}

static bool is_sentinel(const cli_column *c, int k) {
    if (c->far.rows[k] < LEAST_ROWS) return false;
    if (is_far(c, cli_sentinel_values[k])) return true;
    return count_others(c) >= LEAST_VALUES && (is_alone_below(c, k) || is_nines(c, k));
}

/* The bounds of what is left. */
static void find_bounds(cli_column *c) {
    c->lowest = c->far.lowest;
    c->highest = c->far.highest;
    for (int k = 0; k < CLI_SENTINELS; k++) {
        if (cli_sentinel_is_taken(&c->far, k) || !c->far.rows[k]) continue;
        c->lowest = fmin(c->lowest, cli_sentinel_values[k]);
        c->highest = fmax(c->highest, cli_sentinel_values[k]);
    }
}

static bool is_hidden(const cli_sentinels *s, double value) {
    const int k = isnan(value) ? -1 : cli_sentinel_find(value);
    return k >= 0 && cli_sentinel_is_taken(s, k);
}

static void hide(const cli_survey *s, const cli_column *c) {
    const size_t column = cli_column_place(s, c);
    for (size_t r = 0; r < s->sample.rows; r++) {
        cli_cell *cell = &s->sample.cells[r * s->sample.columns + column];
        if (is_hidden(&c->far, cell->number)) *cell = (cli_cell){(double)NAN, 0};
    }
}

/* Labels that are none are not there. */
static void take_labels(cli_column *c) {
    for (int k = 0; k < CLI_SENTINELS; k++)
        if (cli_sentinel_is_taken(&c->far, k))
            cli_column_count_label(c, c->other_row, cli_sentinel_values[k], -c->far.rows[k]);
    c->present -= c->far.hidden;
    c->far.hidden = 0;
}

static void find_sentinels(const cli_survey *s, cli_column *c) {
    if (count_others(c) < FEW_VALUES || !(c->far.highest > c->far.lowest)) return;
    for (int k = 0; k < CLI_SENTINELS; k++) {
        if (!is_sentinel(c, k)) continue;
        c->far.taken |= UINT64_C(1) << k;
        c->far.hidden += c->far.rows[k];
    }
    if (!c->far.taken) return;
    find_bounds(c);
    hide(s, c);
    if (c->is_label) take_labels(c);
}

void cli_gaps_find(cli_survey *s) {
    for (cli_column *c = s->columns; c < s->columns + s->count; c++) {
        if (c->is_label ? c->two.more && !c->texts
                        : !cli_column_are_ids(c) && !cli_column_are_categories(c))
            find_sentinels(s, c);
    }
}

/* ---- What is said and written ---- */

static void add_text(char text[CLI_SAID_GAPS], const char *more) {
    const size_t used = strlen(text);
    snprintf(text + used, CLI_SAID_GAPS - used, "%s%s", used ? "; " : "", more);
}

const char *cli_say_gaps(const cli_column *c, char text[CLI_SAID_GAPS]) {
    char part[CLI_SAID_GAPS / 2];
    *text = '\0';
    if (cli_column_has_texts(c)) {
        snprintf(part, sizeof part, "%" PRId64 " %s, the first \"%.*s\" in row %" PRId64, c->texts,
                 c->texts == 1 ? "is no number" : "are no numbers",
                 (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40), c->odd, c->odd_row);
        add_text(text, part);
    }
    for (int k = 0; k < CLI_SENTINELS; k++) {
        if (!cli_sentinel_is_taken(&c->far, k)) continue;
        snprintf(part, sizeof part, "%" PRId64 " are %.10g, apart from the others, %.6g to %.6g",
                 c->far.rows[k], cli_sentinel_values[k], c->lowest, c->highest);
        add_text(text, part);
    }
    return text;
}

static json_t *number_json(double value) {
    return value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t)value)
                                                       : json_real(value);
}

void cli_write_gaps(const cli_column *c, json_t *json) {
    json_t *gaps = json_array();
    for (int k = 0; k < CLI_SENTINELS; k++)
        if (cli_sentinel_is_taken(&c->far, k))
            json_array_append_new(gaps, number_json(cli_sentinel_values[k]));
    if (cli_column_has_texts(c)) json_array_append_new(gaps, json_string("*"));
    if (json_array_size(gaps)) json_object_set(json, "gaps", gaps);
    json_decref(gaps);
}
