#include "init_runs.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "init_names.h"
#include "warnings.h"

enum { LEAST_COLUMNS = 3, MOST_COLUMNS = 1024, LOOKED_AT = 1000 /* rows */ };
static const double alike = 0.5; /* of the values of a column */

/* ---- Names ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static size_t stem_length(const char *name) {
    size_t length = strlen(name);
    while (length > 0 && is_digit(name[length - 1])) length--;
    return length;
}

/* Letters and numbers of fields, C1 or 109_14, are no stems. */
static bool is_stem(const char *name, size_t length) {
    size_t letters = 0;
    for (size_t i = 0; i < length; i++) letters += is_letter(name[i]);
    return letters > 1;
}

/* Whether a name is the stem of another with a number that is `step` above its own. */
static bool follows(const char *name, const char *first, size_t step) {
    const size_t stem = stem_length(first), length = stem_length(name);
    int64_t from, number;
    return length == stem && memcmp(name, first, stem) == 0 &&
           mmoe_parse_int64(first + stem, strlen(first + stem), &from) &&
           mmoe_parse_int64(name + stem, strlen(name + stem), &number) && number >= from &&
           (uint64_t)number - (uint64_t)from == step;
}

/* ---- Values ---- */

static bool can_be_element(const cli_column *c) {
    return !c->is_label && c->present && !c->fractions && !c->amounts && !c->dates &&
           (cli_name_is_history(c->name) || cli_column_are_ids(c));
}

/* The part of the fewer values that are among the more. */
static double shared_values(const cli_values *a, const cli_values *b) {
    const cli_values *few = a->count < b->count ? a : b, *many = few == a ? b : a;
    size_t both = 0;
    for (size_t i = 0; i < few->capacity; i++)
        both += few->slots[i] && cli_values_have(many, few->slots[i]);
    return (double)both / (double)few->count;
}

static bool has_twice(const cli_survey *s, size_t row, const cli_run *run) {
    for (size_t i = 0; i < run->columns; i++) {
        const uint64_t hash = cli_sample_at(&s->sample, row, run->first + i)->hash;
        for (size_t j = 0; hash && j < i; j++)
            if (cli_sample_at(&s->sample, row, run->first + j)->hash == hash) return true;
    }
    return false;
}

/* Has hardly a row one value in two columns? */
static bool are_apart(const cli_survey *s, const cli_run *run) {
    const size_t rows = s->sample.rows < LOOKED_AT ? s->sample.rows : LOOKED_AT;
    size_t twice = 0;
    for (size_t r = 0; r < rows; r++) twice += has_twice(s, r, run);
    return 10 * twice <= rows;
}

/* ---- The list ---- */

static bool takes(const cli_survey *s, cli_run *run, const cli_column *c) {
    const cli_column *first = &s->columns[run->first];
    if (!can_be_element(c) || !follows(c->name, first->name, run->columns)) return false;
    const double shared = shared_values(&first->values, &c->values);
    if (shared < alike) return false;
    if (shared < run->shared) run->shared = shared;
    if (cli_column_distinct(c) > run->values) run->values = cli_column_distinct(c);
    run->elements += (double)c->present / (double)s->rows;
    run->columns++;
    return true;
}

cli_run cli_find_run(const cli_survey *s, size_t first) {
    const cli_column *c = &s->columns[first];
    const size_t stem = stem_length(c->name);
    cli_run run = {.first = first, .shared = 1}, none = {0};
    if (!c->name[stem] || !is_stem(c->name, stem)) return none;
    while (run.columns < MOST_COLUMNS && first + run.columns < s->count)
        if (!takes(s, &run, c + run.columns)) break;
    if (run.columns < LEAST_COLUMNS || run.values <= (int64_t)run.columns) return none;
    return cli_name_is_history(c->name) || are_apart(s, &run) ? run : none;
}

/* The stem without the mark at its end. */
static json_t *name_of(const cli_survey *s, const cli_run *run) {
    const char *name = s->columns[run->first].name;
    size_t length = stem_length(name);
    while (length > 1 && strchr("_-. ", name[length - 1])) length--;
    return cli_survey_free_name(s, json_sprintf("%.*s", (int)length, name));
}

void cli_write_run(const cli_survey *s, const cli_run *run, json_t *features) {
    const cli_column *first = &s->columns[run->first];
    json_t *columns = json_array();
    for (size_t i = 0; i < run->columns; i++)
        json_array_append_new(columns, json_string(first[i].name));
    cli_note("columns \"%s\" to \"%s\" taken as one list (features.sequence, \"columns\"): %.3g "
             "elements a row, of up to %" PRId64 " values a column, of which any has at least "
             "%.3g %% in common with the first",
             first->name, first[run->columns - 1].name, run->elements, run->values,
             100 * run->shared);
    json_array_append_new(
        json_object_get(features, "sequence"),
        json_pack("{s:o, s:i, s:o}", "name", name_of(s, run), "embed_dim", 4, "columns", columns));
}
