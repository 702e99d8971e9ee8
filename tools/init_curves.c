#include "init_curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "init_leaks.h"
#include "init_residuals.h"
#include "warnings.h"

enum {
    BINS = 10,
    LEAST_BINS = 3,
    LEAST_ROWS = 50,
    LEAST_FREEDOM = 10,
    LEAST_NAMES = 11,
    NAME_BINS = 5,
    MOST_NAMES = 1000,
    ROWS_A_NAME = 3,
    LEAST_LINE = 20,
    NEWTON_STEPS = 40
};
/* An F of 8 and many degrees of freedom is above this by chance in one of 2000 columns. */
static const double plain = 3.5;
/* An F of 8 and many that is above this by chance in one of 20. */
static const double doubtful = 2;
/* Of names (subjects, shops, wards) the F of what they tell beyond their order is above 4. One or
 * two degrees of freedom come to that by chance, and need more: one of 20,000 columns has 16, 10.
 */
static const double names_f = 4, names_f_a_degree = 12;
static const double hardly_left = 0.1;  /* of squares */
static const double nearly_none = 1e-4; /* 1 - R2 */
static const double hardly_any = 1e-6;  /* of a label's squares: rounding, and the fit's ridge */

typedef struct point {
    double x, y;
    double weight; /* 1 / the variance that y has about a line, to a factor */
    double rest;   /* what a line of all columns leaves of y */
} point;

/* A label's values, in the rows of the sample. */
typedef struct labels {
    const cli_column *column;
    double *values;
    cli_residuals left;
} labels;

typedef struct sums {
    double all;             /* squares about the mean label */
    double rest;            /* squares about the line */
    double between, shares; /* of what bins have above the line: squares by weight; by rows */
    double rest_all, rest_between; /* of what the line of all columns leaves: squares; the bins' */
    size_t bins;
} sums;

static int compare(const void *a, const void *b) {
    const point *p = a, *q = b;
    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->y > q->y) - (p->y < q->y);
}

static bool is_class(const cli_column *label) {
    return label->two.seen[1].text && !label->two.more;
}

/* Of a class whether it is the first of the two values. */
static double label_of(const cli_column *label, const cli_cell *cell) {
    const cli_label_value *first = &label->two.seen[0];
    if (!cell->hash || !is_class(label)) return cell->number;
    if (!isnan(cell->number)) return cell->number == first->number;
    return cell->hash == cli_hash_value(first->text, strlen(first->text));
}

/* Rows that have both, by x, which becomes one of mean 0 and deviation 1. */
static size_t take_points(const cli_survey *s, const cli_column *c, const labels *of, point *out) {
    double mean = 0, square = 0;
    size_t n = 0;
    for (size_t r = 0; r < s->sample.rows; r++) {
        const double x = cli_sample_at(&s->sample, r, cli_column_place(s, c))->number;
        const double rest = of->left.freedom > 0 ? of->left.values[r] : 0;
        if (!isnan(x) && !isnan(of->values[r])) out[n++] = (point){x, of->values[r], 1, rest};
    }
    for (size_t i = 0; i < n; i++) mean += out[i].x / (double)n;
    for (size_t i = 0; i < n; i++) square += (out[i].x - mean) * (out[i].x - mean) / (double)n;
    for (size_t i = 0; i < n; i++) out[i].x = square > 0 ? (out[i].x - mean) / sqrt(square) : 0;
    qsort(out, n, sizeof *out, compare);
    return n;
}

static double chance_at(double z) { return 1 / (1 + exp(-z)); }

/* Of a line z = a + b x in the log-odds of a class, with a ridge: one that parts the classes would
 * have no end of steps. */
static double loss_of(const point *p, size_t n, double a, double b) {
    double sum = b * b / 2;
    for (size_t i = 0; i < n; i++) {
        const double z = a + b * p[i].x;
        sum += (z > 0 ? z : 0) + log1p(exp(-fabs(z))) - p[i].y * z;
    }
    return sum;
}

