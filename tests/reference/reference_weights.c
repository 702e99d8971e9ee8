#include "reference_weights.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MOST = REFERENCE_MAX_TASKS };

double reference_gram_product(const reference_gram *gram, const double *u, const double *v) {
    double sum = 0;
    for (int i = 0; i < gram->n; i++)
        for (int j = 0; j < gram->n; j++) sum += u[i] * v[j] * gram->of[i][j];
    return sum;
}

/* ---- MGDA ---- */

/* Gaussian elimination with pivots, in place; false: singular. */
static bool solve(double a[][MOST], double *b, int n) {
    for (int k = 0; k < n; k++) {
        int pivot = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(a[i][k]) > fabs(a[pivot][k])) pivot = i;
        for (int j = 0; j < n; j++) {
            const double swapped = a[k][j];
            a[k][j] = a[pivot][j];
            a[pivot][j] = swapped;
        }
        const double swapped = b[k];
        b[k] = b[pivot];
        b[pivot] = swapped;
        if (a[k][k] == 0) return false;
        for (int i = 0; i < n; i++) {
            if (i == k) continue;
            const double part = a[i][k] / a[k][k];
            for (int j = 0; j < n; j++) a[i][j] -= part * a[k][j];
            b[i] -= part * b[k];
        }
    }
    for (int k = 0; k < n; k++) b[k] /= a[k][k];
    return true;
}

/* The least |sum w g|^2 with sum w = 1 over the tasks of `set` is where all their products with it
 * are alike: M w = 1, scaled to sum 1. */
static bool least_of_set(const reference_gram *gram, unsigned set, double *weights) {
    int at[MOST], n = 0;
    double a[MOST][MOST], b[MOST], sum = 0;
    for (int t = 0; t < gram->n; t++)
        if (set >> t & 1) at[n++] = t;
    for (int i = 0; i < n; i++) {
        b[i] = 1;
        for (int j = 0; j < n; j++) a[i][j] = gram->of[at[i]][at[j]];
    }
    if (n > 1 && !solve(a, b, n)) return false;
    if (n == 1) b[0] = 1;
    memset(weights, 0, (size_t)gram->n * sizeof *weights);
    for (int i = 0; i < n; i++) sum += b[i];
    for (int i = 0; i < n; i++) {
        weights[at[i]] = b[i] / sum;
        if (!(weights[at[i]] >= 0)) return false;
    }
    return true;
}

void reference_mgda(const reference_gram *gram, double *weights) {
    double least = HUGE_VAL, trial[MOST];
    for (unsigned set = 1; set < 1u << gram->n; set++) {
        if (!least_of_set(gram, set, trial)) continue;
        const double norm = reference_gram_product(gram, trial, trial);
        if (norm >= least) continue;
        least = norm;
        memcpy(weights, trial, (size_t)gram->n * sizeof *weights);
    }
}

/* ---- CAGrad ---- */

typedef struct worst_case {
    const reference_gram *gram;
    double mean[MOST], radius;
} worst_case;

static double length_of(const reference_gram *gram, const double *w) {
    return sqrt(fmax(reference_gram_product(gram, w, w), 0));
}

static double cagrad_objective(const worst_case *p, const double *w) {
    return reference_gram_product(p->gram, w, p->mean) + p->radius * length_of(p->gram, w);
}

/* Least objective with w[0 .. k) given, which sum to 1 - left; writes w[k ..). What is left of a
 * convex function after minimising over some variables is convex. */
static double least_from(const worst_case *p, int k, double left, double *w) {
    static const double golden = 0.6180339887498949;
    const int last = p->gram->n - 1;
    if (k == last) {
        w[last] = left;
        return cagrad_objective(p, w);
    }
    double low = 0, high = left, x[2] = {left * (1 - golden), left * golden}, f[2];
    for (int i = 0; i < 2; i++) {
        w[k] = x[i];
        f[i] = least_from(p, k + 1, left - x[i], w);
    }
    for (int step = 0; step < 60; step++) {
        const int better = f[1] < f[0];
        if (better) {
            low = x[0];
            x[0] = x[1];
            f[0] = f[1];
            x[1] = low + golden * (high - low);
        } else {
            high = x[1];
            x[1] = x[0];
            f[1] = f[0];
            x[0] = high - golden * (high - low);
        }
        w[k] = x[better];
        f[better] = least_from(p, k + 1, left - x[better], w);
    }
    /* A minimum at an end is approached, never reached. */
    const double inner = 0.5 * (low + high), ends[] = {0, left, inner};
    double least = HUGE_VAL, at = inner;
    for (int i = 0; i < 3; i++) {
        w[k] = ends[i];
        const double value = least_from(p, k + 1, left - ends[i], w);
        if (value < least) {
            least = value;
            at = ends[i];
        }
    }
    w[k] = at;
    return least_from(p, k + 1, left - at, w);
}

