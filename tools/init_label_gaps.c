#include "init_label_gaps.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "init_gaps.h"

/* FAR_OFF: of the range of the two labels. */
enum { LEAST_NUMBERS = 10, SHOWN = 30, FAR_OFF = 4 };

static bool is_word(const cli_label_value *value) { return isnan(value->number); }

/* Far from the two numbers that are labels, or beside words. */
static bool is_apart(const cli_label_values *values, double number) {
    const cli_label_value *a = &values->seen[0], *b = &values->seen[1];
    const double low = fmin(a->number, b->number), high = fmax(a->number, b->number),
                 distance = number < low ? low - number : number - high;
    if (is_word(a) || is_word(b)) return true;
    return number != -1 && distance >= FAR_OFF * (high - low);
}

static void hide(const cli_survey *s, const cli_column *c, const cli_label_value *value) {
    const size_t column = cli_column_place(s, c);
    const uint64_t hash = cli_hash_value(value->text, strlen(value->text));
    for (size_t r = 0; r < s->sample.rows; r++) {
        cli_cell *cell = &s->sample.cells[r * s->sample.columns + column];
        if (cell->number == value->number || (is_word(value) && cell->hash == hash))
            *cell = (cli_cell){(double)NAN, 0};
    }
}

static void take(const cli_survey *s, cli_column *c, cli_label_aside *aside) {
    aside->is_gap = true;
    c->present -= aside->value.count;
    if (is_word(&aside->value)) c->texts -= aside->value.count;
    hide(s, c, &aside->value);
}

/* It is a label as the others. */
static bool give_back(cli_column *c, const cli_label_aside *aside) {
    const cli_label_value *value = &aside->value;
    cli_column_count_label(c, aside->row, value->number, value->count);
    if (is_word(value) && (!c->odd || aside->row < c->odd_row)) {
        free(c->odd);
        c->odd = strdup(value->text);
        c->odd_row = aside->row;
        c->odds = value->count;
        if (!c->odd) return false;
    }
    return cli_label_values_add(&c->two, value->text, value->count);
}

/* Numbers, and one word. */
static bool has_one_word(const cli_column *c) {
    const int64_t numbers = cli_column_distinct(c) - (int64_t)c->words.count;
    return c->two.more && c->texts && c->texts == c->odds && 10 * c->texts <= c->present &&
           (c->fractions || numbers >= LEAST_NUMBERS) && strlen(c->odd) <= 64 &&
           mmoe_utf8_is(c->odd, strlen(c->odd));
}

static bool take_word(const cli_survey *s, cli_column *c) {
    cli_label_aside *aside = &c->two.aside[c->two.n_aside++];
    *aside = (cli_label_aside){{strdup(c->odd), (double)NAN, c->texts}, c->odd_row, false};
    if (!aside->value.text) return false;
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++) c->label_faults[type] -= c->texts;
    take(s, c, aside);
    return true;
}

static bool find_gaps(const cli_survey *s, cli_column *c) {
    const bool has_two = c->two.seen[1].text, is_class = has_two && !c->two.more;
    const int count = c->two.n_aside;
    for (int i = 0; i < count; i++) {
        cli_label_aside *aside = &c->two.aside[i];
        if (has_two &&
            (is_word(&aside->value) || (is_class && is_apart(&c->two, aside->value.number))))
            take(s, c, aside);
        else if (!give_back(c, aside))
            return false;
    }
    return !has_one_word(c) || take_word(s, c);
}

bool cli_label_gaps_find(cli_survey *s) {
    for (cli_column *c = s->columns; c < s->columns + s->count; c++)
        if (c->is_label && !find_gaps(s, c)) return false;
    return true;
}

/* ---- What is said and written ---- */

const char *cli_say_label_gaps(const cli_column *c, char text[CLI_SAID_LABEL_GAPS]) {
    char numbers[CLI_SAID_GAPS];
    size_t used = 0;
    *text = '\0';
    for (int i = 0; i < c->two.n_aside && used < CLI_SAID_LABEL_GAPS; i++) {
        const cli_label_aside *aside = &c->two.aside[i];
        const char *word = aside->value.text;
        if (!aside->is_gap) continue;
        used += (size_t)snprintf(text + used, CLI_SAID_LABEL_GAPS - used,
                                 "%s%" PRId64 " %s \"%.*s\", the first in row %" PRId64,
                                 used ? "; " : ": ", aside->value.count,
                                 aside->value.count == 1 ? "is" : "are",
                                 (int)mmoe_utf8_cut(word, strlen(word), SHOWN), word, aside->row);
    }
    if (used < CLI_SAID_LABEL_GAPS && c->far.taken)
        used += (size_t)snprintf(text + used, CLI_SAID_LABEL_GAPS - used, "%s%s",
                                 used ? "; " : ": ", cli_say_gaps(c, numbers));
    if (used && used < CLI_SAID_LABEL_GAPS)
        snprintf(text + used, CLI_SAID_LABEL_GAPS - used, " (\"gaps\")");
    return text;
}

void cli_write_label_gaps(const cli_column *c, json_t *task) {
    cli_write_gaps(c, task);
    json_t *gaps = json_object_get(task, "gaps");
    gaps = gaps ? json_incref(gaps) : json_array();
    for (int i = 0; i < c->two.n_aside; i++)
        if (c->two.aside[i].is_gap)
            json_array_append_new(gaps, json_string(c->two.aside[i].value.text));
    if (json_array_size(gaps)) json_object_set(task, "gaps", gaps);
    json_decref(gaps);
}
