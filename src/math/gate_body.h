/* Gates: a softmax over those logits that take part. */
#ifndef MMOE_MATH_GATE_BODY_H
#define MMOE_MATH_GATE_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

#define LOWEST INT32_MIN

/* Integers in the order of the numbers, 0 and -0 being equal; a NaN is the largest, so that it is
 * not lost. */
static inline vi order_of(vf a) {
    const vi bits = (vi)(a + 0.0f), key = bits ^ ((bits >> 31) & INT32_MAX), nan = a != a;
    return (nan & INT32_MAX) | (~nan & key);
}

/* The order of the k-th largest of n numbers, or of some number between it and the next; found from
 * its highest bit on. */
static int32_t least_of(const float *a, int32_t n, int32_t k) {
    int32_t least = LOWEST;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        const int32_t higher = (int32_t)((uint32_t)least + bit);
        vi count = {0};
        for (int32_t c = 0; c < n; c += W) {
            const int m = MIN(W, n - c);
            count -= (order_of(load_n(a + c, m)) >= higher) & (lane < m);
        }
        const int32_t total = (int32_t)hsum(__builtin_convertvector(count, vf));
        if (total >= k) least = higher;
        if (total == k) break;
    }
    return least;
}

/* Whether the mask leaves one of those that are at least `least`. */
static inline int leaves_any(const float *a, const float *mask, int32_t n, int32_t least) {
    vf any = {0};
    for (int32_t c = 0; c < n; c += W) {
        const int m = MIN(W, n - c);
        any = choose((order_of(load_n(a + c, m)) >= least) & (load_n(mask + c, m) != 0.0f),
                     splat(1.0f), any);
    }
    return hmax(any) > 0;
}

/* The largest logit is taken off before they are scaled: no temperature is too low. */
static inline float scale_of(const mmoe_gate_args *a) {
    const float scale = 1.0f / a->temperature;
    return MIN(scale, __FLT_MAX__);
}

/* A gate of at most a vector's experts, in registers. */
static inline void weigh_few(const mmoe_gate_args *args, const float *a, float *g, int32_t n,
                             float scale) {
    const vf x = load_n(a, n);
    vi in = lane < n;
    if (args->top_k && args->top_k < n) {
        vi larger = {0};
        for (int32_t i = 0; i < n; i++) larger -= splat(a[i]) > x;
        in &= larger < args->top_k;
    }
    if (args->masked) {
        const vi left = in & (load_n(g, n) != 0.0f);
        if (hmax(keep(left, splat(1.0f))) > 0) in = left;
    }
    const vf top = group_max(choose(in, x, splat(-__builtin_inff())), W),
             e = keep(in, vexp(keep(in, x - top) * scale)); /* lanes beside may not overflow */
    store_n(g, e * (1.0f / group_sum(e, W)), n);
}

static void weigh_many(const mmoe_gate_args *args, const float *a, float *g, int32_t n,
                       float scale) {
    const int32_t least = args->top_k && args->top_k < n ? least_of(a, n, args->top_k) : LOWEST;
    const int masked = args->masked && leaves_any(a, g, n, least);
    const vf none = splat(-__builtin_inff());
    vf most = none, sum = {0};
    for (int32_t c = 0; c < n; c += W) {
        const int m = MIN(W, n - c);
        vf x = load_n(a + c, m);
        vi in = (order_of(x) >= least) & (lane < m);
        if (masked) in &= load_n(g + c, m) != 0.0f;
        x = choose(in, x, none);
        store_n(g + c, x, m);
        most = vmax(x, most);
    }
    const vf top = splat(hmax(most));
    for (int32_t c = 0; c < n; c += W) {
        const int m = MIN(W, n - c);
        const vf x = load_n(g + c, m);
        const vi in = (x != none) & (lane < m);
        const vf e = keep(in, vexp(keep(in, x - top) * scale));
        store_n(g + c, e, m);
        sum += e;
    }
    const float inverse = 1.0f / hsum(sum);
    for (int32_t c = 0; c < n; c += W) {
        const int m = MIN(W, n - c);
        store_n(g + c, load_n(g + c, m) * inverse, m);
    }
}

static void gate_forward(const mmoe_gate_args *a) {
    const float scale = scale_of(a);
    for (int32_t b = 0; b < a->rows; b++) {
        float *g = a->g + (size_t)b * (size_t)a->ldg;
        for (int32_t i = 0; i < a->n_gate; g += a->n_expert[i++])
            (a->n_expert[i] <= W ? weigh_few : weigh_many)(
                a, a->a + (size_t)b * (size_t)a->lda + a->col[i], g, a->n_expert[i], scale);
    }
}

/* da = g (d - sum g d) scale, d = dg + more */
static inline void weigh_backward(const float *g, const float *dg, const float *more, float *da,
                                  int32_t n, float scale) {
    vf sum = {0};
    for (int32_t c = 0; c < n; c += W) {
        const int m = MIN(W, n - c);
        vf d = load_n(dg + c, m);
        if (more) d += load_n(more + c, m);
        sum += load_n(g + c, m) * d;
    }
    const float mean = hsum(sum);
    for (int32_t c = 0; c < n; c += W) {
        const int m = MIN(W, n - c);
        vf d = load_n(dg + c, m);
        if (more) d += load_n(more + c, m);
        store_n(da + c, load_n(g + c, m) * (d - mean) * scale, m);
    }
}

static void gate_backward(const mmoe_gate_args *a) {
    const float scale = scale_of(a);
    for (int32_t b = 0; b < a->rows; b++) {
        const float *g = a->g + (size_t)b * (size_t)a->ldg,
                    *dg = a->dg + (size_t)b * (size_t)a->lddg;
        float *da = a->da + (size_t)b * (size_t)a->ldda;
        for (int32_t i = 0, c = 0; i < a->n_gate; c += a->n_expert[i++])
            weigh_backward(g + c, dg + c, a->more ? a->more + c : NULL, da + a->col[i],
                           a->n_expert[i], scale);
    }
}

#undef LOWEST

#endif
