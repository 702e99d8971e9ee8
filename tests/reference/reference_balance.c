#include "reference_balance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = REFERENCE_MAX_TASKS };

#define FAMO_EPS 1e-8

const char *const reference_method_names[REFERENCE_METHODS] = {
    "none",   "uwl",    "dwa",  "rlw",         "gradnorm", "metabalance",
    "pcgrad", "cagrad", "mgda", "aligned_mtl", "famo"};

static double *numbers(size_t count) {
    double *p = calloc(count ? count : 1, sizeof *p);
    if (!p) {
        fputs("reference: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

reference_balance_spec reference_balance_default(reference_method method) {
    return (reference_balance_spec){.method = method,
                                    .clamp = true,
                                    .normalize = true,
                                    .temperature = 2,
                                    .alpha = 0.16,
                                    .lr = 0.025,
                                    .beta = 0.9,
                                    .relax_factor = 1,
                                    .c = 0.5,
                                    .gamma = 0.001};
}

bool reference_balance_sees_gradients(reference_method method) {
    return method >= REFERENCE_GRADNORM && method <= REFERENCE_ALIGNED_MTL;
}

static int tasks_of(const reference_balance *b) { return reference_spec_of(b->model)->n_task; }

static size_t values_of(reference_model *m) {
    size_t count = 0;
    for (size_t k = 0; k < reference_tensor_count(m); k++)
        count += reference_tensor_at(m, k)->count;
    return count;
}

void reference_balance_init(reference_balance *b, const reference_balance_spec *spec,
                            reference_model *model) {
    *b = (reference_balance){.spec = *spec, .model = model};
    for (int t = 0; t < tasks_of(b); t++) {
        b->factors[t] = 1;
        b->gradient[t] = numbers(values_of(model));
        b->tensor_factors[t] = numbers(reference_tensor_count(model));
        b->mean_norms[t] = numbers(reference_tensor_count(model));
    }
}

void reference_balance_finish(reference_balance *b) {
    for (int t = 0; t < tasks_of(b); t++) {
        free(b->gradient[t]);
        free(b->tensor_factors[t]);
        free(b->mean_norms[t]);
    }
}

/* ---- Present tasks ---- */

/* Their numbers; returns how many. */
static int present_tasks(const reference_balance *b, int at[MOST]) {
    int n = 0;
    for (int t = 0; t < tasks_of(b); t++)
        if (b->present[t]) at[n++] = t;
    return n;
}

/* z = softmax(weight) over the tasks `at`. */
static void softmax_of(const double *weight, const int *at, int n, double *z) {
    double largest = -HUGE_VAL, sum = 0;
    for (int i = 0; i < n; i++) largest = fmax(largest, weight[at[i]]);
    for (int i = 0; i < n; i++) sum += z[at[i]] = exp(weight[at[i]] - largest);
    for (int i = 0; i < n; i++) z[at[i]] /= sum;
}

/* ---- Losses alone ---- */

static double uwl_exponent(const reference_balance *b, int t) {
    return b->spec.clamp ? fmax(b->weight[t], 0) : b->weight[t];
}

static void uwl(reference_balance *b) {
    for (int t = 0; t < tasks_of(b); t++)
        b->factors[t] = 2 * exp(-uwl_exponent(b, t)) * reference_divisor(b->model);
}

static void normalize(reference_balance *b) {
    for (int t = 0; b->spec.normalize && t < tasks_of(b); t++) b->factors[t] /= b->first_loss[t];
}

static void dwa(reference_balance *b, const int *at, int n) {
    double relative[MOST], z[MOST];
    for (int t = 0; t < tasks_of(b); t++)
        relative[t] = b->epoch_loss[t][0] / b->epoch_loss[t][1] / b->spec.temperature;
    softmax_of(relative, at, n, z);
    for (int i = 0; i < n; i++) b->factors[at[i]] = b->epoch < 2 ? 1 : n * z[at[i]];
    normalize(b);
}

static void rlw(reference_balance *b) {
    memcpy(b->factors, b->drawn, sizeof b->drawn);
    normalize(b);
}

static void famo(reference_balance *b, const int *at, int n) {
    double z[MOST], sum = 0;
    softmax_of(b->weight, at, n, z);
    for (int i = 0; i < n; i++) sum += z[at[i]] / (b->losses[at[i]] + FAMO_EPS);
    for (int i = 0; i < n; i++)
        b->factors[at[i]] =
            z[at[i]] / (b->losses[at[i]] + FAMO_EPS) / sum * reference_divisor(b->model);
}

/* ---- Gradients ---- */

static double product(const double *u, const double *v, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += u[i] * v[i];
    return sum;
}

/* g_u . g_v in the shared parameters. */
static double shared_product(const reference_balance *b, int u, int v) {
    double sum = 0;
    size_t first = 0;
    for (size_t k = 0; k < reference_tensor_count(b->model); k++) {
        const reference_tensor *t = reference_tensor_at(b->model, k);
        if (reference_is_shared(b->model, t))
            sum += product(b->gradient[u] + first, b->gradient[v] + first, t->count);
        first += t->count;
    }
    return sum;
}

static void keep_gradient(reference_balance *b, int task) {
    double *to = b->gradient[task];
    for (size_t k = 0; k < reference_tensor_count(b->model); k++) {
        const reference_tensor *t = reference_tensor_at(b->model, k);
        memcpy(to, t->gradient, t->count * sizeof *to);
        to += t->count;
    }
}

/* Every task's own gradients, of the tensors and, to their products, at the seam. */
static void look(reference_balance *b, const reference_batch *batch, const int *at, int n) {
    const size_t size = reference_shared_size(b->model, batch->rows);
    double *shared[MOST];
    for (int i = 0; i < n; i++) {
        double alone[MOST] = {0};
        alone[at[i]] = 1;
        shared[i] = numbers(size);
        reference_clear_gradients(b->model);
        reference_backward(b->model, batch, alone, 1, shared[i]);
        keep_gradient(b, at[i]);
    }
    b->gram.n = n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            b->gram.of[i][j] = b->spec.at_parameters ? shared_product(b, at[i], at[j])
                                                     : product(shared[i], shared[j], size);
    for (int i = 0; i < n; i++) {
        b->norms[at[i]] = sqrt(b->gram.of[i][i]);
        free(shared[i]);
    }
}

static void gradnorm(reference_balance *b, const int *at, int n) {
    for (int i = 0; i < n; i++) b->factors[at[i]] = exp(b->weight[at[i]]);
}

/* n_t = beta n_t + (1 - beta) |g_t|; returns relax n_0 / n_t + 1 - relax. */
static double metabalance_block(reference_balance *b, int task, size_t block, double norm) {
    double *mean = &b->mean_norms[task][block];
    *mean = b->spec.beta * *mean + (1 - b->spec.beta) * norm;
    if (task == 0 || *mean == 0 || b->mean_norms[0][block] == 0) return 1;
    return b->spec.relax_factor * b->mean_norms[0][block] / *mean + 1 - b->spec.relax_factor;
}

static void metabalance(reference_balance *b, const int *at, int n) {
    for (int i = 0; i < n; i++) {
        const int task = at[i];
        size_t first = 0, blocks = 0;
        double sum = 0;
        if (!b->spec.at_parameters)
            b->factors[task] = metabalance_block(b, task, 0, b->norms[task]);
        for (size_t k = 0; b->spec.at_parameters && k < reference_tensor_count(b->model); k++) {
            const reference_tensor *t = reference_tensor_at(b->model, k);
            const double *g = b->gradient[task] + first;
            first += t->count;
            if (!reference_is_shared(b->model, t)) continue;
            sum += b->tensor_factors[task][k] =
                metabalance_block(b, task, k, sqrt(product(g, g, t->count)));
            blocks++;
        }
        if (blocks > 0) b->factors[task] = sum / (double)blocks;
    }
}

/* T weights are a factor each: (T / D) sum_t weights[t] g_t; pcgrad's combination is (1 / D) sum_t.
 */
static void combine(reference_balance *b, const int *at, int n) {
    double weights[MOST], trace = 0;
    int order[MOST][MOST];
    for (int i = 0; i < n; i++) {
        trace += b->gram.of[i][i];
        for (int j = 0; j < n; j++) order[i][j] = j;
    }
    if (trace == 0) return;
    switch (b->spec.method) {
    case REFERENCE_PCGRAD:
        reference_pcgrad(&b->gram, order, weights);
        break;
    case REFERENCE_CAGRAD:
        reference_cagrad(&b->gram, b->spec.c, weights);
        break;
    case REFERENCE_MGDA:
        reference_mgda(&b->gram, weights);
        break;
    default:
        reference_aligned(&b->gram, weights);
        break;
    }
    for (int i = 0; i < n; i++)
        b->factors[at[i]] = weights[i] * (b->spec.method == REFERENCE_PCGRAD ? 1 : n);
}

/* ---- One step ---- */

static void see_losses(reference_balance *b, const reference_batch *batch, const double *losses) {
    for (int t = 0; t < tasks_of(b); t++) {
        b->present[t] = reference_label_weight(b->model, batch, t) > 0;
        b->losses[t] = reference_spec_of(b->model)->tasks[t].loss_weight * losses[t];
        b->factors[t] = 1;
        for (size_t k = 0; k < reference_tensor_count(b->model); k++) b->tensor_factors[t][k] = 1;
        if (!b->present[t]) continue;
        if (b->first_loss[t] == 0) b->first_loss[t] = b->losses[t];
        b->epoch_sum[t] += b->losses[t];
        b->epoch_steps[t]++;
    }
}

static void weigh(reference_balance *b, const int *at, int n) {
    switch (b->spec.method) {
    case REFERENCE_UWL:
        uwl(b);
        break;
    case REFERENCE_DWA:
        dwa(b, at, n);
        break;
    case REFERENCE_RLW:
        rlw(b);
        break;
    case REFERENCE_FAMO:
        famo(b, at, n);
        break;
    case REFERENCE_GRADNORM:
        gradnorm(b, at, n);
        break;
    case REFERENCE_METABALANCE:
        metabalance(b, at, n);
        break;
    case REFERENCE_PCGRAD:
    case REFERENCE_CAGRAD:
    case REFERENCE_MGDA:
    case REFERENCE_ALIGNED_MTL:
        combine(b, at, n);
        break;
    case REFERENCE_PLAIN:
    case REFERENCE_METHODS:
        break;
    }
    for (int t = 0; t < tasks_of(b); t++)
        if (!b->present[t]) b->factors[t] = 1;
}

/* What a task's gradient of a tensor is multiplied by where the combination is applied to tensors.
 */
static double tensor_factor(const reference_balance *b, size_t k, int task) {
    const reference_method method = b->spec.method;
    if (!reference_balance_sees_gradients(method)) return b->factors[task];
    if (!reference_is_shared(b->model, reference_tensor_at(b->model, k))) return 1;
    return method == REFERENCE_METABALANCE ? b->tensor_factors[task][k] : b->factors[task];
}

/* Each task's pass by itself, so that a tensor's squares are those of terms as they are. */
static void descend(reference_balance *b, const reference_batch *batch, const int *at, int n) {
    const double share = 1.0 / reference_divisor(b->model);
    const bool at_seam = reference_balance_sees_gradients(b->spec.method) && !b->spec.at_parameters;
    reference_model *sum = reference_create(reference_spec_of(b->model));
    for (int i = 0; i < n; i++) {
        double factors[MOST] = {0};
        factors[at[i]] = share;
        reference_clear_gradients(b->model);
        reference_backward(b->model, batch, factors, at_seam ? b->factors[at[i]] : 1, NULL);
        for (size_t k = 0; k < reference_tensor_count(sum); k++) {
            const reference_tensor *from = reference_tensor_at(b->model, k);
            reference_tensor *to = reference_tensor_at(sum, k);
            const double factor = at_seam ? 1 : tensor_factor(b, k, at[i]);
            for (size_t j = 0; j < to->count; j++) {
                to->gradient[j] += factor * from->gradient[j];
                to->squares[j] += factor * factor * from->squares[j];
            }
        }
    }
    for (size_t k = 0; k < reference_tensor_count(sum); k++) {
        const reference_tensor *from = reference_tensor_at(sum, k);
        reference_tensor *to = reference_tensor_at(b->model, k);
        memcpy(to->gradient, from->gradient, to->count * sizeof(double));
        memcpy(to->squares, from->squares, to->count * sizeof(double));
    }
    reference_free(sum);
}

void reference_balance_gradient(reference_balance *b, const reference_batch *batch,
                                double *losses) {
    double own[MOST];
    int at[MOST];
    reference_forward(b->model, batch, NULL, losses ? losses : own);
    see_losses(b, batch, losses ? losses : own);
    const int n = present_tasks(b, at);
    look(b, batch, at, n);
    weigh(b, at, n);
    descend(b, batch, at, n);
    reference_forget(b->model);
    b->step++;
}

/* ---- After the step ---- */

/* L = sum_t 2 L_t exp(-c_t) + c_t; max(w, 0) has slope 1 at 0. */
static void uwl_slope(const reference_balance *b, double *slope) {
    for (int t = 0; t < tasks_of(b); t++)
        slope[t] =
            b->spec.clamp && b->weight[t] < 0 ? 0 : 1 - 2 * b->losses[t] * exp(-uwl_exponent(b, t));
}

/* sum_t |a_t |g_t| - target_t|, target_t = mean_s(a_s |g_s|) r_t^alpha held as it is. */
static void gradnorm_slope(const reference_balance *b, const int *at, int n, double *slope) {
    double G[MOST], mean = 0, rate = 0;
    for (int i = 0; i < n; i++) {
        const int t = at[i];
        G[t] = b->factors[t] * b->norms[t];
        mean += G[t] / n;
        rate += b->losses[t] / b->first_loss[t] / n;
    }
    for (int i = 0; i < n; i++) {
        const int t = at[i];
        const double above =
            G[t] - mean * pow(b->losses[t] / b->first_loss[t] / rate, b->spec.alpha);
        slope[t] = 0;
        if (above > 0) slope[t] = G[t];
        if (above < 0) slope[t] = -G[t];
    }
}

/* Losses of the batch as the model is now; running statistics stay. */
static void losses_now(reference_balance *b, const reference_batch *batch, double *losses) {
    reference_model *m = b->model, *before = reference_create(reference_spec_of(m));
    for (size_t k = 0; k < reference_tensor_count(m); k++)
        memcpy(reference_tensor_at(before, k)->value, reference_tensor_at(m, k)->value,
               reference_tensor_at(m, k)->count * sizeof(double));
    reference_loss(m, batch, NULL, losses);
    for (size_t k = 0; k < reference_tensor_count(m); k++)
        memcpy(reference_tensor_at(m, k)->value, reference_tensor_at(before, k)->value,
               reference_tensor_at(m, k)->count * sizeof(double));
    reference_free(before);
    for (int t = 0; t < tasks_of(b); t++) losses[t] *= reference_spec_of(m)->tasks[t].loss_weight;
}

/* The slope of sum_t z_t delta_t, delta_t = log D_t - log D'_t held as it is, and gamma xi. */
static void famo_slope(reference_balance *b, const reference_batch *batch, const int *at, int n,
                       double *slope) {
    double z[MOST], after[MOST], delta[MOST], mean = 0;
    losses_now(b, batch, after);
    softmax_of(b->weight, at, n, z);
    for (int i = 0; i < n; i++) {
        const int t = at[i];
        delta[t] = log(b->losses[t] + FAMO_EPS) - log(after[t] + FAMO_EPS);
        mean += z[t] * delta[t];
    }
    for (int i = 0; i < n; i++)
        slope[at[i]] = z[at[i]] * (delta[at[i]] - mean) + b->spec.gamma * b->weight[at[i]];
}

void reference_balance_slope(reference_balance *b, const reference_batch *batch, double *slope) {
    int at[MOST];
    const int n = present_tasks(b, at);
    memset(slope, 0, (size_t)tasks_of(b) * sizeof *slope);
    switch (b->spec.method) {
    case REFERENCE_UWL:
        uwl_slope(b, slope);
        break;
    case REFERENCE_GRADNORM:
        gradnorm_slope(b, at, n, slope);
        break;
    case REFERENCE_FAMO:
        famo_slope(b, batch, at, n, slope);
        break;
    default:
        break;
    }
}

/* The factors of all tasks, absent ones too, sum to their number again. */
static void gradnorm_scale(reference_balance *b) {
    double sum = 0;
    for (int t = 0; t < tasks_of(b); t++) sum += exp(b->weight[t]);
    for (int t = 0; t < tasks_of(b); t++) b->weight[t] += log(tasks_of(b) / sum);
}

void reference_balance_update(reference_balance *b, const reference_batch *batch,
                              const reference_optimizer *optimizer) {
    const reference_optimizer adam = {REFERENCE_ADAM, b->spec.lr, 0, 0.9, 0.999, 1e-8, 0};
    const reference_method method = b->spec.method;
    if (method != REFERENCE_UWL && method != REFERENCE_GRADNORM && method != REFERENCE_FAMO) return;
    double slope[MOST];
    reference_balance_slope(b, batch, slope);
    for (int t = 0; t < tasks_of(b); t++) {
        if (!b->present[t]) continue;
        reference_update_value(method == REFERENCE_UWL ? optimizer : &adam, ++b->updates[t],
                               slope[t], &b->weight[t], &b->moment1[t], &b->moment2[t]);
    }
    if (method == REFERENCE_GRADNORM) gradnorm_scale(b);
}

void reference_balance_end_epoch(reference_balance *b) {
    for (int t = 0; t < tasks_of(b); t++) {
        b->epoch_loss[t][1] = b->epoch_loss[t][0];
        b->epoch_loss[t][0] = b->epoch_sum[t] / b->epoch_steps[t];
        b->epoch_sum[t] = 0;
        b->epoch_steps[t] = 0;
    }
    b->epoch++;
}
