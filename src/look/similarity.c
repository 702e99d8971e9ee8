#include "look/similarity.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "math/blas.h"
#include "math/lapack.h"

typedef struct comparison {
    mmoe_comparison of;
    double *scratch; /* [workers, stride] */
    size_t stride;
} comparison;

static void centre(double *x, int32_t units, int32_t rows) {
    for (int32_t u = 0; u < units; u++, x += rows) {
        double sum = 0;
        bool same = true;
        for (int32_t r = 0; r < rows; r++) {
            sum += x[r];
            same &= x[r] == x[0];
        }
        for (int32_t r = 0; r < rows; r++) x[r] = same ? 0 : x[r] - sum / rows;
    }
}

static void measure_spectrum(mmoe_outputs *m, const double *values, int32_t n) {
    double sum = 0, fourth = 0, entropy = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += values[i];
        fourth += values[i] * values[i] * values[i] * values[i];
    }
    for (int32_t i = 0; i < n; i++)
        if (values[i] > 0) entropy -= values[i] / sum * log(values[i] / sum);
    m->rank = sum > 0 ? exp(entropy) : 0;
    m->norm = sqrt(fourth);
}

static void prepare_module(void *context, int worker, int task) {
    const comparison *c = context;
    mmoe_outputs *m = &c->of.modules[task];
    const int32_t n = m->units < c->of.rows ? m->units : c->of.rows;
    double *copy = c->scratch + (size_t)worker * c->stride,
           *values = copy + (size_t)m->units * (size_t)c->of.rows;
    centre(m->x, m->units, c->of.rows);
    memcpy(copy, m->x, (size_t)m->units * (size_t)c->of.rows * sizeof *copy);
    if (mmoe_lapack_singular(c->of.rows, m->units, copy, values, values + n))
        measure_spectrum(m, values, n);
    else
        m->rank = m->norm = (double)NAN;
}

static double similarity(const comparison *c, const mmoe_outputs *a, const mmoe_outputs *b,
                         double *product) {
    if (a->group != b->group || !(a->norm > 0) || !(b->norm > 0)) return (double)NAN;
    if (a == b) return 1;
    mmoe_gemm_double(a->units, b->units, c->of.rows, a->x, b->x, product);
    double sum = 0;
    for (int64_t i = 0; i < (int64_t)a->units * b->units; i++) sum += product[i] * product[i];
    return sum / (a->norm * b->norm);
}

static void compare_module(void *context, int worker, int task) {
    const comparison *c = context;
    double *product = c->scratch + (size_t)worker * c->stride;
    for (int32_t b = 0; b <= task; b++)
        c->of.cka[task * c->of.count + b] = c->of.cka[b * c->of.count + task] =
            similarity(c, &c->of.modules[task], &c->of.modules[b], product);
}

static void run_all(const comparison *c, mmoe_pool_fn fn) {
    void *context = (void *)(uintptr_t)c;
    if (c->of.pool)
        mmoe_pool_run(c->of.pool, c->of.count, fn, context);
    else
        for (int32_t i = 0; i < c->of.count; i++) fn(context, 0, i);
}

mmoe_status mmoe_compare_outputs(const mmoe_comparison *wanted, const mmoe_allocator *alloc,
                                 mmoe_error *err) {
    comparison c = {.of = *wanted};
    const int32_t rows = wanted->rows;
    size_t widest = 0;
    for (int32_t i = 0; i < wanted->count; i++)
        if ((size_t)wanted->modules[i].units > widest) widest = (size_t)wanted->modules[i].units;
    if (!widest) return MMOE_OK;
    const size_t decompose = widest * (size_t)rows + widest +
                             (size_t)mmoe_lapack_singular_scratch(rows, (int32_t)widest);
    const size_t workers = wanted->pool ? (size_t)mmoe_pool_workers(wanted->pool) : 1;
    c.stride = decompose > widest * widest ? decompose : widest * widest;
    c.scratch = mmoe_alloc(alloc, workers * c.stride, sizeof *c.scratch);
    if (!c.scratch) return mmoe_fail_memory(err, workers * c.stride * sizeof *c.scratch);
    run_all(&c, prepare_module);
    run_all(&c, compare_module);
    mmoe_release(alloc, c.scratch);
    return MMOE_OK;
}
