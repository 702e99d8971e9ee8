#include "look/similarity.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "math/blas.h"
#include "math/lapack.h"

typedef struct comparison {
    mmoe_outputs *modules;
    int32_t count, rows;
    double *cka, *scratch; /* [count, count], [workers, stride] */
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

static void measure(mmoe_outputs *m, const double *values, int32_t n) {
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

static void prepare(void *context, int worker, int task) {
    const comparison *c = context;
    mmoe_outputs *m = &c->modules[task];
    const int32_t n = m->units < c->rows ? m->units : c->rows;
    double *copy = c->scratch + (size_t)worker * c->stride,
           *values = copy + (size_t)m->units * (size_t)c->rows;
    centre(m->x, m->units, c->rows);
    memcpy(copy, m->x, (size_t)m->units * (size_t)c->rows * sizeof *copy);
    if (mmoe_lapack_singular(c->rows, m->units, copy, values, values + n))
        measure(m, values, n);
    else
        m->rank = m->norm = (double)NAN;
}

static double similarity(const comparison *c, const mmoe_outputs *a, const mmoe_outputs *b,
                         double *product) {
    if (a->group != b->group || !(a->norm > 0) || !(b->norm > 0)) return (double)NAN;
    if (a == b) return 1;
    mmoe_gemm_double(a->units, b->units, c->rows, a->x, b->x, product);
    double sum = 0;
    for (int64_t i = 0; i < (int64_t)a->units * b->units; i++) sum += product[i] * product[i];
    return sum / (a->norm * b->norm);
}

static void compare(void *context, int worker, int task) {
    const comparison *c = context;
    double *product = c->scratch + (size_t)worker * c->stride;
    for (int32_t b = 0; b <= task; b++)
        c->cka[task * c->count + b] = c->cka[b * c->count + task] =
            similarity(c, &c->modules[task], &c->modules[b], product);
}

static void run(const comparison *c, mmoe_pool *pool, mmoe_pool_fn fn) {
    if (pool)
        mmoe_pool_run(pool, c->count, fn, (void *)(uintptr_t)c);
    else
        for (int32_t i = 0; i < c->count; i++) fn((void *)(uintptr_t)c, 0, i);
}

mmoe_status mmoe_compare_outputs(const mmoe_compared *compared, mmoe_pool *pool,
                                 const mmoe_allocator *alloc, mmoe_error *err) {
    const mmoe_outputs *modules = compared->modules;
    const int32_t count = compared->count, rows = compared->rows;
    comparison c = {.modules = compared->modules, .count = count, .rows = rows};
    c.cka = compared->cka;
    size_t widest = 0;
    for (int32_t i = 0; i < count; i++)
        if ((size_t)modules[i].units > widest) widest = (size_t)modules[i].units;
    if (!widest) return MMOE_OK;
    const size_t decompose = widest * (size_t)rows + widest +
                             (size_t)mmoe_lapack_singular_scratch(rows, (int32_t)widest);
    const size_t workers = pool ? (size_t)mmoe_pool_workers(pool) : 1;
    c.stride = decompose > widest * widest ? decompose : widest * widest;
    c.scratch = mmoe_alloc(alloc, workers * c.stride, sizeof *c.scratch);
    if (!c.scratch) return mmoe_fail_memory(err, workers * c.stride * sizeof *c.scratch);
    run(&c, pool, prepare);
    run(&c, pool, compare);
    mmoe_release(alloc, c.scratch);
    return MMOE_OK;
}
