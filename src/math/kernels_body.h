/* The kernels, written once in vectors of W floats (simd.h); included by one file for each
 * instruction set. */
#include "math/kernels.h"
#include "math/simd.h"
#include "math/gemm_body.h"

/* Runs body(c, n) for columns in vectors, n a constant W but for the last one. */
#define FOR_COLUMNS(cols, body)                                                                    \
    do {                                                                                           \
        int32_t c_ = 0;                                                                            \
        for (; c_ + W <= (cols); c_ += W) body(c_, W);                                             \
        if (c_ < (cols)) body(c_, (cols)-c_);                                                      \
    } while (0)

/* ---- Batch norm ---- */

static inline void stats_block(int32_t rows, const float *z, int32_t ldz, float *pivot, float *sum,
                               float *square, int n) {
    vf k = load_n(z, n), s = {0}, q = {0};
    for (int32_t b = 0; b < rows; b++, z += ldz) {
        vf d = load_n(z, n) - k;
        s += d;
        q += d * d;
    }
    store_n(pivot, k, n);
    store_n(sum, s, n);
    store_n(square, q, n);
}

static void column_stats(int32_t rows, int32_t cols, const float *z, int32_t ldz, float *pivot,
                         float *sum, float *square) {
    int32_t c = 0;
    for (; c + 4 * W <= cols;
         c += 4 * W) { /* four vectors a row: whole cache lines, and four independent chains */
        vf k[4], s[4] = {{0}}, q[4] = {{0}};
        const float *row = z + c;
        for (int i = 0; i < 4; i++) k[i] = load(row + i * W);
        for (int32_t b = 0; b < rows; b++, row += ldz)
            for (int i = 0; i < 4; i++) {
                vf d = load(row + i * W) - k[i];
                s[i] += d;
                q[i] += d * d;
            }
        for (int i = 0; i < 4; i++) {
            store(pivot + c + i * W, k[i]);
            store(sum + c + i * W, s[i]);
            store(square + c + i * W, q[i]);
        }
    }
#define BODY(at, n)                                                                                \
    stats_block(rows, z + c + (at), ldz, pivot + c + (at), sum + c + (at), square + c + (at), n)
    FOR_COLUMNS(cols - c, BODY);
#undef BODY
}

static inline void sums_block(int32_t rows, const float *da, int32_t ldda, const float *z,
                              int32_t ldz, const float *mean, float *sum_da, float *sum_daz,
                              int n) {
    vf k = mean ? load_n(mean, n) : splat(0.0f), s = {0}, q = {0};
    for (int32_t b = 0; b < rows; b++) {
        vf d = load_n(da + (size_t)b * (size_t)ldda, n);
        s += d;
        if (mean) q += d * (load_n(z + (size_t)b * (size_t)ldz, n) - k);
    }
    store_n(sum_da, s, n);
    if (mean) store_n(sum_daz, q, n);
}

static void column_sums(int32_t rows, int32_t cols, const float *da, int32_t ldda, const float *z,
                        int32_t ldz, const float *mean, float *sum_da, float *sum_daz) {
#define BODY(c, n)                                                                                 \
    sums_block(rows, da + (c), ldda, z + (c), ldz, mean ? mean + (c) : NULL, sum_da + (c),         \
               sum_daz + (c), n)
    FOR_COLUMNS(cols, BODY);
#undef BODY
}

/* da = du where a > 0; the sums as in column_sums. i vectors at once. */
static inline __attribute__((always_inline)) void relu_block(const mmoe_act_args *a,
                                                             const float *mean, float *sum_da,
                                                             float *sum_daz, int32_t c, int vectors,
                                                             int n) {
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
        store_n(sum_da + c + i * W, s[i], n);
        if (mean) store_n(sum_daz + c + i * W, q[i], n);
    }
}

static void relu_backward_sums(const mmoe_act_args *a, const float *mean, float *sum_da,
                               float *sum_daz) {
    int32_t c = 0;
    for (; c + 4 * W <= a->cols; c += 4 * W) relu_block(a, mean, sum_da, sum_daz, c, 4, W);
#define BODY(at, n) relu_block(a, mean, sum_da, sum_daz, c + (at), 1, n)
    FOR_COLUMNS(a->cols - c, BODY);
#undef BODY
}

