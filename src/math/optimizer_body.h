/* Steps of the optimizers. */
#ifndef MMOE_MATH_OPTIMIZER_BODY_H
#define MMOE_MATH_OPTIMIZER_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

/* The exponent of what is not finite is all ones: one more makes it negative. */
typedef uint32_t vu __attribute__((vector_size(4 * W)));
static inline vu not_finite(vf x) { return ((vu)x & 0x7fffffffu) + 0x00800000u; }

static inline bool any_negative(vu x) {
    uint32_t any = 0;
    for (int i = 0; i < W; i++) any |= x[i];
    return any >> 31;
}

/* Weights and their moments. */
typedef struct moved {
    vf w, m, v;
} moved;

/* vfma: a value's bits must not depend on whether it stands in a whole vector or behind the last
 * one. */
static inline __attribute__((always_inline)) moved adam_values(const mmoe_adam_args *a, moved x,
                                                               vf d) {
    if (a->decoupled)
        x.w = vfma(splat(-a->lr * a->weight_decay), x.w, x.w);
    else
        d = vfma(splat(a->weight_decay), x.w, d);
    x.m = vfma(splat(a->beta1), x.m, (1.0f - a->beta1) * d);
    x.v = vfma(splat(a->beta2), x.v, (1.0f - a->beta2) * (d * d));
    x.w -= (a->lr * a->correction1) * x.m / vfma(vsqrt(x.v), splat(a->correction2), splat(a->eps));
    return x;
}

static inline __attribute__((always_inline)) vf
adam_vector(const mmoe_adam_args *a, float *w, const float *g, float *m, float *v, int n) {
    const moved x = adam_values(a, (moved){load_n(w, n), load_n(m, n), load_n(v, n)}, load_n(g, n));
    store_n(m, x.m, n);
    store_n(v, x.v, n);
    store_n(w, x.w, n);
    return x.w;
}

static bool adam_rows(const mmoe_adam_args *args, size_t n, const mmoe_adam_row *rows,
                      size_t count) {
    const mmoe_adam_args own = *args, *a = &own; /* which no store changes */
    vu bad = {0};
    for (const mmoe_adam_row *r = rows; r < rows + count; r++) {
        const mmoe_adam_row x = *r;
        size_t i = 0;
        for (; i + W <= n; i += W)
            bad |= not_finite(adam_vector(a, x.w + i, x.g + i, x.m + i, x.v + i, W));
        if (i < n)
            bad |= not_finite(adam_vector(a, x.w + i, x.g + i, x.m + i, x.v + i, (int)(n - i)));
    }
    return any_negative(bad);
}

static bool adam(const mmoe_adam_args *args, size_t n, float *w, const float *g, float *m,
                 float *v) {
    return adam_rows(args, n, &(mmoe_adam_row){w, m, v, g}, 1);
}

static inline __attribute__((always_inline)) moved sgd_values(const mmoe_sgd_args *a, moved x,
                                                              vf g) {
    const vf d = vfma(splat(a->weight_decay), x.w, g);
    x.m = a->first ? d : vfma(splat(a->momentum), x.m, d);
    x.w = vfma(splat(-a->lr), x.m, x.w);
    return x;
}

static inline __attribute__((always_inline)) vf sgd_vector(const mmoe_sgd_args *a, float *w,
                                                           const float *g, float *m, int n) {
    const moved x = sgd_values(a, (moved){.w = load_n(w, n), .m = load_n(m, n)}, load_n(g, n));
    store_n(m, x.m, n);
    store_n(w, x.w, n);
    return x.w;
}

static bool sgd(const mmoe_sgd_args *args, size_t n, float *w, const float *g, float *m) {
    const mmoe_sgd_args own = *args, *a = &own;
    size_t i = 0;
    vu bad = {0};
    for (; i + W <= n; i += W) bad |= not_finite(sgd_vector(a, w + i, g + i, m + i, W));
    if (i < n) bad |= not_finite(sgd_vector(a, w + i, g + i, m + i, (int)(n - i)));
    return any_negative(bad);
}

static inline __attribute__((always_inline)) moved adagrad_values(const mmoe_adagrad_args *a,
                                                                  moved x, vf g) {
    const vf d = vfma(splat(a->weight_decay), x.w, g);
    x.m = vfma(d, d, x.m);
    x.w -= a->lr * d / (vsqrt(x.m + a->initial) + a->eps);
    return x;
}

static inline __attribute__((always_inline)) vf adagrad_vector(const mmoe_adagrad_args *a, float *w,
                                                               const float *g, float *s, int n) {
    const moved x = adagrad_values(a, (moved){.w = load_n(w, n), .m = load_n(s, n)}, load_n(g, n));
    store_n(s, x.m, n);
    store_n(w, x.w, n);
    return x.w;
}

static bool adagrad(const mmoe_adagrad_args *args, size_t n, float *w, const float *g, float *s) {
    const mmoe_adagrad_args own = *args, *a = &own;
    size_t i = 0;
    vu bad = {0};
    for (; i + W <= n; i += W) bad |= not_finite(adagrad_vector(a, w + i, g + i, s + i, W));
    if (i < n) bad |= not_finite(adagrad_vector(a, w + i, g + i, s + i, (int)(n - i)));
    return any_negative(bad);
}

