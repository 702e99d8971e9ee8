/* Every loop that is not a GEMM. A table of functions for each instruction set, made from one
 * source (kernels_body.h); the best that the processor has is chosen once. Matrices are row-major
 * with their own row strides; `rows`, `cols` may be 0. No function reads or writes beyond `cols` of
 * a row. */
#ifndef MMOE_MATH_KERNELS_H
#define MMOE_MATH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "math/activation.h"
#include "math/gemm.h"
#include "mmoe/mmoe.h"

enum { MMOE_NARROW_K = 64, MMOE_PHILOX_BLOCK = 64, MMOE_PACKED_N = 16, MMOE_PACKED_K = 16 };
enum { MMOE_BINS_ROWS = 240, MMOE_SERVED_EXPONENT = -9 }; /* the first bin ends at 2^-9 */

/* A layer's activation over columns: a = z * scale + shift (scale, shift [cols]), u = act(a).
 * Modules of `group` columns share a slope (prelu, dice) or a row's normaliser (softmax, dice);
 * slope [cols / group]. */
typedef struct mmoe_act_args {
    mmoe_activation act;
    int32_t rows, cols, group;
    const float *scale, *shift, *slope;
    const float *z; /* [rows, cols] */
    int32_t ldz;
    float *u; /* [rows, cols]: written forward, read backward (softmax) */
    int32_t ldu;
    float *du; /* backward: du on entry, da on return, in place */
    int32_t lddu;
    float *dslope; /* backward: += a sum over the rows, [cols / group] */
} mmoe_act_args;

/* The experts' relu taken together with the mixing: x is then their z, and what is mixed is relu(z
 * scale + shift); dx is the gradient of z scale + shift, and its column sums (as column_sums has
 * them; mean NULL: sum_da alone) are written too. Arrays are indexed by x's columns. scale NULL: x
 * is mixed as it is. */
typedef struct mmoe_mix_relu {
    const float *scale, *shift, *mean;
    float *sum_da, *sum_daz;
} mmoe_mix_relu;

/* Gates side by side in g, gate i of n_expert[i] columns, its logits a[:, col[i] : + n_expert[i]]:
 * g = softmax(a / temperature) over the experts that take part, 0 elsewhere. Of a row's logits the
 * top_k largest take part, and those that equal the smallest of them (0: all), a NaN being the
 * largest; where `masked`, of these the ones whose g is not 0 on entry, or all if none is left. */
typedef struct mmoe_gate_args {
    int32_t rows, n_gate;
    const int32_t *col, *n_expert; /* [n_gate]; `col` is of da, too */
    float temperature;
    int32_t top_k;
    int masked;
    const float *a;
    int32_t lda;
    float *g; /* forward: written */
    int32_t ldg;
    const float *dg; /* backward */
    int32_t lddg;
    const float *more; /* backward: a row that is added to each of dg; NULL: none */
    float *da;         /* backward: written */
    int32_t ldda;
} mmoe_gate_args;

/* y[b, t] = sum_k g[b, gate_col[t] + k] x[b, expert_col[t * n_expert + k] : + cols], y[b, t] at
 * column t * cols */
typedef struct mmoe_mix_args {
    int32_t rows, n_task, n_expert, cols;
    const int32_t *gate_col, *expert_col;
    const float *g;
    int32_t ldg;
    const float *x;
    int32_t ldx;
    float *y; /* forward: written */
    const float *dy;
    int32_t ldy; /* of y and dy */
    float *dg;   /* backward: written */
    int32_t lddg;
    float *dx; /* backward: written, or added to where `add` says so */
    int32_t lddx;
    const uint8_t *add; /* [n_task, n_expert]: 0 where this is the first contribution to the
                           expert's columns */
    mmoe_mix_relu relu; /* needs cols a multiple of mix_cols, and every expert mixed by every task
                           in the same order */
} mmoe_mix_args;

/* Attention of two items over their queries, keys and values: with s_i = q_i . k_i / sqrt(dim) and
 * a = softmax(s_0, s_1), y = a_0 v_0 + a_1 v_1. x [rows, 6 dim]: q_0 k_0 v_0 q_1 k_1 v_1. */
