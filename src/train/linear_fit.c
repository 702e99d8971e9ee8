#include "train/linear_fit.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "math/lapack.h"

enum { MOST_PASSES = 60, MOST_HALVINGS = 40, HELD = 4 };
/* Of a step, in deviations of an input: what is left to go is about its square. */
static const double tolerance = 1e-3;

/* z = c + sum_j v_j u_j, u being x less the pivot. Of m = n + 1 columns of u and 1: */
struct mmoe_linear_fit {
    mmoe_allocator alloc;
    mmoe_linear_task task;
    int32_t m, held, passes, halvings;
    int64_t rows;   /* of the pass, that count */
    double *pivot;  /* [n] the first row's inputs */
    double *unit;   /* [n] deviations of the inputs; 0: it has none */
    double *now;    /* [m] v, and c */
    double *before; /* [m] those of the last step that was taken */
    double *u;      /* [HELD, m] of rows that are not in `curve` yet */
    double h[HELD]; /* of those */
    double *curve;  /* [m, m] sums of h u u', the upper half; h: the variance of y, by its weight */
    double *slope;  /* [m] sums of (y - mean) u */
    double *work;   /* [scratch] */
    double *matrix, *vector, *values; /* [n, n], [n], [n] of the inputs, in their deviations */
    double weight, squares, loss;     /* sums: of weights, of (y - mean)^2, of the loss */
    double penalty;                   /* lambda, from the first step on */
    double loss_before;
    bool has_pivot, has_units, is_lost, has_moved; /* has_moved: a step led to no larger loss */
};

static size_t doubles_of(int32_t n) {
    const size_t m = (size_t)n + 1;
    return (5 + HELD) * m + m * m + (size_t)n * (size_t)n + 2 * m +
           (size_t)mmoe_lapack_eigen_scratch(n);
}

size_t mmoe_linear_fit_memory(int32_t n) { return doubles_of(n) * sizeof(double); }

static void clear_sums(mmoe_linear_fit *f) {
    memset(f->curve, 0, (size_t)f->m * (size_t)f->m * sizeof *f->curve);
    memset(f->slope, 0, (size_t)f->m * sizeof *f->slope);
    f->weight = f->squares = f->loss = 0;
    f->rows = 0;
}

mmoe_status mmoe_linear_fit_create(const mmoe_linear_task *task, const mmoe_allocator *alloc,
                                   mmoe_linear_fit **out, mmoe_error *err) {
    const size_t n = (size_t)task->n, m = n + 1, doubles = doubles_of(task->n);
    mmoe_linear_fit *f = mmoe_alloc_zero(alloc, 1, sizeof *f);
    double *at = mmoe_alloc_zero(alloc, doubles, sizeof *at);
    if (!f || !at) {
        mmoe_release(alloc, f);
        mmoe_release(alloc, at);
        return mmoe_fail_memory(err, doubles * sizeof *at);
    }
    *f = (mmoe_linear_fit){.alloc = *alloc, .task = *task, .m = task->n + 1};
    f->pivot = at;
    f->unit = f->pivot + m;
    f->now = f->unit + m;
    f->before = f->now + m;
    f->u = f->before + m;
    f->slope = f->u + HELD * m;
    f->curve = f->slope + m;
    f->matrix = f->curve + m * m;
    f->vector = f->matrix + n * n;
    f->values = f->vector + m;
    f->work = f->values + m;
    f->now[n] = f->before[n] = task->start;
    *out = f;
    return MMOE_OK;
}

void mmoe_linear_fit_free(mmoe_linear_fit *f) {
    if (!f) return;
    const mmoe_allocator a = f->alloc;
    mmoe_release(&a, f->pivot);
    mmoe_release(&a, f);
}

/* ---- Sums ---- */

/* A row's label as the loss takes it, and its weight; false: it does not count. */
static bool take_label(const mmoe_linear_fit *f, const mmoe_rows *rows, size_t row, double *y,
                       double *weight) {
    const mmoe_linear_task *t = &f->task;
    const float *labels = rows->labels + row * rows->label_stride;
    *weight = rows->weights ? (double)rows->weights[row] : 1;
    if (isnan(labels[t->label]) || !(*weight > 0)) return false;
    if (t->given >= 0 && labels[t->given] != 1) return false;
    *y = (double)(float)mmoe_label_scaled(t->scale, (double)labels[t->label]);
    if (!t->kind->is_shaped) return true;
    const double smooth = *y * (1 - (double)t->shape.smoothing) + (double)t->shape.smoothing / 2,
                 both = (double)t->shape.positive_weight * smooth + 1 - smooth;
    *y = (double)t->shape.positive_weight * smooth / both;
    *weight *= both;
    return true;
}

static void take_inputs(mmoe_linear_fit *f, const float *x, double *u) {
    const int32_t n = f->task.n;
    if (!f->has_pivot)
        for (int32_t i = 0; i < n; i++) f->pivot[i] = (double)x[i];
    f->has_pivot = true;
    for (int32_t i = 0; i < n; i++) u[i] = (double)x[i] - f->pivot[i];
    u[n] = 1;
}

