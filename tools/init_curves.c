#include "init_curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 10, LEAST_BINS = 3, LEAST_ROWS = 50, NEWTON_STEPS = 12 };
/* An F of 8 and many degrees of freedom is above this by chance in one of 2000 columns. */
static const double plain = 3.5;

typedef struct point {
    double x, y;
    double weight; /* 1 / the variance that y has about a line, to a factor */
} point;

typedef struct sums {
    double all;             /* squares about the mean label */
    double rest;            /* squares about the line */
    double between, shares; /* of what bins have above the line: squares by weight; by rows */
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
static size_t take_points(const cli_survey *s, const cli_column *c, const cli_column *label,
                          point *out) {
    double mean = 0, square = 0;
    size_t n = 0;
    for (size_t r = 0; r < s->sample.rows; r++) {
        const double x = cli_sample_at(&s->sample, r, cli_column_place(s, c))->number;
        const double y = label_of(label, cli_sample_at(&s->sample, r, cli_column_place(s, label)));
        if (!isnan(x) && !isnan(y)) out[n++] = (point){x, y, 1};
    }
    for (size_t i = 0; i < n; i++) mean += out[i].x / (double)n;
    for (size_t i = 0; i < n; i++) square += (out[i].x - mean) * (out[i].x - mean) / (double)n;
    for (size_t i = 0; i < n; i++) out[i].x = square > 0 ? (out[i].x - mean) / sqrt(square) : 0;
    qsort(out, n, sizeof *out, compare);
    return n;
}

static double chance_at(double z) { return 1 / (1 + exp(-z)); }

/* The line z = a + b x that best tells a number, or the log-odds of a class: Newton's steps. */
static void fit_line(const point *p, size_t n, bool of_class, double *a, double *b) {
    *a = *b = 0;
    for (int step = 0; step < (of_class ? NEWTON_STEPS : 1); step++) {
        double g = 0, gx = 0, h = 1e-9, hx = 0, hxx = 1e-9;
        for (size_t i = 0; i < n; i++) {
            const double z = *a + *b * p[i].x, mean = of_class ? chance_at(z) : z;
            const double w = of_class ? mean * (1 - mean) : 1;
            g += p[i].y - mean;
            gx += (p[i].y - mean) * p[i].x;
            h += w;
            hx += w * p[i].x;
            hxx += w * p[i].x * p[i].x;
        }
        const double det = h * hxx - hx * hx;
        if (!(det > 0)) return;
        *a += (hxx * g - hx * gx) / det;
        *b += (h * gx - hx * g) / det;
        *b = fmax(-30, fmin(30, *b)); /* classes that a line parts have no end of steps */
    }
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
        if (of_class) p[i].weight = fmax(told * (1 - told), 1e-9);
    }
}

/* Bins of about as many points, one value being in one bin. */
static void add_bins(const point *p, size_t n, sums *out) {
    double sum = 0, weight = 0;
    size_t first = 0;
    for (size_t i = 0; i < n; i++) {
        sum += p[i].y;
        weight += p[i].weight;
        const bool goes_on =
            i + 1 < n && (p[i + 1].x == p[i].x || (i + 1) * BINS / n == first * BINS / n);
        if (goes_on) continue;
        out->between += sum * sum / weight;
        out->shares += sum * sum / (double)(i + 1 - first);
        out->bins++;
        sum = weight = 0;
        first = i + 1;
    }
}

static void look_at(const cli_survey *s, const cli_column *c, const cli_column *label,
                    point *points, cli_curve *best) {
    const size_t n = take_points(s, c, label, points);
    sums of = {0};
    if (n < LEAST_ROWS) return;
    leave_line(points, n, is_class(label), &of);
    add_bins(points, n, &of);
    if (of.bins < LEAST_BINS || !(of.all > 0)) return;
    const double variance =
        is_class(label) ? 1 : fmax(of.rest - of.between, 0) / (double)(n - of.bins);
    if (of.between <= plain * (double)(of.bins - 2) * variance) return;
    if (best->label && of.shares / of.all <= best->bins - best->line) return;
    const double line = fmax(0, 1 - of.rest / of.all);
    *best = (cli_curve){label, line, fmin(1, line + of.shares / of.all), n};
}

static bool may_bend(const cli_column *c) {
    return !c->is_label && c->present > c->texts && !cli_column_are_ids(c);
}

bool cli_find_curves(cli_survey *s) {
    point *points = malloc((s->sample.rows + 1) * sizeof *points);
    s->curves = calloc(s->count, sizeof *s->curves);
    const bool has_memory = points && s->curves;
    for (size_t c = 0; has_memory && c < s->count; c++)
        for (size_t i = 0; may_bend(&s->columns[c]) && i < s->labels->count; i++)
            look_at(s, &s->columns[c], cli_survey_find(s, s->labels->items[i]), points,
                    &s->curves[c]);
    free(points);
    return has_memory;
}

const cli_curve *cli_curve_of(const cli_survey *s, const cli_column *c) {
    return &s->curves[cli_column_place(s, c)];
}