/* A step of Newton's from a, b, halved until it makes the loss less; false: none does, by much. */
static bool improve_line(const point *p, size_t n, double *loss, double *a, double *b) {
    double g = 0, gx = -*b, h = 1e-9, hx = 0, hxx = 1;
    for (size_t i = 0; i < n; i++) {
        const double mean = chance_at(*a + *b * p[i].x), w = mean * (1 - mean);
        g += p[i].y - mean;
        gx += (p[i].y - mean) * p[i].x;
        h += w;
        hx += w * p[i].x;
        hxx += w * p[i].x * p[i].x;
    }
    const double det = h * hxx - hx * hx, before = *loss;
    double da = (hxx * g - hx * gx) / det, db = (h * gx - hx * g) / det, now = INFINITY;
    if (!(det > 0)) return false;
    for (int i = 0; i < NEWTON_STEPS; i++, da /= 2, db /= 2) {
        now = loss_of(p, n, *a + da, *b + db);
        if (now < before) break;
    }
    if (!(now < before)) return false;
    *a += da;
    *b += db;
    *loss = now;
    return before - now > 1e-6 * before;
}

/* The line that best tells a number, or the log-odds of a class. */
static void fit_line(const point *p, size_t n, bool of_class, double *a, double *b) {
    double sum = 0, along = 0;
    for (size_t i = 0; i < n; i++) {
        sum += p[i].y;
        along += p[i].y * p[i].x;
    }
    *a = of_class ? 0 : sum / (double)n;
    *b = of_class ? 0 : along / (double)n;
    double loss = loss_of(p, n, 0, 0);
    for (int step = 0; of_class && step < NEWTON_STEPS; step++)
        if (!improve_line(p, n, &loss, a, b)) break;
}

/* Puts what the line leaves in the place of y. */
static void leave_line(point *p, size_t n, bool of_class, sums *out) {
    double mean = 0, a, b;
    for (size_t i = 0; i < n; i++) mean += p[i].y / (double)n;
    fit_line(p, n, of_class, &a, &b);
    for (size_t i = 0; i < n; i++) {
        const double z = a + b * p[i].x, told = of_class ? chance_at(z) : z;
        out->all += (p[i].y - mean) * (p[i].y - mean);
        p[i].y -= told;
        out->rest += p[i].y * p[i].y;
        out->rest_all += p[i].rest * p[i].rest;
        if (of_class) p[i].weight = fmax(told * (1 - told), 1e-9);
    }
}

/* Bins of about as many points, one value being in one bin. */
static void add_bins(const point *p, size_t n, sums *out) {
    double sum = 0, weight = 0, rest = 0;
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        sum += p[i].y;
        weight += p[i].weight;
        rest += p[i].rest;
        const bool goes_on =
            i + 1 < n && (p[i + 1].x == p[i].x || (i + 1) * BINS / n == first * BINS / n);
        if (goes_on) continue;
        out->between += sum * sum / weight;
        out->shares += sum * sum / (double)(i + 1 - first);
        out->rest_between += rest * rest / (double)(i + 1 - first);
        out->bins++;
        sum = weight = rest = 0;
        first = i + 1;
    }
}

/* Where a line of all columns leaves hardly anything of what the line of this one does, bins must
 * tell something of that, too: else what they tell is the others'. */
static bool bends_beside(const sums *of, double freedom) {
    const double left = freedom - (double)of->bins;
    if (freedom == 0 || of->rest_all > hardly_left * of->rest) return true;
    if (left < LEAST_FREEDOM || of->rest_all <= hardly_any * of->all) return false;
    const double variance = fmax(of->rest_all - of->rest_between, 0) / left;
    return of->rest_between > doubtful * (double)(of->bins - 2) * variance;
}

/* Points of a value, or of a bin. */
typedef struct group {
    double n, x, y, xx, xy;
} group;

static void add_point(group *g, const point *p) {
    g->n++;
    g->x += p->x;
    g->y += p->rest;
    g->xx += p->x * p->x;
    g->xy += p->x * p->rest;
}

/* What a line of the group explains, and its degrees of freedom. */
static double explained_by(const group *g, double *freedom) {
    const double xx = g->xx - g->x * g->x / g->n, xy = g->xy - g->x * g->y / g->n;
    const bool has_slope = xx > 1e-9 * g->xx;
    *freedom += has_slope ? 2 : 1;
    return g->y * g->y / g->n + (has_slope ? xy * xy / xx : 0);
}

/* Do the values of integers tell more of what the line of all columns leaves than their order does,
 * by a line in each of some bins? F of what they tell beyond. */
