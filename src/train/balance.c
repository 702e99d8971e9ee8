#include "train/balance.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "math/lapack.h"
#include "train/simplex.h"

bool mmoe_balance_takes_gradients(mmoe_balance_method method) {
    switch (method) {
    case MMOE_BALANCE_GRADNORM:
    case MMOE_BALANCE_METABALANCE:
    case MMOE_BALANCE_PCGRAD:
    case MMOE_BALANCE_CAGRAD:
    case MMOE_BALANCE_MGDA:
    case MMOE_BALANCE_ALIGNED_MTL:
        return true;
    case MMOE_BALANCE_NONE:
    case MMOE_BALANCE_UWL:
    case MMOE_BALANCE_DWA:
    case MMOE_BALANCE_RLW:
    case MMOE_BALANCE_FAMO:
        break;
    }
    return false;
}

void mmoe_balance_finish(mmoe_balance *b) {
    mmoe_release(&b->alloc, b->state);
    mmoe_release(&b->alloc, b->factor);
    mmoe_release(&b->alloc, b->present);
    b->state = b->factor = NULL;
    b->present = NULL;
}

static double *take_doubles(double **at, int64_t count) {
    double *taken = *at;
    *at += count;
    return taken;
}

void mmoe_balance_restart(mmoe_balance *b) {
    memset(b->state, 0, (size_t)b->n_state * sizeof *b->state);
    for (int64_t i = 0; i < (int64_t)b->n_block * b->n_task; i++) b->factor[i] = 1;
}

mmoe_status mmoe_balance_init(mmoe_balance *b, const mmoe_config *config, double divisor,
                              int32_t n_block, const mmoe_allocator *alloc, mmoe_error *err) {
    const int64_t tasks = config->n_task, blocks = n_block > 0 ? n_block : 1,
                  products = tasks * tasks;
    *b = (mmoe_balance){.alloc = *alloc,
                        .config = config->trainer.balance,
                        .seed = config->trainer.seed,
                        .n_task = config->n_task};
    b->n_block = (int32_t)blocks;
    b->divisor = divisor;
    b->n_state = 7 * tasks + blocks * tasks;
    const int64_t work = 3 * products + 3 * tasks + mmoe_lapack_eigen_scratch((int32_t)tasks),
                  rest = blocks * (tasks + products) + work;
    b->state = mmoe_alloc_zero(alloc, (size_t)b->n_state, sizeof *b->state);
    b->factor = mmoe_alloc_zero(alloc, (size_t)rest, sizeof *b->factor);
    b->present = mmoe_alloc_zero(alloc, (size_t)tasks, sizeof *b->present);
    if (!b->state || !b->factor || !b->present) {
        mmoe_balance_finish(b);
        return mmoe_fail_memory(err, (size_t)(b->n_state + rest) * sizeof *b->state);
    }
    double *at = b->state;
    b->weight = take_doubles(&at, tasks);
    b->m = take_doubles(&at, tasks);
    b->v = take_doubles(&at, tasks);
    b->first = take_doubles(&at, tasks);
    b->earlier = take_doubles(&at, tasks);
    b->last = take_doubles(&at, tasks);
    b->updates = take_doubles(&at, tasks);
    b->norm = take_doubles(&at, blocks * tasks);
    b->gram = b->factor + blocks * tasks;
    b->work = b->gram + blocks * products;
    mmoe_balance_restart(b);
    return MMOE_OK;
}

/* ---- Factors ---- */

/* out = softmax(x / temperature) over the present tasks. */
static void softmax(const mmoe_balance *b, const double *x, double temperature, double *out) {
    double most = -HUGE_VAL, sum = 0;
    for (int32_t i = 0; i < b->n_present; i++) most = fmax(most, x[b->present[i]] / temperature);
    for (int32_t i = 0; i < b->n_present; i++)
        sum += out[b->present[i]] = exp(x[b->present[i]] / temperature - most);
    for (int32_t i = 0; i < b->n_present; i++) out[b->present[i]] /= sum;
}

static double log_variance(const mmoe_balance *b, int32_t t) {
    return b->config.clamp ? fmax(0, b->weight[t]) : b->weight[t];
}

