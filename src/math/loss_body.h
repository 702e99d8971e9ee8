/* Losses of logits, and the functions that they are made of. */
#ifndef MMOE_MATH_LOSS_BODY_H
#define MMOE_MATH_LOSS_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

static void sigmoid_kernel(int32_t n, const float *z, float *p) {
    FOR_COLUMNS(n, c, k, { store_n(p + c, vsigmoid(load_n(z + c, k)), k); });
}

static void exp_kernel(int32_t n, const float *x, float *y) {
    FOR_COLUMNS(n, c, k, { store_n(y + c, vexp(load_n(x + c, k)), k); });
}

static void bce(int32_t n, const float *z, const float *y, float *loss, float *dz) {
    FOR_COLUMNS(n, c, k, {
        vf x = load_n(z + c, k), t = load_n(y + c, k), e = vexp(-vabs(x)), one = 1.0f + e;
        vf log1p = vlog(one) +
                   (e - (one - 1.0f)) / one; /* what rounding took from 1 + e, to first order */
        store_n(loss + c, choose(x < 0.0f, splat(0.0f), x) - x * t + log1p, k);
        vf d = 1.0f / one;
        store_n(dz + c, choose(x < 0.0f, e * d, d) - t, k);
    });
}

/* -log p and -log(1-p) are softplus(-z) and softplus(z); powers of p and 1 - p are exponentials of
 * them. */
static void shaped_bce(const mmoe_loss_shape *shape, int32_t n, const float *z, const float *y,
                       float *loss, float *dz) {
    const float smoothing = shape->smoothing, weight = shape->positive_weight, gamma = shape->gamma;
    FOR_COLUMNS(n, c, k, {
        const vf x = load_n(z + c, k), t = load_n(y + c, k) * (1.0f - smoothing) + 0.5f * smoothing,
                 e = vexp(-vabs(x)), one = 1.0f + e;
        const vf log1p = vlog(one) + (e - (one - 1.0f)) / one, zero = {0}; /* as in bce */
        const vf not_p = choose(x < 0.0f, -x, zero) + log1p,
                 not_q = choose(x < 0.0f, zero, x) + log1p; /* -log p, -log q, q = 1 - p */
        const vf d = 1.0f / one, p = choose(x < 0.0f, e * d, d), q = choose(x < 0.0f, d, e * d);
        const vf positive = weight * t * vexp(-gamma * not_q),
                 negative = (1.0f - t) * vexp(-gamma * not_p);
        store_n(loss + c, positive * not_p + negative * not_q, k);
        store_n(dz + c, negative * (p + gamma * q * not_q) - positive * (q + gamma * p * not_p), k);
    });
}

/* z = -log(e^-a + e^-b + e^-(a+b)); of the three terms the largest is taken out. */
static void joint_logit(int32_t n, const float *a, const float *b, float *z, float *dza,
                        float *dzb) {
    FOR_COLUMNS(n, c, k, {
        const vf u = -load_n(a + c, k), v = -load_n(b + c, k), most = vmax(vmax(u, v), u + v);
        const vf first = vexp(u - most), second = vexp(v - most), both = vexp(u + v - most),
                 sum = first + second + both;
        store_n(z + c, -(most + vlog(sum)), k);
        store_n(dza + c, (first + both) / sum, k);
        store_n(dzb + c, (second + both) / sum, k);
    });
}

#endif
