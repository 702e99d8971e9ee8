#include "init_features.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "init_bins.h"
#include "init_curves.h"
#include "init_dates.h"
#include "init_gaps.h"
#include "init_leaks.h"
#include "init_names.h"
#include "init_runs.h"
#include "init_said.h"
#include "warnings.h"

/* Files of fewer rows do not tell a key of the rows from another column. */
enum { KEY_ROWS = 20 };
/* An amount whose few large values leave the others no room where it is standardized; fewer rows
 * do not tell. */
static const double skewed = 2;
enum { SKEW_ROWS = 500 };
/* Ages from 18 to 24 and the like are classes. */
enum { FEW_BANDS = 20 };
/* Rows that have a value, and have none. */
enum { LEAST_OF_FLAG = 10 };
enum { REMARK_SIZE = CLI_REMARK_SIZE, MARK_SIZE = 100, QUANTITY_SIZE = 240 };

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

/* ---- What is in a column ---- */

static double rows_a_value(const cli_column *c) {
    return (double)cli_column_present(c) / (double)cli_column_values(c);
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

/* Of one value, whether it is there may tell something. */
static bool is_flag(const cli_survey *s, const cli_column *c) {
    const int64_t present = cli_column_present(c);
    return cli_column_values(c) == 1 && !c->fractions && present >= LEAST_OF_FLAG &&
           s->rows - present >= LEAST_OF_FLAG;
}

static void say_flag(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    const char *value = c->two.seen[0].text;
    snprintf(remark, REMARK_SIZE,
             "taken as ids (sparse): its one value, \"%.*s\", stands in %" PRId64 " of %" PRId64
             " rows, and is missing in the others",
             (int)mmoe_utf8_cut(value, strlen(value), 40), value, cli_column_present(c), s->rows);
}

static bool is_constant(const cli_survey *s, const cli_column *c) {
    return cli_column_values(c) < 2 && !is_flag(s, c);
}

static void say_constant(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    (void)s;
    snprintf(remark, REMARK_SIZE, "left out: %s",
             c->present ? "one value only" : "no value at all");
}

/* ---- Columns that tell too much ---- */

static bool is_leak(const cli_survey *s, const cli_column *c) {
    return cli_find_leak(s, c).kind != CLI_LEAK_NONE;
}

static void say_leak(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    const cli_leak leak = cli_find_leak(s, c);
    const char *label = leak.label ? leak.label->name : "";
    const char *other = leak.other ? leak.other->name : "";
    char what[REMARK_SIZE * 3 / 4];
    if (leak.kind == CLI_LEAK_ALONE)
        snprintf(what, sizeof what, "it gives the label \"%s\"", label);
    else if (leak.kind == CLI_LEAK_TOTAL)
        snprintf(what, sizeof what, "it is the sum of the labels");
    else if (leak.kind == CLI_LEAK_SUM)
        snprintf(what, sizeof what, "with \"%s\" it sums to the label \"%s\"", other, label);
    else if (leak.kind == CLI_LEAK_FROM)
        snprintf(what, sizeof what, "\"%s\" less it is the label \"%s\"", other, label);
    else
        snprintf(what, sizeof what, "less \"%s\" it is the label \"%s\"", other, label);
    snprintf(remark, REMARK_SIZE, "left out: %s in all %zu rows compared", what, leak.rows);
}

/* ---- Lists ---- */

static bool is_list(const cli_survey *s, const cli_column *c) {
    cli_list_guess guess;
    (void)s;
    return c->texts && cli_lists_guess(&c->lists, cli_column_distinct(c), &guess);
}

/* Between brackets, and no lists all the same. */
static void say_brackets(const cli_column *c, char remark[REMARK_SIZE]) {
    if (2 * c->lists.brackets <= c->lists.cells) return;
    snprintf(remark, REMARK_SIZE,
             "taken as ids (sparse): %" PRId64 " of %" PRId64 " cells stand between brackets, as "
             "\"%.*s\": lists are read where all do, and their elements come again",
             c->lists.brackets, c->lists.cells, (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40),
             c->odd);
}

static void say_list(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    cli_list_guess guess;
    (void)s;
    if (!cli_lists_guess(&c->lists, cli_column_distinct(c), &guess)) return;
    const cli_list_counts *counts = guess.counts;
    snprintf(remark, REMARK_SIZE,
             "taken as lists (features.sequence) with \"%c\" between elements%s%s: %.3g %% of the "
             "cells have more than one, the longest %" PRId64 "; %zu elements differ",
             guess.separator, guess.is_weighted ? " and \":\" before their weights" : "",
             guess.is_bracketed ? " and brackets round them (\"brackets\")" : "",
             100.0 * (double)counts->cells / (double)c->present, counts->longest,
             counts->values.count);
}

static void write_list(const cli_survey *s, const cli_column *c, json_t *features) {
    cli_list_guess guess;
    (void)s;
    if (!cli_lists_guess(&c->lists, cli_column_distinct(c), &guess)) return;
    const char separator[] = {guess.separator, '\0'};
    add(features, "sequence",
        json_pack("{s:s, s:i, s:s, s:s*, s:o*}", "name", c->name, "embed_dim", 4, "separator",
                  separator, "weight_separator", guess.is_weighted ? ":" : NULL, "brackets",
                  guess.is_bracketed ? json_true() : NULL));
}

/* ---- Keys of the rows ---- */

static bool is_near_key(const cli_survey *s, const cli_column *c);

/* Few of them are ids. */
static bool is_time(const cli_survey *s, const cli_column *c) {
    return 10 * c->times >= 9 * c->present && is_near_key(s, c);
}

static void say_time(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    (void)s;
    snprintf(remark, REMARK_SIZE,
             "left out: %" PRId64 " of %" PRId64 " values are times, the first \"%.*s\", "
             "and %" PRId64 " differ: write the hour, or the minutes since midnight, as a column",
             c->times, c->present, (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40), c->odd,
             cli_column_distinct(c));
}

/* Integers whose values all differ are a key by name, or if they are most of those in their range:
 * of a file's row numbers a part of its rows has such. */
static bool is_key(const cli_survey *s, const cli_column *c) {
    (void)s;
    if (c->present < KEY_ROWS || !cli_column_are_integers(c) || cli_column_distinct(c) < c->present)
        return false;
    return cli_name_is_key(c->name) || c->highest - c->lowest < 2 * (double)c->present;
}

static bool is_near_key(const cli_survey *s, const cli_column *c) {
    (void)s;
    return c->present >= KEY_ROWS && cli_column_are_ids(c) &&
           2 * cli_column_distinct(c) > c->present;
}

/* "; most begin as numbers do, ...", or nothing. */
static const char *say_quantities(const cli_column *c, char text[QUANTITY_SIZE]) {
    *text = '\0';
    if (cli_column_are_quantities(c) && !cli_name_is_key(c->name))
        snprintf(
            text, QUANTITY_SIZE,
            "; most begin as numbers do, and the first that is none is \"%.*s\" in row %" PRId64
            ": as numbers, in one unit, they would have an order",
            (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40), c->odd, c->odd_row);
    return text;
}

static void say_key(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    const int64_t distinct = cli_column_distinct(c);
    char quantities[QUANTITY_SIZE];
    (void)s;
    say_quantities(c, quantities);
    if (distinct == c->present)
        snprintf(remark, REMARK_SIZE,
                 "left out: all its %" PRId64 " values differ, as a row's key does%s", distinct,
                 quantities);
    else
        snprintf(remark, REMARK_SIZE,
                 "left out: %" PRId64 " different values in %" PRId64 " rows, nearly a row's key%s",
                 distinct, c->present, quantities);
}

/* ---- Ids ---- */

static bool is_category(const cli_survey *s, const cli_column *c) {
    (void)s;
    return cli_column_are_ids(c) || cli_column_are_categories(c);
}

/* "63 integers, 6.35 rows a value" */
static const char *density_of(const cli_column *c, char text[64]) {
    const double rows = rows_a_value(c);
    snprintf(text, 64, "%" PRId64 " integers, %.*g rows a value", cli_column_values(c),
             rows < 1000 ? 3 : 18, rows < 1000 ? rows : round(rows));
    return text;
}

/* " (4 are "n/k", the first in row 7)", or nothing. */
static const char *say_mark(const cli_column *c, char text[MARK_SIZE]) {
    const char *mark = cli_column_mark(c);
    *text = '\0';
    if (mark)
        snprintf(text, MARK_SIZE, " (%" PRId64 " %s \"%.*s\", the first in row %" PRId64 ")",
                 c->texts, c->texts == 1 ? "is" : "are", (int)mmoe_utf8_cut(mark, strlen(mark), 30),
                 mark, c->odd_row);
    return text;
}

/* Nothing of texts that are as texts should be. */
static void say_texts(const cli_column *c, char remark[REMARK_SIZE]) {
    const int64_t capitals = cli_column_capitals(c);
    char quantities[QUANTITY_SIZE];
    say_brackets(c, remark);
    if (*remark) return;
    if (*say_quantities(c, quantities) && cli_column_distinct(c) > FEW_BANDS)
        snprintf(remark, REMARK_SIZE, "taken as ids (sparse): %" PRId64 " values%s",
                 cli_column_distinct(c), quantities);
    else if (capitals)
        snprintf(remark, REMARK_SIZE,
                 "taken as ids (sparse): %" PRId64 " values, of which %" PRId64
                 " %s from another by capitals only, and %s own",
                 cli_column_distinct(c), capitals, capitals == 1 ? "differs" : "differ",
                 capitals == 1 ? "is an id of its" : "are ids of their");
}

static void say_category(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    char density[64], marked[MARK_SIZE];
    const int64_t missing = s->rows - cli_column_present(c);
    if (cli_column_are_words(c) && c->amounts > c->texts) {
        snprintf(remark, REMARK_SIZE,
                 "taken as ids (sparse): %" PRId64 " values, of which \"%.40s\" in row %" PRId64
                 " is no number of \"%s\"",
                 cli_column_distinct(c), c->odd, c->odd_row, c->amount.unit);
        return;
    }
    if (c->texts && !cli_column_mark(c)) {
        say_texts(c, remark);
        return;
    }
    int used = snprintf(remark, REMARK_SIZE, "taken as ids (sparse)%s: %s",
                        cli_name_is_id(c->name) ? " by its name" : "", density_of(c, density));
    if (cli_column_mark(c))
        snprintf(remark + used, REMARK_SIZE - (size_t)used,
                 "; lacks %" PRId64 " of %" PRId64 " values%s", missing, s->rows,
                 say_mark(c, marked));
}

static void write_id(const cli_survey *s, const cli_column *c, json_t *features) {
    (void)s;
    add(features, "sparse", json_pack("{s:s, s:i}", "name", c->name, "embed_dim", 4));
}

/* ---- Numbers ---- */

static bool is_number(const cli_survey *s, const cli_column *c) {
    (void)s, (void)c;
    return true;
}

static void say_gaps(const cli_survey *s, const cli_column *c, char *text, size_t size) {
    const int64_t missing = s->rows - cli_column_present(c);
    char marked[MARK_SIZE], gaps[CLI_SAID_GAPS];
    const bool has_gaps = *cli_say_gaps(c, gaps);
    *text = '\0';
    if (missing)
        snprintf(text, size,
                 "lacks %" PRId64 " of %" PRId64 " values%s%s%s%s: the mean stands for them "
                 "(\"missing\"), and an indicator says so",
                 missing, s->rows, say_mark(c, marked), has_gaps ? " (" : "", gaps,
                 has_gaps ? ": \"gaps\")" : "");
}

/* "; and as ids (sparse), for ...", of integers that are names; or nothing. */
static void say_names(const cli_survey *s, const cli_column *c, char *text, size_t size) {
    const cli_curve *curve = cli_curve_of(s, c);
    if (curve->named)
        snprintf(text, size,
                 "; and as ids (sparse): of what a line of all numbers leaves of the label "
                 "\"%.100s\", its values tell more than their order (F %.3g)",
                 curve->named->name, curve->f);
}

static void say_number(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    char gaps[REMARK_SIZE * 5 / 8], density[64], marks[CLI_SAID_MARKS];
    say_gaps(s, c, gaps, sizeof gaps);
    if (c->amounts)
        snprintf(remark, REMARK_SIZE, "taken as numbers: %s%s%s", cli_say_marks(c, marks),
                 *gaps ? "; " : "", gaps);
    else if (c->fractions)
        snprintf(remark, REMARK_SIZE, "%s", gaps);
    else
        snprintf(remark, REMARK_SIZE, "taken as numbers (dense): %s%s%s", density_of(c, density),
                 *gaps ? "; " : "", gaps);
    const size_t used = strlen(remark);
    say_names(s, c, remark + used, REMARK_SIZE - used);
}

static void write_names(const cli_survey *s, const cli_column *c, json_t *features) {
    if (!cli_curve_of(s, c)->named) return;
    add(features, "sparse",
        json_pack("{s:o, s:s, s:i}", "name",
                  cli_survey_free_name(s, json_sprintf("%s_ids", c->name)), "column", c->name,
                  "embed_dim", 4));
}

/* A blank in rows to come stops nothing, even where these have none. */
static void write_dense(const cli_survey *s, const cli_column *c, const char *transform,
                        json_t *features) {
    json_t *json =
        json_pack("{s:s, s:s, s:s}", "name", c->name, "transform", transform, "missing", "mean");
    if (cli_column_present(c) < s->rows) json_object_set_new(json, "indicator", json_true());
    cli_write_marks(c, json);
    cli_write_gaps(c, json);
    add(features, "dense", json);
    json_t *bins = cli_guess_bins(s, c);
    if (bins) add(features, "sparse", bins);
    write_names(s, c, features);
}

static void write_number(const cli_survey *s, const cli_column *c, json_t *features) {
    write_dense(s, c, "standardize", features);
}

/* ---- Skewed numbers ---- */

static double skewness(const cli_survey *s, const cli_column *c) {
    return cli_sample_moments(&s->sample, cli_column_place(s, c)).skewness;
}

static bool is_skewed(const cli_survey *s, const cli_column *c) {
    return s->rows >= SKEW_ROWS && c->lowest >= 0 && skewness(s, c) > skewed;
}

static void say_skewed(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    say_number(s, c, remark);
    const size_t used = strlen(remark);
    snprintf(remark + used, REMARK_SIZE - used, "%sa skewness of %.2g: logarithms (log1p)",
             used ? "; " : "has ", skewness(s, c));
}

static void write_skewed(const cli_survey *s, const cli_column *c, json_t *features) {
    write_dense(s, c, "log1p_standardize", features);
}

/* ---- Numbers whose effect is no line ---- */

static int count_pieces(const cli_survey *s, const cli_column *c) {
    static const int counts[] = {16, 12, 8, 6, 4, 3, 0};
    return cli_sample_bins(&s->sample, cli_column_place(s, c), false, counts);
}

static bool is_curved(const cli_survey *s, const cli_column *c) {
    return cli_curve_of(s, c)->label && count_pieces(s, c);
}

static void say_curved(const cli_survey *s, const cli_column *c, char remark[REMARK_SIZE]) {
    const cli_curve *curve = cli_curve_of(s, c);
    say_number(s, c, remark);
    const size_t used = strlen(remark);
    snprintf(
        remark + used, REMARK_SIZE - used,
        "%sof the label \"%.100s\" its bins explain %.3g %% in %zu rows, a line %.3g %%: a line "
        "of %d pieces beside (\"piecewise_linear\")",
        used ? "; bends: " : "bends: ", curve->label->name, 100 * curve->bins, curve->rows,
        100 * curve->line, count_pieces(s, c));
}

static void write_curved(const cli_survey *s, const cli_column *c, json_t *features) {
    write_number(s, c, features);
    json_t *json =
        json_pack("{s:o, s:s, s:s, s:i, s:s}", "name",
                  cli_survey_free_name(s, json_sprintf("%s_pieces", c->name)), "column", c->name,
                  "encoding", "piecewise_linear", "bins", count_pieces(s, c), "missing", "mean");
    cli_write_marks(c, json);
    cli_write_gaps(c, json);
    add(features, "dense", json);
}

/* ---- The rules, of which the first that fits is taken ---- */

static const rule rules[] = {
    {is_nameless, say_nameless, NULL},           /* left out */
    {is_constant, say_constant, NULL},           /* left out */
    {is_leak, say_leak, NULL},                   /* left out */
    {is_flag, say_flag, write_id},               /* sparse */
    {cli_is_date, cli_say_date, cli_write_date}, /* dense */
    {cli_is_like_date, cli_say_like_date, NULL}, /* left out */
    {is_list, say_list, write_list},             /* a sequence */
    {is_key, say_key, NULL},                     /* left out */
    {is_time, say_time, NULL},                   /* left out */
    {is_near_key, say_key, NULL},                /* left out */
    {is_category, say_category, write_id},       /* sparse */
    {is_skewed, say_skewed, write_skewed},       /* dense, and its bins sparse */
    {is_curved, say_curved, write_curved},       /* dense twice, and its bins */
    {is_number, say_number, write_number},       /* dense, and its bins */
};

/* The file cannot tell a leak from a column that is as good as this. */
static void warn_of_label(const cli_survey *s, const cli_column *c, cli_said *of) {
    static const char *const doubt = "it is kept, but is it known before the label is?";
    size_t rows;
    double unexplained, area;
    const cli_column *label = cli_find_given_label(s, c, &rows);
    const cli_column *order = label ? NULL : cli_find_order(s, c, &area, &rows);
    if (label || order) cli_said_flush(of);
    if (label)
        cli_warn("%s: column \"%s\" gives the label \"%s\" in all %zu rows compared: %s", s->path,
                 c->name, label->name, rows, doubt);
    if (order)
        cli_warn("%s: column \"%s\" alone tells the label \"%s\" with an AUC of %.5f in %zu rows "
                 "compared: %s",
                 s->path, c->name, order->name, area, rows, doubt);
    label = cli_find_line(s, c, &unexplained, &rows);
    if (label) cli_said_flush(of);
    if (label)
        cli_warn(
            "%s: a line of column \"%s\" gives the label \"%s\" with an R2 of 1 - %.2g in %zu rows "
            "compared: %s",
            s->path, c->name, label->name, unexplained, rows, doubt);
}

static void apply_rules(const cli_survey *s, const cli_column *c, cli_said *of, json_t *features) {
    const rule *r = rules;
    char remark[REMARK_SIZE] = "";
    while (!r->fits(s, c)) r++;
    if (r->say) r->say(s, c, remark);
    cli_said_add(of, c, remark);
    if (!r->write) return;
    r->write(s, c, features);
    warn_of_label(s, c, of);
}

/* Once for all columns: how many numbers have bins beside them. */
static void say_bins(const json_t *features) {
    size_t i, count = 0;
    json_t *feature;
    json_array_foreach(json_object_get(features, "sparse"), i, feature) {
        count += json_object_get(feature, "quantiles") || json_object_get(feature, "boundaries");
    }
    if (count)
        cli_note("bins (10 \"quantiles\" at most, or \"boundaries\") beside %zu of the columns, as "
                 "embeddings, for thresholds and for what columns tell only together",
                 count);
}

json_t *cli_guess_features(const cli_survey *s) {
    json_t *features = json_pack("{s:[], s:[], s:[]}", "sparse", "sequence", "dense");
    cli_said of = {NULL};
    for (size_t i = 0, next; features && i < s->count; i = next) {
        const cli_run run = cli_find_run(s, i);
        next = i + (run.columns ? run.columns : 1);
        if (run.columns) cli_said_flush(&of);
        if (run.columns)
            cli_write_run(s, &run, features);
        else if (!s->columns[i].is_label)
            apply_rules(s, &s->columns[i], &of, features);
    }
    cli_said_flush(&of);
    say_bins(features);
    if (!json_array_size(json_object_get(features, "sequence")))
        json_object_del(features, "sequence");
    return features;
}
