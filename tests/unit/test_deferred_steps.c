/* The optimizer on a table of rows that it is told of, against double precision and against the
 * steps of a table that is updated whole: 6,000 steps with gradients of all sizes for some rows of
 * a power law, and for others with gaps of given lengths, whose rates rise and fall, cut by
 * flushes; lazy against torch.optim.SparseAdam. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/subnormals.h"
#include "check_main.h"
#include "succeeds.h"
#include "train/deferred.h"

/* The first rows are drawn, then one has each of the gaps, and the last one none of the steps. */
static const int gaps[] = {1, 2, 511, 512, 513};
enum { GAPS = sizeof gaps / sizeof *gaps, DRAWN = 219, ROWS = DRAWN + GAPS + 1, DIM = 5 };
enum { STEPS = 6000, TIMES = 16, MOST = TIMES + GAPS, VALUES = ROWS * DIM };

typedef struct setting {
    mmoe_optimizer_kind kind;
    float weight_decay, momentum;
    bool is_lazy;
    double within;   /* of double precision, after all steps */
    double of_dense; /* of the table that is updated whole; below 0: it does something else */
    float lr_decay, initial;
} setting;

static const setting settings[] = {
    {MMOE_ADAM, 0, 0, false, 1e-6, 1e-5, 0, 0},
    {MMOE_ADAMW, 0.01f, 0, false, 1e-6, 1e-5, 0, 0},
    {MMOE_ADAMW, 0, 0, false, 1e-6, 1e-5, 0, 0},
    {MMOE_ADAM, 1e-4f, 0, false, 1e-5, 0, 0, 0},
    {MMOE_SGD, 0, 0.9f, false, 1e-6, 1e-5, 0, 0},
    {MMOE_ADAM, 0, 0, true, 1e-6, -1, 0, 0},
    {MMOE_ADAGRAD, 0, 0, false, 1e-6, 0, 0, 0},
    {MMOE_ADAGRAD, 1e-3f, 0, false, 1e-6, 0, 0.001f, 1e-12f},
    {MMOE_ROWWISE_ADAGRAD, 0, 0, false, 1e-6, 0, 0, 1e-12f},
    {MMOE_ROWWISE_ADAGRAD, 1e-3f, 0, false, 1e-6, 0, 0.001f, 0},
    {MMOE_ROWWISE_ADAGRAD, 0, 0, true, 1e-6, 0, 0.001f, 0},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static float rate_of(int step) {
    const double rate = 5e-4 * (1.1 + cos(step / 700.0));
    return (float)(step < 300 ? rate * step / 300 : rate);
}

static double uniform(uint64_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (double)(*x >> 11) * 0x1p-53;
}

/* Distinct rows, seldom those of large numbers. */
static int32_t draw_rows(int step, uint64_t *x, int32_t rows[MOST]) {
    bool seen[DRAWN] = {false};
    int32_t count = 0;
    for (int i = 0; i < TIMES; i++) {
        const int32_t r = (int32_t)pow(DRAWN, uniform(x)) - 1;
        if (!seen[r]) rows[count++] = r;
        seen[r] = true;
    }
    for (int i = 0; i < GAPS; i++)
        if (step % (gaps[i] + 1) == 0) rows[count++] = DRAWN + i;
    return count;
}

typedef struct exact {
    double w[VALUES], m[VALUES], v[VALUES];
} exact;

/* Adagrad as torch.optim.Adagrad, and of rows as torchrec.optim.RowWiseAdagrad and FBGEMM's
 * EXACT_ROWWISE_ADAGRAD: a row's sum stands at its first value. */
static void step_adagrad(const setting *s, exact *e, int step, const float *g) {
    const double lr = 10 * (double)rate_of(step) / (1 + (step - 1) * (double)s->lr_decay),
                 eps = (double)1e-8f;
    double d[VALUES];
    for (int i = 0; i < VALUES; i++) {
        const bool is_of_row = s->kind == MMOE_ROWWISE_ADAGRAD;
        d[i] = (double)g[i] + (double)s->weight_decay * e->w[i];
        e->m[is_of_row ? i / DIM * DIM : i] += d[i] * d[i] / (is_of_row ? DIM : 1);
    }
    for (int i = 0; i < VALUES; i++) {
        const double sum = e->m[s->kind == MMOE_ROWWISE_ADAGRAD ? i / DIM * DIM : i];
        e->w[i] -= lr * d[i] / (sqrt((double)s->initial + sum) + eps);
    }
}

/* g [VALUES]: 0 where `is_read` is false. */
static void step_exactly(const setting *s, exact *e, int step, const float *g,
                         const bool *is_read) {
    if (s->kind == MMOE_ADAGRAD || s->kind == MMOE_ROWWISE_ADAGRAD) {
        step_adagrad(s, e, step, g);
        return;
    }
    const double lr = (double)rate_of(step), b1 = (double)0.9f, b2 = (double)0.999f,
                 eps = (double)1e-8f, root = sqrt(1 - pow(b2, step)), c1 = 1 / (1 - pow(b1, step));
    for (int i = 0; i < VALUES; i++) {
        if (s->is_lazy && !is_read[i / DIM]) continue;
        const bool is_coupled = s->kind == MMOE_ADAM;
        const double d = (double)g[i] + (is_coupled ? (double)s->weight_decay * e->w[i] : 0);
        if (s->kind == MMOE_SGD) {
            e->m[i] = (double)s->momentum * e->m[i] + d;
            e->w[i] -= lr * e->m[i];
            continue;
        }
        if (!is_coupled) e->w[i] -= lr * (double)s->weight_decay * e->w[i];
        e->m[i] = b1 * e->m[i] + (1 - b1) * d;
        e->v[i] = b2 * e->v[i] + (1 - b2) * d * d;
        if (s->is_lazy) /* torch 2.8, torch/optim/_functional.py, sparse_adam */
            e->w[i] -= lr * root * c1 * e->m[i] / (sqrt(e->v[i]) + eps);
        else
            e->w[i] -= lr * c1 * e->m[i] / (sqrt(e->v[i]) / root + eps);
    }
}

/* A table and its optimizer. */
typedef struct half {
    mmoe_tensors tensors;
    mmoe_params params;
    mmoe_optimizer optimizer;
} half;

typedef struct world {
    half own, dense;
    mmoe_pool *pool;
    exact want;
} world;

/* Those of rows that a third of the steps read are small, as their roundings are then. */
static double begin_at(int i) { return (i < DRAWN * DIM ? 0.2 : 0.02) * sin(i); }

static void set_up_half(half *h, const setting *s, mmoe_embedding_update update) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    const bool is_adagrad = s->kind == MMOE_ADAGRAD || s->kind == MMOE_ROWWISE_ADAGRAD;
    const mmoe_trainer_config config = {
        .optimizer = {.kind = MMOE_SGD, .lr = 2e-3f},
        .embedding_optimizer = {.kind = s->kind,
                                .lr = is_adagrad ? 2e-2f : 2e-3f, /* 10 times the layers' */
                                .weight_decay = s->weight_decay,
                                .beta1 = 0.9f,
                                .beta2 = 0.999f,
                                .eps = 1e-8f,
                                .momentum = s->momentum,
                                .lr_decay = s->lr_decay,
                                .initial_accumulator = s->initial},
        .embedding_update = update};
    mmoe_tensor table = {.kind = MMOE_TENSOR_TABLE, .rank = 2, .shape = {ROWS, DIM}};
    table.is_deferred = update != MMOE_UPDATE_DENSE;
    h->tensors = (mmoe_tensors){.alloc = alloc};
    SUCCEEDS(mmoe_tensors_add(&h->tensors, table, &err, "t"));
    SUCCEEDS(mmoe_params_init(&h->params, &h->tensors, NULL, &err));
    float *rows = mmoe_params_rows(&h->params, 0);
    for (int i = 0; i < VALUES; i++) rows[i] = (float)begin_at(i);
    SUCCEEDS(mmoe_optimizer_init(&h->optimizer, &config, &h->params, &h->tensors, &alloc, &err));
}