/* Kendall, Gal and Cipolla 2018, as torch-rechub has it: L = sum_t 2 L_t exp(-c_t) + c_t. */
static void factors_of_uwl(mmoe_balance *b) {
    for (int32_t i = 0; i < b->n_present; i++)
        b->factor[b->present[i]] = 2 * b->divisor * exp(-log_variance(b, b->present[i]));
}

/* Chen et al. 2018: what update_gradnorm made of them. */
static void factors_of_gradnorm(mmoe_balance *b) {
    for (int32_t k = 0; k < b->n_block; k++)
        for (int32_t i = 0; i < b->n_present; i++)
            b->factor[(int64_t)k * b->n_task + b->present[i]] = exp(b->weight[b->present[i]]);
}

/* Liu, Johns and Davison 2019: a = T softmax(r / temperature), r_t the ratio of the last two
 * epochs' losses. */
static void factors_of_dwa(mmoe_balance *b) {
    double *rate = b->work;
    for (int32_t i = 0; i < b->n_present; i++) {
        const int32_t t = b->present[i];
        if (!(b->earlier[t] > 0 && b->last[t] > 0)) return;
        rate[t] = b->last[t] / b->earlier[t];
    }
    softmax(b, rate, (double)b->config.temperature, b->factor);
    for (int32_t i = 0; i < b->n_present; i++) b->factor[b->present[i]] *= b->n_present;
}

/* Lin et al. 2022: a = T softmax(x), x standard normal. */
static void factors_of_rlw(mmoe_balance *b, uint64_t step) {
    double *x = b->work;
    for (int32_t t = 0; t < b->n_task; t++)
        x[t] = mmoe_random_normal(b->seed, mmoe_stream(MMOE_STREAM_BALANCE, (uint64_t)t), step);
    softmax(b, x, 1, b->factor);
    for (int32_t i = 0; i < b->n_present; i++) b->factor[b->present[i]] *= b->n_present;
}

static void normalize(mmoe_balance *b) {
    for (int32_t i = 0; i < b->n_present; i++)
        if (b->first[b->present[i]] > 0) b->factor[b->present[i]] /= b->first[b->present[i]];
}

#define FAMO_EPS 1e-8

/* Liu et al. 2023: f_t = (z_t / L_t) / sum_s z_s / L_s, z = softmax(xi). */
static void factors_of_famo(mmoe_balance *b, const double *losses) {
    double sum = 0;
    softmax(b, b->weight, 1, b->factor);
    for (int32_t i = 0; i < b->n_present; i++)
        sum += b->factor[b->present[i]] /= losses[b->present[i]] + FAMO_EPS;
    for (int32_t i = 0; i < b->n_present; i++) b->factor[b->present[i]] *= b->divisor / sum;
}

/* He et al. 2022, the first task being the target: a_t = r n_0 / n_t + 1 - r, n the running norms;
 * 1 in a tensor that the target does not reach, as the other tasks' own experts. */
static void factors_of_metabalance(mmoe_balance *b) {
    const double beta = (double)b->config.beta, r = (double)b->config.relax_factor;
    const int32_t tasks = b->n_task;
    for (int32_t k = 0; k < b->n_block; k++) {
        double *norm = b->norm + (int64_t)k * tasks, *factor = b->factor + (int64_t)k * tasks;
        const double *gram = b->gram + (int64_t)k * tasks * tasks;
        for (int32_t i = 0; i < b->n_present; i++) {
            const int32_t t = b->present[i];
            norm[t] = beta * norm[t] + (1 - beta) * sqrt(gram[t * tasks + t]);
        }
        for (int32_t i = 0; i < b->n_present; i++) {
            const int32_t t = b->present[i];
            if (t > 0 && norm[t] > 0 && norm[0] > 0) factor[t] = r * norm[0] / norm[t] + 1 - r;
        }
    }
}

/* The present tasks' products over all blocks, [n, n]; their trace. */
static double gather_products(const mmoe_balance *b, double *m) {
    const int32_t n = b->n_present, tasks = b->n_task;
    double trace = 0;
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) {
            double sum = 0;
            for (int32_t k = 0; k < b->n_block; k++)
                sum += b->gram[((int64_t)k * tasks + b->present[i]) * tasks + b->present[j]];
            m[i * n + j] = sum;
            if (i == j) trace += sum;
        }
    return trace;
}

/* A gradient of this part of all tasks' squared length, and less, is rounding beside the others': a
 * dead tower's is 0. It has no direction to combine, and its task none to be given. */
