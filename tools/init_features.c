#include "init_features.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Integers of up to this many values are ids; of more, ids only if a value comes ten times on
 * average. */
enum { FEW_VALUES = 1000, ROWS_A_VALUE = 10 };
/* A column whose values all differ is a key of the rows, in files long enough to tell. */
enum { KEY_ROWS = 20 };
enum { REMARK_SIZE = 300 };

/* A way to take a column. */
typedef struct rule {
    bool (*fits)(const cli_survey *s, const cli_column *c);
    /* What the reader should know; NULL: nothing. */
    void (*say)(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]);
    /* Adds features; NULL: the column is left out. */
    void (*write)(const cli_survey *s, const cli_column *c, json_t *features);
} rule;

static void add(json_t *features, const char *list, json_t *feature) {
    json_array_append_new(json_object_get(features, list), feature);
}

/* ---- Columns that tell nothing ---- */

static bool is_nameless(const cli_survey *s, const cli_column *c) {
    (void)s;
    return !*c->name;
}

static void say_nameless(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    (void)s, (void)c;
    snprintf(remark, REMARK_SIZE, "left out: it has no name");
}

static bool is_constant(const cli_survey *s, const cli_column *c) {
    (void)s;
    return cli_column_distinct(c) < 2;
}

static void say_constant(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    (void)s;
    snprintf(remark, REMARK_SIZE, "left out: %s",
             c->present ? "one value only" : "no value at all");
}

/* ---- Lists ---- */

static bool is_list(const cli_survey *s, const cli_column *c) {
    cli_list_guess guess;
    (void)s;
    return c->texts && cli_lists_guess(&c->lists, cli_column_distinct(c), &guess);
}

static void say_list(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    cli_list_guess guess;
    (void)s;
    if (!cli_lists_guess(&c->lists, cli_column_distinct(c), &guess)) return;
    const cli_list_counts *counts = guess.counts;
    snprintf(remark, REMARK_SIZE,
             "taken as lists (features.sequence) with \"%c\" between elements%s: %.3g %% of the "
             "cells have more than one, the longest %" PRId64 "; %zu elements differ",
             guess.separator, guess.is_weighted ? " and \":\" before their weights" : "",
             100.0 * (double)counts->cells / (double)c->present, counts->longest,
             counts->values.count);
}

static void write_list(const cli_survey *s, const cli_column *c, json_t *features) {
    cli_list_guess guess;
    (void)s;
    if (!cli_lists_guess(&c->lists, cli_column_distinct(c), &guess)) return;
    const char separator[] = {guess.separator, '\0'};
    add(features, "sequence",
        json_pack("{s:s, s:i, s:s, s:s*}", "name", c->name, "embed_dim", 4, "separator", separator,
                  "weight_separator", guess.is_weighted ? ":" : NULL));
}

/* ---- Ids ---- */

/* A few words among numbers: a slip, or a mark for missing. */
static bool has_slips(const cli_column *c) { return c->texts && c->texts * 10 <= c->present; }

static bool has_many_integers(const cli_column *c) {
    const int64_t distinct = cli_column_distinct(c);
    return distinct > FEW_VALUES && distinct * ROWS_A_VALUE > c->present;
}

static bool are_numbers(const cli_column *c) {
    return (!c->texts || has_slips(c)) && (c->fractions || has_many_integers(c));
}

static bool is_key(const cli_survey *s, const cli_column *c) {
    (void)s;
    return !(c->fractions && !c->texts) && cli_column_distinct(c) == c->present &&
           c->present >= KEY_ROWS;
}

static void say_key(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    (void)s, (void)c;
    snprintf(remark, REMARK_SIZE, "left out: every value is another one, as of a row's key");
}

static bool is_category(const cli_survey *s, const cli_column *c) {
    (void)s;
    return !are_numbers(c);
}

static void write_id(const cli_survey *s, const cli_column *c, json_t *features) {
    (void)s;
    add(features, "sparse", json_pack("{s:s, s:i}", "name", c->name, "embed_dim", 4));
}

/* ---- Numbers ---- */

static bool is_mixed(const cli_survey *s, const cli_column *c) {
    (void)s;
    return c->texts && are_numbers(c);
}

static void say_mixed(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    (void)s;
    snprintf(remark, REMARK_SIZE,
             "left out: %" PRId64 " of %" PRId64 " values are no numbers (the first, in row "
             "%" PRId64 ", is \"%.*s\"), which a dense feature cannot have",
             c->texts, c->present, c->odd_row, (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40),
             c->odd);
}

static bool is_number(const cli_survey *s, const cli_column *c) {
    (void)s;
    return !c->texts;
}

static void say_number(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    if (c->present < s->rows)
        snprintf(remark, REMARK_SIZE,
                 "lacks %" PRId64 " of %" PRId64 " values: the mean stands for them "
                 "(\"missing\")%s",
                 s->rows - c->present, s->rows,
                 c->fractions ? "" : "; so many integers: make it sparse if they are ids");
    else if (!c->fractions)
        snprintf(remark, REMARK_SIZE,
                 "taken as dense: so many integers; make it sparse if they are ids");
}

static void write_number(const cli_survey *s, const cli_column *c, json_t *features) {
    json_t *json = json_pack("{s:s, s:s}", "name", c->name, "transform", "standardize");
    if (c->present < s->rows) json_object_set_new(json, "missing", json_string("mean"));
    add(features, "dense", json);
}

/* ---- The rules, of which the first that fits is taken ---- */

static const rule rules[] = {
    {is_nameless, say_nameless, NULL},
    {is_constant, say_constant, NULL},
    {is_list, say_list, write_list},
    {is_mixed, say_mixed, NULL},
    {is_key, say_key, NULL},
    {is_category, NULL, write_id},
    {is_number, say_number, write_number},
};

static void apply_rules(const cli_survey *s, const cli_column *c, json_t *features) {
    const rule *r = rules;
    char remark[REMARK_SIZE] = "";
    while (!r->fits(s, c)) r++;
    if (r->say) r->say(s, c, remark);
    if (*remark) cli_note("column \"%s\" %s", c->name, remark);
    if (r->write) r->write(s, c, features);
}

json_t *cli_guess_features(const cli_survey *s) {
    json_t *features = json_pack("{s:[], s:[], s:[]}", "sparse", "sequence", "dense");
    for (size_t i = 0; features && i < s->count; i++)
        if (!cli_survey_is_label(s, &s->columns[i])) apply_rules(s, &s->columns[i], features);
    if (!json_array_size(json_object_get(features, "sequence")))
        json_object_del(features, "sequence");
    return features;
}