static void tear_down_half(half *h) {
    mmoe_optimizer_finish(&h->optimizer);
    mmoe_params_finish(&h->params);
    mmoe_tensors_finish(&h->tensors);
}

static void set_up(world *w, const setting *s) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    set_up_half(&w->own, s, s->is_lazy ? MMOE_UPDATE_LAZY : MMOE_UPDATE_DEFERRED);
    set_up_half(&w->dense, s, MMOE_UPDATE_DENSE);
    const float *rows = mmoe_params_rows(&w->own.params, 0);
    w->want = (exact){.m = {0}};
    for (int i = 0; i < VALUES; i++) w->want.w[i] = (double)rows[i];
    SUCCEEDS(mmoe_pool_create(2, &alloc, &w->pool, &err));
}

static void tear_down(world *w) {
    mmoe_pool_free(w->pool);
    tear_down_half(&w->own);
    tear_down_half(&w->dense);
}

static void apply(half *h, int number, const mmoe_gradient *g) {
    mmoe_optimizer *o = &h->optimizer;
    mmoe_optimizer_begin(o, rate_of(number));
    mmoe_optimizer_apply(o, g);
    mmoe_optimizer_end(o);
}

/* `x`: of rows that are drawn, and of the others. */
static void step(world *w, const setting *s, int number, uint64_t x[2]) {
    int32_t at[MOST];
    float values[MOST * DIM], all[VALUES] = {0};
    bool is_read[ROWS] = {false};
    const int32_t count = draw_rows(number, &x[0], at);
    for (int i = 0; i < count; i++) {
        is_read[at[i]] = true;
        for (int c = 0; c < DIM; c++) {
            const double size =
                (s->kind == MMOE_SGD ? 300 : 1) * pow(10, -9 + 6 * ((at[i] * 7 + c) % 31) / 30.0);
            all[at[i] * DIM + c] = values[i * DIM + c] =
                (float)(size * (uniform(&x[at[i] >= DRAWN]) - 0.5));
        }
    }
    mmoe_optimizer *o = &w->own.optimizer;
    if (o->history.rates) mmoe_deferred_refresh(o, &(mmoe_rows_read){.count = count, .rows = at});
    apply(&w->own, number, &(mmoe_gradient){0, 0, count, DIM, values, DIM, at});
    apply(&w->dense, number, &(mmoe_gradient){0, 0, ROWS, DIM, all, DIM, NULL});
    step_exactly(s, &w->want, number, all, is_read);
}