#define SILENT 1e-30

/* Leaves out of `present` the tasks whose gradient is silent. Their factor stays 1. */
static void leave_out_silent(mmoe_balance *b, const double *m, double trace) {
    const int32_t n = b->n_present;
    b->n_present = 0;
    for (int32_t i = 0; i < n; i++)
        if (m[i * n + i] > SILENT * trace) b->present[b->n_present++] = b->present[i];
}

/* Yu et al. 2020: from each gradient the part is taken that goes against another's, one after the
 * other in random order. A gradient is kept as its coefficients. */
static void combine_pcgrad(const mmoe_balance *b, uint64_t step, const double *m, double *out,
                           double *work) {
    const int32_t n = b->n_present;
    double *mine = work;
    for (int32_t i = 0; i < n; i++) {
        int32_t order[256];
        for (int32_t j = 0; j < n; j++) order[j] = j;
        for (int32_t j = n - 1; j > 0; j--) {
            const int32_t other = (int32_t)mmoe_random_below(
                              b->seed, mmoe_stream(MMOE_STREAM_BALANCE, (uint64_t)(i * n + j)),
                              step, (uint64_t)j + 1),
                          swap = order[j];
            order[j] = order[other];
            order[other] = swap;
        }
        for (int32_t j = 0; j < n; j++) mine[j] = j == i;
        for (int32_t o = 0; o < n; o++) {
            const int32_t j = order[o];
            double product = 0;
            for (int32_t k = 0; k < n; k++) product += mine[k] * m[k * n + j];
            if (j != i && product < 0) mine[j] -= product / m[j * n + j];
        }
        for (int32_t j = 0; j < n; j++) out[j] += mine[j] / n;
    }
}

#define CANCELLED 0x1p-40 /* squared length of a sum, of its terms' squared lengths */

/* Liu et al. 2021: with g_0 the mean, the d within c |g_0| of it that the worst-off task gains most
 * from, over 1 + c^2. */
static void combine_cagrad(const mmoe_balance *b, const double *m, double *out, double *work) {
    const int32_t n = b->n_present;
    double *w = work, *with_mean = work + n, *slopes = with_mean + n, mean = 0, square = 0;
    for (int32_t i = 0; i < n; i++) {
        with_mean[i] = 0;
        for (int32_t j = 0; j < n; j++) with_mean[i] += m[i * n + j] / n;
        mean += with_mean[i] / n;
    }
    const double c = (double)b->config.c, radius = c * sqrt(fmax(0, mean));
    mmoe_simplex_support(n, m, with_mean, radius, w, slopes);
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) square += w[i] * w[j] * m[i * n + j];
    /* Gradients that cancel leave what single precision makes of 0: no direction. */
    double trace = 0;
    for (int32_t i = 0; i < n; i++) trace += m[i * n + i];
    const double scale = square > CANCELLED * trace ? radius / sqrt(square) : 0;
    for (int32_t i = 0; i < n; i++) out[i] = (1.0 / n + scale * w[i]) / (1 + c * c);
}

/* Senushkin et al. 2023: sqrt(lambda_min) V lambda^-1/2 V' (1/n): gradients as long as the shortest
 * principal one, and orthogonal. */
static bool combine_aligned(const mmoe_balance *b, const double *m, double *out, double *work) {
    const int32_t n = b->n_present;
    double *vectors = work, *values = vectors + n * n, *scratch = values + n;
    memcpy(vectors, m, (size_t)(n * n) * sizeof *m);
    if (!mmoe_lapack_eigen(n, vectors, values, scratch)) return false;
    const double least = 16 * n * 0x1p-52 * values[n - 1];
    int32_t first = 0;
    while (values[first] <= least) first++;
    for (int32_t k = first; k < n; k++) {
        double sum = 0;
        for (int32_t j = 0; j < n; j++) sum += vectors[k * n + j] / n;
        for (int32_t i = 0; i < n; i++)
            out[i] += sqrt(values[first] / values[k]) * sum * vectors[k * n + i];
    }
    return true;
}

