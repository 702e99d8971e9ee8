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

static inline __attribute__((always_inline)) vf
adam_vector(const mmoe_adam_args *a, float *w, const float *g, float *m, float *v, int n) {
    /* vfma: a value's bits must not depend on whether it stands in a whole vector or behind the
     * last one */
    vf x = load_n(w, n), d = load_n(g, n);
    if (a->decoupled)
        x = vfma(splat(-a->lr * a->weight_decay), x, x);
    else
        d = vfma(splat(a->weight_decay), x, d);
    const vf m1 = vfma(splat(a->beta1), load_n(m, n), (1.0f - a->beta1) * d),
             v1 = vfma(splat(a->beta2), load_n(v, n), (1.0f - a->beta2) * (d * d));
    store_n(m, m1, n);
    store_n(v, v1, n);
    const vf y =
        x - (a->lr * a->correction1) * m1 / vfma(vsqrt(v1), splat(a->correction2), splat(a->eps));
    store_n(w, y, n);
    return y;
}

static bool adam(const mmoe_adam_args *args, size_t n, float *w, const float *g, float *m,
                 float *v) {
    const mmoe_adam_args own = *args, *a = &own; /* which no store changes */
    size_t i = 0;
    vu bad = {0};
    for (; i + W <= n; i += W) bad |= not_finite(adam_vector(a, w + i, g + i, m + i, v + i, W));
    if (i < n) bad |= not_finite(adam_vector(a, w + i, g + i, m + i, v + i, (int)(n - i)));
    return any_negative(bad);
}

static inline __attribute__((always_inline)) vf sgd_vector(const mmoe_sgd_args *a, float *w,
                                                           const float *g, float *m, int n) {
    const vf x = load_n(w, n), d = vfma(splat(a->weight_decay), x, load_n(g, n)),
             v = a->first ? d : vfma(splat(a->momentum), load_n(m, n), d);
    const vf y = vfma(splat(-a->lr), v, x);
    store_n(m, v, n);
    store_n(w, y, n);
    return y;
}

static bool sgd(const mmoe_sgd_args *args, size_t n, float *w, const float *g, float *m) {
    const mmoe_sgd_args own = *args, *a = &own;
    size_t i = 0;
    vu bad = {0};
    for (; i + W <= n; i += W) bad |= not_finite(sgd_vector(a, w + i, g + i, m + i, W));
    if (i < n) bad |= not_finite(sgd_vector(a, w + i, g + i, m + i, (int)(n - i)));
    return any_negative(bad);
}

#endif