/* Of as many rows as are held, one behind the other, whatever batches they came in. */
static void add_curves(mmoe_linear_fit *f) {
    const int32_t m = f->m;
    for (int32_t b = f->held; b < HELD; b++) {
        f->h[b] = 0;
        memset(f->u + b * m, 0, (size_t)m * sizeof *f->u);
    }
    for (int32_t i = 0; i < m; i++) {
        const double *u = f->u, *v = u + m, *w = v + m, *x = w + m;
        const double a = f->h[0] * u[i], b = f->h[1] * v[i], c = f->h[2] * w[i], d = f->h[3] * x[i];
        double *row = f->curve + (size_t)i * (size_t)m;
        for (int32_t j = i; j < m; j++) row[j] += a * u[j] + b * v[j] + (c * w[j] + d * x[j]);
    }
    f->held = 0;
}

static void add_row(mmoe_linear_fit *f, const double *u, double y, double weight) {
    const int32_t m = f->m;
    double z = 0, mean, variance;
    for (int32_t i = 0; i < m; i++) z += f->now[i] * u[i];
    const double cumulant = f->task.kind->cumulant(z, &mean, &variance), residual = y - mean;
    f->rows++;
    f->weight += weight;
    f->loss += weight * (cumulant - y * z);
    f->squares += weight * residual * residual;
    for (int32_t i = 0; i < m; i++) f->slope[i] += weight * residual * u[i];
    f->h[f->held++] = weight * variance;
    if (f->held == HELD) add_curves(f);
}

void mmoe_linear_fit_see(mmoe_linear_fit *f, const mmoe_rows *rows, int64_t first, int64_t every) {
    double y, weight;
    for (int64_t b = first; b < rows->rows; b += every) {
        const size_t row = mmoe_row_of(rows, (int32_t)b);
        if (!take_label(f, rows, row, &y, &weight)) continue;
        double *u = f->u + f->held * f->m;
        take_inputs(f, rows->dense + row * rows->dense_stride, u);
        add_row(f, u, y, weight);
    }
}

/* ---- Steps ---- */

static double curve_at(const mmoe_linear_fit *f, int32_t i, int32_t j) {
    return i < j ? f->curve[(size_t)i * (size_t)f->m + (size_t)j]
                 : f->curve[(size_t)j * (size_t)f->m + (size_t)i];
}

/* An input that hardly differs from row to row, by what a float can tell, is none. */
static void find_units(mmoe_linear_fit *f) {
    const int32_t n = f->task.n;
    const double all = curve_at(f, n, n);
    for (int32_t i = 0; i < n; i++) {
        const double mean = curve_at(f, i, n) / all,
                     variance = curve_at(f, i, i) / all - mean * mean,
                     least = FLT_EPSILON * fabs(f->pivot[i] + mean);
        f->unit[i] = variance > least * least ? sqrt(variance) : 0;
    }
    f->has_units = true;
}

/* The system of the inputs, in their deviations and less their means, a row and a column of 0 for
 * each that has none, which is no degree of freedom: both solutions add a penalty to the diagonal.
 * The constant follows from its solution. */
static void make_system(mmoe_linear_fit *f) {
    const int32_t n = f->task.n;
    const double all = curve_at(f, n, n);
    for (int32_t i = 0; i < n; i++) {
        const double share = curve_at(f, i, n) / all;
        for (int32_t j = 0; j < n; j++) {
            const double units = f->unit[i] * f->unit[j];
            f->matrix[i * n + j] =
                units > 0 ? (curve_at(f, i, j) - share * curve_at(f, j, n)) / units : 0;
        }
        f->vector[i] = f->unit[i] > 0 ? (f->slope[i] - share * f->slope[n]) / f->unit[i] : 0;
    }
}

/* Of eigenvalues [n] of the system over the sum of weights, and the right side along their vectors:
 * what generalised cross-validation says of lambda, a part of that sum. */
static double validation_of(const mmoe_linear_fit *f, const double *along, double lambda) {
    const int32_t n = f->task.n;
    const double mean = f->slope[n] / f->weight, variance = curve_at(f, n, n) / f->weight;
    double left = f->squares / f->weight - mean * mean, freedom = 1;
    for (int32_t i = 0; i < n; i++) {
        const double value = fmax(0, f->values[i]), over = value + lambda;
        left -= variance * along[i] * along[i] * (value + 2 * lambda) / (over * over);
        freedom += value / over;
    }
    const double rest = 1 - freedom / (double)f->rows;
    return rest > 0.01 ? fmax(left, 0) / (rest * rest) : INFINITY;
}

/* The step of squared errors, to f->vector, and the penalty. Of another loss the first step is one
 * of squares, too, for all rows have the constant's variance; training goes on from its fit, and
 * learns nothing of rows that are fitted well already, so there the penalty is the largest that is
 * no worse than the least figure by its standard error. */