/* Those whose combined gradient is sum_t out_t g_t, the mean being 1/n for all. */
static bool combine(const mmoe_balance *b, uint64_t step, const double *m, double *out,
                    double *work) {
    const int32_t n = b->n_present;
    memset(out, 0, (size_t)n * sizeof *out);
    switch (b->config.method) {
    case MMOE_BALANCE_PCGRAD:
        combine_pcgrad(b, step, m, out, work);
        break;
    case MMOE_BALANCE_CAGRAD:
        combine_cagrad(b, m, out, work);
        break;
    case MMOE_BALANCE_MGDA:
        mmoe_simplex_shortest(n, m, out, work);
        break; /* Désidéri 2012, Sener and Koltun 2018 */
    default:
        return combine_aligned(b, m, out, work);
    }
    return true;
}

static mmoe_status factors_of_combination(mmoe_balance *b, uint64_t step, mmoe_error *err) {
    const int32_t tasks = b->n_task;
    double *m = b->work, trace = gather_products(b, m);
    if (trace == 0) return MMOE_OK;
    leave_out_silent(b, m, trace);
    trace = gather_products(b, m);
    const int32_t n = b->n_present;
    double *out = m + n * n;
    if (!isfinite(trace) || !combine(b, step, m, out, out + n))
        return mmoe_fail(err, MMOE_E_NUMERIC, "the tasks' gradients are not finite at step %llu",
                         (unsigned long long)step);
    for (int32_t k = 0; k < b->n_block; k++)
        for (int32_t i = 0; i < n; i++) b->factor[(int64_t)k * tasks + b->present[i]] = n * out[i];
    return MMOE_OK;
}

static mmoe_status fill_factors(mmoe_balance *b, uint64_t step, const double *losses,
                                mmoe_error *err) {
    switch (b->config.method) {
    case MMOE_BALANCE_NONE:
        break;
    case MMOE_BALANCE_UWL:
        factors_of_uwl(b);
        break;
    case MMOE_BALANCE_DWA:
        factors_of_dwa(b);
        break;
    case MMOE_BALANCE_RLW:
        factors_of_rlw(b, step);
        break;
    case MMOE_BALANCE_FAMO:
        factors_of_famo(b, losses);
        break;
    case MMOE_BALANCE_GRADNORM:
        factors_of_gradnorm(b);
        break;
    case MMOE_BALANCE_METABALANCE:
        factors_of_metabalance(b);
        break;
    case MMOE_BALANCE_PCGRAD:
    case MMOE_BALANCE_CAGRAD:
    case MMOE_BALANCE_MGDA:
    case MMOE_BALANCE_ALIGNED_MTL:
        return factors_of_combination(b, step, err);
    }
    if ((b->config.method == MMOE_BALANCE_DWA || b->config.method == MMOE_BALANCE_RLW) &&
        b->config.normalize)
        normalize(b);
    return MMOE_OK;
}

/* No factor leaves single precision, nor does a gradient by it: a task that has all but stopped
 * would be given any factor by the formulas that divide by its loss or its gradient. */
#define LARGEST_FACTOR 1e12

mmoe_status mmoe_balance_factors(mmoe_balance *b, uint64_t step, const double *losses,
                                 const double *weight, mmoe_error *err) {
    const int64_t n_factor = (int64_t)b->n_block * b->n_task;
    b->n_present = 0;
    for (int32_t t = 0; t < b->n_task; t++) {
        if (!(weight[t] > 0)) continue;
        b->present[b->n_present++] = t;
        if (b->first[t] == 0) b->first[t] = losses[t];
    }
    for (int64_t i = 0; i < n_factor; i++) b->factor[i] = 1;
    if (b->n_present == 0) return MMOE_OK;
    mmoe_status status = fill_factors(b, step, losses, err);
    for (int64_t i = 0; i < n_factor && !status; i++) {
        if (isnan(b->factor[i]))
            status = mmoe_fail(err, MMOE_E_NUMERIC, "a task's factor is not a number at step %llu",
                               (unsigned long long)step);
        b->factor[i] = fmax(-LARGEST_FACTOR, fmin(LARGEST_FACTOR, b->factor[i]));
    }
    return status;
}

/* ---- The methods' own weights ---- */

/* The log-variances are trained as the model's weights are: dL/dw = 1 - 2 L exp(-c), 0 where the
 * clamp holds it. */
