/* The kernels of training alone, each table that the processor runs: dropout against the generator,
 * the optimizers against PyTorch's formulas in double precision, sums of gradients. */
#include "base/rng.h"
#include "check_main.h"
#include "kernels_support.h"

enum { MOST = 70 };

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

/* torch.optim.Adagrad, and, `is_row`, of a row with one sum behind a gradient that is clipped and
 * penalised. */
static void check_adagrad(const mmoe_kernels *k, int32_t n, const mmoe_adagrad_args *a,
                          bool is_row) {
    const mmoe_penalty_args of =
        is_row ? (mmoe_penalty_args){0.7f, 0.05f, 0.2f} : (mmoe_penalty_args){.scale = 1};
    matrix w = matrix_drawn(2, n, n + 3, -1, 1), s = matrix_drawn(2, n, n + 3, 0, 0),
           g = matrix_new(1, n, n);
    double want[MOST], sums[MOST] = {0}, d[MOST];
    for (int32_t i = 0; i < n; i++) want[i] = (double)w.at[i];
    for (int step = 1; step <= STEPS; step++) {
        double mean = 0;
        fill(&g, -1, 1);
        if (is_row)
            ck_assert(!k->adagrad_row(a, &of, (size_t)n, w.at, g.at, s.at));
        else
            ck_assert(!k->adagrad(a, (size_t)n, w.at, g.at, s.at));
        for (int32_t i = 0; i < n; i++) {
            const double x = want[i];
            d[i] = (double)of.scale * (double)g.at[i] + (double)of.l1 * ((x > 0) - (x < 0)) +
                   (2 * (double)of.l2 + (double)a->weight_decay) * x;
            mean += d[i] * d[i] / n;
        }
        for (int32_t i = 0; i < n; i++) {
            sums[i] += is_row ? mean : d[i] * d[i];
            want[i] -= (double)a->lr * d[i] / (sqrt((double)a->initial + sums[i]) + (double)a->eps);
            check_near("w", w.at[i], want[i], 40 * step * U);
        }
        check_near("sum", s.at[0], sums[0], 40 * step * U * (1 + sums[0]));
    }
    check_gaps(&w);
    if (!is_row) check_gaps(&s);
    for (int32_t i = 1; i < n && is_row; i++) ck_assert(s.at[i] == 0);
    free(w.at);
    free(s.at);
    free(g.at);
}

START_TEST(adagrad) {
    for (int32_t n = 1; n <= MOST; n++)
        for (int is_row = 0; is_row < 2; is_row++) {
            check_adagrad(table_at(_i), n, &(mmoe_adagrad_args){0.05f, 0.1f, 0, 0}, is_row);
            check_adagrad(table_at(_i), n, &(mmoe_adagrad_args){0.05f, 1e-8f, 0.3f, 0.5f}, is_row);
        }
}
END_TEST

/* ---- Steps without a gradient ---- */

/* To the bit what as many steps make of a gradient of 0. */
static void check_idle(const mmoe_kernels *k, int32_t n, int decoupled) {
    enum { IDLE = 5 };
    const float zeros[MOST] = {0};
    mmoe_rate rates[IDLE];
    matrix w = matrix_drawn(2, n, n + 3, -1, 1), m = matrix_drawn(2, n, n + 3, -0.1, 0.1),
           v = matrix_drawn(2, n, n + 3, 0, 0.1), x = matrix_copy(&w), y = matrix_copy(&m),
           z = matrix_copy(&v);
    mmoe_adam_args a = {.beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-6f, .weight_decay = 0.1f};
    a.decoupled = decoupled;
    for (int i = 0; i < IDLE; i++) {
        rates[i] = (mmoe_rate){0.01f * (float)(i + 1), 1.5f + (float)i, 3 - 0.3f * (float)i};
        a.lr = rates[i].lr;
        a.correction1 = rates[i].correction1;
        a.correction2 = rates[i].correction2;
        k->adam(&a, (size_t)n, w.at, zeros, m.at, v.at);
    }
    k->adam_idle(&a, &(mmoe_idle_args){rates, IDLE}, (size_t)n, x.at, y.at, z.at);
    check_same_bits(&w, &x);
    check_same_bits(&m, &y);
    check_same_bits(&v, &z);
    mmoe_sgd_args s = {.momentum = 0.9f, .weight_decay = 0.1f};
    for (int i = 0; i < IDLE; i++) {
        s.lr = rates[i].lr;
        k->sgd(&s, (size_t)n, w.at, zeros, m.at);
    }
    k->sgd_idle(&s, &(mmoe_idle_args){rates, IDLE}, (size_t)n, x.at, y.at);
    check_same_bits(&w, &x);
    check_same_bits(&m, &y);
    matrix *all[] = {&w, &m, &v, &x, &y, &z};
    for (int i = 0; i < 6; i++) free(all[i]->at);
}

