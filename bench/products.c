/* A step's products, alone: single-threaded calls of OpenBLAS on arrays of their own. */
#include <math.h>
#include <stdlib.h>

#include <cblas.h>

#include "common.h"

const char *const bench_pass_names[BENCH_PASSES] = {"forward", "input gradient", "weight gradient"};

typedef struct product {
    CBLAS_TRANSPOSE ta, tb;
    int32_t m, n, k, lda, ldb, ldc;
    const float *a, *b;
    float beta, *c;
} product;

/* Product of group `g`; the rows of its result from `begin` to `end`. */
static product product_at(const bench_layer *l, bench_pass pass, int32_t g, int32_t begin,
                          int32_t end) {
    const float *x = l->x + (size_t)g * l->x_step, *w = l->w + (size_t)g * l->w_step,
                *dz = l->dz + (size_t)g * l->z_step;
    const size_t at = (size_t)begin;
    const int32_t m = end - begin;
    float *z = l->z + (size_t)g * l->z_step, *dx = l->dx + (size_t)g * l->dx_step,
          *dw = l->dw + (size_t)g * l->w_step;
    const float beta = l->add || (g > 0 && l->dx_step == 0);
    switch (pass) {
    case BENCH_FORWARD:
        return (product){CblasNoTrans,
                         CblasTrans,
                         m,
                         l->out,
                         l->in,
                         l->ldx,
                         l->in,
                         l->ldz,
                         x + at * (size_t)l->ldx,
                         w,
                         0,
                         z + at * (size_t)l->ldz};
    case BENCH_INPUT:
        return (product){CblasNoTrans,
                         CblasNoTrans,
                         m,
                         l->grad,
                         l->out,
                         l->ldz,
                         l->in,
                         l->lddx,
                         dz + at * (size_t)l->ldz,
                         w,
                         beta,
                         dx + at * (size_t)l->lddx};
    default:
        return (product){CblasTrans,
                         CblasNoTrans,
                         m,
                         l->in,
                         l->rows,
                         l->ldz,
                         l->ldx,
                         l->in,
                         dz + at,
                         x,
                         g > 0 && l->w_step == 0,
                         dw + at * (size_t)l->in};
    }
}

static void multiply(const product *p) {
    cblas_sgemm(CblasRowMajor, p->ta, p->tb, p->m, p->n, p->k, 1, p->a, p->lda, p->b, p->ldb,
                p->beta, p->c, p->ldc);
}

#ifdef BENCH_HAS_SGEMM_BATCH
/* One call of OpenBLAS for equal products, unless they add to the same result. */
static void multiply_all(const bench_layer *l, bench_pass pass, int32_t first, int32_t last,
                         int32_t begin, int32_t end) {
    const size_t count = (size_t)(last - first);
    const float **a = bench_alloc(count, sizeof *a), **b = bench_alloc(count, sizeof *b);
    float **c = bench_alloc(count, sizeof *c);
    product p = {0};
    for (int32_t g = first; g < last; g++) {
        p = product_at(l, pass, g, begin, end);
        a[g - first] = p.a, b[g - first] = p.b, c[g - first] = p.c;
    }
    const blasint m = p.m, n = p.n, k = p.k, lda = p.lda, ldb = p.ldb, ldc = p.ldc,
                  size = (blasint)count;
    const float alpha = 1;
    cblas_sgemm_batch(CblasRowMajor, &p.ta, &p.tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &p.beta, c,
                      &ldc, 1, &size);
    free(a);
    free(b);
    free(c);
}
#endif

static void run_groups(const bench_layer *l, bench_pass pass, int32_t first, int32_t last,
                       int32_t begin, int32_t end) {
#ifdef BENCH_HAS_SGEMM_BATCH
    if (l->batched && last - first > 1 && (pass != BENCH_INPUT || l->dx_step) &&
        (pass != BENCH_WEIGHTS || l->w_step)) {
        multiply_all(l, pass, first, last, begin, end);
        return;
    }
#endif
    for (int32_t g = first; g < last && begin < end; g++) {
        product p = product_at(l, pass, g, begin, end);
        multiply(&p);
    }
}

static int32_t share(int32_t count, int worker, int workers) {
    return (int32_t)((int64_t)count * worker / workers);
}

void bench_layer_run(const bench_layer *l, bench_pass pass, int worker, int workers) {
    if (pass != BENCH_WEIGHTS)
        run_groups(l, pass, 0, l->groups, share(l->rows, worker, workers),
                   share(l->rows, worker + 1, workers));
    else if (l->groups >= workers && l->w_step)
        run_groups(l, pass, share(l->groups, worker, workers),
                   share(l->groups, worker + 1, workers), 0, l->out);
    else
        run_groups(l, pass, 0, l->groups, share(l->out, worker, workers),
                   share(l->out, worker + 1, workers));
}

double bench_layer_flops(const bench_layer *l, bench_pass pass) {
    return 2.0 * l->groups * l->rows * l->out * (pass == BENCH_INPUT ? l->grad : l->in);
}

/* ---- Check ---- */

