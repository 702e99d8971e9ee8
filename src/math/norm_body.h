/* Batch norm. */
#ifndef MMOE_MATH_NORM_BODY_H
#define MMOE_MATH_NORM_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

static inline void stats_block(const mmoe_stats_args *a, int32_t c, int n) {
    const float *z = a->z + c;
    vf k = load_n(z, n), s = {0}, q = {0};
    for (int32_t b = 0; b < a->rows; b++, z += a->ldz) {
        vf d = load_n(z, n) - k;
        s += d;
        q += d * d;
    }
    store_n(a->pivot + c, k, n);
    store_n(a->sum + c, s, n);
    store_n(a->square + c, q, n);
}

/* Four vectors a row: whole cache lines, and four independent chains. */
static inline void stats_line(const mmoe_stats_args *a, int32_t c) {
    vf k[4], s[4] = {{0}}, q[4] = {{0}};
    const float *row = a->z + c;
    for (int i = 0; i < 4; i++) k[i] = load(row + i * W);
    for (int32_t b = 0; b < a->rows; b++, row += a->ldz)
        for (int i = 0; i < 4; i++) {
            vf d = load(row + i * W) - k[i];
            s[i] += d;
            q[i] += d * d;
        }
    for (int i = 0; i < 4; i++) {
        store(a->pivot + c + i * W, k[i]);
        store(a->sum + c + i * W, s[i]);
        store(a->square + c + i * W, q[i]);
    }
}

static void column_stats(const mmoe_stats_args *a) {
    int32_t c = 0;
    for (; c + 4 * W <= a->cols; c += 4 * W) stats_line(a, c);
    FOR_COLUMNS(a->cols - c, at, n, { stats_block(a, c + at, n); });
}

static inline void sums_block(const mmoe_sums_args *a, int32_t c, int n) {
    const float *da = a->da + c, *z = a->z + c, *mean = a->mean;
    vf k = mean ? load_n(mean + c, n) : splat(0.0f), s = {0}, q = {0};
    for (int32_t b = 0; b < a->rows; b++) {
        vf d = load_n(da + (size_t)b * (size_t)a->ldda, n);
        s += d;
        if (mean) q += d * (load_n(z + (size_t)b * (size_t)a->ldz, n) - k);
    }
    store_n(a->sum_da + c, s, n);
    if (mean) store_n(a->sum_daz + c, q, n);
}

static void column_sums(const mmoe_sums_args *a) {
    FOR_COLUMNS(a->cols, c, n, { sums_block(a, c, n); });
}

/* da = du where a > 0; the sums as in column_sums. i vectors at once. */
static inline __attribute__((always_inline)) void
relu_block(const mmoe_act_args *a, const mmoe_act_sums *to, int32_t c, int vectors, int n) {
    const float *mean = to->mean;
    vf scale[4], shift[4], k[4], s[4] = {{0}}, q[4] = {{0}};
    for (int i = 0; i < vectors; i++) {
        scale[i] = load_n(a->scale + c + i * W, n);
        shift[i] = load_n(a->shift + c + i * W, n);
        k[i] = mean ? load_n(mean + c + i * W, n) : splat(0.0f);
    }
    const float *z = a->z + c;
    float *du = a->du + c;
    for (int32_t b = 0; b < a->rows; b++, z += a->ldz, du += a->lddu)
        for (int i = 0; i < vectors; i++) {
            vf v = load_n(z + i * W, n);
            vf d = keep(v * scale[i] + shift[i] > 0.0f, load_n(du + i * W, n));
            store_n(du + i * W, d, n);
            s[i] += d;
            q[i] += d * (v - k[i]);
        }
    for (int i = 0; i < vectors; i++) {
        store_n(to->sum_da + c + i * W, s[i], n);
        if (mean) store_n(to->sum_daz + c + i * W, q[i], n);
    }
}

static void relu_backward_sums(const mmoe_act_args *a, const mmoe_act_sums *to) {
    int32_t c = 0;
    for (; c + 4 * W <= a->cols; c += 4 * W) relu_block(a, to, c, 4, W);
    FOR_COLUMNS(a->cols - c, at, n, { relu_block(a, to, c + at, 1, n); });
}

static void norm_backward(const mmoe_norm_args *a) {
    const int32_t cols = a->cols;
    const float *z = a->z, *k0 = a->k0, *k1 = a->k1, *k2 = a->k2;
    const float *da = a->da;
    float *dz = a->dz;
    for (int32_t b = 0; b < a->rows; b++, da += a->ldda, z += a->ldz, dz += a->lddz)
        FOR_COLUMNS(cols, c, n, {
            const vf d = load_n(da + c, n), x = load_n(z + c, n);
            store_n(dz + c, load_n(k0 + c, n) * d + load_n(k1 + c, n) * x + load_n(k2 + c, n), n);
        });
}

#endif
