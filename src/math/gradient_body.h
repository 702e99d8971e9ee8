/* Part of kernels_body.h: loops over whole gradients and weights, but for the optimizers. */

static void regularize(size_t n, float scale, float l1, float l2, const float *restrict w, const float *restrict g, float *restrict out) {
    for (size_t i = 0; i < n; i++) out[i] = scale * g[i] + (w[i] > 0 ? l1 : w[i] < 0 ? -l1 : 0) + 2 * l2 * w[i];
}

typedef float half_vector __attribute__((vector_size(2 * W), aligned(4), may_alias));
typedef double double_vector __attribute__((vector_size(4 * W)));

static double square_sum(size_t n, const float *x) {
    double_vector sums[4] = {{0}};
    double sum = 0;
    size_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W)
        for (int k = 0; k < 4; k++) {
            const double_vector v = __builtin_convertvector(*(const half_vector *)(x + i + k * (W / 2)), double_vector);
            sums[k] += v * v;
        }
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    sums[0] += sums[1] + (sums[2] + sums[3]);
    for (int k = 0; k < W / 2; k++) sum += sums[0][k];
    return sum;
}

static void blend(size_t n, float rate, const float *restrict x, float *restrict y) {
    for (size_t i = 0; i < n; i++) y[i] += rate * (x[i] - y[i]);
}