static void norm_backward(int32_t rows, int32_t cols, float *da, int32_t ldda, const float *z,
                          int32_t ldz, const float *k0, const float *k1, const float *k2) {
    for (int32_t b = 0; b < rows; b++, da += ldda, z += ldz) {
#define BODY(c, n)                                                                                 \
    store_n(da + (c),                                                                              \
            load_n(k0 + (c), n) * load_n(da + (c), n) + load_n(k1 + (c), n) * load_n(z + (c), n) + \
                load_n(k2 + (c), n),                                                               \
            n)
        FOR_COLUMNS(cols, BODY);
#undef BODY
    }
}

/* ---- Activations ---- */

static inline vf act_none(vf a) { return a; }
static inline vf act_relu(vf a) { return choose(a < 0.0f, splat(0.0f), a); } /* NaN stays NaN */
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

static inline vf affine(const float *z, const float *scale, const float *shift, int n) {
    return load_n(z, n) * load_n(scale, n) + load_n(shift, n);
}

static inline __attribute__((always_inline)) void forward_each(const mmoe_act_args *a,
                                                               vf (*f)(vf)) {
    for (int32_t b = 0; b < a->rows; b++) {
        const float *z = a->z + (size_t)b * (size_t)a->ldz;
        float *u = a->u + (size_t)b * (size_t)a->ldu;
#define BODY(c, n) store_n(u + (c), f(affine(z + (c), a->scale + (c), a->shift + (c), n)), n)
        FOR_COLUMNS(a->cols, BODY);
#undef BODY
    }
}

static inline __attribute__((always_inline)) void backward_each(const mmoe_act_args *a,
                                                                vf (*f)(vf, vf)) {
    for (int32_t b = 0; b < a->rows; b++) {
        const float *z = a->z + (size_t)b * (size_t)a->ldz;
        float *du = a->du + (size_t)b * (size_t)a->lddu;
#define BODY(c, n)                                                                                 \
    store_n(du + (c), f(affine(z + (c), a->scale + (c), a->shift + (c), n), load_n(du + (c), n)), n)
        FOR_COLUMNS(a->cols, BODY);
#undef BODY
    }
}