/* A row's gradient, the decay in it. */
static inline __attribute__((always_inline)) vf
row_gradient(const mmoe_adagrad_args *a, const mmoe_penalty_args *of, vf w, vf g) {
    const vf sign = choose(w > 0, splat(1), choose(w < 0, splat(-1), splat(0)));
    return vfma(splat(2 * of->l2 + a->weight_decay), w, vfma(splat(of->l1), sign, of->scale * g));
}

/* g NULL: there is none. */
static bool move_row(const mmoe_adagrad_args *a, const mmoe_penalty_args *of, size_t n, float *w,
                     const float *g, float *s) {
    vf squares = splat(0);
    vu bad = {0};
    for (size_t i = 0; i < n; i += W) {
        const int some = n - i < W ? (int)(n - i) : W;
        const vf d = row_gradient(a, of, load_n(w + i, some), g ? load_n(g + i, some) : splat(0));
        squares = vfma(d, d, squares);
    }
    *s += hsum(squares) / (float)n;
    const vf pull = a->lr / (vsqrt(splat(*s + a->initial)) + a->eps);
    for (size_t i = 0; i < n; i += W) {
        const int some = n - i < W ? (int)(n - i) : W;
        const vf x = load_n(w + i, some),
                 d = row_gradient(a, of, x, g ? load_n(g + i, some) : splat(0)),
                 moved_to = vfma(-pull, d, x);
        store_n(w + i, moved_to, some);
        bad |= not_finite(moved_to);
    }
    return any_negative(bad);
}

static bool adagrad_row(const mmoe_adagrad_args *args, const mmoe_penalty_args *of, size_t n,
                        float *w, const float *g, float *s) {
    const mmoe_adagrad_args own = *args;
    const mmoe_penalty_args own_of = *of;
    return move_row(&own, &own_of, n, w, g, s);
}

/* ---- Steps without a gradient ---- */

static void adam_idle(const mmoe_adam_args *args, const mmoe_idle_args *idle, size_t n, float *w,
                      float *m, float *v) {
    mmoe_adam_args a = *args;
    for (size_t i = 0; i < n; i += W) {
        const int some = n - i < W ? (int)(n - i) : W;
        moved x = {load_n(w + i, some), load_n(m + i, some), load_n(v + i, some)};
        for (int64_t s = 0; s < idle->count; s++) {
            a.lr = idle->rates[s].lr;
            a.correction1 = idle->rates[s].correction1;
            a.correction2 = idle->rates[s].correction2;
            x = adam_values(&a, x, splat(0));
        }
        store_n(w + i, x.w, some);
        store_n(m + i, x.m, some);
        store_n(v + i, x.v, some);
    }
}

static void sgd_idle(const mmoe_sgd_args *args, const mmoe_idle_args *idle, size_t n, float *w,
                     float *m) {
    mmoe_sgd_args a = *args;
    for (size_t i = 0; i < n; i += W) {
        const int some = n - i < W ? (int)(n - i) : W;
        moved x = {.w = load_n(w + i, some), .m = load_n(m + i, some)};
        for (int64_t s = 0; s < idle->count; s++) {
            a.lr = idle->rates[s].lr;
            x = sgd_values(&a, x, splat(0));
        }
        store_n(w + i, x.w, some);
        store_n(m + i, x.m, some);
    }
}

static void adagrad_idle(const mmoe_adagrad_args *args, const mmoe_idle_args *idle, size_t n,
                         float *w, float *s) {
    mmoe_adagrad_args a = *args;
    for (size_t i = 0; i < n; i += W) {
        const int some = n - i < W ? (int)(n - i) : W;
        moved x = {.w = load_n(w + i, some), .m = load_n(s + i, some)};
        for (int64_t k = 0; k < idle->count; k++) {
            a.lr = idle->rates[k].lr;
            x = adagrad_values(&a, x, splat(0));
        }
        store_n(w + i, x.w, some);
        store_n(s + i, x.m, some);
    }
}

static void adagrad_row_idle(const mmoe_adagrad_args *args, const mmoe_idle_args *idle, size_t n,
                             float *w, float *s) {
    mmoe_adagrad_args a = *args;
    for (int64_t k = 0; k < idle->count; k++) {
        a.lr = idle->rates[k].lr;
        move_row(&a, &(mmoe_penalty_args){.scale = 1}, n, w, NULL, s);
    }
}

static inline __attribute__((always_inline)) void leap_vector(const mmoe_leap_args *a, float *w,
                                                              float *m, float *v, int n) {
    const vf before = load_n(m, n);
    vf pull = splat(a->pull);
    if (v) {
        const vf square = load_n(v, n), x = a->root * vsqrt(square), part = 1 / (x + a->eps),
                 t = a->eps * part, bend = splat(a->second) - a->third * t;
        pull = part * (pull - x * part * t * bend);
        store_n(v, a->keep_v * square, n);
    }
    store_n(m, a->keep_m * before, n);
    store_n(w, a->keep * load_n(w, n) - before * pull, n);
}

static void leap(size_t n, const mmoe_leap_row *rows, size_t count) {
    for (const mmoe_leap_row *r = rows; r < rows + count; r++) {
        const mmoe_leap_args own = *r->args; /* which no store changes */
        float *w = r->w, *m = r->m, *v = r->v;
        size_t i = 0;
        for (; i + W <= n; i += W) leap_vector(&own, w + i, m + i, v ? v + i : NULL, W);
        if (i < n) leap_vector(&own, w + i, m + i, v ? v + i : NULL, (int)(n - i));
    }
}

#endif
