/* Experts mixed by gates. */
#ifndef MMOE_MATH_MIX_BODY_H
#define MMOE_MATH_MIX_BODY_H

#include "math/act_body.h"
#include "math/kernels.h"
#include "math/simd.h"

static inline __attribute__((always_inline)) void mix_row(const mmoe_mix_args *a, const float *g,
                                                          const float *x, const int32_t *expert,
                                                          float *y, int relu) {
    FOR_COLUMNS(a->cols, c, n, {
        vf s = {0};
        for (int32_t k = 0; k < a->n_expert; k++) {
            const int32_t at = expert[k] + c;
            vf u = load_n(x + at, n);
            if (relu) u = act_relu(u * load(a->relu.scale + at) + load(a->relu.shift + at));
            s += g[k] * u;
        }
        store_n(y + c, s, n);
    });
}

static void mix_forward(const mmoe_mix_args *a) {
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t t = 0; t < a->n_task; t++) {
            const float *g = a->g + (size_t)b * (size_t)a->ldg + a->gate_col[t],
                        *x = a->x + (size_t)b * (size_t)a->ldx;
            const int32_t *expert = a->expert_col + (size_t)t * (size_t)a->n_expert;
            float *y = a->y + (size_t)b * (size_t)a->ldy + (size_t)t * (size_t)a->cols;
            if (a->relu.scale)
                mix_row(a, g, x, expert, y, 1);
            else
                mix_row(a, g, x, expert, y, 0);
        }
}

/* Where a gate's weight of an expert stands, of the first row of a block. */
typedef struct mix_spot {
    const float *g, *x, *dy;
    float *dx, *dg;
    int32_t at; /* the expert's first column */
} mix_spot;

/* One gate's weight of one expert, any rows and columns: dx += g dy, dg = dy . x. */
static void mix_pair(const mmoe_mix_args *a, mix_spot s, int32_t rows, int add) {
    for (int32_t b = 0; b < rows; b++) {
        vf dot = {0};
        for (int32_t c = 0; c < a->cols; c += W) {
            int n = MIN(W, a->cols - c);
            vf d = load_n(s.dy + c, n), part = *s.g * d;
            dot += d * load_n(s.x + c, n);
            store_n(s.dx + c, add ? part + load_n(s.dx + c, n) : part, n);
        }
        *s.dg = hsum(dot);
        s.g += a->ldg;
        s.x += a->ldx;
        s.dy += a->ldy;
        s.dg += a->lddg;
        s.dx += a->lddx;
    }
}

/* The same for W rows of a whole number of vectors; the dots of the W rows are summed together. */
static inline __attribute__((always_inline)) vf mix_block(const mmoe_mix_args *a, mix_spot s,
                                                          int add, int vectors) {
    vf dots[W];
#pragma GCC unroll 16
    for (int j = 0; j < W; j++) {
        vf dot = {0};
        for (int i = 0; i < vectors; i++) {
            vf d = load(s.dy + i * W), part = *s.g * d;
            dot += d * load(s.x + i * W);
            store(s.dx + i * W, add ? part + load(s.dx + i * W) : part);
        }
        dots[j] = dot;
        s.g += a->ldg;
        s.x += a->ldx;
        s.dy += a->ldy;
        s.dx += a->lddx;
    }
    return sum_each(dots);
}

static inline vf mix_block_any(const mmoe_mix_args *a, mix_spot s, int add, int vectors) {
    switch (2 * vectors + (add != 0)) {
    case 2:
        return mix_block(a, s, 0, 1);
    case 3:
        return mix_block(a, s, 1, 1);
    case 4:
        return mix_block(a, s, 0, 2);
    case 5:
        return mix_block(a, s, 1, 2);
    default:
        return add ? mix_block(a, s, 1, vectors) : mix_block(a, s, 0, vectors);
    }
}

/* W columns of an expert over `rows` rows (at most W), with its relu: u = relu(z scale + shift), dg
 * = dy . u, and, behind the last task, da = sum_t g_t dy_t where u > 0, with its column sums. The
 * dots are left in `dots`. */
