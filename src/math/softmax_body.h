/* Softmax over modules of columns: gates. */
#ifndef MMOE_MATH_SOFTMAX_BODY_H
#define MMOE_MATH_SOFTMAX_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

/* Softmax over each module's columns: exp(a - max) / sum. A NaN makes its module's sum NaN, and so
 * all of it. */
static inline vf softmax_lanes(vf a, int group) {
    vf e = vexp(a - group_max(a, group));
    return e / group_sum(e, group);
}

/* Modules of a power of two columns, as many side by side as fit a vector. */
static inline __attribute__((always_inline)) void softmax_packed(const mmoe_act_args *a,
                                                                 int group) {
    for (int32_t b = 0; b < a->rows; b++) {
        const float *z = a->z + (size_t)b * (size_t)a->ldz;
        float *u = a->u + (size_t)b * (size_t)a->ldu;
        FOR_COLUMNS(a->cols, c, n, {
            store_n(u + c, softmax_lanes(affine(z + c, a->scale + c, a->shift + c, n), group), n);
        });
    }
}

#if W >= 8 /* four lanes, taken one by one, cost more than they save */
/* Modules of any number of columns up to W, as many side by side as fit a vector. A tree over a
 * module's lanes ends in its first one, from which all of them take the result: it is the same to
 * the bit wherever the module stands. */
typedef struct module_lanes {
    int32_t width;     /* of whole modules */
    vi first, from[4]; /* a module's first lane; at step s the lane 2^s further on, or the same
                          where the module ends */
    vi inside[4];
} module_lanes;

static module_lanes lanes_of(int32_t group) {
    module_lanes m = {.width = W / group * group};
    const vi at = lane - lane / group * group;
    m.first = lane - at;
    for (int s = 0; s < 4; s++) {
        m.inside[s] = (at + (1 << s) < group) & (lane + (1 << s) < W);
        m.from[s] = (m.inside[s] & (lane + (1 << s))) | (~m.inside[s] & lane);
    }
    return m;
}

static inline __attribute__((always_inline)) vf module_sum(vf v, const module_lanes *m, int steps) {
#pragma GCC unroll 4
    for (int s = 0; s < steps; s++) v += keep(m->inside[s], take_lanes(v, m->from[s]));
    return take_lanes(v, m->first);
}

static inline __attribute__((always_inline)) vf module_max(vf v, const module_lanes *m, int steps) {
#pragma GCC unroll 4
    for (int s = 0; s < steps; s++) v = vmax(v, take_lanes(v, m->from[s]));
    return take_lanes(v, m->first);
}

/* Modules of at most 2^steps columns. */
static inline __attribute__((always_inline)) void softmax_any(const mmoe_act_args *a, int steps) {
    const module_lanes m = lanes_of(a->group);
    for (int32_t c = 0; c < a->cols; c += m.width) {
        const int n = MIN(m.width, a->cols - c);
        const vf scale = load_n(a->scale + c, n), shift = load_n(a->shift + c, n);
        const float *z = a->z + c;
        float *u = a->u + c;
        for (int32_t b = 0; b < a->rows; b++, z += a->ldz, u += a->ldu) {
            const vf x = load_n(z, n) * scale + shift, e = vexp(x - module_max(x, &m, steps));
            store_n(u, e / module_sum(e, &m, steps), n);
        }
    }
}

static inline __attribute__((always_inline)) void softmax_any_backward(const mmoe_act_args *a,
                                                                       int steps) {
    const module_lanes m = lanes_of(a->group);
    for (int32_t c = 0; c < a->cols; c += m.width) {
        const int n = MIN(m.width, a->cols - c);
        const float *u = a->u + c;
        float *du = a->du + c;
        for (int32_t b = 0; b < a->rows; b++, u += a->ldu, du += a->lddu) {
            const vf s = load_n(u, n), d = load_n(du, n);
            store_n(du, s * (d - module_sum(s * d, &m, steps)), n);
        }
    }
}

#endif

static void softmax_module(const mmoe_act_args *a, const float *z, float *u, int32_t m) {
    const float *scale = a->scale + m, *shift = a->shift + m;
    vf most = splat(-__builtin_inff()), sum = {0};
    for (int32_t c = 0; c < a->group; c += W) {
        int n = MIN(W, a->group - c);
        vf x = affine(z + c, scale + c, shift + c, n);
        store_n(u + c, x, n);
        most = vmax(choose(lane < n, x, most), most);
    }
    vf top = splat(hmax(most));
    for (int32_t c = 0; c < a->group; c += W) {
        int n = MIN(W, a->group - c);
        vf e = vexp(keep(lane < n, load_n(u + c, n) - top)); /* lanes beside may not overflow */
        store_n(u + c, e, n);
        sum += keep(lane < n, e);
    }
    float inverse = 1.0f / hsum(sum);
    for (int32_t c = 0; c < a->group; c += W) {
        int n = MIN(W, a->group - c);
        store_n(u + c, load_n(u + c, n) * inverse, n);
    }
}