START_TEST(steps_are_exact) {
    const setting *s = &settings[_i];
    static world w;
    uint64_t x[] = {88172645463325252u, 2463534242u};
    set_up(&w, s);
    mmoe_subnormals_flush(); /* as in a trainer's step */
    mmoe_optimizer *o = &w.own.optimizer;
    for (int i = 1; i <= STEPS; i++) {
        step(&w, s, i, x);
        if (!s->is_lazy && (i == 1000 || i == 4100)) mmoe_deferred_settle(o, w.pool);
    }
    if (!s->is_lazy) mmoe_deferred_settle(o, w.pool);
    const float *rows = mmoe_params_rows(&w.own.params, 0),
                *whole = mmoe_params_rows(&w.dense.params, 0);
    double most = 0, moved = 0, of_dense = 0;
    for (int i = 0; i < VALUES; i++) {
        moved = fmax(moved, fabs(w.want.w[i] - begin_at(i)));
        most = fmax(most, fabs((double)rows[i] - w.want.w[i]));
        of_dense = fmax(of_dense, fabs((double)rows[i] - (double)whole[i]));
    }
    ck_assert_msg(most <= s->within, "%.3g of %.3g", most, moved);
    ck_assert_msg(s->of_dense < 0 || of_dense <= s->of_dense, "of dense: %.3g", of_dense);
    ck_assert_double_gt(moved, 0.01);
    if (s->kind == MMOE_ROWWISE_ADAGRAD) /* a float a row, and where decay moves all rows a step */
        ck_assert_uint_eq(mmoe_optimizer_memory(o) - mmoe_history_memory(&o->history),
                          ROWS * sizeof(float) * (s->weight_decay > 0 ? 2 : 1));
    tear_down(&w);
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, steps_are_exact, 0, SETTINGS); }
