/* Activations, forward and back. */
#ifndef MMOE_MATH_ACT_BODY_H
#define MMOE_MATH_ACT_BODY_H

#include "math/kernels.h"
#include "math/simd.h"
#include "math/softmax_body.h"

static inline vf act_none(vf a) { return a; }
static inline vf act_relu(vf a) { return vmax(splat(0.0f), a); } /* NaN stays NaN, -0 -0 */
/* du -> da, given a */
static inline vf back_none(vf a, vf du) {
    (void)a;
    return du;
}
static inline vf back_relu(vf a, vf du) { return keep(a > 0.0f, du); }
static inline vf back_sigmoid(vf a, vf du) {
    vf s = vsigmoid(a);
    return du * s * (1.0f - s);
}
static inline vf back_tanh(vf a, vf du) {
    vf t = vtanh(a);
    return du * (1.0f - t * t);
}

static inline __attribute__((always_inline)) void forward_each(const mmoe_act_args *args,
                                                               vf (*f)(vf)) {
    const mmoe_act_args a = *args; /* in registers: no store may change it */
    const float *z = a.z;
    float *u = a.u;
    for (int32_t b = 0; b < a.rows; b++, z += a.ldz, u += a.ldu)
        FOR_COLUMNS(a.cols, c, n,
                    { store_n(u + c, f(affine(z + c, a.scale + c, a.shift + c, n)), n); });
}

static inline __attribute__((always_inline)) void backward_each(const mmoe_act_args *args,
                                                                vf (*f)(vf, vf)) {
    const mmoe_act_args a = *args;
    const float *z = a.z;
    float *du = a.du;
    for (int32_t b = 0; b < a.rows; b++, z += a.ldz, du += a.lddu)
        FOR_COLUMNS(a.cols, c, n, {
            store_n(du + c, f(affine(z + c, a.scale + c, a.shift + c, n), load_n(du + c, n)), n);
        });
}

static void prelu_forward(const mmoe_act_args *a) {
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t m = 0; m < a->cols; m += a->group) {
            const float *z = a->z + (size_t)b * (size_t)a->ldz + m;
            float *u = a->u + (size_t)b * (size_t)a->ldu + m;
            float slope = a->slope[m / a->group];
            FOR_COLUMNS(a->group, c, n, {
                vf x = affine(z + c, a->scale + m + c, a->shift + m + c, n);
                store_n(u + c, choose(x > 0.0f, x, x * slope), n);
            });
        }
}

/* d slope = sum of du a over a <= 0 */
static void prelu_backward(const mmoe_act_args *a) {
    for (int32_t m = 0; m < a->cols; m += a->group) {
        float slope = a->slope[m / a->group];
        vf sum = {0};
        for (int32_t b = 0; b < a->rows; b++) {
            const float *z = a->z + (size_t)b * (size_t)a->ldz + m;
            float *du = a->du + (size_t)b * (size_t)a->lddu + m;
            FOR_COLUMNS(a->group, c, n, {
                vf x = affine(z + c, a->scale + m + c, a->shift + m + c, n), d = load_n(du + c, n);
                sum += choose(x > 0.0f, splat(0.0f), d * x);
                store_n(du + c, choose(x > 0.0f, d, d * slope), n);
            });
        }
        a->dslope[m / a->group] += hsum(sum);
    }
}

/* Dice as torch-rechub has it: over the H columns of a row's module, avg = mean a, var = sum ((a -
 * avg)^2 + 1e-3), p = sigmoid((a - avg) / sqrt(var)), u = a (alpha + (1 - alpha) p). */
typedef struct dice_row {
    float avg, rs; /* rs = 1 / sqrt(var) */
} dice_row;

static inline dice_row dice_stats(const mmoe_act_args *a, const float *z, int32_t m) {
    vf sum = {0}, square = {0};
    int32_t h = a->group;
    for (int32_t c = 0; c < h; c += W)
        sum += affine(z + c, a->scale + m + c, a->shift + m + c, MIN(W, h - c));
    float avg = hsum(sum) / (float)h;
    for (int32_t c = 0; c < h; c += W) {
        int n = MIN(W, h - c);
        vf d = affine(z + c, a->scale + m + c, a->shift + m + c, n) - avg;
        if (n == W)
            square += d * d;
        else
            for (int i = 0; i < n; i++) square[i] += d[i] * d[i];
    }
    return (dice_row){avg, 1.0f / __builtin_sqrtf(hsum(square) + 1e-3f * (float)h)};
}

