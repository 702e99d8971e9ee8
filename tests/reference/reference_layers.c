#include "reference_layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NORM_EPS 1e-5
#define NORM_MOMENTUM 0.1
#define DICE_EPS 1e-3

static double *take(int rows, int columns) {
    double *p = calloc((size_t)rows * (size_t)columns, sizeof(double));
    if (!p) {
        fputs("reference: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

/* ---- Linear: y = x W^T + b ---- */

static double *linear_forward(reference_layer *l, const double *x, int B) {
    l->x = take(B, l->in);
    memcpy(l->x, x, (size_t)B * (size_t)l->in * sizeof *x);
    double *y = take(B, l->out);
    for (int b = 0; b < B; b++)
        for (int o = 0; o < l->out; o++) {
            double sum = l->bias->value[o];
            for (int i = 0; i < l->in; i++)
                sum += l->weight->value[o * l->in + i] * x[b * l->in + i];
            y[b * l->out + o] = sum;
        }
    return y;
}

/* dW = dy^T x, db = sum_b dy, dx = dy W */
static double *linear_backward(reference_layer *l, const double *dy, int B) {
    double *dx = take(B, l->in);
    for (int b = 0; b < B; b++)
        for (int o = 0; o < l->out; o++) {
            double d = dy[b * l->out + o];
            reference_add_term(l->bias, o, d);
            for (int i = 0; i < l->in; i++) {
                reference_add_term(l->weight, o * l->in + i, d * l->x[b * l->in + i]);
                dx[b * l->in + i] += d * l->weight->value[o * l->in + i];
            }
        }
    return dx;
}

/* ---- BatchNorm1d: xhat = (x - mean) / sqrt(variance + eps), y = scale xhat + shift ---- */

static void column_moments(const double *x, int B, int n, int j, double *mean, double *squares) {
    *mean = *squares = 0;
    for (int b = 0; b < B; b++) *mean += x[b * n + j] / B;
    for (int b = 0; b < B; b++) *squares += (x[b * n + j] - *mean) * (x[b * n + j] - *mean);
}

/* In place. A training batch of one row has no variance: it takes the running statistics and leaves
 * them alone. */
static void norm_forward(reference_norm *norm, double *x, int B, int n, bool training) {
    norm->constant = !training || B == 1;
    norm->xhat = take(B, n);
    norm->inverse = take(1, n);
    for (int j = 0; j < n; j++) {
        double mean = norm->mean->value[j], variance = norm->variance->value[j];
        if (!norm->constant) {
            double squares;
            column_moments(x, B, n, j, &mean, &squares);
            variance = squares / B;
            norm->mean->value[j] += NORM_MOMENTUM * (mean - norm->mean->value[j]);
            norm->variance->value[j] +=
                NORM_MOMENTUM * (squares / (B - 1) - norm->variance->value[j]);
        }
        norm->inverse[j] = 1 / sqrt(variance + NORM_EPS);
        for (int b = 0; b < B; b++) {
            norm->xhat[b * n + j] = (x[b * n + j] - mean) * norm->inverse[j];
            x[b * n + j] = norm->scale->value[j] * norm->xhat[b * n + j] + norm->shift->value[j];
        }
    }
    if (!norm->constant) norm->batches->value[0] += 1;
}

/* In place: dx = scale / sqrt(variance + eps) * (dy - mean(dy) - xhat mean(dy xhat)); the means are
 * those over the batch, and fall away where the statistics were given. */
static void norm_backward(reference_norm *norm, double *dy, int B, int n) {
    for (int j = 0; j < n; j++) {
        double sum = 0, sum_xhat = 0;
        for (int b = 0; b < B; b++) {
            sum += dy[b * n + j];
            sum_xhat += dy[b * n + j] * norm->xhat[b * n + j];
            reference_add_term(norm->shift, j, dy[b * n + j]);
            reference_add_term(norm->scale, j, dy[b * n + j] * norm->xhat[b * n + j]);
        }
        double share = norm->constant ? 0 : 1.0 / B;
        for (int b = 0; b < B; b++) {
            double centred = dy[b * n + j] - share * sum - share * norm->xhat[b * n + j] * sum_xhat;
            dy[b * n + j] = norm->scale->value[j] * norm->inverse[j] * centred;
        }
    }
}

/* ---- Activations ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void see_kink(reference_kinks *kinks, double x) {
    kinks->distance = fmin(kinks->distance, fabs(x));
    kinks->signs = (kinks->signs ^ (x > 0)) * 1099511628211u;
}

/* z = (x - avg) / sqrt(var) over one row's n outputs, var = sum ((x - avg)^2 + eps); returns
 * sqrt(var). */
static double dice_normal(const double *x, int n, double *z) {
    double avg = 0, var = 0;
    for (int j = 0; j < n; j++) avg += x[j] / n;
    for (int j = 0; j < n; j++) var += (x[j] - avg) * (x[j] - avg) + DICE_EPS;
    for (int j = 0; j < n; j++) z[j] = (x[j] - avg) / sqrt(var);
    return sqrt(var);
}

/* y = p x + (1 - p) alpha x, p = sigmoid(z) */
static void dice_forward(double alpha, double *x, int B, int n) {
    double *z = take(1, n);
    for (int b = 0; b < B; b++) {
        dice_normal(x + b * n, n, z);
        for (int j = 0; j < n; j++) {
            double p = sigmoid(z[j]);
            x[b * n + j] *= p + (1 - p) * alpha;
        }
    }
    free(z);
}

/* With dz_j = dy_j (1 - alpha) x_j p_j (1 - p_j) and s = sqrt(var): dz_j / dx_k = (delta_jk - 1/n -
 * z_j z_k) / s, so dx_k = dy_k (p_k + (1 - p_k) alpha) + (dz_k - mean(dz) - z_k sum(dz z)) / s. */
static void dice_backward(reference_tensor *alpha, const double *x, double *dy, int B, int n) {
    double *z = take(1, n), *dz = take(1, n), a = alpha->value[0];
    for (int b = 0; b < B; b++, x += n, dy += n) {
        double s = dice_normal(x, n, z), mean = 0, along = 0;
        for (int j = 0; j < n; j++) {
            double p = sigmoid(z[j]);
            reference_add_term(alpha, 0, dy[j] * (1 - p) * x[j]);
            dz[j] = dy[j] * (1 - a) * x[j] * p * (1 - p);
            mean += dz[j] / n;
            along += dz[j] * z[j];
            dy[j] *= p + (1 - p) * a;
        }
        for (int j = 0; j < n; j++) dy[j] += (dz[j] - mean - z[j] * along) / s;
    }
    free(z);
    free(dz);
}

static void activation_forward(reference_layer *l, double *x, int B, reference_kinks *kinks) {
    l->a = take(B, l->out);
    memcpy(l->a, x, (size_t)B * (size_t)l->out * sizeof *x);
    if (l->activation == REFERENCE_DICE) dice_forward(l->slope->value[0], x, B, l->out);
    for (int i = 0; i < B * l->out; i++) {
        switch (l->activation) {
        case REFERENCE_RELU:
            see_kink(kinks, x[i]);
            x[i] = x[i] > 0 ? x[i] : 0;
            break;
        case REFERENCE_PRELU:
            see_kink(kinks, x[i]);
            x[i] = x[i] > 0 ? x[i] : l->slope->value[0] * x[i];
            break;
        case REFERENCE_SIGMOID:
            x[i] = sigmoid(x[i]);
            break;
        case REFERENCE_TANH:
            x[i] = tanh(x[i]);
            break;
        default:
            break;
        }
    }
}

static void activation_backward(reference_layer *l, double *dy, int B) {
    const double *a = l->a;
    if (l->activation == REFERENCE_DICE) dice_backward(l->slope, a, dy, B, l->out);
    for (int i = 0; i < B * l->out; i++) {
        switch (l->activation) {
        case REFERENCE_RELU:
            dy[i] = a[i] > 0 ? dy[i] : 0;
            break;
        case REFERENCE_PRELU:
            if (a[i] <= 0) {
                reference_add_term(l->slope, 0, dy[i] * a[i]);
                dy[i] *= l->slope->value[0];
            }
            break;
        case REFERENCE_SIGMOID:
            dy[i] *= sigmoid(a[i]) * (1 - sigmoid(a[i]));
            break;
        case REFERENCE_TANH:
            dy[i] *= 1 - tanh(a[i]) * tanh(a[i]);
            break;
        default:
            break;
        }
    }
}

/* ---- Layers in a row ---- */

double *reference_mlp_forward(reference_mlp *mlp, const double *x, int B, bool training,
                              reference_kinks *kinks) {
    double *y = NULL;
    for (int i = 0; i < mlp->n_layer; i++) {
        reference_layer *l = &mlp->layers[i];
        double *next = linear_forward(l, y ? y : x, B);
        free(y);
        y = next;
        if (l->norm.scale) norm_forward(&l->norm, y, B, l->out, training);
        activation_forward(l, y, B, kinks);
    }
    return y;
}

double *reference_mlp_backward(reference_mlp *mlp, const double *dy, int B) {
    reference_layer *last = &mlp->layers[mlp->n_layer - 1];
    double *d = take(B, last->out);
    memcpy(d, dy, (size_t)B * (size_t)last->out * sizeof *d);
    for (int i = mlp->n_layer - 1; i >= 0; i--) {
        reference_layer *l = &mlp->layers[i];
        activation_backward(l, d, B);
        if (l->norm.scale) norm_backward(&l->norm, d, B, l->out);
        double *next = linear_backward(l, d, B);
        /* A sum that is 0 but for rounding: the batch norm took the bias away. */
        if (l->norm.scale && !l->norm.constant) {
            memset(l->bias->gradient, 0, l->bias->count * sizeof(double));
            memset(l->bias->squares, 0, l->bias->count * sizeof(double));
        }
        free(d);
        d = next;
    }
    return d;
}

void reference_mlp_forget(reference_mlp *mlp) {
    for (int i = 0; i < mlp->n_layer; i++) {
        reference_layer *l = &mlp->layers[i];
        free(l->x);
        free(l->a);
        free(l->norm.xhat);
        free(l->norm.inverse);
    }
}
