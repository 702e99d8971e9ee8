/* Weight goes from the coordinate with the largest slope to that with the smallest, as far as is
 * best, until no two slopes differ: the conditions of Karush, Kuhn and Tucker. (Platt's sequential
 * minimal optimisation, 1998, takes pairs for the same reason: a pair's problem has one unknown.)
 */
#include "train/simplex.h"

#include <math.h>
#include <stddef.h>

enum { MOST_STEPS = 10000, HALVINGS = 100 };
#define GAP 1e-13 /* of the largest slope */

typedef struct problem {
    int32_t n;
    const double *products, *b; /* b NULL: w' M w / 2; else b' w + radius sqrt(w' M w) */
    double radius;
    double *w;
} problem;

static double products_with(const problem *p, int32_t i) {
    double sum = 0;
    for (int32_t j = 0; j < p->n; j++) sum += p->products[i * p->n + j] * p->w[j];
    return sum;
}

/* At length 0 the norm has no slope; 0 is one of its subgradients. */
static double slope_of(const problem *p, double product, double b, double length) {
    if (!p->b) return product;
    return b + (length > 0 ? p->radius * product / length : 0);
}

static void fill_slopes(const problem *p, double *slopes) {
    double square = 0;
    for (int32_t i = 0; i < p->n; i++) {
        slopes[i] = products_with(p, i);
        square += p->w[i] * slopes[i];
    }
    for (int32_t i = 0; i < p->n; i++)
        slopes[i] = slope_of(p, slopes[i], p->b ? p->b[i] : 0, sqrt(fmax(0, square)));
}

/* How much to move from coordinate `from` to `to`, at most all of it: where the slope along the
 * move is 0, by bisection, for it rises. */
static double best_move(const problem *p, int32_t from, int32_t to) {
    const double *m = p->products;
    const int32_t n = p->n;
    const double along = products_with(p, to) - products_with(p, from),
                 b = p->b ? p->b[to] - p->b[from] : 0;
    const double curve = m[to * n + to] + m[from * n + from] - 2 * m[to * n + from];
    double square = 0, low = 0, high = p->w[from];
    for (int32_t i = 0; i < n; i++) square += p->w[i] * products_with(p, i);
    for (int k = 0; k < HALVINGS; k++) {
        const double s = k ? (low + high) / 2 : high;
        if (slope_of(p, along + s * curve, b,
                     sqrt(fmax(0, square + s * (2 * along + s * curve)))) <= 0)
            low = s;
        else
            high = s;
        if (low == high) break;
    }
    return (low + high) / 2;
}

static void solve(const problem *p, double *slopes) {
    for (int32_t i = 0; i < p->n; i++) p->w[i] = 1.0 / p->n;
    for (int step = 0; step < MOST_STEPS; step++) {
        fill_slopes(p, slopes);
        int32_t from = -1, to = 0;
        double largest = 0;
        for (int32_t i = 0; i < p->n; i++) {
            if (slopes[i] < slopes[to]) to = i;
            if (p->w[i] > 0 && (from < 0 || slopes[i] > slopes[from])) from = i;
            largest = fmax(largest, fabs(slopes[i]));
        }
        if (!(slopes[from] - slopes[to] > GAP * largest)) return;
        const double move = best_move(p, from, to);
        const double more = p->w[to] + move, less = move < p->w[from] ? p->w[from] - move : 0;
        /* Slopes that cancel differ by rounding for ever, but the weights no longer move. */
        if (more == p->w[to] && less == p->w[from]) return;
        p->w[to] = more;
        p->w[from] = less;
    }
}

void mmoe_simplex_shortest(int32_t n, const double *products, double *w, double *gradient) {
    solve(&(problem){n, products, NULL, 0, w}, gradient);
}

void mmoe_simplex_support(int32_t n, const double *products, const double *b, double radius,
                          double *w, double *gradient) {
    solve(&(problem){n, products, b, radius, w}, gradient);
}
