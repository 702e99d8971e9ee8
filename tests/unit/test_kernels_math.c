/* The kernels over plain arrays, each table that the processor runs: exp, sigmoid, tanh and the
 * cross-entropy by units in the last place, dropout against the generator, the optimizers against
 * PyTorch's formulas in double precision. */
#include <float.h>

#include "base/rng.h"
#include "check_main.h"
#include "kernels_support.h"

enum { MOST = 70 };

/* |got - want| in units of the last place of a float of that size. */
static double ulps(float got, double want) {
    if ((double)got == want) return 0;
    int e;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1, (e < -125 ? -125 : e) - 24);
}

static float float_of(int32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int32_t bits_of(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Calls `run` with blocks of floats from `low` to `high` (0 < low < high or both below 0, low the
 * smaller magnitude), each `step`-th; returns the largest error. */
typedef struct sweep {
    const mmoe_kernels *k;
    void (*run)(const mmoe_kernels *k, int32_t n, const float *x, float *y);
    double (*want)(double x);
} sweep;

enum { BLOCK = 1000 };

static double block_error(const sweep *s, int32_t n, const float *x) {
    float y[BLOCK];
    double most = 0;
    s->run(s->k, n, x, y);
    for (int32_t i = 0; i < n; i++) {
        const double error = ulps(y[i], s->want((double)x[i]));
        REQUIRE(error < 1e9, "%.9g gives %.9g", (double)x[i], (double)y[i]);
        if (error > most) most = error;
    }
    return most;
}

static double largest_error(const sweep *s, float low, float high, int32_t step) {
    float x[BLOCK];
    double most = 0;
    int32_t n = 0;
    for (int64_t bits = bits_of(low), end = bits_of(high); bits <= end; bits += step) {
        x[n++] = float_of((int32_t)bits);
        if (n < BLOCK && bits + step <= end) continue;
        const double error = block_error(s, n, x);
        if (error > most) most = error;
        n = 0;
    }
    return most;
}

static void run_exp(const mmoe_kernels *k, int32_t n, const float *x, float *y) { k->exp(n, x, y); }
static void run_sigmoid(const mmoe_kernels *k, int32_t n, const float *x, float *y) {
    k->sigmoid(n, x, y);
}

static void run_tanh(const mmoe_kernels *k, int32_t n, const float *x, float *y) {
    float one[BLOCK], zero[BLOCK];
    for (int32_t i = 0; i < n; i++) {
        one[i] = 1;
        zero[i] = -0.0f; /* x + -0 is x, be it 0 or -0 */
    }
    const mmoe_act_args a = {.act = MMOE_ACT_TANH,
                             .rows = 1,
                             .cols = n,
                             .group = n,
                             .scale = one,
                             .shift = zero,
                             .z = x,
                             .ldz = n,
                             .u = y,
                             .ldu = n};
    k->act_forward(&a);
}

/* loss of label 1 at z >= 0: log1p(exp(-z)) alone */
static void run_loss(const mmoe_kernels *k, int32_t n, const float *x, float *y) {
    float label[BLOCK], dz[BLOCK];
    for (int32_t i = 0; i < n; i++) label[i] = 1;
    k->bce(n, x, label, y, dz);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double loss_of_one(double z) { return log1p(exp(-z)); }

static void check_error(const char *what, double error, double allowed) {
    ck_assert_msg(error <= allowed, "%s: %.2f ulp, allowed %.2f", what, error, allowed);
}

START_TEST(exp_in_ulps) {
    const sweep s = {table_at(_i), run_exp, exp};
    check_error("exp, positive", largest_error(&s, 1e-10f, 88, 911), 2);
    check_error("exp, negative", largest_error(&s, -1e-10f, -87, 911), 2);
    check_error("exp, denormal results", largest_error(&s, -87, -103, 7), 2);
    check_error("exp, last finite", largest_error(&s, 88, 88.722839f, 3), 2);
}
END_TEST

START_TEST(exp_at_the_ends) {
    static const float x[] = {0,        -0.0f,   88.72284f, 89,          200,      FLT_MAX,
                              INFINITY, -104,    -110,      -1000,       -FLT_MAX, -INFINITY,
                              NAN,      FLT_MIN, -FLT_MIN,  FLT_TRUE_MIN};
    static const float want[] = {1, 1, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, 0,
                                 0, 0, 0,        0,        NAN,      1,        1,        1};
    enum { N = sizeof x / sizeof *x };
    float y[N];
    for (int32_t n = 1; n <= N; n++) { /* each in the vectors and behind them */
        table_at(_i)->exp(n, x + N - n, y);
        for (int32_t i = 0; i < n; i++)
            ck_assert_msg(isnan(want[N - n + i]) ? isnan(y[i]) : y[i] == want[N - n + i],
                          "exp(%g) is %g", (double)x[N - n + i], (double)y[i]);
    }
}
END_TEST

START_TEST(sigmoid_in_ulps) {
    const sweep s = {table_at(_i), run_sigmoid, sigmoid};
    check_error("sigmoid, positive", largest_error(&s, 1e-10f, 120, 911), 3);
    check_error("sigmoid, negative", largest_error(&s, -1e-10f, -87, 911), 3);
    check_error("sigmoid, denormal results", largest_error(&s, -87, -103, 7), 3);
    static const float x[] = {INFINITY, -INFINITY, NAN, 0, 1000, -1000};
    float y[6];
    table_at(_i)->sigmoid(6, x, y);
    ck_assert(y[0] == 1 && y[1] == 0 && isnan(y[2]) && y[3] == 0.5f && y[4] == 1 && y[5] == 0);
}
END_TEST

START_TEST(tanh_in_ulps) {
    const sweep s = {table_at(_i), run_tanh, tanh};
    check_error("tanh, positive", largest_error(&s, 1e-30f, 100, 911), 3);
    check_error("tanh, negative", largest_error(&s, -1e-30f, -100, 911), 3);
    static const float x[] = {INFINITY, -INFINITY, NAN, 0, -0.0f, FLT_TRUE_MIN};
    float y[6];
    run_tanh(table_at(_i), 6, x, y);
    ck_assert(y[0] == 1 && y[1] == -1 && isnan(y[2]) && y[3] == 0 && y[4] == 0 &&
              y[5] == FLT_TRUE_MIN);
    ck_assert(signbit(y[4]) && !signbit(y[3]));
}
END_TEST

/* A value's result depends neither on its place nor on how many stand beside it. */
START_TEST(values_stand_alone) {
    float x[MOST], all[MOST], part[MOST];
    const sweep s[] = {{table_at(_i), run_exp, exp},
                       {table_at(_i), run_sigmoid, sigmoid},
                       {table_at(_i), run_loss, loss_of_one}};
    for (int which = 0; which < 3; which++) {
        for (int i = 0; i < MOST; i++) x[i] = draw(-20, 20);
        s[which].run(s[which].k, MOST, x, all);
        for (int32_t first = 0; first < MOST; first++)
            for (int32_t n = 1; first + n <= MOST; n += 3) {
                s[which].run(s[which].k, n, x + first, part);
                REQUIRE(memcmp(part, all + first, (size_t)n * sizeof *part) == 0, "differs alone");
            }
    }
}
END_TEST

/* ---- Cross-entropy ---- */

START_TEST(loss_in_ulps) {
    const sweep s = {table_at(_i), run_loss, loss_of_one};
    check_error("log1p(exp(-z))", largest_error(&s, 1e-10f, 87, 911), 3);
}
END_TEST

START_TEST(bce) {
    for (int32_t n = 0; n <= MOST; n++) {
        matrix in = matrix_new(2, n, n + 5), out = matrix_new(2, n, n + 5); /* z, y; loss, dz */
        for (int32_t i = 0; i < n; i++) {
            *matrix_cell(&in, 0, i) = i % 5 == 0   ? draw(-1e4f, 1e4f)
                                      : i % 7 == 0 ? 0
                                                   : draw(-12, 12);
            *matrix_cell(&in, 1, i) = i % 3 == 0 ? draw(0, 1) : (float)(i % 2);
        }
        table_at(_i)->bce(n, in.at, matrix_cell(&in, 1, 0), out.at, matrix_cell(&out, 1, 0));
        for (int32_t i = 0; i < n; i++) {
            const double z = *matrix_cell(&in, 0, i), y = *matrix_cell(&in, 1, i),
                         tail = log1p(exp(-fabs(z)));
            const double loss = fmax(z, 0) - z * y + tail, soft = y != 0 && y != 1 ? fabs(z) : 0;
            check_near("loss", *matrix_cell(&out, 0, i), loss,
                       U * (2 * loss + 2 * soft + 6 * tail) + (double)FLT_TRUE_MIN);
            check_near("dz", *matrix_cell(&out, 1, i), sigmoid(z) - y, U * (6 * sigmoid(z) + 1));
        }
        check_gaps(&out);
        free(in.at);
        free(out.at);
    }
}
END_TEST

START_TEST(bce_of_extremes) {
    static const float z[] = {1e4f, 1e4f, -1e4f, -1e4f, FLT_MAX, -FLT_MAX, 0, 0, NAN, 1},
                       y[] = {1, 0, 1, 0, 1, 0, 1, 0, 1, NAN};
    static const double loss[] = {0, 1e4, 1e4, 0, 0, 0, 0.69314718055994531, 0.69314718055994531},
                        dz[] = {0, 1, -1, 0, 0, 0, -0.5, 0.5};
    float got[10], d[10];
    table_at(_i)->bce(10, z, y, got, d);
    for (int i = 0; i < 8; i++) {
        check_near("loss", got[i], loss[i], 2 * U * loss[i]);
        ck_assert((double)d[i] == dz[i]);
    }
    for (int i = 8; i < 10; i++) ck_assert(isnan(got[i]) && isnan(d[i]));
}
END_TEST

/* The formula of kernels.h, as it stands, where a double's p and 1 - p lose nothing that counts. */
static void check_shaped(const mmoe_kernels *k, const mmoe_loss_shape *shape, int32_t n) {
    const double e = shape->smoothing, w = shape->positive_weight, g = shape->gamma;
    matrix in = matrix_new(2, n, n + 5), out = matrix_new(2, n, n + 5);
    for (int32_t i = 0; i < n; i++) {
        *matrix_cell(&in, 0, i) = i % 5 == 0 ? 0 : draw(-15, 15);
        *matrix_cell(&in, 1, i) = i % 3 == 0 ? draw(0, 1) : (float)(i % 2);
    }
    k->shaped_bce(shape, n, in.at, matrix_cell(&in, 1, 0), out.at, matrix_cell(&out, 1, 0));
    for (int32_t i = 0; i < n; i++) {
        const double z = *matrix_cell(&in, 0, i),
                     y = (double)*matrix_cell(&in, 1, i) * (1 - e) + e / 2, p = sigmoid(z),
                     q = sigmoid(-z);
        const double positive = w * y * pow(q, g), negative = (1 - y) * pow(p, g);
        const double loss = -positive * log(p) - negative * log(q),
                     terms = positive * (q - g * p * log(p)) + negative * (p - g * q * log(q));
        /* the exponent g log p is rounded before it is raised */
        const double relative = U * (20 + 3 * g * (1 + fabs(z)));
        check_near("loss", *matrix_cell(&out, 0, i), loss,
                   relative * (loss + w * 1e-6) + (double)FLT_MIN);
        check_near("dz", *matrix_cell(&out, 1, i),
                   negative * (p - g * q * log(q)) - positive * (q - g * p * log(p)),
                   relative * terms + (double)FLT_MIN);
    }
    check_gaps(&out);
    free(in.at);
    free(out.at);
}

START_TEST(shaped_bce) {
    static const mmoe_loss_shape shapes[] = {{0, 1, 0},    {0.1f, 1, 0},     {0, 25, 0}, {0, 1, 2},
                                             {0, 1, 0.5f}, {0.2f, 0.25f, 3}, {0, 1, 20}};
    for (int32_t n = 0; n <= MOST; n++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            check_shaped(table_at(_i), &shapes[i], n);
}
END_TEST

/* Nothing overflows on the way to a loss that is finite; what is right with certainty has no loss.
 */
START_TEST(shaped_bce_of_extremes) {
    static const float z[] = {1e4f, 1e4f, -1e4f, -1e4f, FLT_MAX, -FLT_MAX, NAN, 1},
                       y[] = {1, 0, 1, 0, 1, 0, 1, NAN};
    static const double loss[] = {0, 1e4, 1e4, 0, 0, 0}, dz[] = {0, 1, -1, 0, 0, 0};
    static const mmoe_loss_shape shapes[] = {{0, 1, 0}, {0, 1, 2}, {0, 1, 20}};
    for (int s = 0; s < 3; s++) {
        float got[8], d[8];
        table_at(_i)->shaped_bce(&shapes[s], 8, z, y, got, d);
        for (int i = 0; i < 6; i++) ck_assert((double)got[i] == loss[i] && (double)d[i] == dz[i]);
        for (int i = 6; i < 8; i++) ck_assert(isnan(got[i]) && isnan(d[i]));
    }
}
END_TEST

/* ---- Dropout ---- */

/* The random number of an element as kernels.h documents it. */
static uint32_t word_of(int32_t cols, uint64_t seed, uint64_t stream, uint64_t row, int32_t c) {
    const uint64_t q = ((uint64_t)cols + 3) / 4;
    uint32_t words[4];
    mmoe_philox(seed, stream, row * q + (uint64_t)c % q, words);
    return words[(uint64_t)c / q];
}

static void check_dropout(const mmoe_kernels *k, int32_t rows, int32_t cols, float p,
                          uint64_t first_row) {
    const uint64_t seed = (uint64_t)draw_bits() << 32 | draw_bits(),
                   stream = (uint64_t)draw_bits() << 32 | draw_bits();
    matrix u = matrix_drawn(rows, cols, some_stride(cols), 1, 2), before = matrix_copy(&u);
    k->dropout(&(mmoe_dropout_args){rows, cols, u.at, u.ld, p, seed, stream, first_row});
    for (int32_t b = 0; b < rows; b++)
        for (int32_t c = 0; c < cols; c++) {
            const double number = word_of(cols, seed, stream, first_row + (uint64_t)b, c) * 0x1p-32,
                         got = *matrix_cell(&u, b, c);
            if (number >= (double)p)
                check_near("kept", got, (double)*matrix_cell(&before, b, c) / (1 - (double)p),
                           5 * U * got);
            else
                REQUIRE(got == 0, "wrong bits");
        }
    check_gaps(&u);
    free(u.at);
    free(before.at);
}

START_TEST(dropout_is_philox) {
    static const float p[] = {0.3f, 0.5f, 0.1f, 0.9f, 0.999f, 1e-3f};
    for (int32_t cols = 1; cols <= MOST; cols++)
        check_dropout(table_at(_i), 1 + cols % 4, cols, p[cols % 6], (uint64_t)cols * 1000);
    static const int32_t wide[] = {255, 256, 257, 512, 1021};
    for (int w = 0; w < 5; w++)
        check_dropout(table_at(_i), 3, wide[w], 0.3f, ((uint64_t)1 << 40) + 5);
    for (int32_t cols = 1; cols <= 40; cols += 3)
        check_dropout(table_at(_i), 150 + cols, cols, 0.4f,
                      (uint64_t)cols * 77); /* rows share a block */
    check_dropout(table_at(_i), 0, 8, 0.5f, 0);
}
END_TEST

START_TEST(dropout_keeps_its_share) {
    enum { ROWS = 500, COLS = 203 };
    static float u[ROWS * COLS];
    static const float p[] = {0.05f, 0.3f, 0.5f, 0.8f};
    for (int which = 0; which < 4; which++) {
        const double n = ROWS * COLS, keep = 1 - (double)p[which];
        double kept = 0;
        for (int i = 0; i < ROWS * COLS; i++) u[i] = 1;
        table_at(_i)->dropout(
            &(mmoe_dropout_args){ROWS, COLS, u, COLS, p[which], 2022,
                                 mmoe_stream(MMOE_STREAM_DROPOUT, (uint64_t)which), 0});
        for (int i = 0; i < ROWS * COLS; i++) kept += u[i] != 0;
        ck_assert_double_eq_tol(kept, n * keep, 5 * sqrt(n * keep * (1 - keep)));
    }
}
END_TEST

/* What has no sum and no product to be fused is the same for every instruction set: a run goes on,
 * on another machine, with the same dropout. */
START_TEST(tables_drop_the_same) {
    const mmoe_kernels *first = table_at(0), *k = table_at(_i);
    matrix u = matrix_drawn(5, 77, 80, -2, 2), copy = matrix_copy(&u);
    first->dropout(&(mmoe_dropout_args){5, 77, u.at, 80, 0.3f, 1, 2, 3});
    k->dropout(&(mmoe_dropout_args){5, 77, copy.at, 80, 0.3f, 1, 2, 3});
    check_same_bits(&u, &copy);
    free(u.at);
    free(copy.at);
    ck_assert_str_ne(k->name, "");
    for (int i = 0; i < _i; i++) ck_assert_str_ne(k->name, table_at(i)->name);
}
END_TEST

/* ---- Optimizers ---- */

enum { STEPS = 6 };

typedef struct moments {
    double w, m, v;
} moments;

/* torch.optim.Adam and AdamW, one value. */
static void adam_formula(moments *s, const mmoe_adam_args *a, double g, int step) {
    const double beta1 = a->beta1, beta2 = a->beta2;
    if (a->decoupled)
        s->w *= 1 - (double)a->lr * (double)a->weight_decay;
    else
        g += (double)a->weight_decay * s->w;
    s->m = beta1 * s->m + (1 - beta1) * g;
    s->v = beta2 * s->v + (1 - beta2) * g * g;
    s->w -= (double)a->lr / (1 - pow(beta1, step)) * s->m /
            (sqrt(s->v) / sqrt(1 - pow(beta2, step)) + (double)a->eps);
}

static void check_adam(const mmoe_kernels *k, int32_t n, float lr, float decay, float eps,
                       int decoupled) {
    matrix w = matrix_drawn(2, n, n + 3, -1, 1), m = matrix_drawn(2, n, n + 3, 0, 0),
           v = matrix_drawn(2, n, n + 3, 0, 0), g = matrix_new(1, n, n);
    moments want[MOST];
    for (int32_t i = 0; i < n; i++) want[i] = (moments){(double)w.at[i], 0, 0};
    mmoe_adam_args a = {.lr = lr,
                        .beta1 = 0.9f,
                        .beta2 = 0.999f,
                        .eps = eps,
                        .weight_decay = decay,
                        .decoupled = decoupled};
    for (int step = 1; step <= STEPS; step++) {
        fill(&g, -1, 1);
        if (step == 3) g.at[0] = 0;
        a.correction1 = (float)(1 / (1 - pow((double)a.beta1, step)));
        a.correction2 = (float)(1 / sqrt(1 - pow((double)a.beta2, step)));
        ck_assert(!k->adam(&a, (size_t)n, w.at, g.at, m.at, v.at));
        for (int32_t i = 0; i < n; i++) {
            adam_formula(&want[i], &a, (double)g.at[i], step);
            check_near("m", m.at[i], want[i].m, 4 * step * U);
            check_near("v", v.at[i], want[i].v,
                       step * U *
                           (8 * want[i].v + 0.2 * sqrt(want[i].v))); /* g + decay w may cancel */
            check_near("w", w.at[i], want[i].w, step * U * (2 * fabs(want[i].w) + 40 * (double)lr));
        }
    }
    check_gaps(&w);
    check_gaps(&m);
    check_gaps(&v);
    free(w.at);
    free(m.at);
    free(v.at);
    free(g.at);
}

START_TEST(adam) {
    for (int32_t n = 1; n <= MOST; n++) {
        check_adam(table_at(_i), n, 1e-2f, 0, 1e-8f, 0);
        check_adam(table_at(_i), n, 1e-2f, 0.1f, 1e-3f, 0);
        check_adam(table_at(_i), n, 1e-2f, 0.1f, 1e-8f, 1);
    }
    mmoe_adam_args a = {0};
    ck_assert(!table_at(_i)->adam(&a, 0, NULL, NULL, NULL, NULL));
}
END_TEST

START_TEST(regularize) {
    const float scale = 0.3f, l1 = 0.07f, l2 = 0.4f;
    for (int32_t n = 0; n <= MOST; n++) {
        matrix w = matrix_drawn(1, n, n, -1, 1), g = matrix_drawn(1, n, n, -1, 1),
               out = matrix_new(2, n, n + 3);
        for (int32_t i = 2; i < n; i += 5) w.at[i] = i % 2 ? 0.0f : -0.0f;
        table_at(_i)->regularize(&(mmoe_penalty_args){scale, l1, l2}, (size_t)n, w.at, g.at,
                                 out.at);
        for (int32_t i = 0; i < n; i++) {
            const double x = w.at[i], want = (double)scale * (double)g.at[i] +
                                             (double)l1 * ((x > 0) - (x < 0)) + 2 * (double)l2 * x;
            check_near("gradient", out.at[i], want, 6 * U);
        }
        check_gaps(&out);
        free(w.at);
        free(g.at);
        free(out.at);
    }
}
END_TEST

/* One weight in turn becomes what is not finite: by its gradient, or because it was. */
START_TEST(optimizers_tell_what_is_not_finite) {
    const mmoe_kernels *k = table_at(_i);
    const mmoe_adam_args a = {.lr = 1e-2f,
                              .beta1 = 0.9f,
                              .beta2 = 0.999f,
                              .eps = 1e-8f,
                              .correction1 = 10,
                              .correction2 = 31.6f};
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int32_t n = 1; n <= MOST; n++)
        for (int32_t at = 0; at < n; at++)
            for (int i = 0; i < 6; i++) {
                matrix w = matrix_drawn(1, n, n, -1, 1), m = matrix_drawn(1, n, n, 0, 0),
                       v = matrix_drawn(1, n, n, 0, 0), g = matrix_drawn(1, n, n, -1, 1);
                (i < 3 ? w.at : g.at)[at] = bad[i % 3];
                ck_assert_msg(k->adam(&a, (size_t)n, w.at, g.at, m.at, v.at), "adam: %d of %d", at,
                              n);
                fill(&w, -1, 1);
                if (i < 3) w.at[at] = bad[i % 3];
                ck_assert_msg(k->sgd(&(mmoe_sgd_args){0.1f, 0, 0, 1}, (size_t)n, w.at, g.at, m.at),
                              "sgd: %d of %d", at, n);
                free(w.at);
                free(m.at);
                free(v.at);
                free(g.at);
            }
}
END_TEST

/* torch.optim.SGD without dampening. */
static void check_sgd(const mmoe_kernels *k, int32_t n, float momentum, float decay) {
    const float lr = 0.05f;
    matrix w = matrix_drawn(2, n, n + 3, -1, 1), m = matrix_new(2, n, n + 3),
           g = matrix_new(1, n, n); /* m: unset before the first step */
    moments want[MOST];
    for (int32_t i = 0; i < n; i++) want[i] = (moments){(double)w.at[i], 0, 0};
    for (int step = 1; step <= STEPS; step++) {
        fill(&g, -1, 1);
        ck_assert(
            !k->sgd(&(mmoe_sgd_args){lr, momentum, decay, step == 1}, (size_t)n, w.at, g.at, m.at));
        for (int32_t i = 0; i < n; i++) {
            moments *s = &want[i];
            const double d = (double)g.at[i] + (double)decay * s->w;
            s->m = step == 1 ? d : (double)momentum * s->m + d;
            s->w -= (double)lr * s->m;
            check_near("m", m.at[i], s->m, 8 * step * U);
            check_near("w", w.at[i], s->w, 4 * step * U);
        }
    }
    check_gaps(&w);
    check_gaps(&m);
    free(w.at);
    free(m.at);
    free(g.at);
}

START_TEST(sgd) {
    for (int32_t n = 1; n <= MOST; n++) {
        check_sgd(table_at(_i), n, 0, 0);
        check_sgd(table_at(_i), n, 0.9f, 0.1f);
    }
}
END_TEST

static const int32_t lengths[] = {0, 1, 5, 16, 31, 512, 700, 5000};

START_TEST(dot) {
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const int32_t n = lengths[l];
        matrix x = matrix_drawn(1, n, n, -1, 1), y = matrix_drawn(2, n, n, -1, 1);
        double want = 0, magnitude = 0;
        for (int32_t i = 0; i < n; i++) {
            want += (double)x.at[i] * (double)y.at[i];
            magnitude += fabs((double)x.at[i] * (double)y.at[i]);
        }
        const double got = table_at(_i)->dot((size_t)n, x.at, y.at);
        REQUIRE(fabs(got - want) <= 40 * U * magnitude, "%d: %.9g, not %.9g", n, got, want);
        free(x.at);
        free(y.at);
    }
}
END_TEST

/* Beside the vectors, and in the place of the first. */
START_TEST(combine) {
    const float factors[] = {0.5f, -2, 3};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (int32_t count = 1; count <= 3; count++) {
            const int32_t n = lengths[l];
            matrix x = matrix_drawn(count, n, n + 3, -1, 1), out = matrix_drawn(1, n, n + 3, -1, 1);
            table_at(_i)->combine((size_t)n, count, factors, x.at, (size_t)n + 3, out.at);
            for (int32_t i = 0; i < n; i++) {
                double want = 0;
                for (int32_t t = 0; t < count; t++)
                    want += (double)factors[t] * (double)*matrix_cell(&x, t, i);
                check_near("combined", out.at[i], want, 24 * U);
            }
            table_at(_i)->combine((size_t)n, count, factors, x.at, (size_t)n + 3, x.at);
            REQUIRE(memcmp(x.at, out.at, (size_t)n * sizeof *x.at) == 0, "another result in place");
            check_gaps(&x);
            free(x.at);
            free(out.at);
        }
}
END_TEST

START_TEST(best_is_the_last) {
    ck_assert_str_eq(table_at(0)->name, "generic");
    ck_assert_ptr_eq(mmoe_kernels_best(), table_at(table_count() - 1));
    ck_assert_ptr_null(mmoe_kernels_at(SIZE_MAX));
}
END_TEST

void add_cases(TCase *c) {
    const int tables = table_count();
    tcase_add_loop_test(c, exp_in_ulps, 0, tables);
    tcase_add_loop_test(c, exp_at_the_ends, 0, tables);
    tcase_add_loop_test(c, sigmoid_in_ulps, 0, tables);
    tcase_add_loop_test(c, tanh_in_ulps, 0, tables);
    tcase_add_loop_test(c, values_stand_alone, 0, tables);
    tcase_add_loop_test(c, loss_in_ulps, 0, tables);
    tcase_add_loop_test(c, bce, 0, tables);
    tcase_add_loop_test(c, bce_of_extremes, 0, tables);
    tcase_add_loop_test(c, shaped_bce, 0, tables);
    tcase_add_loop_test(c, shaped_bce_of_extremes, 0, tables);
    tcase_add_loop_test(c, dropout_is_philox, 0, tables);
    tcase_add_loop_test(c, dropout_keeps_its_share, 0, tables);
    tcase_add_loop_test(c, tables_drop_the_same, 0, tables);
    tcase_add_loop_test(c, adam, 0, tables);
    tcase_add_loop_test(c, sgd, 0, tables);
    tcase_add_loop_test(c, regularize, 0, tables);
    tcase_add_loop_test(c, optimizers_tell_what_is_not_finite, 0, tables);
    tcase_add_loop_test(c, dot, 0, tables);
    tcase_add_loop_test(c, combine, 0, tables);
    tcase_add_test(c, best_is_the_last);
}
