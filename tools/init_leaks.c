#include "init_leaks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Fewer rows, or rows of a class, agree by chance. */
enum { LEAST_ROWS = 20, LEAST_OF_CLASS = 10 };
/* Values of a column each of which may have a label of its own. */
enum { MOST_VALUES = 20 };
static const double rounding = 1e-9;
static const double hardly_any = 1e-4;  /* of a variance: 1 - R2 */
static const double least_area = 0.999; /* as the check of training rows has it */
enum { LEAST_RANKED = 20 };             /* rows of a class */

static const cli_cell *cell_of(const cli_survey *s, size_t row, const cli_column *c) {
    return cli_sample_at(&s->sample, row, cli_column_place(s, c));
}

static double number_of(const cli_survey *s, size_t row, const cli_column *c) {
    return cell_of(s, row, c)->number;
}

/* ---- Classes ---- */

/* 1 and 1.0 are one label, and one value. */
static bool is_same(const cli_cell *a, const cli_cell *b) {
    return isnan(a->number) ? a->hash == b->hash : a->number == b->number;
}

/* The labels of a column's values: each has one, until a row shows another. */
typedef struct value_labels {
    const cli_cell *values[MOST_VALUES], *labels[MOST_VALUES];
    size_t count;
} value_labels;

static bool agrees(value_labels *v, const cli_cell *value, const cli_cell *label) {
    size_t i = 0;
    while (i < v->count && !is_same(v->values[i], value)) i++;
    if (i < v->count) return is_same(v->labels[i], label);
    if (v->count == MOST_VALUES) return false;
    v->values[i] = value;
    v->labels[i] = label;
    v->count++;
    return true;
}

/* Of a label of two classes: rows that agree, 0 if one does not. */
static size_t rows_by_value(const cli_survey *s, const cli_column *label, const cli_column *c) {
    value_labels seen = {.count = 0};
    const cli_cell *first = NULL;
    size_t rows = 0, others = 0;
    for (size_t r = 0; r < s->sample.rows; r++) {
        const cli_cell *l = cell_of(s, r, label);
        if (!l->hash) continue;
        if (!first) first = l;
        if (!agrees(&seen, cell_of(s, r, c), l)) return 0;
        others += !is_same(first, l);
        rows++;
    }
    const bool is_enough = others >= LEAST_OF_CLASS && rows - others >= LEAST_OF_CLASS &&
                           rows >= LEAST_ROWS * seen.count;
    return is_enough ? rows : 0;
}

/* ---- Numbers ---- */

typedef double (*combination)(double a, double b);
static double sum(double a, double b) { return a + b; }
static double less(double a, double b) { return a - b; }
static double from(double a, double b) { return b - a; }

static bool is_near(double a, double b) {
    return fabs(a - b) <= rounding * fmax(1, fmax(fabs(a), fabs(b)));
}

/* Rows in which the label is the combination, both parts taking several values; 0 if one is not. */
static size_t rows_by_sum(const cli_survey *s, const cli_column *label, const cli_column *c,
                          const cli_column *other, combination combine) {
    double first_c = 0, first_other = 0;
    size_t rows = 0;
    bool varies = false, other_varies = false;
    for (size_t r = 0; r < s->sample.rows; r++) {
        const double l = number_of(s, r, label), a = number_of(s, r, c), b = number_of(s, r, other);
        if (isnan(l)) continue;
        if (!is_near(l, combine(a, b))) return 0;
        if (rows++ == 0) {
            first_c = a;
            first_other = b;
        }
        varies |= a != first_c;
        other_varies |= b != first_other;
    }
    return varies && other_varies && rows >= LEAST_ROWS ? rows : 0;
}

/* Rows in which the column is a + b label, b not 0; 0 if one is not. */
static size_t rows_by_scale(const cli_survey *s, const cli_column *label, const cli_column *c) {
    double first_l = 0, first_c = 0, slope = NAN;
    size_t rows = 0;
    for (size_t r = 0; r < s->sample.rows; r++) {
        const double l = number_of(s, r, label), x = number_of(s, r, c);
        if (isnan(l)) continue;
        if (isnan(x)) return 0;
        if (rows++ == 0) {
            first_l = l;
            first_c = x;
        } else if (isnan(slope) && l != first_l) {
            slope = (x - first_c) / (l - first_l);
        }
        if (!is_near(x, first_c + (l == first_l ? 0 : slope * (l - first_l)))) return 0;
    }
    return slope != 0 && !isnan(slope) && rows >= LEAST_ROWS ? rows : 0;
}

/* 1 - R2 of the label by a line of the column, of the rows that have both. */
static double unexplained_by_line(const cli_survey *s, const cli_column *label, const cli_column *c,
                                  size_t *rows) {
    double mean_l = 0, mean_x = 0, ll = 0, lx = 0, xx = 0;
    *rows = 0;
    for (size_t r = 0; r < s->sample.rows; r++) {
        const double l = number_of(s, r, label), x = number_of(s, r, c);
        if (isnan(l) || isnan(x)) continue;
        const double n = (double)++*rows, dl = l - mean_l, dx = x - mean_x;
        mean_l += dl / n;
        mean_x += dx / n;
        ll += dl * (l - mean_l);
        lx += dl * (x - mean_x);
        xx += dx * (x - mean_x);
    }
    const double left = ll > 0 && xx > 0 ? 1 - lx / ll * (lx / xx) : 1;
    return isnan(left) ? 1 : fmax(0, left); /* NaN: of numbers whose squares are infinite */
}

