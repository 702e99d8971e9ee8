/* Experts mixed by gates. Included by kernels_body.h. */

static inline __attribute__((always_inline)) void mix_row(const mmoe_mix_args *a, const float *g,
                                                          const float *x, const int32_t *expert,
                                                          float *y, int relu) {
#define BODY(c, n)                                                                                 \
    do {                                                                                           \
        vf s = {0};                                                                                \
        for (int32_t k = 0; k < a->n_expert; k++) {                                                \
            const int32_t at = expert[k] + (c);                                                    \
            vf u = load_n(x + at, n);                                                              \
            if (relu) u = act_relu(u * load(a->relu.scale + at) + load(a->relu.shift + at));       \
            s += g[k] * u;                                                                         \
        }                                                                                          \
        store_n(y + (c), s, n);                                                                    \
    } while (0)
    FOR_COLUMNS(a->cols, BODY);
#undef BODY
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

/* One gate's weight of one expert, any rows and columns: dx += g dy, dg = dy . x. */
static void mix_pair(const mmoe_mix_args *a, const float *g, const float *x, const float *dy,
                     float *dg, float *dx, int32_t rows, int add) {
    for (int32_t b = 0; b < rows;
         b++, g += a->ldg, x += a->ldx, dy += a->ldy, dg += a->lddg, dx += a->lddx) {
        vf dot = {0};
        for (int32_t c = 0; c < a->cols; c += W) {
            int n = MIN(W, a->cols - c);
            vf d = load_n(dy + c, n), s = *g * d;
            dot += d * load_n(x + c, n);
            store_n(dx + c, add ? s + load_n(dx + c, n) : s, n);
        }
        *dg = hsum(dot);
    }
}

/* The same for W rows of a whole number of vectors; the dots of the W rows are summed together. */
static inline __attribute__((always_inline)) vf mix_block(const mmoe_mix_args *a, const float *g,
                                                          const float *x, const float *dy,
                                                          float *dx, int add, int vectors) {
    vf dots[W];
#pragma GCC unroll 16
    for (int j = 0; j < W; j++, g += a->ldg, x += a->ldx, dy += a->ldy, dx += a->lddx) {
        vf dot = {0};
        for (int i = 0; i < vectors; i++) {
            vf d = load(dy + i * W), s = *g * d;
            dot += d * load(x + i * W);
            store(dx + i * W, add ? s + load(dx + i * W) : s);
        }
        dots[j] = dot;
    }
    return sum_each(dots);
}

static inline vf mix_block_any(const mmoe_mix_args *a, const float *g, const float *x,
                               const float *dy, float *dx, int add, int vectors) {
    switch (2 * vectors + (add != 0)) {
    case 2:
        return mix_block(a, g, x, dy, dx, 0, 1);
    case 3:
        return mix_block(a, g, x, dy, dx, 1, 1);
    case 4:
        return mix_block(a, g, x, dy, dx, 0, 2);
    case 5:
        return mix_block(a, g, x, dy, dx, 1, 2);
    default:
        return add ? mix_block(a, g, x, dy, dx, 1, vectors)
                   : mix_block(a, g, x, dy, dx, 0, vectors);
    }
}

/* W columns of an expert over `rows` rows (at most W), with its relu: u = relu(z scale + shift), dg
 * = dy . u, and, behind the last task, da = sum_t g_t dy_t where u > 0, with its column sums. The
 * dots are left in `dots`. */
static inline __attribute__((always_inline)) void
mix_relu_block(const mmoe_mix_args *a, int32_t at, const float *g, const float *z, const float *dy,
               float *da, vf dots[W], int rows, int first, int last) {
    const vf scale = load(a->relu.scale + at), shift = load(a->relu.shift + at),
             mean = a->relu.mean ? load(a->relu.mean + at) : splat(0.0f);
    vf sum = {0}, sum_z = {0};
#pragma GCC unroll 16
    for (int j = 0; j < rows; j++, g += a->ldg, z += a->ldx, dy += a->ldy, da += a->lddx) {
        vf v = load(z), x = v * scale + shift, d = load(dy), s = *g * d;
        dots[j] += d * act_relu(x);
        if (!first) s += load(da);
        if (last) {
            s = keep(x > 0.0f, s);
            sum += s;
            sum_z += s * (v - mean);
        }
        store(da, s);
    }
    if (!last) return;
    store(a->relu.sum_da + at, load(a->relu.sum_da + at) + sum);
    if (a->relu.mean) store(a->relu.sum_daz + at, load(a->relu.sum_daz + at) + sum_z);
}

/* One gate's weight of one expert over `rows` rows. */
static inline __attribute__((always_inline)) void
mix_relu_pair(const mmoe_mix_args *a, int32_t at, const float *g, const float *z, const float *dy,
              float *da, float *dg, int rows, int first, int last) {
    vf dots[W] = {{0}};
    for (int32_t c = 0; c < a->cols; c += W)
        mix_relu_block(a, at + c, g, z + c, dy + c, da + c, dots, rows, first, last);
    float sums[W];
    store(sums, sum_each(dots));
    for (int j = 0; j < rows; j++) dg[(size_t)j * (size_t)a->lddg] = sums[j];
}

static inline void mix_relu_any(const mmoe_mix_args *a, int32_t at, const float *g, const float *z,
                                const float *dy, float *da, float *dg, int rows, int first,
                                int last) {
    if (rows < W)
        mix_relu_pair(a, at, g, z, dy, da, dg, rows, first, last);
    else if (first && last)
        mix_relu_pair(a, at, g, z, dy, da, dg, W, 1, 1);
    else if (first)
        mix_relu_pair(a, at, g, z, dy, da, dg, W, 1, 0);
    else if (last)
        mix_relu_pair(a, at, g, z, dy, da, dg, W, 0, 1);
    else
        mix_relu_pair(a, at, g, z, dy, da, dg, W, 0, 0);
}

static void mix_relu_backward(const mmoe_mix_args *a) {
    for (int32_t k = 0; k < a->n_expert; k++) {
        memset(a->relu.sum_da + a->expert_col[k], 0, (size_t)a->cols * sizeof(float));
        if (a->relu.mean)
            memset(a->relu.sum_daz + a->expert_col[k], 0, (size_t)a->cols * sizeof(float));
    }
    for (int32_t b = 0; b < a->rows; b += W) {
        const size_t row = (size_t)b;
        for (int32_t k = 0; k < a->n_expert; k++)
            for (int32_t t = 0; t < a->n_task; t++) {
                const int32_t at = a->expert_col[k], gate = a->gate_col[t] + k;
                mix_relu_any(
                    a, at, a->g + row * (size_t)a->ldg + gate, a->x + row * (size_t)a->ldx + at,
                    a->dy + row * (size_t)a->ldy + (size_t)t * (size_t)a->cols,
                    a->dx + row * (size_t)a->lddx + at, a->dg + row * (size_t)a->lddg + gate,
                    MIN(W, a->rows - b), t == 0, t == a->n_task - 1);
            }
    }
}

/* dx_k += g_tk dy_t, dg_tk = dy_t . x_k */
static void mix_backward(const mmoe_mix_args *a) {
    if (a->relu.scale) {
        mix_relu_backward(a);
        return;
    }
    const int vectors = a->cols % W ? 0 : a->cols / W;
    for (int32_t b = 0; b < a->rows; b += W) {
        const int n = MIN(W, a->rows - b);
        const float *g = a->g + (size_t)b * (size_t)a->ldg, *x = a->x + (size_t)b * (size_t)a->ldx,
                    *dy = a->dy + (size_t)b * (size_t)a->ldy;
        float *dg = a->dg + (size_t)b * (size_t)a->lddg, *dx = a->dx + (size_t)b * (size_t)a->lddx;
        for (int32_t t = 0; t < a->n_task; t++, dy += a->cols)
            for (int32_t k = 0; k < a->n_expert; k++) {
                const int32_t gate = a->gate_col[t] + k, at = a->expert_col[t * a->n_expert + k];
                const int add = a->add[t * a->n_expert + k];
                if (n < W || !vectors) {
                    mix_pair(a, g + gate, x + at, dy, dg + gate, dx + at, n, add);
                    continue;
                }
                float sums[W];
                store(sums, mix_block_any(a, g + gate, x + at, dy, dx + at, add, vectors));
                for (int j = 0; j < W; j++)
                    dg[(size_t)j * (size_t)a->lddg + (size_t)gate] = sums[j];
            }
    }
}
