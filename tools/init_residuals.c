#include "init_residuals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "init_leaks.h"

/* Of more columns there is no fit: its time goes by their square. */
enum { MOST_COLUMNS = 256 };
static const double ridge = 1e-7; /* a part of the variance: of columns that are one another */

/* The inputs: numbers, less their mean and in their deviation, and 1. */
typedef struct inputs {
    size_t count; /* without the 1 */
    size_t columns[MOST_COLUMNS];
    double mean[MOST_COLUMNS], deviation[MOST_COLUMNS];
} inputs;

static bool is_input(const cli_survey *s, const cli_column *c) {
    return !c->is_label && c->present > c->texts && !cli_column_are_ids(c) &&
           cli_find_leak(s, c).kind == CLI_LEAK_NONE;
}

/* False: there are too many. */
static bool choose_inputs(const cli_survey *s, inputs *in) {
    in->count = 0;
    for (size_t c = 0; c < s->count; c++) {
        const cli_moments m = cli_sample_moments(&s->sample, c);
        if (!(m.deviation > 0) || !is_input(s, &s->columns[c])) continue;
        if (in->count == MOST_COLUMNS) return false;
        in->columns[in->count] = c;
        in->mean[in->count] = m.mean;
        in->deviation[in->count++] = m.deviation;
    }
    return in->count > 0;
}

static void take_row(const cli_survey *s, const inputs *in, size_t row, double *x) {
    for (size_t i = 0; i < in->count; i++) {
        const double number = cli_sample_at(&s->sample, row, in->columns[i])->number;
        x[i] = isnan(number) ? 0 : (number - in->mean[i]) / in->deviation[i];
    }
    x[in->count] = 1;
}

/* The lower half of a [n, n] becomes its Cholesky factor, and y the solution. False: a row is one
 * of the others. */
static bool solve(double *a, double *y, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double *row = a + i * n;
        for (size_t j = 0; j <= i; j++) {
            const double *other = a + j * n;
            double left = row[j];
            for (size_t k = 0; k < j; k++) left -= row[k] * other[k];
            if (i == j && !(left > 0)) return false;
            row[j] = i == j ? sqrt(left) : left / other[j];
        }
        for (size_t k = 0; k < i; k++) y[i] -= row[k] * y[k];
        y[i] /= row[i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++) y[i] -= a[k * n + i] * y[k];
        y[i] /= a[i * n + i];
    }
    return true;
}

/* a [n, n] and y [n] of the normal equations; how many rows have a label. */
static size_t add_rows(const cli_survey *s, const inputs *in, const double *labels, double *a,
                       double *y) {
    const size_t n = in->count + 1;
    double x[MOST_COLUMNS + 1];
    size_t rows = 0;
    for (size_t r = 0; r < s->sample.rows; r++) {
        if (isnan(labels[r])) continue;
        take_row(s, in, r, x);
        rows++;
        for (size_t i = 0; i < n; i++) {
            y[i] += labels[r] * x[i];
            for (size_t j = 0; j <= i; j++) a[i * n + j] += x[i] * x[j];
        }
    }
    for (size_t i = 0; i + 1 < n; i++) a[i * n + i] += ridge * (double)rows;
    return rows;
}

static void leave(const cli_survey *s, const inputs *in, const double *labels, const double *w,
                  double *out) {
    double x[MOST_COLUMNS + 1];
    for (size_t r = 0; r < s->sample.rows; r++) {
        take_row(s, in, r, x);
        out[r] = labels[r];
        for (size_t i = 0; i <= in->count; i++) out[r] -= w[i] * x[i];
    }
}

static void find_two(const cli_survey *s, const inputs *in, const double *w, cli_residuals *out) {
    size_t best[2] = {0, 0};
    for (size_t i = 1; i < in->count; i++) {
        const bool is_first = fabs(w[i]) > fabs(w[best[0]]);
        if (is_first) best[1] = best[0];
        if (is_first)
            best[0] = i;
        else if (best[1] == best[0] || fabs(w[i]) > fabs(w[best[1]]))
            best[1] = i;
    }
    for (int k = 0; k < 2 && (k == 0 || best[1] != best[0]); k++)
        out->two[k] = &s->columns[in->columns[best[k]]];
}

static void measure(const double *labels, size_t count, cli_residuals *out) {
    double mean = 0, all = 0, rest = 0, rows = 0;
    for (size_t r = 0; r < count; r++) {
        if (isnan(labels[r])) continue;
        const double before = labels[r] - mean;
        mean += before / ++rows;
        all += before * (labels[r] - mean);
        rest += out->values[r] * out->values[r];
    }
    out->unexplained = all > 0 ? rest / out->freedom / (all / rows) : 1;
}

bool cli_residuals_find(const cli_survey *s, const double *labels, cli_residuals *out) {
    inputs in;
    *out = (cli_residuals){.freedom = 0};
    if (!choose_inputs(s, &in)) return true;
    const size_t n = in.count + 1;
    double *a = calloc(n * n + n, sizeof *a), *y = a + n * n;
    out->values = malloc((s->sample.rows + 1) * sizeof *out->values);
    const bool has_memory = a && out->values;
    const size_t rows = has_memory ? add_rows(s, &in, labels, a, y) : 0;
    if (rows > n && solve(a, y, n)) {
        leave(s, &in, labels, y, out->values);
        out->freedom = (double)(rows - n);
        find_two(s, &in, y, out);
        measure(labels, s->sample.rows, out);
    }
    free(a);
    return has_memory;
}

void cli_residuals_free(cli_residuals *r) {
    free(r->values);
    r->values = NULL;
}