/* Rows in which the column is the sum of all labels, of which there are three or more. */
static size_t rows_by_total(const cli_survey *s, const cli_column *c) {
    size_t rows = 0;
    for (size_t r = 0; r < s->sample.rows && s->labels->count > 2; r++) {
        double total = 0;
        for (size_t i = 0; i < s->labels->count; i++)
            total += number_of(s, r, cli_survey_find(s, s->labels->items[i]));
        if (isnan(total)) continue;
        if (!is_near(total, number_of(s, r, c))) return 0;
        rows++;
    }
    return rows >= LEAST_ROWS ? rows : 0;
}

/* ---- Which it is ---- */

static cli_leak leak_with(const cli_survey *s, const cli_column *label, const cli_column *c) {
    static const struct {
        cli_leak_kind kind;
        combination combine;
    } ways[] = {{CLI_LEAK_SUM, sum}, {CLI_LEAK_LESS, less}, {CLI_LEAK_FROM, from}};
    const bool are_numbers = label->present > label->texts && c->present > c->texts;
    for (size_t i = 0; are_numbers && i < s->count; i++) {
        const cli_column *other = &s->columns[i];
        if (other == c || other == label) continue;
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            const size_t rows = rows_by_sum(s, label, c, other, ways[w].combine);
            if (rows) return (cli_leak){ways[w].kind, label, other, rows};
        }
    }
    return (cli_leak){CLI_LEAK_NONE, NULL, NULL, 0};
}

static size_t rows_alone(const cli_survey *s, const cli_column *label, const cli_column *c) {
    if (label->two.more) return rows_by_scale(s, label, c);
    return c->two.more ? 0 : rows_by_value(s, label, c);
}

cli_leak cli_find_leak(const cli_survey *s, const cli_column *c) {
    cli_leak leak = {CLI_LEAK_TOTAL, NULL, NULL, rows_by_total(s, c)};
    if (leak.rows) return leak;
    leak.kind = CLI_LEAK_NONE;
    for (size_t i = 0; i < s->labels->count && !leak.kind; i++) {
        const cli_column *label = cli_survey_find(s, s->labels->items[i]);
        const size_t rows = rows_alone(s, label, c);
        leak = rows ? (cli_leak){CLI_LEAK_ALONE, label, NULL, rows} : leak_with(s, label, c);
    }
    return leak;
}

const cli_column *cli_find_given_label(const cli_survey *s, const cli_column *c, size_t *rows) {
    for (size_t i = 0; i < s->labels->count; i++) {
        const cli_column *label = cli_survey_find(s, s->labels->items[i]);
        *rows = label->two.more ? 0 : rows_by_value(s, label, c);
        if (*rows) return label;
    }
    return NULL;
}

const cli_column *cli_find_line(const cli_survey *s, const cli_column *c, double *unexplained,
                                size_t *rows) {
    for (size_t i = 0; i < s->labels->count; i++) {
        const cli_column *label = cli_survey_find(s, s->labels->items[i]);
        if (!label->two.more) continue;
        *unexplained = unexplained_by_line(s, label, c, rows);
        if (*unexplained < hardly_any && *rows >= LEAST_ROWS) return label;
    }
    return NULL;
}

/* ---- In order ---- */

typedef struct ranked {
    double number;
    bool is_first; /* of the two labels */
} ranked;

static int compare_ranked(const void *a, const void *b) {
    const double x = ((const ranked *)a)->number, y = ((const ranked *)b)->number;
    return (x > y) - (x < y);
}

/* The part of the pairs of rows of two labels that the number has in one order, or in the other if
 * these are more; 0: a label has too few rows. */
static double area_of(ranked *rows, size_t count) {
    double below = 0, firsts = 0, pairs = 0; /* of the other label, so far */
    qsort(rows, count, sizeof *rows, compare_ranked);
    for (size_t i = 0, end; i < count; i = end) {
        double first = 0, other = 0; /* among equal numbers */
        for (end = i; end < count && rows[end].number == rows[i].number; end++) {
            first += rows[end].is_first;
            other += !rows[end].is_first;
        }
        pairs += first * (below + other / 2);
        below += other;
        firsts += first;
    }
    if (firsts < LEAST_RANKED || below < LEAST_RANKED) return 0;
    const double area = pairs / (firsts * below);
    return fmax(area, 1 - area);
}

static double area_by(const cli_survey *s, const cli_column *label, const cli_column *c,
                      ranked *room, size_t *rows) {
    const cli_cell *first = NULL;
    *rows = 0;
    for (size_t r = 0; r < s->sample.rows; r++) {
        const cli_cell *l = cell_of(s, r, label);
        const double number = number_of(s, r, c);
        if (!l->hash || isnan(number)) continue;
        if (!first) first = l;
        room[(*rows)++] = (ranked){number, is_same(first, l)};
    }
    return area_of(room, *rows);
}

const cli_column *cli_find_order(const cli_survey *s, const cli_column *c, double *area,
                                 size_t *rows) {
    const bool has_numbers = c->present > c->texts;
    ranked *room = has_numbers ? malloc((s->sample.rows + 1) * sizeof *room) : NULL;
    const cli_column *found = NULL;
    for (size_t i = 0; room && !found && i < s->labels->count; i++) {
        const cli_column *label = cli_survey_find(s, s->labels->items[i]);
        if (label->two.more) continue;
        *area = area_by(s, label, c, room, rows);
        if (*area >= least_area) found = label;
    }
    free(room);
    return found;
}
