/* Attention of two items, each with a query, a key and a value. */
#ifndef MMOE_MATH_ATTEND_BODY_H
#define MMOE_MATH_ATTEND_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

static inline float dot_of(const float *a, const float *b, int32_t n) {
    vf sum = {0};
    for (int32_t c = 0; c < n; c += W) {
        const int k = MIN(W, n - c);
        sum += load_n(a + c, k) * load_n(b + c, k);
    }
    return hsum(sum);
}

/* The first item's share: softmax over two is a sigmoid. x: q0 k0 v0 q1 k1 v1. */
static inline float attend_share(const float *x, int32_t dim, float scale) {
    return vsigmoid(
        splat((dot_of(x, x + dim, dim) - dot_of(x + 3 * dim, x + 4 * dim, dim)) * scale))[0];
}

static void attend_forward(const mmoe_attend_args *a) {
    const int32_t dim = a->dim;
    const float scale = 1.0f / __builtin_sqrtf((float)dim), *x = a->x;
    float *y = a->y;
    for (int32_t b = 0; b < a->rows; b++, x += a->ldx, y += a->ldy) {
        const float first = attend_share(x, dim, scale), second = 1.0f - first;
        FOR_COLUMNS(dim, c, n, {
            store_n(y + c, first * load_n(x + 2 * dim + c, n) + second * load_n(x + 5 * dim + c, n),
                    n);
        });
    }
}

static void attend_backward(const mmoe_attend_args *a) {
    const int32_t dim = a->dim;
    const float scale = 1.0f / __builtin_sqrtf((float)dim), *x = a->x, *dy = a->dy;
    float *dx = a->dx;
    for (int32_t b = 0; b < a->rows; b++, x += a->ldx, dy += a->ldy, dx += a->lddx) {
        const float first = attend_share(x, dim, scale), second = 1.0f - first;
        const float ds =
            first * second * scale * (dot_of(dy, x + 2 * dim, dim) - dot_of(dy, x + 5 * dim, dim));
        FOR_COLUMNS(dim, c, n, {
            const vf d = load_n(dy + c, n);
            store_n(dx + c, ds * load_n(x + dim + c, n), n);
            store_n(dx + dim + c, ds * load_n(x + c, n), n);
            store_n(dx + 2 * dim + c, first * d, n);
            store_n(dx + 3 * dim + c, -ds * load_n(x + 4 * dim + c, n), n);
            store_n(dx + 4 * dim + c, -ds * load_n(x + 3 * dim + c, n), n);
            store_n(dx + 5 * dim + c, second * d, n);
        });
    }
}

#endif
