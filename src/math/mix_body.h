/* Experts mixed by gates. */
#ifndef MMOE_MATH_MIX_BODY_H
#define MMOE_MATH_MIX_BODY_H

#include "math/act_body.h"
#include "math/kernels.h"
#include "math/simd.h"

static inline __attribute__((always_inline)) void
mix_plain(const mmoe_mix_args *a, const float *g, const float *x, const int32_t *expert, float *y) {
    FOR_COLUMNS(a->cols, c, n, {
        vf s = {0};
        for (int32_t k = 0; k < a->n_expert; k++) s += g[k] * load_n(x + expert[k] + c, n);
        store_n(y + c, s, n);
    });
}

/* A row of experts, and of one or two tasks their weights and what is mixed. */
typedef struct mix_row {
    const float *x, *g[2];
    float *y;
} mix_row;

/* Where AVX-512 takes one vector of columns, others take two at once: sums that wait for one
 * another have company. */
#if W == 16
#define RELU_VECTORS 1
#else
#define RELU_VECTORS 2
#endif

/* `vectors` from column c on, of `tasks` tasks from t on, whose experts are the same: their relu is
 * computed once. */
static inline __attribute__((always_inline)) void
mix_relu_columns(const mmoe_mix_args *a, const mix_row *row, int32_t c, int tasks, int vectors) {
    const float *x = row->x + c, *scale = a->relu.scale + c, *shift = a->relu.shift + c;
    vf s[2][RELU_VECTORS] = {{{0}}};
    for (int32_t k = 0; k < a->n_expert; k++) {
        const int32_t at = a->expert_col[k];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            const vf u =
                act_relu(affine(x + at + v * W, scale + at + v * W, shift + at + v * W, W));
#pragma GCC unroll 2
            for (int i = 0; i < tasks; i++) s[i][v] += row->g[i][k] * u;
        }
    }
#pragma GCC unroll 2
    for (int i = 0; i < tasks; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            store(row->y + (size_t)i * (size_t)a->cols + c + v * W, s[i][v]);
}

static inline __attribute__((always_inline)) void mix_relu_row(const mmoe_mix_args *a, int32_t b,
                                                               int32_t t, int tasks) {
    const float *g = a->g + (size_t)b * (size_t)a->ldg;
    const mix_row row = {a->x + (size_t)b * (size_t)a->ldx,
                         {g + a->gate_col[t], g + a->gate_col[t + tasks - 1]},
                         a->y + (size_t)b * (size_t)a->ldy + (size_t)t * (size_t)a->cols};
    int32_t c = 0;
    for (; c + RELU_VECTORS * W <= a->cols; c += RELU_VECTORS * W)
        mix_relu_columns(a, &row, c, tasks, RELU_VECTORS);
    for (; c < a->cols; c += W) mix_relu_columns(a, &row, c, tasks, 1);
}

static void mix_relu_forward(const mmoe_mix_args *a) {
    for (int32_t b = 0; b < a->rows; b++) {
        int32_t t = 0;
        for (; t + 2 <= a->n_task; t += 2) mix_relu_row(a, b, t, 2);
        if (t < a->n_task) mix_relu_row(a, b, t, 1);
    }
}

static void mix_forward(const mmoe_mix_args *a) {
    if (a->relu.scale) {
        mix_relu_forward(a);
        return;
    }
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t t = 0; t < a->n_task; t++)
            mix_plain(a, a->g + (size_t)b * (size_t)a->ldg + a->gate_col[t],
                      a->x + (size_t)b * (size_t)a->ldx,
                      a->expert_col + (size_t)t * (size_t)a->n_expert,
                      a->y + (size_t)b * (size_t)a->ldy + (size_t)t * (size_t)a->cols);
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

/* Which rows, at most W, and vectors of an expert's columns; and whether the task is the first, the
 * last one. */
typedef struct mix_block_of {
    int rows, vectors, first, last;
} mix_block_of;

/* With as many registers as AVX-512's the dots of W rows stay there, else in the first cache, and
 * the sums of two vectors of columns go beside each other: they wait for one another less. */
#if W == 16
#define EACH_RELU_ROW _Pragma("GCC unroll 16")
#else
#define EACH_RELU_ROW _Pragma("GCC unroll 2")
#endif

/* Some columns of an expert with its relu: u = relu(z scale + shift), dg = dy . u, and, behind the
 * last task, da = sum_t g_t dy_t where u > 0, with its column sums. The dots go to `dots`; `more`:
 * they are added there. */
