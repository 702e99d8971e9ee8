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

/* Groups [first, last), rows [begin, end) of their results. */
typedef struct layer_part {
    int32_t first, last, begin, end;
} layer_part;

/* Product of group `g`; the rows of its result from `begin` to `end`. */
static product forward_at(const bench_layer *l, int32_t g, int32_t begin, int32_t end) {
    return (product){.ta = CblasNoTrans,
                     .tb = CblasTrans,
                     .m = end - begin,
                     .n = l->out,
                     .k = l->in,
                     .lda = l->ldx,
                     .ldb = l->in,
                     .ldc = l->ldz,
                     .a = l->x + (size_t)g * l->x_step + (size_t)begin * (size_t)l->ldx,
                     .b = l->w + (size_t)g * l->w_step,
                     .c = l->z + (size_t)g * l->z_step + (size_t)begin * (size_t)l->ldz};
}

static product input_at(const bench_layer *l, int32_t g, int32_t begin, int32_t end) {
    return (product){.ta = CblasNoTrans,
                     .tb = CblasNoTrans,
                     .m = end - begin,
                     .n = l->grad,
                     .k = l->out,
                     .lda = l->ldz,
                     .ldb = l->in,
                     .ldc = l->lddx,
                     .a = l->dz + (size_t)g * l->z_step + (size_t)begin * (size_t)l->ldz,
                     .b = l->w + (size_t)g * l->w_step,
                     .beta = l->add || (g > 0 && l->dx_step == 0),
                     .c = l->dx + (size_t)g * l->dx_step + (size_t)begin * (size_t)l->lddx};
}

static product weights_at(const bench_layer *l, int32_t g, int32_t begin, int32_t end) {
    return (product){.ta = CblasTrans,
                     .tb = CblasNoTrans,
                     .m = end - begin,
                     .n = l->in,
                     .k = l->rows,
                     .lda = l->ldz,
                     .ldb = l->ldx,
                     .ldc = l->in,
                     .a = l->dz + (size_t)g * l->z_step + (size_t)begin,
                     .b = l->x + (size_t)g * l->x_step,
                     .beta = g > 0 && l->w_step == 0,
                     .c = l->dw + (size_t)g * l->w_step + (size_t)begin * (size_t)l->in};
}

static product product_at(const bench_layer *l, bench_pass pass, int32_t g, int32_t begin,
                          int32_t end) {
    switch (pass) {
    case BENCH_FORWARD:
        return forward_at(l, g, begin, end);
    case BENCH_INPUT:
        return input_at(l, g, begin, end);
    default:
        return weights_at(l, g, begin, end);
    }
}

static void multiply_one(const product *p) {
    cblas_sgemm(CblasRowMajor, p->ta, p->tb, p->m, p->n, p->k, 1, p->a, p->lda, p->b, p->ldb,
                p->beta, p->c, p->ldc);
}

static void run_groups(const bench_layer *l, bench_pass pass, const layer_part *r) {
    for (int32_t g = r->first; g < r->last && r->begin < r->end; g++) {
        product p = product_at(l, pass, g, r->begin, r->end);
        multiply_one(&p);
    }
}

static int32_t share(int32_t count, int worker, int workers) {
    return (int32_t)((int64_t)count * worker / workers);
}

void bench_layer_run(const bench_layer *l, bench_pass pass, int worker, int workers) {
    const bool by_group = pass == BENCH_WEIGHTS && l->groups >= workers && l->w_step;
    const int32_t rows = pass == BENCH_WEIGHTS ? l->out : l->rows;
    layer_part r = {0, l->groups, 0, rows};
    if (by_group) {
        r.first = share(l->groups, worker, workers);
        r.last = share(l->groups, worker + 1, workers);
    } else {
        r.begin = share(rows, worker, workers);
        r.end = share(rows, worker + 1, workers);
    }
    run_groups(l, pass, &r);
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

/* An entry of a layer's result. */
typedef struct place {
    size_t layer;
    int32_t group, row, col;
} place;

static int32_t rows_of(const bench_layer *l, bench_pass pass) {
    return pass == BENCH_WEIGHTS ? l->out : l->rows;
}

static int32_t cols_of(const bench_layer *l, bench_pass pass) {
    if (pass == BENCH_FORWARD) return l->out;
    return pass == BENCH_INPUT ? l->grad : l->in;
}

static void check_entry(const bench_layer *l, size_t count, bench_pass pass, const place *at) {
    const bench_layer *own = &l[at->layer];
    const bool shared = (pass == BENCH_INPUT && own->dx_step == 0) ||
                        (pass == BENCH_WEIGHTS && own->w_step == 0); /* every group adds to it */
    double sum = 0, magnitude = 0;
    product p = {0};
    for (size_t n = shared ? 0 : at->layer; n < (shared ? count : at->layer + 1); n++)
        for (int32_t g = shared ? 0 : at->group; g < (shared ? l[n].groups : at->group + 1); g++) {
            p = product_at(&l[n], pass, g, 0, rows_of(&l[n], pass));
            add_entry(&p, at->row, at->col, &sum, &magnitude);
        }
    double got = p.c[(size_t)at->row * (size_t)p.ldc + (size_t)at->col];
    if (!(fabs(got - sum) <= 1e-5 * magnitude))
        bench_fail("%s, %s: entry (%d, %d) is %g, not %g", own->name, bench_pass_names[pass],
                   at->row, at->col, got, sum);
}

void bench_layer_check(const bench_layer *l, size_t count, bench_pass pass) {
    for (size_t n = 0; n < count; n++)
        for (int k = 0; k < 24; k++) {
            const int64_t rows = rows_of(&l[n], pass), cols = cols_of(&l[n], pass);
            if (!cols) continue;
            const place at = {n, k * 7 % l[n].groups, (int32_t)(k * (rows - 1) / 23),
                              (int32_t)((23 - k) * (cols - 1) / 23)};
            check_entry(l, count, pass, &at);
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
    multiply_one(&square);
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

double bench_peak_alone(void) {
    enum { CALLS = 40 };
    bench_peak peak = bench_peak_make(1);
    bench_samples samples = {bench_alloc(CALLS, sizeof *samples.seconds), CALLS, CALLS};
    bench_peak_turn(&peak, CALLS, samples.seconds);
    return bench_peak_end(&peak, &samples);
}