/* Adds op(A) op(B) at (i, j) to the sum, and its terms' magnitudes to another. */
static void add_entry(const product *p, int32_t i, int32_t j, double *sum, double *magnitude) {
    for (int32_t t = 0; t < p->k; t++) {
        double a = p->ta == CblasTrans ? p->a[(size_t)t * (size_t)p->lda + (size_t)i]
                                       : p->a[(size_t)i * (size_t)p->lda + (size_t)t];
        double b = p->tb == CblasTrans ? p->b[(size_t)j * (size_t)p->ldb + (size_t)t]
                                       : p->b[(size_t)t * (size_t)p->ldb + (size_t)j];
        *sum += a * b;
        *magnitude += fabs(a * b);
    }
}

/* Entry [row, col] of a group's product. */
typedef struct entry {
    size_t layer;
    int32_t group, row, col;
} entry;

static void check_entry(const bench_layer *l, size_t count, bench_pass pass, const entry *e) {
    const size_t layer = e->layer;
    const int32_t g = e->group, i = e->row, j = e->col;
    const bool shared =
        (pass == BENCH_INPUT && l[layer].dx_step == 0) ||
        (pass == BENCH_WEIGHTS && l[layer].w_step == 0); /* every group adds to it */
    double sum = 0, magnitude = 0;
    product p = {0};
    for (size_t n = shared ? 0 : layer; n < (shared ? count : layer + 1); n++)
        for (int32_t h = shared ? 0 : g; h < (shared ? l[n].groups : g + 1); h++) {
            const bench_layer *from = &l[n];
            p = product_at(from, pass, h, 0, pass == BENCH_WEIGHTS ? from->out : from->rows);
            add_entry(&p, i, j, &sum, &magnitude);
        }
    double got = p.c[(size_t)i * (size_t)p.ldc + (size_t)j];
    if (!(fabs(got - sum) <= 1e-5 * magnitude))
        bench_fail("%s, %s: entry (%d, %d) is %g, not %g", l[layer].name, bench_pass_names[pass], i,
                   j, got, sum);
}

void bench_layer_check(const bench_layer *l, size_t count, bench_pass pass) {
    for (size_t n = 0; n < count; n++)
        for (int k = 0; k < 24; k++) {
            const int32_t rows = pass == BENCH_WEIGHTS ? l[n].out : l[n].rows;
            int32_t cols = l[n].in;
            if (pass == BENCH_FORWARD) cols = l[n].out;
            if (pass == BENCH_INPUT) cols = l[n].grad;
            if (!cols) continue;
            check_entry(l, count, pass,
                        &(entry){n, k * 7 % l[n].groups, (int32_t)((int64_t)k * (rows - 1) / 23),
                                 (int32_t)((int64_t)(23 - k) * (cols - 1) / 23)});
        }
}

/* ---- A model's products ---- */

void bench_products_free(bench_products *p) {
    for (size_t i = 0; i < p->n_array; i++) free(p->arrays[i]);
    free(p->arrays);
    free(p->layers);
}

double bench_products_flops(const bench_products *p) {
    double flops = 0;
    for (size_t i = 0; i < p->count; i++)
        for (int pass = 0; pass < BENCH_PASSES; pass++)
            flops += bench_layer_flops(&p->layers[i], (bench_pass)pass);
    return flops;
}

void bench_products_run(void *products, bench_crew *crew, int worker) {
    const bench_products *p = products;
    const int workers = bench_crew_size(crew);
    for (size_t i = 0; i < p->count; i++)
        bench_layer_run(&p->layers[i], BENCH_FORWARD, worker, workers);
    for (size_t i = p->count; i-- > 0;)
        bench_layer_run(&p->layers[i], BENCH_INPUT, worker, workers);
    bench_crew_meet(crew);
    for (size_t i = 0; i < p->count; i++)
        bench_layer_run(&p->layers[i], BENCH_WEIGHTS, worker, workers);
}

/* ---- The peak ---- */

enum { PEAK = 512 };

bench_peak bench_peak_make(int threads) {
    return (bench_peak){bench_floats((size_t)PEAK * PEAK * (size_t)(threads + 2), 1), threads};
}

static void run_peak(void *context, bench_crew *crew, int worker) {
    (void)crew;
    const bench_peak *p = context;
    const size_t one = (size_t)PEAK * PEAK;
    const product square = {CblasNoTrans,
                            CblasNoTrans,
                            PEAK,
                            PEAK,
                            PEAK,
                            PEAK,
                            PEAK,
                            PEAK,
                            p->arrays,
                            p->arrays + one,
                            0,
                            p->arrays + one * (size_t)(worker + 2)};
    multiply(&square);
}

void bench_peak_turn(void *peak, int calls, double *seconds) {
    bench_crew_run(((bench_peak *)peak)->threads, run_peak, peak, calls, seconds);
}

double bench_peak_end(bench_peak *p, bench_samples *s) {
    double flops = 2.0 * PEAK * PEAK * PEAK * p->threads / bench_quantile(s, 0.1);
    bench_samples_free(s);
    free(p->arrays);
    return flops;
}