static bool solve_squares(mmoe_linear_fit *f) {
    enum { LEAST = -9, MOST = 1 }; /* powers of ten */
    const int32_t n = f->task.n;
    const bool is_square = f->task.kind == mmoe_loss_kind_of(MMOE_REGRESSION);
    const double more = is_square ? 1 : 1 + sqrt(2 / (double)f->rows);
    double *along = f->u, best = INFINITY, lambda = pow(10, MOST);
    for (int32_t i = 0; i < n * n; i++) f->matrix[i] /= f->weight;
    for (int32_t i = 0; i < n; i++) f->vector[i] /= f->weight;
    if (!mmoe_lapack_eigen(n, f->matrix, f->values, f->work)) return false;
    for (int32_t i = 0; i < n; i++) {
        along[i] = 0;
        for (int32_t j = 0; j < n; j++) along[i] += f->matrix[i * n + j] * f->vector[j];
    }
    for (int32_t power = LEAST; power <= MOST; power++)
        best = fmin(best, validation_of(f, along, pow(10, power)));
    for (int32_t power = LEAST; power <= MOST; power++)
        if (validation_of(f, along, pow(10, power)) <= best * more) lambda = pow(10, power);
    f->penalty = lambda * f->weight;
    memset(f->vector, 0, (size_t)n * sizeof *f->vector);
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++)
            f->vector[j] += f->matrix[i * n + j] * along[i] / (fmax(0, f->values[i]) + lambda);
    return true;
}

static bool solve_newton(mmoe_linear_fit *f) {
    const int32_t n = f->task.n;
    for (int32_t i = 0; i < n; i++) {
        f->matrix[i * n + i] += f->penalty;
        f->vector[i] -= f->penalty * f->now[i] * f->unit[i];
    }
    return mmoe_lapack_solve(n, f->matrix, f->vector);
}

/* Moves by f->vector; how far. */
static double move(mmoe_linear_fit *f) {
    const int32_t n = f->task.n;
    double constant = f->slope[n], furthest = 0;
    memcpy(f->before, f->now, (size_t)f->m * sizeof *f->now);
    for (int32_t i = 0; i < n; i++) {
        const double step = f->unit[i] > 0 ? f->vector[i] / f->unit[i] : 0;
        f->now[i] += step;
        constant -= curve_at(f, i, n) * step;
        furthest = fmax(furthest, fabs(f->vector[i]));
    }
    f->now[n] += constant / curve_at(f, n, n);
    return fmax(furthest, fabs(f->now[n] - f->before[n]));
}

static double penalised_loss(const mmoe_linear_fit *f) {
    double sum = f->loss;
    for (int32_t i = 0; i < f->task.n; i++) {
        const double w = f->now[i] * f->unit[i];
        sum += f->penalty / 2 * w * w;
    }
    return sum;
}

static bool take_step(mmoe_linear_fit *f) {
    const int32_t n = f->task.n;
    const bool is_square = f->task.kind == mmoe_loss_kind_of(MMOE_REGRESSION);
    if (!(f->weight > 0) || !(curve_at(f, n, n) > 0)) return false;
    if (!f->has_units) find_units(f);
    make_system(f);
    const bool is_first = f->passes == 1;
    if (n && !(is_square || is_first ? solve_squares(f) : solve_newton(f))) return false;
    const double distance = move(f);
    if (is_square || distance < tolerance) f->passes = MOST_PASSES;
    return isfinite(distance);
}

/* Where the last step led to a larger loss, half of it is tried: the first one of rare large counts
 * may be thousands of times too long. A fit that no step makes better is none. */
bool mmoe_linear_fit_end(mmoe_linear_fit *f) {
    const double loss = penalised_loss(f);
    add_curves(f);
    f->passes++;
    if (f->passes > 1 && !(loss <= f->loss_before + 1e-12 * fabs(f->loss_before))) {
        for (int32_t i = 0; i < f->m; i++) f->now[i] = (f->now[i] + f->before[i]) / 2;
        f->halvings++;
        if (f->passes >= MOST_PASSES || f->halvings >= MOST_HALVINGS) {
            memcpy(f->now, f->before, (size_t)f->m * sizeof *f->now);
            f->passes = MOST_PASSES;
            f->is_lost = !f->has_moved;
        }
    } else {
        f->has_moved = f->passes > 1;
        f->loss_before = loss;
        f->halvings = 0;
        f->is_lost = f->passes < MOST_PASSES && !take_step(f);
    }
    clear_sums(f);
    return f->is_lost || f->passes >= MOST_PASSES;
}

/* The constant makes up for the rounding of the weights where the inputs are the first row's. */
bool mmoe_linear_fit_read(const mmoe_linear_fit *f, float *out) {
    const int32_t n = f->task.n;
    double constant = f->now[n];
    bool is_finite = !f->is_lost;
    for (int32_t i = 0; i < n; i++) {
        out[i] = (float)f->now[i];
        constant -= (double)out[i] * f->pivot[i];
        is_finite &= isfinite(out[i]) != 0;
    }
    out[n] = (float)constant;
    if (is_finite && isfinite(out[n])) return true;
    memset(out, 0, (size_t)n * sizeof *out);
    out[n] = (float)f->task.start;
    return false;
}