static void update_uwl(mmoe_balance *b, const mmoe_rule *optimizer, const double *losses) {
    for (int32_t i = 0; i < b->n_present; i++) {
        const int32_t t = b->present[i];
        const bool held = b->config.clamp && b->weight[t] < 0;
        const float g = held ? 0 : (float)(1 - 2 * losses[t] * exp(-log_variance(b, t)));
        float w = (float)b->weight[t], m = (float)b->m[t], v = (float)b->v[t];
        optimizer->kind->move(optimizer, &(mmoe_penalty_args){.scale = 1},
                              &(mmoe_moved){&w, &m, &v, 1}, &g);
        b->weight[t] = (double)w;
        b->m[t] = (double)m;
        b->v[t] = (double)v;
    }
}

/* Adam (Kingma and Ba 2015) on a task's weight. */
static void move_weight(mmoe_balance *b, int32_t t, double gradient) {
    const double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, step = ++b->updates[t];
    b->m[t] = beta1 * b->m[t] + (1 - beta1) * gradient;
    b->v[t] = beta2 * b->v[t] + (1 - beta2) * gradient * gradient;
    const double m = b->m[t] / (1 - pow(beta1, step)), v = b->v[t] / (1 - pow(beta2, step));
    b->weight[t] -= (double)b->config.lr * m / (sqrt(v) + eps);
}

static double relative_loss(const mmoe_balance *b, const double *losses, int32_t t) {
    return b->first[t] > 0 ? losses[t] / b->first[t] : 1;
}

/* Chen et al. 2018: |a_t |g_t| - mean(a |g|) r_t^alpha| is to fall, r_t the task's relative loss;
 * the target is a constant to it. The step is taken by log a, which keeps a positive; then a is
 * scaled to the sum T. */
static void update_gradnorm(mmoe_balance *b, const double *losses) {
    const int32_t n = b->n_present;
    double *m = b->work, *length = m + n * n, mean = 0, mean_rate = 0, sum = 0;
    gather_products(b, m);
    for (int32_t i = 0; i < n; i++) {
        const int32_t t = b->present[i];
        length[i] = exp(b->weight[t]) * sqrt(m[i * n + i]);
        mean += length[i] / n;
        mean_rate += relative_loss(b, losses, t) / n;
    }
    for (int32_t i = 0; i < n; i++) {
        const int32_t t = b->present[i];
        const double target = mean_rate > 0 ? mean * pow(relative_loss(b, losses, t) / mean_rate,
                                                         (double)b->config.alpha)
                                            : mean,
                     above = length[i] - target;
        double slope = 0;
        if (above > 0) slope = length[i];
        if (above < 0) slope = -length[i];
        move_weight(b, t, slope);
    }
    for (int32_t t = 0; t < b->n_task; t++) sum += exp(b->weight[t]);
    for (int32_t t = 0; t < b->n_task; t++) b->weight[t] += log(b->n_task / sum);
}

/* The logits go down the gradient of sum_t z_t delta_t, delta_t the step's fall of log L_t. */
static void update_famo(mmoe_balance *b, const double *losses, const double *after) {
    double *z = b->work, mean = 0;
    softmax(b, b->weight, 1, z);
    for (int32_t i = 0; i < b->n_present; i++)
        if (!isfinite(after[b->present[i]])) return; /* the next step ends the training */
    for (int32_t i = 0; i < b->n_present; i++) {
        const int32_t t = b->present[i];
        mean += z[t] * (log(losses[t] + FAMO_EPS) - log(after[t] + FAMO_EPS));
    }
    for (int32_t i = 0; i < b->n_present; i++) {
        const int32_t t = b->present[i];
        const double fall = log(losses[t] + FAMO_EPS) - log(after[t] + FAMO_EPS);
        move_weight(b, t, z[t] * (fall - mean) + (double)b->config.gamma * b->weight[t]);
    }
}

void mmoe_balance_update(mmoe_balance *b, const mmoe_rule *optimizer, const double *losses,
                         const double *after) {
    if (b->n_present == 0) return;
    if (b->config.method == MMOE_BALANCE_UWL) update_uwl(b, optimizer, losses);
    if (b->config.method == MMOE_BALANCE_GRADNORM) update_gradnorm(b, losses);
    if (b->config.method == MMOE_BALANCE_FAMO) update_famo(b, losses, after);
}

void mmoe_balance_end_epoch(mmoe_balance *b, const double *mean) {
    for (int32_t t = 0; t < b->n_task; t++) {
        b->earlier[t] = b->last[t];
        b->last[t] = isnan(mean[t]) ? 0 : mean[t];
    }
}