static void prelu_forward(const mmoe_act_args *a) {
    for (int32_t b = 0; b < a->rows; b++)
        for (int32_t m = 0; m < a->cols; m += a->group) {
            const float *z = a->z + (size_t)b * (size_t)a->ldz + m;
            float *u = a->u + (size_t)b * (size_t)a->ldu + m;
            float slope = a->slope[m / a->group];
#define BODY(c, n)                                                                                 \
    do {                                                                                           \
        vf x = affine(z + (c), a->scale + m + (c), a->shift + m + (c), n);                         \
        store_n(u + (c), choose(x > 0.0f, x, x * slope), n);                                       \
    } while (0)
            FOR_COLUMNS(a->group, BODY);
#undef BODY
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
#define BODY(c, n)                                                                                 \
    do {                                                                                           \
        vf x = affine(z + (c), a->scale + m + (c), a->shift + m + (c), n),                         \
           d = load_n(du + (c), n);                                                                \
        sum += choose(x > 0.0f, splat(0.0f), d * x);                                               \
        store_n(du + (c), choose(x > 0.0f, d, d * slope), n);                                      \
    } while (0)
            FOR_COLUMNS(a->group, BODY);
#undef BODY
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

#include "math/softmax_body.h"

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

#include "math/attend_body.h"
#include "math/gate_body.h"
#include "math/mix_body.h"
#include "math/small_gemm_body.h"

/* ---- Dropout ---- */

/* Philox4x32-10 (base/rng.h) at counters first .. first + n - 1: word l of counter j goes to out[l
 * * MMOE_PHILOX_BLOCK + j]. */
static void philox(uint64_t seed, uint64_t stream, uint64_t first, int n, uint32_t *out) {
    uint32_t *restrict c0 = out, *restrict c1 = out + MMOE_PHILOX_BLOCK,
                       *restrict c2 = out + 2 * MMOE_PHILOX_BLOCK,
                       *restrict c3 = out + 3 * MMOE_PHILOX_BLOCK;
    for (int j = 0; j < n; j++) {
        uint64_t index = first + (uint64_t)j;
        c0[j] = (uint32_t)index;
        c1[j] = (uint32_t)(index >> 32);
        c2[j] = (uint32_t)stream;
        c3[j] = (uint32_t)(stream >> 32);
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int j = 0; j < n; j++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[j], p1 = (uint64_t)0xCD9E8D57u * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c1[j] = (uint32_t)p1;
            c3[j] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static void dropout(int32_t rows, int32_t cols, float *u, int32_t ldu, float p, uint64_t seed,
                    uint64_t stream, uint64_t first_row) {
    uint32_t words[4 * MMOE_PHILOX_BLOCK];
    const int32_t q = (cols + 3) / 4;
    const uint32_t least = (uint32_t)((double)p * 4294967296.0);
    const float scale = 1.0f / (1.0f - p);
    const int32_t most = q && q < MMOE_PHILOX_BLOCK
                             ? MMOE_PHILOX_BLOCK / q
                             : 1; /* narrow rows, whose counters follow each other, share a block */
    for (int32_t b = 0, together; b < rows; b += together) {
        together = MIN(most, rows - b);
        for (int32_t j = 0; j < q; j += MMOE_PHILOX_BLOCK) {
            const int n = MIN(MMOE_PHILOX_BLOCK, q - j);
            philox(seed, stream, (first_row + (uint64_t)b) * (uint64_t)q + (uint64_t)j,
                   together * n, words);
            for (int32_t r = 0; r < together; r++)
                for (int l = 0; l < 4; l++) {
                    const uint32_t *word = words + l * MMOE_PHILOX_BLOCK + r * n;
                    float *x = u + (size_t)(b + r) * (size_t)ldu + l * q + j;
                    const int32_t m = MIN(n, cols - l * q - j);
                    for (int32_t i = 0; i < m; i++) x[i] = word[i] >= least ? x[i] * scale : 0.0f;
                }
        }
    }
}

/* ---- Losses, exp ---- */

static void sigmoid_kernel(int32_t n, const float *z, float *p) {
#define BODY(c, k) store_n(p + (c), vsigmoid(load_n(z + (c), k)), k)
    FOR_COLUMNS(n, BODY);
#undef BODY
}

static void exp_kernel(int32_t n, const float *x, float *y) {
#define BODY(c, k) store_n(y + (c), vexp(load_n(x + (c), k)), k)
    FOR_COLUMNS(n, BODY);
#undef BODY
}

static void bce(int32_t n, const float *z, const float *y, float *loss, float *dz) {
#define BODY(c, k)                                                                                 \
    do {                                                                                           \
        vf x = load_n(z + (c), k), t = load_n(y + (c), k), e = vexp(-vabs(x)), one = 1.0f + e;     \
        vf log1p = vlog(one) +                                                                     \
                   (e - (one - 1.0f)) / one; /* what rounding took from 1 + e, to first order */   \
        store_n(loss + (c), choose(x < 0.0f, splat(0.0f), x) - x * t + log1p, k);                  \
        vf d = 1.0f / one;                                                                         \
        store_n(dz + (c), choose(x < 0.0f, e * d, d) - t, k);                                      \
    } while (0)
    FOR_COLUMNS(n, BODY);
#undef BODY
}

/* -log p and -log(1-p) are softplus(-z) and softplus(z); powers of p and 1 - p are exponentials of
 * them. */
static void shaped_bce(const mmoe_loss_shape *shape, int32_t n, const float *z, const float *y,
                       float *loss, float *dz) {
    const float smoothing = shape->smoothing, weight = shape->positive_weight, gamma = shape->gamma;
#define BODY(c, k)                                                                                 \
    do {                                                                                           \
        const vf x = load_n(z + (c), k),                                                           \
                 t = load_n(y + (c), k) * (1.0f - smoothing) + 0.5f * smoothing,                   \
                 e = vexp(-vabs(x)), one = 1.0f + e;                                               \
        const vf log1p = vlog(one) + (e - (one - 1.0f)) / one, zero = {0}; /* as in bce */         \
        const vf not_p = choose(x < 0.0f, -x, zero) + log1p,                                       \
                 not_q = choose(x < 0.0f, zero, x) + log1p; /* -log p, -log q, q = 1 - p */        \
        const vf d = 1.0f / one, p = choose(x < 0.0f, e * d, d), q = choose(x < 0.0f, d, e * d);   \
        const vf positive = weight * t * vexp(-gamma * not_q),                                     \
                 negative = (1.0f - t) * vexp(-gamma * not_p);                                     \
        store_n(loss + (c), positive * not_p + negative * not_q, k);                               \
        store_n(dz + (c), negative * (p + gamma * q * not_q) - positive * (q + gamma * p * not_p), \
                k);                                                                                \
    } while (0)
    FOR_COLUMNS(n, BODY);
#undef BODY
}

/* z = -log(e^-a + e^-b + e^-(a+b)); of the three terms the largest is taken out. */
static void joint_logit(int32_t n, const float *a, const float *b, float *z, float *dza,
                        float *dzb) {
#define BODY(c, k)                                                                                 \
    do {                                                                                           \
        const vf u = -load_n(a + (c), k), v = -load_n(b + (c), k), most = vmax(vmax(u, v), u + v); \
        const vf first = vexp(u - most), second = vexp(v - most), both = vexp(u + v - most),       \
                 sum = first + second + both;                                                      \
        store_n(z + (c), -(most + vlog(sum)), k);                                                  \
        store_n(dza + (c), (first + both) / sum, k);                                               \
        store_n(dzb + (c), (second + both) / sum, k);                                              \
    } while (0)
    FOR_COLUMNS(n, BODY);
#undef BODY
}

/* ---- Optimizers ---- */

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

static inline __attribute__((always_inline)) vf sgd_vector(float lr, float momentum,
                                                           float weight_decay, int first, float *w,
                                                           const float *g, float *m, int n) {
    const vf x = load_n(w, n), d = vfma(splat(weight_decay), x, load_n(g, n)),
             v = first ? d : vfma(splat(momentum), load_n(m, n), d);
    const vf y = vfma(splat(-lr), v, x);
    store_n(m, v, n);
    store_n(w, y, n);
    return y;
}

static bool sgd(float lr, float momentum, float weight_decay, int first, size_t n, float *w,
                const float *g, float *m) {
    size_t i = 0;
    vu bad = {0};
    for (; i + W <= n; i += W)
        bad |= not_finite(sgd_vector(lr, momentum, weight_decay, first, w + i, g + i, m + i, W));
    if (i < n)
        bad |= not_finite(
            sgd_vector(lr, momentum, weight_decay, first, w + i, g + i, m + i, (int)(n - i)));
    return any_negative(bad);
}

#include "math/gradient_body.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

extern const mmoe_kernels PASTE(mmoe_kernels_, MMOE_KERNELS_NAME);
const mmoe_kernels PASTE(mmoe_kernels_, MMOE_KERNELS_NAME) = {
    .name = TEXT(MMOE_KERNELS_NAME),
    .column_stats = column_stats,
    .act_forward = act_forward,
    .act_backward = act_backward,
    .column_sums = column_sums,
    .relu_backward_sums = relu_backward_sums,
    .norm_backward = norm_backward,
    .gate_forward = gate_forward,
    .gate_backward = gate_backward,
    .mix_forward = mix_forward,
    .mix_backward = mix_backward,
    .attend_forward = attend_forward,
    .attend_backward = attend_backward,
    .gemm_narrow = gemm_narrow,
    .gemm_one_row = gemm_one_row,
    .narrow_n = W,
    .mix_cols = W,
    .philox = philox,
    .dropout = dropout,
    .sigmoid = sigmoid_kernel,
    .bce = bce,
    .shaped_bce = shaped_bce,
    .joint_logit = joint_logit,
    .exp = exp_kernel,
    .adam = adam,
    .sgd = sgd,
    .regularize = regularize,
    .dot = dot,
    .combine = combine,
    .blend = blend,
    .packed_size = packed_size,
    .pack = pack,
    .pack_rows = pack_rows,
    .gemm = gemm,
    .gemm_outer = gemm_outer,
    .packs_steps = W == 16,
};