void reference_cagrad(const reference_gram *gram, double c, double *weights) {
    worst_case p = {.gram = gram};
    double w[MOST];
    for (int t = 0; t < gram->n; t++) p.mean[t] = 1.0 / gram->n;
    p.radius = c * length_of(gram, p.mean);
    least_from(&p, 0, 1, w);
    const double ratio = p.radius > 0 ? p.radius / length_of(gram, w) : 0;
    for (int t = 0; t < gram->n; t++) weights[t] = (p.mean[t] + ratio * w[t]) / (1 + c * c);
}

/* ---- PCGrad ---- */

void reference_pcgrad(const reference_gram *gram, int order[][MOST], double *weights) {
    memset(weights, 0, (size_t)gram->n * sizeof *weights);
    for (int i = 0; i < gram->n; i++) {
        double p[MOST] = {0};
        p[i] = 1;
        for (int k = 0; k < gram->n; k++) {
            const int j = order[i][k];
            double unit[MOST] = {0};
            unit[j] = 1;
            const double product = reference_gram_product(gram, p, unit);
            if (j != i && product < 0) p[j] -= product / gram->of[j][j];
        }
        for (int t = 0; t < gram->n; t++) weights[t] += p[t];
    }
}

/* ---- Aligned-MTL ---- */

/* a = R^T a R and v = v R, R the rotation of axes p and q that takes a_pq to 0: tan 2x = 2 a_pq /
 * (a_qq - a_pp). */
static void rotate(double a[][MOST], double v[][MOST], int n, int p, int q) {
    if (a[p][q] == 0) return;
    const double ratio = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    const double tangent = (ratio >= 0 ? 1 : -1) / (fabs(ratio) + sqrt(ratio * ratio + 1));
    const double cosine = 1 / sqrt(tangent * tangent + 1), sine = tangent * cosine;
    for (int k = 0; k < n; k++) {
        const double x = a[k][p], y = a[k][q];
        a[k][p] = cosine * x - sine * y;
        a[k][q] = sine * x + cosine * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = a[p][k], y = a[q][k];
        a[p][k] = cosine * x - sine * y;
        a[q][k] = sine * x + cosine * y;
    }
    for (int k = 0; k < n; k++) {
        const double x = v[k][p], y = v[k][q];
        v[k][p] = cosine * x - sine * y;
        v[k][q] = sine * x + cosine * y;
    }
}

void reference_eigen(const reference_gram *gram, double *values, double vectors[][MOST]) {
    double a[MOST][MOST];
    memcpy(a, gram->of, sizeof a);
    for (int i = 0; i < gram->n; i++)
        for (int j = 0; j < gram->n; j++) vectors[i][j] = i == j;
    for (int sweep = 0; sweep < 50; sweep++)
        for (int p = 0; p < gram->n; p++)
            for (int q = p + 1; q < gram->n; q++) rotate(a, vectors, gram->n, p, q);
    for (int i = 0; i < gram->n; i++) values[i] = a[i][i];
}

void reference_alignment(const reference_gram *gram, double rows[][MOST]) {
    double values[MOST], vectors[MOST][MOST], largest = 0, least = HUGE_VAL;
    reference_eigen(gram, values, vectors);
    for (int k = 0; k < gram->n; k++) largest = fmax(largest, values[k]);
    const double threshold = gram->n * DBL_EPSILON * largest * 16;
    for (int k = 0; k < gram->n; k++)
        if (values[k] > threshold) least = fmin(least, values[k]);
    memset(rows, 0, MOST * sizeof *rows);
    for (int k = 0; k < gram->n; k++) {
        if (values[k] <= threshold) continue;
        for (int i = 0; i < gram->n; i++)
            for (int j = 0; j < gram->n; j++)
                rows[i][j] += sqrt(least / values[k]) * vectors[i][k] * vectors[j][k];
    }
}

void reference_aligned(const reference_gram *gram, double *weights) {
    double rows[MOST][MOST];
    reference_alignment(gram, rows);
    memset(weights, 0, (size_t)gram->n * sizeof *weights);
    for (int i = 0; i < gram->n; i++)
        for (int t = 0; t < gram->n; t++) weights[t] += rows[i][t] / gram->n;
}