static inline __attribute__((always_inline)) void
mix_relu_block(const mmoe_mix_args *a, mix_spot p, vf dots[W], mix_block_of of, int more) {
    const size_t ldg = (size_t)a->ldg, ldx = (size_t)a->ldx, ldy = (size_t)a->ldy,
                 lddx = (size_t)a->lddx;
    vf scale[RELU_VECTORS], shift[RELU_VECTORS], mean[RELU_VECTORS], sum[RELU_VECTORS],
        sum_z[RELU_VECTORS];
    for (int i = 0; i < of.vectors; i++) {
        scale[i] = load(a->relu.scale + p.at + i * W);
        shift[i] = load(a->relu.shift + p.at + i * W);
        mean[i] = a->relu.mean ? load(a->relu.mean + p.at + i * W) : splat(0.0f);
        sum[i] = sum_z[i] = splat(0.0f);
    }
    EACH_RELU_ROW
    for (int j = 0; j < of.rows; j++) {
        vf dot = more ? dots[j] : splat(0.0f);
        for (int i = 0; i < of.vectors; i++) {
            vf v = load(p.x + i * W), x = v * scale[i] + shift[i], d = load(p.dy + i * W),
               s = *p.g * d;
            dot += d * act_relu(x);
            if (!of.first) s += load(p.dx + i * W);
            if (of.last) {
                s = keep(x > 0.0f, s);
                sum[i] += s;
                sum_z[i] += s * (v - mean[i]);
            }
            store(p.dx + i * W, s);
        }
        dots[j] = dot;
        p.g += ldg;
        p.x += ldx;
        p.dy += ldy;
        p.dx += lddx;
    }
    for (int i = 0; i < of.vectors && of.last; i++) {
        float *sum_da = a->relu.sum_da + p.at + i * W, *sum_daz = a->relu.sum_daz + p.at + i * W;
        store(sum_da, load(sum_da) + sum[i]);
        if (a->relu.mean) store(sum_daz, load(sum_daz) + sum_z[i]);
    }
}

/* One gate's weight of one expert. */
static inline __attribute__((always_inline)) void mix_relu_pair(const mmoe_mix_args *a, mix_spot p,
                                                                mix_block_of of) {
    vf dots[W];
    if (of.rows < W) memset(dots, 0, sizeof dots);
    int32_t c = 0;
    do {
        const int vectors = c + RELU_VECTORS * W <= a->cols ? RELU_VECTORS : 1;
        if (vectors == RELU_VECTORS)
            mix_relu_block(a, p, dots, (mix_block_of){of.rows, RELU_VECTORS, of.first, of.last},
                           c > 0);
        else
            mix_relu_block(a, p, dots, (mix_block_of){of.rows, 1, of.first, of.last}, c > 0);
        c += vectors * W;
        p.at += vectors * W;
        p.x += vectors * W;
        p.dy += vectors * W;
        p.dx += vectors * W;
    } while (c < a->cols);
    float sums[W];
    store(sums, sum_each(dots));
    const size_t lddg = (size_t)a->lddg;
    for (int j = 0; j < of.rows; j++) p.dg[(size_t)j * lddg] = sums[j];
}

static inline void mix_relu_any(const mmoe_mix_args *a, mix_spot p, int rows, int first, int last) {
    if (rows < W)
        mix_relu_pair(a, p, (mix_block_of){rows, 0, first, last});
    else if (first && last)
        mix_relu_pair(a, p, (mix_block_of){W, 0, 1, 1});
    else if (first)
        mix_relu_pair(a, p, (mix_block_of){W, 0, 1, 0});
    else if (last)
        mix_relu_pair(a, p, (mix_block_of){W, 0, 0, 1});
    else
        mix_relu_pair(a, p, (mix_block_of){W, 0, 0, 0});
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

/* Where two tasks mix, some experts side by side: so many vectors of columns at once that their
 * sums stay in registers. */
#if W == 16
#define GROUP_VECTORS 8
#elif W == 8
#define GROUP_VECTORS 2
#else
#define GROUP_VECTORS 4
#endif

/* A row of a group of experts, from their first column on. */
typedef struct mix_group_row {
    const float *x, *scale, *shift, *mean, *dy[2], *g[2];
    float *dx;
} mix_group_row;

/* The dots of both tasks with each expert, of `vectors` vectors; adds to the columns' sums. */
static inline __attribute__((always_inline)) void
mix_group_row_back(mix_group_row r, int experts, int vectors, vf *dots, vf *sum, vf *sum_z) {
#pragma GCC unroll 8
    for (int k = 0; k < experts; k++) {
        vf dot0 = splat(0.0f), dot1 = dot0;
        const vf g0 = splat(r.g[0][k]), g1 = splat(r.g[1][k]);
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            const int q = k * vectors + i;
            const vf v = load(r.x + q * W), d0 = load(r.dy[0] + i * W), d1 = load(r.dy[1] + i * W),
                     a = vfma(v, load(r.scale + q * W), load(r.shift + q * W)), u = act_relu(a),
                     s = keep(a > 0.0f, vfma(g1, d1, g0 * d0));
            dot0 = vfma(d0, u, dot0);
            dot1 = vfma(d1, u, dot1);
            sum[q] += s;
            sum_z[q] = vfma(s, v - load(r.mean + q * W), sum_z[q]);
            store(r.dx + q * W, s);
        }
        dots[k] = dot0;
        dots[experts + k] = dot1;
    }
}

