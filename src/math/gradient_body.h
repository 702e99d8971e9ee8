/* Loops over whole gradients and weights, but for the optimizers. */
#ifndef MMOE_MATH_GRADIENT_BODY_H
#define MMOE_MATH_GRADIENT_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

static void regularize(const mmoe_penalty_args *a, size_t n, const float *restrict w,
                       const float *restrict g, float *restrict out) {
    const float scale = a->scale, l1 = a->l1, l2 = a->l2;
    for (size_t i = 0; i < n; i++) {
        const float below = w[i] < 0 ? -l1 : 0;
        out[i] = scale * g[i] + (w[i] > 0 ? l1 : below) + 2 * l2 * w[i];
    }
}

typedef float half_vector __attribute__((vector_size(2 * W), aligned(4), may_alias));
typedef double double_vector __attribute__((vector_size(4 * W)));

static inline double_vector load_half(const float *p) {
    return __builtin_convertvector(*(const half_vector *)p, double_vector);
}

static double dot(size_t n, const float *x, const float *y) {
    double_vector sums[4] = {{0}};
    double sum = 0;
    size_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W)
        for (int k = 0; k < 4; k++)
            sums[k] += load_half(x + i + k * (W / 2)) * load_half(y + i + k * (W / 2));
    for (; i < n; i++) sum += (double)x[i] * (double)y[i];
    sums[0] += sums[1] + (sums[2] + sums[3]);
    for (int k = 0; k < W / 2; k++) sum += sums[0][k];
    return sum;
}

static inline __attribute__((always_inline)) void combine_vector(int32_t count,
                                                                 const float *factors,
                                                                 const float *x, size_t stride,
                                                                 float *out, int n) {
    vf sum = factors[0] * load_n(x, n);
    for (int32_t t = 1; t < count; t++) sum += factors[t] * load_n(x + (size_t)t * stride, n);
    store_n(out, sum, n);
}

static void combine(size_t n, int32_t count, const float *factors, const float *x, size_t stride,
                    float *out) {
    size_t i = 0;
    for (; i + W <= n; i += W) combine_vector(count, factors, x + i, stride, out + i, W);
    if (i < n) combine_vector(count, factors, x + i, stride, out + i, (int)(n - i));
}

static void add(size_t n, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] = y[i] + x[i] + 0.0f;
}

static void blend(size_t n, float rate, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] += rate * (x[i] - y[i]);
}

#endif