static void check_leap(const mmoe_kernels *k, int32_t n, bool has_v) {
    const mmoe_leap_args a = {0.9f, 0.3f, 0.7f, 2, 0.01f, 0.5f, 0.2f, 0.1f};
    matrix w = matrix_drawn(2, n, n + 3, -1, 1), m = matrix_drawn(2, n, n + 3, -0.1, 0.1),
           v = matrix_drawn(2, n, n + 3, 0, 0.1), x = matrix_copy(&w), y = matrix_copy(&m),
           z = matrix_copy(&v);
    k->leap((size_t)n, &(mmoe_leap_row){&a, w.at, m.at, has_v ? v.at : NULL}, 1);
    for (int32_t i = 0; i < n; i++) {
        const double root = (double)a.root * sqrt((double)z.at[i]), d = root + (double)a.eps,
                     r = root / d, t = (double)a.eps / d,
                     pull = ((double)a.pull - r * t * ((double)a.second - (double)a.third * t)) / d;
        check_near("w", w.at[i],
                   (double)a.keep * (double)x.at[i] -
                       (double)y.at[i] * (has_v ? pull : (double)a.pull),
                   20 * U * (1 + pull));
        check_near("m", m.at[i], (double)a.keep_m * (double)y.at[i], U);
        check_near("v", v.at[i], (has_v ? (double)a.keep_v : 1) * (double)z.at[i], U);
    }
    matrix *all[] = {&w, &m, &v, &x, &y, &z};
    for (int i = 0; i < 6; i++) {
        check_gaps(all[i]);
        free(all[i]->at);
    }
}

/* Rows that are told of together become what each would alone, to the bit. */
static void check_rows(const mmoe_kernels *k, int32_t n, bool has_v) {
    enum { EACH = 5 };
    const mmoe_adam_args a = {.lr = 0.1f,
                              .beta1 = 0.9f,
                              .beta2 = 0.99f,
                              .eps = 1e-6f,
                              .weight_decay = 0.1f,
                              .correction1 = 1.5f,
                              .correction2 = 2,
                              .decoupled = has_v};
    matrix w = matrix_drawn(EACH, n, n + 3, -1, 1), m = matrix_drawn(EACH, n, n + 3, -0.1, 0.1),
           v = matrix_drawn(EACH, n, n + 3, 0, 0.1), g = matrix_drawn(EACH, n, n + 3, -1, 1),
           x = matrix_copy(&w), y = matrix_copy(&m), z = matrix_copy(&v);
    mmoe_leap_args args[EACH];
    mmoe_leap_row leaps[EACH];
    mmoe_adam_row rows[EACH];
    for (int32_t i = 0; i < EACH; i++) {
        const size_t at = (size_t)i * (size_t)w.ld;
        args[i] = (mmoe_leap_args){0.9f, 0.3f, 0.7f, 2, 0.01f, 0.5f + (float)i, 0.2f, 0.1f};
        leaps[i] = (mmoe_leap_row){&args[i], w.at + at, m.at + at, has_v ? v.at + at : NULL};
        rows[i] = (mmoe_adam_row){w.at + at, m.at + at, v.at + at, g.at + at};
    }
    k->leap((size_t)n, leaps, EACH);
    ck_assert(!k->adam_rows(&a, (size_t)n, rows, EACH));
    for (int32_t i = 0; i < EACH; i++) {
        const size_t at = (size_t)i * (size_t)w.ld;
        leaps[i] = (mmoe_leap_row){&args[i], x.at + at, y.at + at, has_v ? z.at + at : NULL};
        k->leap((size_t)n, &leaps[i], 1);
        ck_assert(!k->adam(&a, (size_t)n, x.at + at, g.at + at, y.at + at, z.at + at));
    }
    check_same_bits(&w, &x);
    check_same_bits(&m, &y);
    check_same_bits(&v, &z);
    g.at[3 * (size_t)g.ld + (size_t)n - 1] = INFINITY;
    ck_assert(k->adam_rows(&a, (size_t)n, rows, EACH));
    matrix *all[] = {&w, &m, &v, &g, &x, &y, &z};
    for (int i = 0; i < 7; i++) free(all[i]->at);
}

START_TEST(steps_without_a_gradient) {
    for (int32_t n = 1; n <= MOST; n++)
        for (int way = 0; way < 2; way++) {
            check_idle(table_at(_i), n, way);
            check_leap(table_at(_i), n, way);
            check_rows(table_at(_i), n, way);
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

void add_cases(TCase *c) {
    const int tables = table_count();
    tcase_add_loop_test(c, dropout_is_philox, 0, tables);
    tcase_add_loop_test(c, dropout_keeps_its_share, 0, tables);
    tcase_add_loop_test(c, tables_drop_the_same, 0, tables);
    tcase_add_loop_test(c, adam, 0, tables);
    tcase_add_loop_test(c, sgd, 0, tables);
    tcase_add_loop_test(c, adagrad, 0, tables);
    tcase_add_loop_test(c, steps_without_a_gradient, 0, tables);
    tcase_add_loop_test(c, regularize, 0, tables);
    tcase_add_loop_test(c, optimizers_tell_what_is_not_finite, 0, tables);
    tcase_add_loop_test(c, dot, 0, tables);
    tcase_add_loop_test(c, combine, 0, tables);
}