static inline __attribute__((always_inline)) void
mix_relu_block(const mmoe_mix_args *a, mix_spot p, vf dots[W], int rows, int first, int last) {
    const vf scale = load(a->relu.scale + p.at), shift = load(a->relu.shift + p.at),
             mean = a->relu.mean ? load(a->relu.mean + p.at) : splat(0.0f);
    const size_t ldg = (size_t)a->ldg, ldx = (size_t)a->ldx, ldy = (size_t)a->ldy,
                 lddx = (size_t)a->lddx;
    vf sum = {0}, sum_z = {0};
#pragma GCC unroll 16
    for (int j = 0; j < rows; j++) {
        vf v = load(p.x), x = v * scale + shift, d = load(p.dy), s = *p.g * d;
        dots[j] += d * act_relu(x);
        if (!first) s += load(p.dx);
        if (last) {
            s = keep(x > 0.0f, s);
            sum += s;
            sum_z += s * (v - mean);
        }
        store(p.dx, s);
        p.g += ldg;
        p.x += ldx;
        p.dy += ldy;
        p.dx += lddx;
    }
    if (!last) return;
    store(a->relu.sum_da + p.at, load(a->relu.sum_da + p.at) + sum);
    if (a->relu.mean) store(a->relu.sum_daz + p.at, load(a->relu.sum_daz + p.at) + sum_z);
}

/* One gate's weight of one expert over `rows` rows. */
static inline __attribute__((always_inline)) void mix_relu_pair(const mmoe_mix_args *a, mix_spot p,
                                                                int rows, int first, int last) {
    vf dots[W] = {{0}};
    for (int32_t c = 0; c < a->cols; c += W) {
        mix_relu_block(a, p, dots, rows, first, last);
        p.at += W;
        p.x += W;
        p.dy += W;
        p.dx += W;
    }
    float sums[W];
    store(sums, sum_each(dots));
    const size_t lddg = (size_t)a->lddg;
    for (int j = 0; j < rows; j++) p.dg[(size_t)j * lddg] = sums[j];
}

static inline void mix_relu_any(const mmoe_mix_args *a, mix_spot p, int rows, int first, int last) {
    if (rows < W)
        mix_relu_pair(a, p, rows, first, last);
    else if (first && last)
        mix_relu_pair(a, p, W, 1, 1);
    else if (first)
        mix_relu_pair(a, p, W, 1, 0);
    else if (last)
        mix_relu_pair(a, p, W, 0, 1);
    else
        mix_relu_pair(a, p, W, 0, 0);
}

/* Of row b, an expert whose first column is `at`, task t and its gate's column. */
static inline mix_spot spot_of(const mmoe_mix_args *a, int32_t b, int32_t at, int32_t t,
                               int32_t gate) {
    const size_t row = (size_t)b;
    return (mix_spot){.g = a->g + row * (size_t)a->ldg + gate,
                      .x = a->x + row * (size_t)a->ldx + at,
                      .dy = a->dy + row * (size_t)a->ldy + (size_t)t * (size_t)a->cols,
                      .dx = a->dx + row * (size_t)a->lddx + at,
                      .dg = a->dg + row * (size_t)a->lddg + gate,
                      .at = at};
}

static void mix_relu_backward(const mmoe_mix_args *a) {
    for (int32_t k = 0; k < a->n_expert; k++) {
        memset(a->relu.sum_da + a->expert_col[k], 0, (size_t)a->cols * sizeof(float));
        if (a->relu.mean)
            memset(a->relu.sum_daz + a->expert_col[k], 0, (size_t)a->cols * sizeof(float));
    }
    for (int32_t b = 0; b < a->rows; b += W)
        for (int32_t k = 0; k < a->n_expert; k++)
            for (int32_t t = 0; t < a->n_task; t++)
                mix_relu_any(a, spot_of(a, b, a->expert_col[k], t, a->gate_col[t] + k),
                             MIN(W, a->rows - b), t == 0, t == a->n_task - 1);
}

/* W rows of a whole number of vectors. */
static void mix_rows(const mmoe_mix_args *a, mix_spot s, int add) {
    float sums[W];
    store(sums, mix_block_any(a, s, add, a->cols / W));
    for (int j = 0; j < W; j++) s.dg[(size_t)j * (size_t)a->lddg] = sums[j];
}

/* dx_k += g_tk dy_t, dg_tk = dy_t . x_k */
static void mix_backward(const mmoe_mix_args *a) {
    if (a->relu.scale) {
        mix_relu_backward(a);
        return;
    }
    for (int32_t b = 0; b < a->rows; b += W)
        for (int32_t t = 0; t < a->n_task; t++)
            for (int32_t k = 0; k < a->n_expert; k++) {
                const int32_t pair = t * a->n_expert + k, n = MIN(W, a->rows - b);
                const mix_spot s = spot_of(a, b, a->expert_col[pair], t, a->gate_col[t] + k);
                if (n == W && a->cols % W == 0)
                    mix_rows(a, s, a->add[pair]);
                else
                    mix_pair(a, s, n, a->add[pair]);
            }
}

#endif