typedef struct mmoe_attend_args {
    int32_t rows, dim;
    const float *x;
    int32_t ldx;
    float *y; /* forward: written */
    const float *dy;
    int32_t ldy; /* of y and dy */
    float *dx;   /* backward: written */
    int32_t lddx;
} mmoe_attend_args;

/* How many of a task's scores are in each of mmoe_served_bin's bins; NaNs are in none. */
typedef struct mmoe_bins_args {
    int32_t rows, stride; /* rows: at most MMOE_BINS_ROWS */
    const float *x;       /* x[r * stride]; probabilities are not below 0 */
    bool is_probability;
    int32_t *counts; /* [MMOE_SERVED_BINS]: written */
    double *sum;     /* += all scores that are no NaN */
} mmoe_bins_args;

/* C = max(start + A B, floor), where B [k, n] was packed (mmoe_kernels.pack) and of its rows
 * [first, first + count) take part; A [rows, count], or where it is `across` [count, rows]. A row
 * of C is the same to the bit whatever `rows` is, and whether its sum over k is taken at once or in
 * pieces, each starting from the one before. */
typedef struct mmoe_packed_gemm {
    int32_t rows, n, k, first, count;
    bool across;
    const float *a;
    int32_t lda;
    const float *packed;
    const float *start; /* [rows, n], or with a stride of 0 [n]; may be c */
    int32_t ldstart;
    const float *floor; /* [n]; NULL: none */
    float *c;           /* [rows, n] */
    int32_t ldc;
} mmoe_packed_gemm;

/* z[b] = max(start[b] + p[at[b, 0]] + ... + p[at[b, count - 1]], floor), added in this order: one
 * by one, so a row is the same to the bit whatever `rows` is, and whether it is made at once or in
 * pieces, each starting from the one before. */
typedef struct mmoe_lookup_args {
    int32_t rows, cols, count;
    const int32_t *at; /* [rows, count] rows of p */
    int32_t ldat;
    const float *p; /* [.., cols] */
    int32_t ldp;
    const float *start; /* [rows, cols], or with a stride of 0 [cols]; may be z */
    int32_t ldstart;
    const float *floor; /* [cols]; NULL: none */
    float *z;           /* [rows, cols] */
    int32_t ldz;
} mmoe_lookup_args;

/* sums[at[b, i] - first] += z[b], in the order of the rows. */
typedef struct mmoe_spread_args {
    int32_t rows, cols, count;
    const int32_t *at; /* [rows, count] rows, of which `first` is the first of sums */
    int32_t ldat, first;
    const float *z; /* [rows, cols] */
    int32_t ldz;
    float *sums; /* [.., cols] */
    int32_t ldsums;
} mmoe_spread_args;

/* The same of one row of z, weighted: z += sum_i weights[i] / total p[at[i]]; or, p being the sums,
 * p[at[i]] += weights[i] / total z. */
typedef struct mmoe_bag_args {
    int32_t cols, count;
    const int32_t *at;    /* [count] */
    const float *weights; /* [count]; NULL: 1 */
    float total;
    float *p; /* [.., cols]; the sums */
    int32_t ldp;
    float *z; /* [cols] */
} mmoe_bag_args;

/* x[b] = p[at[b * ldat]], made floats: of bfloat16, or of integers times their row's scale. */
typedef struct mmoe_widen_args {
    int32_t rows, cols;
    const int32_t *at; /* [rows] */
    size_t ldat;
    const void *p;       /* [.., cols] uint16_t or int8_t */
    const float *scales; /* [..] of integers */
    float *x;            /* [rows, cols] */
    size_t ldx;
} mmoe_widen_args;

/* y = x^T */
typedef struct mmoe_transpose_args {
    int32_t rows, cols;
    const float *x; /* [rows, cols] */
    int32_t ldx;
    float *y; /* [cols, rows] */
    int32_t ldy;
} mmoe_transpose_args;

/* Packing of rows [first, first + count) of B [k, n]: row first + i is scale[c] w[c * ldw + i], c <
 * n. Each table has its own layout. */
typedef struct mmoe_pack_args {
    int32_t n, k, first, count;
    const float *w;
    int32_t ldw;
    const float *scale; /* NULL: 1 */
    float *packed;
} mmoe_pack_args;

