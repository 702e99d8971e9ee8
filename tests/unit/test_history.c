/* Rows that are brought up to date at once, against the same steps one by one, in double precision
 * and as floats: gaps about the window and far beyond, schedules of the rate, decay, and what no
 * formula holds for. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "train/history.h"

enum { N = 37 };

typedef struct setting {
    mmoe_optimizer_kind kind;
    float beta1, beta2, weight_decay, momentum;
    bool is_closed;
} setting;

static const setting settings[] = {
    {MMOE_ADAM, 0.9f, 0.999f, 0, 0, true},
    {MMOE_ADAMW, 0.9f, 0.999f, 0.01f, 0, true},
    {MMOE_ADAMW, 0.95f, 0.9999f, 0.1f, 0, true},
    {MMOE_ADAM, 0.0f, 0.999f, 0, 0, true},
    {MMOE_SGD, 0, 0, 0, 0.9f, true},
    {MMOE_SGD, 0, 0, 0, 0, true},
    {MMOE_SGD, 0, 0, 0.01f, 0, true},
    {MMOE_ADAMW, 0.9f, 0.99f, 0.01f, 0, true},
    {MMOE_ADAMW, 0.9f, 0.95f, 0.01f, 0, false},
    {MMOE_ADAM, 0.9f, 0.999f, 1e-4f, 0, false},
    {MMOE_SGD, 0, 0, 0.01f, 0.9f, false},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* A step's rate: a warm-up, a cosine and a fall. */
static float rate_of(int64_t step) {
    const double rate = 1e-3 * (1.1 + cos((double)step / 900)) * (step % 3000 < 2500 ? 1 : 0.1);
    return (float)(step < 200 ? rate * (double)step / 200 : rate);
}

typedef struct row {
    double w[N], m[N], v[N];
} row;

/* A step without a gradient, of a setting's optimizer. */
static void step_exactly(const setting *s, int64_t step, float eps, row *r) {
    const double lr = (double)rate_of(step), b1 = (double)s->beta1, b2 = (double)s->beta2,
                 decay = (double)s->weight_decay, c1 = 1 / (1 - pow(b1, (double)step)),
                 c2 = 1 / sqrt(1 - pow(b2, (double)step));
    for (int i = 0; i < N; i++) {
        const double g = s->kind == MMOE_ADAMW ? 0 : decay * r->w[i];
        if (s->kind == MMOE_SGD) {
            r->m[i] = (double)s->momentum * r->m[i] + g;
            r->w[i] -= lr * r->m[i];
            continue;
        }
        if (s->kind == MMOE_ADAMW) r->w[i] -= lr * decay * r->w[i];
        r->m[i] = b1 * r->m[i] + (1 - b1) * g;
        r->v[i] = b2 * r->v[i] + (1 - b2) * g * g;
        r->w[i] -= lr * c1 * r->m[i] / (sqrt(r->v[i]) * c2 + (double)eps);
    }
}

/* Gradients of all sizes beside eps, of more and of less than their root mean square. */
static void begin(row *r, float w[N], float m[N], float v[N]) {
    for (int i = 0; i < N; i++) {
        const double g = pow(10, -9 + 7.0 * i / N);
        w[i] = (float)(0.2 * sin(i));
        m[i] = (float)(g * cos(3 * i));
        v[i] = (float)(g * g * (0.1 + i % 5));
        r->w[i] = (double)w[i];
        r->m[i] = (double)m[i];
        r->v[i] = (double)v[i];
    }
}

static mmoe_rule rule_of(const setting *s) {
    const mmoe_optimizer_config config = {.kind = s->kind,
                                          .lr = 3e-3f,
                                          .weight_decay = s->weight_decay,
                                          .beta1 = s->beta1,
                                          .beta2 = s->beta2,
                                          .eps = 1e-8f,
                                          .momentum = s->momentum};
    return mmoe_rule_of(&config, false);
}

/* The same row, as floats, by steps one by one. */
typedef struct stepped {
    float w[N], m[N], v[N];
} stepped;

static void step_as_floats(const mmoe_rule *rule, stepped *r) {
    static const float none[N];
    const mmoe_moved to = {r->w, r->m, rule->kind->moments == 2 ? r->v : NULL, N};
    rule->kind->move(rule, &(mmoe_penalty_args){.scale = 1}, &to, none);
}

/* Else each step is run. */
static bool may_leap(const setting *s) { return s->is_closed || s->kind == MMOE_ADAMW; }