/* Modules of a few whole vectors, which stay in registers. */
static inline __attribute__((always_inline)) void softmax_wide(const mmoe_act_args *a,
                                                               int vectors) {
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t m = 0; m < a->cols; m += vectors * W) {
            const float *z = a->z + (size_t)b * (size_t)a->ldz + m;
            float *u = a->u + (size_t)b * (size_t)a->ldu + m;
            vf x[8];
            for (int i = 0; i < vectors; i++)
                x[i] = affine(z + i * W, a->scale + m + i * W, a->shift + m + i * W, W);
            vf most = x[0], sum = {0};
            for (int i = 1; i < vectors; i++) most = vmax(x[i], most);
            most = group_max(most, W);
            for (int i = 0; i < vectors; i++) {
                x[i] = vexp(x[i] - most);
                sum += x[i];
            }
            sum = 1.0f / group_sum(sum, W);
            for (int i = 0; i < vectors; i++) store(u + i * W, x[i] * sum);
        }
}

static void softmax_forward(const mmoe_act_args *a) {
    switch (a->group) {
    case 2 * W:
        softmax_wide(a, 2);
        return;
    case 4 * W:
        softmax_wide(a, 4);
        return;
    case 8 * W:
        softmax_wide(a, 8);
        return;
    case 2:
        softmax_packed(a, 2);
        return;
    case 4:
        softmax_packed(a, 4);
        return;
#if W >= 8
    case 8:
        softmax_packed(a, 8);
        return;
#endif
#if W >= 16
    case 16:
        softmax_packed(a, 16);
        return;
#endif
    }
#if W >= 8
    if (a->group <= W) {
        if (a->group <= 4)
            softmax_any(a, 2);
        else if (a->group <= 8)
            softmax_any(a, 3);
        else
            softmax_any(a, 4);
        return;
    }
#endif
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t m = 0; m < a->cols; m += a->group)
            softmax_module(a, a->z + (size_t)b * (size_t)a->ldz + m,
                           a->u + (size_t)b * (size_t)a->ldu + m, m);
}

/* da = u (du - sum du u) */
static inline __attribute__((always_inline)) void softmax_packed_backward(const mmoe_act_args *a,
                                                                          int group) {
    for (int32_t b = 0; b < a->rows; b++) {
        const float *u = a->u + (size_t)b * (size_t)a->ldu;
        float *du = a->du + (size_t)b * (size_t)a->lddu;
        FOR_COLUMNS(a->cols, c, n, {
            vf s = load_n(u + c, n), d = load_n(du + c, n);
            store_n(du + c, s * (d - group_sum(s * d, group)), n);
        });
    }
}

static void softmax_module_backward(const float *u, float *du, int32_t group) {
    vf sum = {0};
    for (int32_t c = 0; c < group; c += W)
        sum += load_n(u + c, MIN(W, group - c)) * load_n(du + c, MIN(W, group - c));
    float dot = hsum(sum);
    for (int32_t c = 0; c < group; c += W) {
        int n = MIN(W, group - c);
        store_n(du + c, load_n(u + c, n) * (load_n(du + c, n) - dot), n);
    }
}

static void softmax_backward(const mmoe_act_args *a) {
    switch (a->group) {
    case 2:
        softmax_packed_backward(a, 2);
        return;
    case 4:
        softmax_packed_backward(a, 4);
        return;
#if W >= 8
    case 8:
        softmax_packed_backward(a, 8);
        return;
#endif
#if W >= 16
    case 16:
        softmax_packed_backward(a, 16);
        return;
#endif
    }
#if W >= 8
    if (a->group <= W) {
        if (a->group <= 4)
            softmax_any_backward(a, 2);
        else if (a->group <= 8)
            softmax_any_backward(a, 3);
        else
            softmax_any_backward(a, 4);
        return;
    }
#endif
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t m = 0; m < a->cols; m += a->group)
            softmax_module_backward(a->u + (size_t)b * (size_t)a->ldu + m,
                                    a->du + (size_t)b * (size_t)a->lddu + m, a->group);
}

#endif