/* Column sums about the first row k = z[0, :], which keeps the variance clear of cancellation:
 * pivot = k, sum = sum_b (z - k), square = sum_b (z - k)^2; each [cols]. rows >= 1. */
typedef struct mmoe_stats_args {
    int32_t rows, cols;
    const float *z;
    int32_t ldz;
    float *pivot, *sum, *square;
} mmoe_stats_args;

/* sum_da = sum_b da, sum_daz = sum_b da (z - mean); each [cols]; mean NULL: sum_da alone. */
typedef struct mmoe_sums_args {
    int32_t rows, cols;
    const float *da;
    int32_t ldda;
    const float *z;
    int32_t ldz;
    const float *mean;
    float *sum_da, *sum_daz;
} mmoe_sums_args;
/* The same behind an activation. */
typedef struct mmoe_act_sums {
    const float *mean;
    float *sum_da, *sum_daz;
} mmoe_act_sums;

/* da = k0 da + k1 z + k2, in place; k [cols] each: batch norm's input gradient. */
typedef struct mmoe_norm_args {
    int32_t rows, cols;
    const float *da;
    int32_t ldda;
    const float *z;
    int32_t ldz;
    const float *k0, *k1, *k2;
    float *dz; /* may be da, or z */
    int32_t lddz;
} mmoe_norm_args;

/* u *= mask / (1 - p): an element is kept when its random number is at least p. With q = ceil(cols
 * / 4), element (b, c) takes word c / q of Philox (seed, stream, (first_row + b) * q + c % q). */
typedef struct mmoe_dropout_args {
    int32_t rows, cols;
    float *u;
    int32_t ldu;
    float p;
    uint64_t seed, stream, first_row;
} mmoe_dropout_args;

typedef struct mmoe_sgd_args {
    float lr, momentum, weight_decay;
    int first; /* the first step */
} mmoe_sgd_args;
/* The gradient scale g + l1 sign(w) + 2 l2 w: that of a loss to which l1 sum |w| + l2 sum w^2 is
 * added. */
typedef struct mmoe_penalty_args {
    float scale, l1, l2;
} mmoe_penalty_args;

typedef struct mmoe_adam_args {
    float lr, beta1, beta2, eps, weight_decay;
    float correction1, correction2; /* 1 / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
    int decoupled;                  /* AdamW: decay the weight itself */
} mmoe_adam_args;

/* PyTorch's Adagrad, its sum kept less what it begins with. */
typedef struct mmoe_adagrad_args {
    float lr, eps, weight_decay;
    float initial;
} mmoe_adagrad_args;

/* What one step differs in from another. */
typedef struct mmoe_rate {
    float lr, correction1, correction2;
} mmoe_rate;

/* Steps in which n values had no gradient, one by one. */
typedef struct mmoe_idle_args {
    const mmoe_rate *rates; /* [count] */
    int64_t count;
} mmoe_idle_args;

/* The same steps at once. With x = root sqrt(v), d = x + eps, r = x / d and t = eps / d
 *
 *     w = keep w - m / d (pull - r t (second - t third))
 *     m = keep_m m,  v = keep_v v
 *
 * and without a v, w = keep w - pull m. */
typedef struct mmoe_leap_args {
    float keep, keep_m, keep_v, root, eps, pull, second, third;
} mmoe_leap_args;
typedef struct mmoe_leap_row {
    const mmoe_leap_args *args;
    float *w, *m, *v; /* v: NULL: there is none */
} mmoe_leap_row;

/* A row that Adam moves. */
typedef struct mmoe_adam_row {
    float *w, *m, *v;
    const float *g;
} mmoe_adam_row;

/* A cross-entropy other than the plain one (0, 1, 0): of the label y' = y (1 - smoothing) +
 * smoothing / 2, its positive term times positive_weight, and each term times the probability of
 * the other class to the power of gamma (Lin et al., ICCV 2017). */
typedef struct mmoe_loss_shape {
    float smoothing, positive_weight, gamma;
} mmoe_loss_shape;