/* W rows from b on of experts [k, k + experts), which make up GROUP_VECTORS. The dots of as many
 * rows as fill a vector are summed together. */
static inline __attribute__((always_inline)) void mix_group(const mmoe_mix_args *args, int32_t b,
                                                            int32_t k, int vectors) {
    const mmoe_mix_args a = *args; /* in registers: no store may change it */
    const int experts = GROUP_VECTORS / vectors, together = W / (2 * experts);
    const int32_t at = a.expert_col[k];
    const size_t gate0 = (size_t)(a.gate_col[0] + k), gate1 = (size_t)(a.gate_col[1] + k);
    const float *g = a.g + (size_t)b * (size_t)a.ldg;
    float *dg = a.dg + (size_t)b * (size_t)a.lddg;
    mix_group_row r = {.x = a.x + (size_t)b * (size_t)a.ldx + at,
                       .scale = a.relu.scale + at,
                       .shift = a.relu.shift + at,
                       .mean = a.relu.mean + at,
                       .dx = a.dx + (size_t)b * (size_t)a.lddx + at};
    r.dy[0] = a.dy + (size_t)b * (size_t)a.ldy;
    r.dy[1] = r.dy[0] + a.cols;
    vf sum[GROUP_VECTORS], sum_z[GROUP_VECTORS], dots[W];
    for (int i = 0; i < GROUP_VECTORS; i++) sum[i] = sum_z[i] = splat(0.0f);
    for (int32_t j = 0; j < W; j += together) {
#pragma GCC unroll 8
        for (int i = 0; i < together; i++) {
            r.g[0] = g + gate0;
            r.g[1] = g + gate1;
            mix_group_row_back(r, experts, vectors, dots + 2 * i * experts, sum, sum_z);
            g += a.ldg;
            r.x += a.ldx;
            r.dx += a.lddx;
            r.dy[0] += a.ldy;
            r.dy[1] += a.ldy;
        }
        float sums[W];
        store(sums, sum_each(dots));
#pragma GCC unroll 8
        for (int i = 0; i < together; i++) {
            const size_t size = (size_t)experts * sizeof *sums;
            memcpy(dg + gate0, sums + 2 * i * experts, size);
            memcpy(dg + gate1, sums + (2 * i + 1) * experts, size);
            dg += a.lddg;
        }
    }
    for (int i = 0; i < GROUP_VECTORS; i++) {
        float *sum_da = a.relu.sum_da + at + i * W, *sum_daz = a.relu.sum_daz + at + i * W;
        store(sum_da, load(sum_da) + sum[i]);
        store(sum_daz, load(sum_daz) + sum_z[i]);
    }
}

static inline __attribute__((always_inline)) int32_t mix_whole_groups(const mmoe_mix_args *a,
                                                                      int32_t b, int vectors) {
    const int32_t experts = GROUP_VECTORS / vectors, end = a->n_expert / experts * experts;
    for (int32_t k = 0; k < end; k += experts) mix_group(a, b, k, vectors);
    return end;
}

/* How many experts were done so. */
static int32_t mix_groups(const mmoe_mix_args *a, int32_t b) {
    if (a->n_task != 2 || !a->relu.mean || a->rows - b < W) return 0;
    switch (a->cols / W) {
#if 2 * GROUP_VECTORS <= W
    case 1:
        return mix_whole_groups(a, b, 1);
#endif
    case 2:
        return mix_whole_groups(a, b, 2);
#if GROUP_VECTORS >= 4
    case 4:
        return mix_whole_groups(a, b, 4);
#endif
    default:
        return 0;
    }
}

static void mix_relu_backward(const mmoe_mix_args *a) {
    for (int32_t k = 0; k < a->n_expert; k++) {
        memset(a->relu.sum_da + a->expert_col[k], 0, (size_t)a->cols * sizeof(float));
        if (a->relu.mean)
            memset(a->relu.sum_daz + a->expert_col[k], 0, (size_t)a->cols * sizeof(float));
    }
    for (int32_t b = 0; b < a->rows; b += W)
        for (int32_t k = mix_groups(a, b); k < a->n_expert; k++)
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