static void dice_forward(const mmoe_act_args *a) {
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t m = 0; m < a->cols; m += a->group) {
            const float *z = a->z + (size_t)b * (size_t)a->ldz + m;
            float *u = a->u + (size_t)b * (size_t)a->ldu + m;
            float alpha = a->slope[m / a->group];
            dice_row r = dice_stats(a, z, m);
            for (int32_t c = 0; c < a->group; c += W) {
                int n = MIN(W, a->group - c);
                vf x = affine(z + c, a->scale + m + c, a->shift + m + c, n);
                store_n(u + c, x * (alpha + (1.0f - alpha) * vsigmoid((x - r.avg) * r.rs)), n);
            }
        }
}

/* With n = (a - avg) rs and q = du a (1 - alpha) p (1 - p) = dL/dn:
 * da = du (alpha + (1 - alpha) p) + rs (q - mean q) - rs^2 n sum(q n),  d alpha = sum du a (1 - p).
 */
static void dice_backward_row(const mmoe_act_args *a, const float *z, float *du, int32_t m,
                              float alpha, float *dalpha) {
    dice_row r = dice_stats(a, z, m);
    vf sum_q = {0}, sum_qn = {0}, da = {0};
    for (int32_t c = 0; c < a->group; c += W) { /* lanes beyond the module hold du = 0 */
        int n = MIN(W, a->group - c);
        vf x = affine(z + c, a->scale + m + c, a->shift + m + c, n), d = load_n(du + c, n);
        vf k = (x - r.avg) * r.rs, p = vsigmoid(k), q = d * x * (1.0f - alpha) * p * (1.0f - p);
        sum_q += q;
        sum_qn += q * k;
        da += d * x * (1.0f - p);
    }
    float mean_q = hsum(sum_q) / (float)a->group, qn = hsum(sum_qn);
    *dalpha += hsum(da);
    for (int32_t c = 0; c < a->group; c += W) {
        int n = MIN(W, a->group - c);
        vf x = affine(z + c, a->scale + m + c, a->shift + m + c, n), d = load_n(du + c, n);
        vf k = (x - r.avg) * r.rs, p = vsigmoid(k), q = d * x * (1.0f - alpha) * p * (1.0f - p);
        store_n(du + c, d * (alpha + (1.0f - alpha) * p) + r.rs * (q - mean_q - k * qn), n);
    }
}

static void dice_backward(const mmoe_act_args *a) {
    for (int32_t m = 0; m < a->cols; m += a->group) {
        float dalpha = 0;
        for (int32_t b = 0; b < a->rows; b++)
            dice_backward_row(a, a->z + (size_t)b * (size_t)a->ldz + m,
                              a->du + (size_t)b * (size_t)a->lddu + m, m, a->slope[m / a->group],
                              &dalpha);
        a->dslope[m / a->group] += dalpha;
    }
}

static void act_forward(const mmoe_act_args *a) {
    switch (a->act) {
    case MMOE_ACT_NONE:
        forward_each(a, act_none);
        break;
    case MMOE_ACT_RELU:
        forward_each(a, act_relu);
        break;
    case MMOE_ACT_SIGMOID:
        forward_each(a, vsigmoid);
        break;
    case MMOE_ACT_TANH:
        forward_each(a, vtanh);
        break;
    case MMOE_ACT_PRELU:
        prelu_forward(a);
        break;
    case MMOE_ACT_DICE:
        dice_forward(a);
        break;
    case MMOE_ACT_SOFTMAX:
        softmax_forward(a);
        break;
    }
}

static void act_backward(const mmoe_act_args *a) {
    switch (a->act) {
    case MMOE_ACT_NONE:
        backward_each(a, back_none);
        break;
    case MMOE_ACT_RELU:
        backward_each(a, back_relu);
        break;
    case MMOE_ACT_SIGMOID:
        backward_each(a, back_sigmoid);
        break;
    case MMOE_ACT_TANH:
        backward_each(a, back_tanh);
        break;
    case MMOE_ACT_PRELU:
        prelu_backward(a);
        break;
    case MMOE_ACT_DICE:
        dice_backward(a);
        break;
    case MMOE_ACT_SOFTMAX:
        softmax_backward(a);
        break;
    }
}

#endif
