#include "reference_transfer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double *matrix(int B, int n) {
    double *p = calloc((size_t)B * (size_t)n, sizeof *p);
    if (!p) {
        fputs("reference: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

/* Info gates are a Linear, a batch norm and a relu, as wide as the bottoms. */
void reference_transfer_init(reference_transfer *t, reference_model *m, const reference_spec *s) {
    static const char *const layers[] = {"q", "k", "v"};
    const int dim = s->bottom.dims[s->bottom.depth - 1];
    const reference_mlp_spec gate = {
        .depth = 1, .dims = {dim}, .activation = REFERENCE_RELU, .batch_norm = s->gate_batch_norm};
    t->n_task = s->n_task;
    for (int i = 0; i < s->n_task - 1; i++) {
        char name[64];
        snprintf(name, sizeof name, "info_gates.%d", i);
        reference_add_mlp(m, &t->gates[i], name, dim, &gate, false);
        t->attentions[i].dim = dim;
        for (int k = 0; k < 3; k++) {
            snprintf(name, sizeof name, "aits.%d.%s_layer.weight", i, layers[k]);
            t->attentions[i].weight[k] = reference_add_matrix(m, name, dim, dim);
        }
    }
}

/* y = x W^T */
static double *linear(const reference_tensor *w, const double *x, int B, int dim) {
    double *y = matrix(B, dim);
    for (int b = 0; b < B; b++)
        for (int o = 0; o < dim; o++)
            for (int i = 0; i < dim; i++) y[b * dim + o] += w->value[o * dim + i] * x[b * dim + i];
    return y;
}

/* Takes the items over. */
static double *attention_forward(reference_attention *a, double *own, double *info, int B) {
    const int dim = a->dim;
    double *y = matrix(B, dim);
    a->x[0] = own;
    a->x[1] = info;
    a->share = matrix(B, 2);
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < 2; j++) a->part[k][j] = linear(a->weight[k], a->x[j], B, dim);
    for (int b = 0; b < B; b++) {
        double s[2] = {0, 0};
        for (int j = 0; j < 2; j++)
            for (int h = 0; h < dim; h++)
                s[j] += a->part[0][j][b * dim + h] * a->part[1][j][b * dim + h] / sqrt(dim);
        for (int j = 0; j < 2; j++) {
            a->share[b * 2 + j] = 1 / (1 + exp(s[1 - j] - s[j]));
            for (int h = 0; h < dim; h++)
                y[b * dim + h] += a->share[b * 2 + j] * a->part[2][j][b * dim + h];
        }
    }
    return y;
}

/* dpart of one of queries, keys and values of one item: adds to its weight's gradient and to dx. */
static void linear_backward(reference_tensor *w, const double *x, const double *dpart, int B,
                            int dim, double *dx) {
    for (int b = 0; b < B; b++)
        for (int o = 0; o < dim; o++)
            for (int i = 0; i < dim; i++) {
                reference_add_term(w, o * dim + i, dpart[b * dim + o] * x[b * dim + i]);
                dx[b * dim + i] += dpart[b * dim + o] * w->value[o * dim + i];
            }
}

/* With y = sum_j a_j v_j, a = softmax(s), s_j = q_j k_j / sqrt(dim): da_j = dy v_j, ds_j = a_j
 * (da_j - sum_i a_i da_i). */
static void attention_backward(reference_attention *a, const double *dy, int B, double *dx[2]) {
    const int dim = a->dim;
    double *dpart[3][2];
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < 2; j++) dpart[k][j] = matrix(B, dim);
    for (int b = 0; b < B; b++) {
        double da[2] = {0, 0}, mean = 0;
        for (int j = 0; j < 2; j++) {
            for (int h = 0; h < dim; h++) da[j] += dy[b * dim + h] * a->part[2][j][b * dim + h];
            mean += a->share[b * 2 + j] * da[j];
        }
        for (int j = 0; j < 2; j++) {
            const double ds = a->share[b * 2 + j] * (da[j] - mean) / sqrt(dim);
            for (int h = b * dim; h < (b + 1) * dim; h++) {
                dpart[0][j][h] = ds * a->part[1][j][h];
                dpart[1][j][h] = ds * a->part[0][j][h];
                dpart[2][j][h] = a->share[b * 2 + j] * dy[h];
            }
        }
    }
    for (int j = 0; j < 2; j++) {
        dx[j] = matrix(B, dim);
        for (int k = 0; k < 3; k++) {
            linear_backward(a->weight[k], a->x[j], dpart[k][j], B, dim, dx[j]);
            free(dpart[k][j]);
        }
    }
}

void reference_transfer_forward(reference_transfer *t, double *y[], int B, bool training,
                                reference_kinks *kinks) {
    for (int i = 0; i < t->n_task - 1; i++) {
        double *info = reference_mlp_forward(&t->gates[i], y[i], B, training, kinks);
        y[i + 1] = attention_forward(&t->attentions[i], y[i + 1], info, B);
    }
}

void reference_transfer_backward(reference_transfer *t, double *dy[], int B) {
    for (int i = t->n_task - 2; i >= 0; i--) {
        const int dim = t->attentions[i].dim;
        double *dx[2];
        attention_backward(&t->attentions[i], dy[i + 1], B, dx);
        double *before = reference_mlp_backward(&t->gates[i], dx[1], B);
        for (int k = 0; k < B * dim; k++) dy[i][k] += before[k];
        free(before);
        free(dx[1]);
        free(dy[i + 1]);
        dy[i + 1] = dx[0];
    }
}

void reference_transfer_forget(reference_transfer *t) {
    for (int i = 0; i < t->n_task - 1; i++) {
        reference_attention *a = &t->attentions[i];
        reference_mlp_forget(&t->gates[i]);
        free(a->share);
        for (int j = 0; j < 2; j++) {
            free(a->x[j]);
            for (int k = 0; k < 3; k++) free(a->part[k][j]);
        }
    }
}
