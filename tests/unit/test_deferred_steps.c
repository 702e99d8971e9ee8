/* The optimizer on a table of rows that it is told of, against double precision: 6,000 steps with
 * gradients of all sizes for some rows of a power law, whose rates rise and fall, cut by flushes;
 * lazy against torch.optim.SparseAdam. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "succeeds.h"
#include "train/deferred.h"

enum { ROWS = 220, DIM = 5, STEPS = 6000, MOST = 16, VALUES = ROWS * DIM };

typedef struct setting {
    mmoe_optimizer_kind kind;
    float weight_decay, momentum;
    bool is_lazy;
    double within; /* of double precision, after all steps */
    float lr_decay, initial;
} setting;

static const setting settings[] = {
    {MMOE_ADAM, 0, 0, false, 1e-6, 0, 0},
    {MMOE_ADAMW, 0.01f, 0, false, 1e-6, 0, 0},
    {MMOE_SGD, 0, 0.9f, false, 1e-6, 0, 0},
    {MMOE_ADAM, 0, 0, true, 1e-6, 0, 0},
    {MMOE_ADAGRAD, 0, 0, false, 1e-6, 0, 0},
    {MMOE_ADAGRAD, 1e-3f, 0, false, 1e-6, 0.001f, 1e-12f},
    {MMOE_ROWWISE_ADAGRAD, 0, 0, false, 1e-6, 0, 1e-12f},
    {MMOE_ROWWISE_ADAGRAD, 1e-3f, 0, false, 1e-6, 0.001f, 0},
    {MMOE_ROWWISE_ADAGRAD, 0, 0, true, 1e-6, 0.001f, 0},
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

/* Distinct rows, seldom those of large numbers, the last one never. */
static int32_t draw_rows(uint64_t *x, int32_t rows[MOST]) {
    bool seen[ROWS] = {false};
    int32_t count = 0;
    for (int i = 0; i < MOST; i++) {
        const int32_t r = (int32_t)pow(ROWS - 1, uniform(x)) - 1;
        if (!seen[r]) rows[count++] = r;
        seen[r] = true;
    }
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
        const double d = (double)g[i];
        if (s->kind == MMOE_SGD) {
            e->m[i] = (double)s->momentum * e->m[i] + d;
            e->w[i] -= lr * e->m[i];
            continue;
        }
        e->w[i] -= lr * (double)s->weight_decay * e->w[i];
        e->m[i] = b1 * e->m[i] + (1 - b1) * d;
        e->v[i] = b2 * e->v[i] + (1 - b2) * d * d;
        if (s->is_lazy) /* torch 2.8, torch/optim/_functional.py, sparse_adam */
            e->w[i] -= lr * root * c1 * e->m[i] / (sqrt(e->v[i]) + eps);
        else
            e->w[i] -= lr * c1 * e->m[i] / (sqrt(e->v[i]) / root + eps);
    }
}

typedef struct world {
    mmoe_tensors tensors;
    mmoe_params params;
    mmoe_optimizer optimizer;
    mmoe_pool *pool;
    exact want;
} world;

static void set_up(world *w, const setting *s) {
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
        .embedding_update = s->is_lazy ? MMOE_UPDATE_LAZY : MMOE_UPDATE_DEFERRED};
    mmoe_tensor table = {.kind = MMOE_TENSOR_TABLE, .rank = 2, .shape = {ROWS, DIM}};
    table.is_deferred = true;
    w->tensors = (mmoe_tensors){.alloc = alloc};
    SUCCEEDS(mmoe_tensors_add(&w->tensors, table, &err, "t"));
    SUCCEEDS(mmoe_params_init(&w->params, &w->tensors, NULL, &err));
    float *rows = mmoe_params_rows(&w->params, 0);
    w->want = (exact){.m = {0}};
    for (int i = 0; i < VALUES; i++) w->want.w[i] = (double)(rows[i] = (float)(0.2 * sin(i)));
    SUCCEEDS(mmoe_optimizer_init(&w->optimizer, &config, &w->params, &w->tensors, &alloc, &err));
    SUCCEEDS(mmoe_pool_create(2, &alloc, &w->pool, &err));
}

static void tear_down(world *w) {
    mmoe_pool_free(w->pool);
    mmoe_optimizer_finish(&w->optimizer);
    mmoe_params_finish(&w->params);
    mmoe_tensors_finish(&w->tensors);
}

static void step(world *w, const setting *s, int number, uint64_t *x) {
    int32_t at[MOST];
    float values[MOST * DIM], all[VALUES] = {0};
    bool is_read[ROWS] = {false};
    const int32_t count = draw_rows(x, at);
    for (int i = 0; i < count; i++) {
        is_read[at[i]] = true;
        for (int c = 0; c < DIM; c++) {
            const double size =
                (s->kind == MMOE_SGD ? 300 : 1) * pow(10, -9 + 6 * ((at[i] * 7 + c) % 31) / 30.0);
            all[at[i] * DIM + c] = values[i * DIM + c] = (float)(size * (uniform(x) - 0.5));
        }
    }
    mmoe_optimizer *o = &w->optimizer;
    if (o->history.rates) mmoe_deferred_refresh(o, &(mmoe_rows_read){.count = count, .rows = at});
    mmoe_optimizer_begin(o, rate_of(number));
    mmoe_optimizer_apply(o, &(mmoe_gradient){0, 0, count, DIM, values, DIM, at});
    mmoe_optimizer_end(o);
    step_exactly(s, &w->want, number, all, is_read);
}

START_TEST(steps_are_exact) {
    const setting *s = &settings[_i];
    static world w;
    uint64_t x = 88172645463325252u;
    set_up(&w, s);
    for (int i = 1; i <= STEPS; i++) {
        step(&w, s, i, &x);
        if (!s->is_lazy && (i == 1000 || i == 4100)) mmoe_deferred_settle(&w.optimizer, w.pool);
    }
    if (!s->is_lazy) mmoe_deferred_settle(&w.optimizer, w.pool);
    const float *rows = mmoe_params_rows(&w.params, 0);
    double most = 0, moved = 0;
    for (int i = 0; i < VALUES; i++) moved = fmax(moved, fabs(w.want.w[i] - 0.2 * sin(i)));
    for (int i = 0; i < VALUES; i++) most = fmax(most, fabs((double)rows[i] - w.want.w[i]));
    ck_assert_msg(most <= s->within, "%.3g of %.3g", most, moved);
    ck_assert_double_gt(moved, 0.01);
    if (s->kind == MMOE_ROWWISE_ADAGRAD) /* a float a row, and where decay moves all rows a step */
        ck_assert_uint_eq(mmoe_optimizer_memory(&w.optimizer) -
                              mmoe_history_memory(&w.optimizer.history),
                          ROWS * sizeof(float) * (s->weight_decay > 0 ? 2 : 1));
    tear_down(&w);
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, steps_are_exact, 0, SETTINGS); }