static void look_for_names(const point *p, size_t n, const labels *label, cli_curve *out) {
    double all = 0, of_values = 0, of_lines = 0, values = 0, lines = 0;
    group value = {0}, bin = {0};
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        all += p[i].rest * p[i].rest;
        add_point(&value, &p[i]);
        add_point(&bin, &p[i]);
        if (i + 1 < n && p[i + 1].x == p[i].x) continue;
        of_values += value.y * value.y / value.n;
        values++;
        value = (group){0};
        if (i + 1 < n && (i + 1) * NAME_BINS / n == first * NAME_BINS / n) continue;
        of_lines += explained_by(&bin, &lines);
        bin = (group){0};
        first = i + 1;
    }
    const double more = values - lines, left = (double)n - values;
    if (more < 1 || left < LEAST_FREEDOM) return;
    const double variance = fmax(all - of_values, hardly_any * all) / left,
                 f = (of_values - of_lines) / more / variance;
    if (!(f > names_f + names_f_a_degree / more) || f <= out->f) return;
    out->named = label->column;
    out->f = f;
}

static bool may_name(const cli_column *c) {
    const int64_t values = cli_column_values(c);
    return cli_column_are_integers(c) && !cli_column_are_categories(c) && values >= LEAST_NAMES &&
           values <= MOST_NAMES && cli_column_present(c) >= ROWS_A_NAME * values;
}

static void look_at(const cli_survey *s, const cli_column *c, const labels *label, point *points,
                    cli_curve *best) {
    const size_t n = take_points(s, c, label, points);
    const bool of_class = is_class(label->column);
    sums of = {0};
    if (n < LEAST_ROWS) return;
    if (label->left.freedom > 0 && may_name(c)) look_for_names(points, n, label, best);
    leave_line(points, n, of_class, &of);
    add_bins(points, n, &of);
    if (of.bins < LEAST_BINS || !(of.all > 0)) return;
    const double variance = of_class ? 1 : fmax(of.rest - of.between, 0) / (double)(n - of.bins);
    if (of.between <= plain * (double)(of.bins - 2) * variance) return;
    if (!bends_beside(&of, label->left.freedom)) return;
    if (best->label && of.shares / of.all <= best->bins - best->line) return;
    const double line = fmax(0, 1 - of.rest / of.all);
    best->label = label->column;
    best->line = line;
    best->bins = fmin(1, line + of.shares / of.all);
    best->rows = n;
}

static bool may_bend(const cli_column *c) {
    return !c->is_label && c->present > c->texts && !cli_column_are_ids(c);
}

static bool take_labels(const cli_survey *s, const cli_column *label, labels *out) {
    out->column = label;
    for (size_t r = 0; r < s->sample.rows; r++)
        out->values[r] = label_of(label, cli_sample_at(&s->sample, r, cli_column_place(s, label)));
    return cli_residuals_find(s, out->values, &out->left);
}

/* As a mean of two prices gives the price; one column that does has a warning of its own. */
static void warn_of_all(const cli_survey *s, const labels *of) {
    const cli_residuals *left = &of->left;
    size_t rows;
    double unexplained;
    if (is_class(of->column) || left->freedom < LEAST_LINE || !left->two[1] ||
        !(left->unexplained <= nearly_none))
        return;
    for (size_t c = 0; c < s->count; c++)
        if (!s->columns[c].is_label && cli_find_line(s, &s->columns[c], &unexplained, &rows))
            return;
    cli_warn("%s: a line of all columns of numbers gives the label \"%s\" with an R2 of 1 - %.2g "
             "(most of it \"%s\" and \"%s\"): are they known before the label is?",
             s->path, of->column->name, left->unexplained, left->two[0]->name, left->two[1]->name);
}

bool cli_find_curves(cli_survey *s) {
    point *points = malloc((s->sample.rows + 1) * sizeof *points);
    labels label = {.values = malloc((s->sample.rows + 1) * sizeof *label.values)};
    s->curves = calloc(s->count, sizeof *s->curves);
    bool has_memory = points && s->curves && label.values;
    for (size_t i = 0; has_memory && i < s->labels->count; i++) {
        has_memory = take_labels(s, cli_survey_find(s, s->labels->items[i]), &label);
        if (has_memory) warn_of_all(s, &label);
        for (size_t c = 0; has_memory && c < s->count; c++)
            if (may_bend(&s->columns[c])) look_at(s, &s->columns[c], &label, points, &s->curves[c]);
        cli_residuals_free(&label.left);
    }
    free(label.values);
    free(points);
    return has_memory;
}

const cli_curve *cli_curve_of(const cli_survey *s, const cli_column *c) {
    return &s->curves[cli_column_place(s, c)];
}