typedef struct mmoe_kernels {
    const char *name; /* "generic", "avx2", "avx512", "neon" */
    void (*column_stats)(const mmoe_stats_args *a);
    void (*act_forward)(const mmoe_act_args *a);
    void (*act_backward)(const mmoe_act_args *a);
    void (*column_sums)(const mmoe_sums_args *a);
    /* act_backward for relu and column_sums in one pass. */
    void (*relu_backward_sums)(const mmoe_act_args *a, const mmoe_act_sums *to);
    void (*norm_backward)(const mmoe_norm_args *a);
    void (*gate_forward)(const mmoe_gate_args *a);
    void (*gate_backward)(const mmoe_gate_args *a);
    void (*mix_forward)(const mmoe_mix_args *a);
    void (*mix_backward)(const mmoe_mix_args *a);
    void (*attend_forward)(const mmoe_attend_args *a);
    void (*attend_backward)(const mmoe_attend_args *a);
    /* Small products: A B^T with n at most narrow_n and k at most MMOE_NARROW_K; and A^T B with
     * m 1. */
    void (*gemm_narrow)(const mmoe_gemm *g);
    void (*gemm_one_row)(const mmoe_gemm *g);
    int32_t narrow_n;
    int32_t mix_cols;
    /* The words of Philox (base/rng.h) at counters first .. first + n - 1, n at most
     * MMOE_PHILOX_BLOCK: word l of counter first + j at out[l * MMOE_PHILOX_BLOCK + j]. */
    void (*philox)(uint64_t seed, uint64_t stream, uint64_t first, int n, uint32_t *out);
    void (*dropout)(const mmoe_dropout_args *a);
    /* p = sigmoid(z), [n]. */
    void (*sigmoid)(int32_t n, const float *z, float *p);
    /* Binary cross-entropy of logits: loss[i] = max(z,0) - z y + log1p(exp(-|z|)), dz[i] =
     * sigmoid(z) - y; [n]. */
    void (*bce)(int32_t n, const float *z, const float *y, float *loss, float *dz);
    /* With p = sigmoid(z) and w = positive_weight: loss[i] = -(w y' (1-p)^gamma log p + (1-y')
     * p^gamma log(1-p)), and its slope; [n]. */
    void (*shaped_bce)(const mmoe_loss_shape *shape, int32_t n, const float *z, const float *y,
                       float *loss, float *dz);
    /* The logit of a product of probabilities, sigmoid(z) = sigmoid(a) sigmoid(b), and its slopes
     * dz/da, dz/db; [n]. */
    void (*joint_logit)(int32_t n, const float *a, const float *b, float *z, float *dza,
                        float *dzb);
    void (*exp)(int32_t n, const float *x,
                float *y); /* to 0 and +inf beyond the range of float; NaN stays */
    /* One step over n values. `g` is the gradient before weight decay. All tell whether a new
     * weight is not finite. */
    bool (*adam)(const mmoe_adam_args *a, size_t n, float *w, const float *g, float *m, float *v);
    /* The same of `count` rows of n values. A row's chain of instructions is long, and a processor
     * that is told of many rows at once works on several. */
    bool (*adam_rows)(const mmoe_adam_args *a, size_t n, const mmoe_adam_row *rows, size_t count);
    /* PyTorch's SGD: g += weight_decay w; m = momentum m + g (first step: m = g); w -= lr m. */
    bool (*sgd)(const mmoe_sgd_args *a, size_t n, float *w, const float *g, float *m);
    /* g += weight_decay w; s += g^2; w -= lr g / (sqrt(initial + s) + eps). */
    bool (*adagrad)(const mmoe_adagrad_args *a, size_t n, float *w, const float *g, float *s);
    /* The same of a row with one s, to which the mean of its g^2 is added; g as `regularize` makes
     * it of its gradient, by `of`, before the decay. */
    bool (*adagrad_row)(const mmoe_adagrad_args *a, const mmoe_penalty_args *of, size_t n, float *w,
                        const float *g, float *s);
    /* As often as there are rates, with g = 0: what adam, sgd and adagrad make of it, to the bit.
     */
    void (*adam_idle)(const mmoe_adam_args *a, const mmoe_idle_args *idle, size_t n, float *w,
                      float *m, float *v);
    void (*sgd_idle)(const mmoe_sgd_args *a, const mmoe_idle_args *idle, size_t n, float *w,
                     float *m);
    void (*adagrad_idle)(const mmoe_adagrad_args *a, const mmoe_idle_args *idle, size_t n, float *w,
                         float *s);
    void (*adagrad_row_idle)(const mmoe_adagrad_args *a, const mmoe_idle_args *idle, size_t n,
                             float *w, float *s);
    void (*leap)(size_t n, const mmoe_leap_row *rows, size_t count); /* rows of n values */
    void (*regularize)(const mmoe_penalty_args *a, size_t n, const float *w, const float *g,
                       float *out);
    double (*dot)(size_t n, const float *x, const float *y);
    /* out[i] = sum_t factors[t] x[t * stride + i], i < n; out may be x. count >= 1. */
    void (*combine)(size_t n, int32_t count, const float *factors, const float *x, size_t stride,
                    float *out);
    void (*add)(size_t n, const float *x, float *y);               /* y += x, and +0 for -0 */
    void (*blend)(size_t n, float rate, const float *x, float *y); /* y += rate (x - y) */
    size_t (*packed_size)(int32_t n, int32_t k);                   /* floats of a packed B [k, n] */
    void (*pack)(const mmoe_pack_args *a);
    /* Packing of B [k, n] as it stands, row i at b + i * ldb. */
    void (*pack_rows)(int32_t n, int32_t k, const float *b, int32_t ldb, float *packed);
    void (*gemm)(const mmoe_packed_gemm *g);
    void (*transpose)(const mmoe_transpose_args *a);
    void (*lookup_add)(const mmoe_lookup_args *a);
    void (*lookup_spread)(const mmoe_spread_args *a);
    void (*widen_bf16)(const mmoe_widen_args *a);
    void (*widen_int8)(const mmoe_widen_args *a);
    void (*bag_add)(const mmoe_bag_args *a);
    void (*bag_spread)(const mmoe_bag_args *a);
    /* most[c] becomes the largest of itself and of ids [rows, width], column c. */
    void (*raise_most)(int32_t *most, const int32_t *ids, size_t width, size_t rows);
    void (*count_scores)(const mmoe_bins_args *a);
    /* op(A) B with beta 0 and n a multiple of mix_cols, unpacked: gradients of weights. */
    void (*gemm_outer)(const mmoe_gemm *g);
    /* Elements of B, of at least MMOE_PACKED_N columns and MMOE_PACKED_K rows, up to which `gemm`,
     * packing included, was measured to be faster than OpenBLAS for a step's products; 0: none.
     * Whether gemm_outer was, for gradients of weights; and up to how many elements of B, or of a
     * gradient, it was for products of any shape, where OpenBLAS has no kernels for small ones.
     * (GFLOP/s, theirs and ours, OpenBLAS 0.3.21: Zen 5, avx512 215, 250. Granite Rapids, avx2,
     * their Haswell kernels: B [135, 144] 86, 107, [135, 544] 102, 102, [519, 528] 105, 98; A^T B
     * 90 to 100, 74 to 95. Zen 4, avx2, their Haswell kernels: A^T B of 1024 rows [7, 48] 33, 88,
     * [16, 16] 72, 106, [64, 64] 100, 111, [144, 544] 110, 101. neon: not measured.) */
    int32_t packs_steps, outer_steps, small_steps;
} mmoe_kernels;

/* The table for this processor, or another of its own that the environment variable MMOE_KERNELS
 * names when this is called first; thread-safe. */
const mmoe_kernels *mmoe_kernels_best(void);
/* MMOE_E_ARGUMENT where MMOE_KERNELS names no table that this processor can run: then the best is
 * taken, but whoever begins what runs long asks first. */
mmoe_status mmoe_kernels_check(mmoe_error *err);
/* The table of that name; NULL: this processor runs none such. */
const mmoe_kernels *mmoe_kernels_named(const char *name);
/* Table `index` of those that this processor can run, NULL past the last; 0 is the generic one. For
 * tests. */
const mmoe_kernels *mmoe_kernels_at(size_t index);

#endif