static void check_floats(const setting *s, const float *w, const stepped *r) {
    for (int i = 0; i < N; i++)
        ck_assert_msg(fabsf(w[i] - r->w[i]) <= (may_leap(s) ? 1e-5f : 0),
                      "w[%d] %.9g, step by step %.9g", i, (double)w[i], (double)r->w[i]);
}

/* From step `at` on, `gap` steps of a history that began at `base`. */
static void check_gap(const setting *s, int64_t base, int64_t at, int64_t gap) {
    mmoe_rule rule = rule_of(s);
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_history h;
    mmoe_error why;
    row want;
    float w[N], m[N], v[N];
    ck_assert_int_eq(mmoe_history_init(&h, &rule, 3e-3, &alloc, &why), MMOE_OK);
    ck_assert_int_eq(h.is_closed, s->is_closed);
    mmoe_history_restart(&h, (uint64_t)base);
    begin(&want, w, m, v);
    stepped floats;
    begin(&want, floats.w, floats.m, floats.v);
    for (int64_t step = base + 1; step <= at + gap; step++) {
        mmoe_rule_begin(&rule, (uint64_t)step, rate_of(step));
        mmoe_history_add(&h, &rule.rate);
        if (step <= at) continue;
        step_exactly(s, step, 1e-8f, &want);
        step_as_floats(&rule, &floats);
    }
    const mmoe_moved own = {w, m, s->kind == MMOE_SGD ? NULL : v, N};
    mmoe_history_catch_up(&h, at - base, &own);
    check_floats(s, w, &floats);
    for (int i = 0; i < N; i++) {
        ck_assert_msg(fabs((double)w[i] - want.w[i]) <= (s->is_closed ? 5e-7 : 2e-6),
                      "%d: gap %d at %d, w[%d] %.9g, not %.9g", (int)(s - settings), (int)gap,
                      (int)at, i, (double)w[i], want.w[i]);
        if (s->kind != MMOE_SGD || s->momentum > 0)
            ck_assert(fabs((double)m[i] - want.m[i]) <= 1e-5 * fabs(want.m[i]) + 1e-9);
        if (own.v) ck_assert(fabs((double)v[i] - want.v[i]) <= 1e-4 * want.v[i] + 1e-14);
    }
    mmoe_history_finish(&h);
}

START_TEST(a_gap_is_what_its_steps_are) {
    static const int64_t gaps[] = {1, 2, 5, 52, 256, 257, 262, 263, 264, 511, 512, 513, 1500};
    static const int64_t starts[] = {49, 3, 1000, 50};
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)
        for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
            check_gap(&settings[_i], i % 2 ? 0 : starts[i], starts[i], gaps[g]);
}
END_TEST

/* Two histories long: settled where the first ends. */
START_TEST(a_gap_of_100000_steps) {
    const setting *s = &settings[_i];
    mmoe_rule rule = rule_of(s);
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_history h;
    mmoe_error why;
    row want;
    float w[N], m[N], v[N];
    const mmoe_moved own = {w, m, s->kind == MMOE_SGD ? NULL : v, N};
    ck_assert_int_eq(mmoe_history_init(&h, &rule, 3e-3, &alloc, &why), MMOE_OK);
    begin(&want, w, m, v);
    stepped floats;
    begin(&want, floats.w, floats.m, floats.v);
    mmoe_history_restart(&h, 700);
    for (int64_t step = 701; step <= 100700; step++) {
        mmoe_rule_begin(&rule, (uint64_t)step, rate_of(step));
        if (mmoe_history_is_full(&h)) {
            mmoe_history_catch_up(&h, 0, &own);
            mmoe_history_restart(&h, (uint64_t)step - 1);
        }
        mmoe_history_add(&h, &rule.rate);
        step_exactly(s, step, 1e-8f, &want);
        step_as_floats(&rule, &floats);
    }
    mmoe_history_catch_up(&h, 0, &own);
    check_floats(s, w, &floats);
    for (int i = 0; i < N; i++)
        ck_assert_msg(fabs((double)w[i] - want.w[i]) <= 1e-6, "w[%d] %.9g, not %.9g", i,
                      (double)w[i], want.w[i]);
    mmoe_history_finish(&h);
}
END_TEST

void add_cases(TCase *t) {
    tcase_add_loop_test(t, a_gap_is_what_its_steps_are, 0, SETTINGS);
    tcase_add_loop_test(t, a_gap_of_100000_steps, 1, 2);
    tcase_add_loop_test(t, a_gap_of_100000_steps, SETTINGS - 2, SETTINGS - 1);
}
