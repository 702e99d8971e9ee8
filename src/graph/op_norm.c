/* u = dropout(act(bn(z + bias))).
 *
 * BatchNorm1d (Ioffe and Szegedy 2015, as PyTorch has it): with the batch's mean m and biased
 * variance v, a = gamma (z - m) r + beta,  r = 1 / sqrt(v + 1e-5); dz = gamma r (da - mean(da) - (z
 * - m) r^2 mean(da (z - m))); running <- 0.9 running + 0.1 batch, the variance unbiased. A bias in
 * front of it moves m and nothing else, so z is taken without it and its gradient is 0. A batch of
 * one row has no variance: it is normalised with the running statistics, which it leaves as they
 * are; they are constants to it, and the bias then has a gradient. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "graph/ops.h"

#define MOMENTUM 0.1

static const mmoe_node *apply_of(const mmoe_node *stats) {
    return stats + 1;
} /* mmoe_graph_layer adds them together */

void mmoe_stats_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_layer_state *l,
                        const mmoe_span *s) {
    const mmoe_norm *norm = &n->u.stats.norm;
    size_t at = (size_t)s->chunk * (size_t)p->graph->values[n->in].width + (size_t)norm->col;
    p->kernels->column_stats(s->rows, norm->cols, mmoe_value_at(p, n->in, s) + norm->col,
                             p->values[n->in].ld, l->pivot + at, l->sum + at, l->square + at);
}

/* Mean and sum of squared deviations of a column from its chunks' (Chan, Golub and LeVeque 1979),
 * in chunk order. */
static void merge_column(const mmoe_plan *p, const mmoe_layer_state *l, size_t width, size_t c,
                         double *mean, double *m2) {
    double n = 0;
    *mean = *m2 = 0;
    for (int32_t k = 0; k < p->chunks; k++) {
        size_t at = (size_t)k * width + c;
        int32_t left = p->batch->rows - k * p->chunk;
        double rows = left < p->chunk ? left : p->chunk, shift = l->sum[at] / rows;
        double chunk_mean = l->pivot[at] + shift,
               chunk_m2 = fmax(0, l->square[at] - l->sum[at] * shift);
        double delta = chunk_mean - *mean, both = n + rows;
        *mean += delta * rows / both;
        *m2 += chunk_m2 + delta * delta * n * rows / both;
        n = both;
    }
}

void mmoe_stats_barrier(mmoe_plan *p, const mmoe_node *n, mmoe_layer_state *l) {
    const mmoe_norm *norm = &n->u.stats.norm;
    const float *values = p->params->values, *bias = values + apply_of(n)->u.apply.bias;
    float *running_mean = p->params->states + norm->mean,
          *running_var = p->params->states + norm->var;
    const double rows = p->batch->rows;
    const bool updates = rows > 1 && !p->keeps_statistics;
    const size_t width = (size_t)p->graph->values[n->in].width;
    for (int32_t i = 0; i < norm->cols; i++) {
        int32_t c = norm->col + i;
        double mean, var;
        if (rows > 1) {
            double m2;
            merge_column(p, l, width, (size_t)c, &mean, &m2);
            var = m2 / rows;
            if (updates)
                running_mean[i] =
                    (float)((1 - MOMENTUM) * running_mean[i] + MOMENTUM * (mean + bias[c]));
            if (updates)
                running_var[i] =
                    (float)((1 - MOMENTUM) * running_var[i] + MOMENTUM * m2 / (rows - 1));
        } else {
            mean = (double)running_mean[i] - bias[c];
            var = running_var[i];
        }
        double rstd = 1 / sqrt(var + MMOE_BATCH_NORM_EPS), scale = values[norm->gamma + i] * rstd;
        l->mean[c] = (float)mean;
        l->rstd[c] = (float)rstd;
        l->scale[c] = (float)scale;
        l->shift[c] = (float)(values[norm->beta + i] - mean * scale);
    }
    if (updates)
        for (int32_t i = 0; i < norm->n_counter; i++) p->params->counters[norm->counter + i]++;
}

void mmoe_stats_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_layer_state *l,
                         const mmoe_span *s) {
    const mmoe_norm *norm = &n->u.stats.norm;
    const int32_t c = norm->col;
    p->kernels->norm_backward(s->rows, norm->cols, mmoe_grad_at(p, n->in, s) + c,
                              p->grads[n->in].ld, mmoe_value_at(p, n->in, s) + c,
                              p->values[n->in].ld, l->k0 + c, l->k1 + c, l->k2 + c);
}

static mmoe_act_args segment_args(const mmoe_plan *p, const mmoe_node *n, const mmoe_layer_state *l,
                                  const mmoe_segment *g, const mmoe_span *s) {
    mmoe_act_args a = {.act = g->act, .rows = s->rows, .cols = g->cols, .group = g->group};
    a.scale = l->scale + g->col;
    a.shift = l->shift + g->col;
    a.slope = g->slope >= 0 ? p->params->values + g->slope : NULL;
    a.z = mmoe_value_at(p, n->in, s) + g->col;
    a.ldz = p->values[n->in].ld;
    a.u = mmoe_value_at(p, n->out, s) + g->col;
    a.ldu = p->values[n->out].ld;
    return a;
}

static void drop(const mmoe_plan *p, int32_t node, int32_t segment, const mmoe_segment *g, float *u,
                 int32_t ldu, const mmoe_span *s) {
    p->kernels->dropout(s->rows, g->cols, u, ldu, g->dropout, p->seed,
                        mmoe_dropout_stream(p, node, segment), (uint64_t)s->first);
}

void mmoe_apply_forward(mmoe_plan *p, int32_t node, const mmoe_layer_state *l, const mmoe_span *s) {
    const mmoe_node *n = &p->graph->nodes[node];
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        if (i == p->nodes[node].mixed_segment) continue;
        mmoe_act_args a = segment_args(p, n, l, g, s);
        p->kernels->act_forward(&a);
        if (p->training && g->dropout > 0) drop(p, node, i, g, a.u, a.ldu, s);
    }
}

void mmoe_apply_backward(mmoe_plan *p, int32_t node, const mmoe_layer_state *l,
                         const mmoe_span *s) {
    const mmoe_node *n = &p->graph->nodes[node];
    const size_t width = (size_t)p->graph->values[n->in].width;
    float *slope_part = l->slope_part + (size_t)s->chunk * (size_t)l->slopes;
    if (l->slopes) memset(slope_part, 0, (size_t)l->slopes * sizeof *slope_part);
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        if (i == p->nodes[node].mixed_segment) continue;
        mmoe_act_args a = segment_args(p, n, l, g, s);
        a.du = mmoe_grad_at(p, n->out, s) + g->col;
        a.lddu = p->grads[n->out].ld;
        a.dslope = slope_part;
        if (g->slope >= 0) slope_part += g->cols / g->group;
        if (g->dropout > 0) drop(p, node, i, g, a.du, a.lddu, s);
        size_t at = (size_t)s->chunk * width + (size_t)g->col;
        bool normed = n->u.apply.norm.cols && g->col >= n->u.apply.norm.col &&
                      g->col < n->u.apply.norm.col + n->u.apply.norm.cols;
        const float *mean = normed ? l->mean + g->col : NULL;
        if (g->act == MMOE_ACT_RELU) {
            p->kernels->relu_backward_sums(&a, mean, l->sum_da + at, l->sum_daz + at);
        } else {
            if (g->act != MMOE_ACT_NONE) p->kernels->act_backward(&a);
            p->kernels->column_sums(a.rows, a.cols, a.du, a.lddu, a.z, a.ldz, mean, l->sum_da + at,
                                    l->sum_daz + at);
        }
    }
}

static void sum_slopes(const mmoe_plan *p, mmoe_layer_state *l) {
    for (int32_t i = 0; i < l->slopes; i++) {
        double sum = 0;
        for (int32_t k = 0; k < p->chunks; k++)
            sum += l->slope_part[(size_t)k * (size_t)l->slopes + (size_t)i];
        l->dslope[i] = (float)sum;
    }
}

void mmoe_apply_backward_barrier(mmoe_plan *p, const mmoe_node *n, mmoe_layer_state *l) {
    const mmoe_norm *norm = &n->u.apply.norm;
    const int32_t width = p->graph->values[n->in].width;
    const double rows = p->batch->rows;
    for (int32_t c = 0; c < width; c++) {
        bool normed = c >= norm->col && c < norm->col + norm->cols;
        double da = 0, daz = 0;
        for (int32_t k = 0; k < p->chunks; k++) {
            da += l->sum_da[(size_t)k * (size_t)width + (size_t)c];
            if (normed) daz += l->sum_daz[(size_t)k * (size_t)width + (size_t)c];
        }
        if (!normed) {
            l->dbias[c] = (float)da;
            continue;
        }
        int32_t i = c - norm->col;
        double scale = l->scale[c], rstd = l->rstd[c];
        l->dbeta[i] = (float)da;
        l->dgamma[i] = (float)(daz * rstd);
        double k1 = rows > 1 ? -scale * rstd * rstd * daz / rows : 0;
        l->k0[c] = l->scale[c];
        l->k1[c] = (float)k1;
        l->k2[c] = (float)(rows > 1 ? -scale * da / rows - k1 * l->mean[c] : 0);
        l->dbias[c] = rows > 1 ? 0 : (float)(scale * da);
    }
    sum_slopes(p, l);
}

static void hand_on(mmoe_plan *p, int worker, int32_t node, int64_t offset, int32_t count,
                    const float *values) {
    const mmoe_gradient gradient = mmoe_layer_gradient(p, offset, count, values);
    mmoe_plan_sink(p, worker, node, &gradient);
}

void mmoe_apply_weights(mmoe_plan *p, const mmoe_node *n, const mmoe_layer_state *l, int worker) {
    const int32_t node = (int32_t)(n - p->graph->nodes);
    const mmoe_norm *norm = &n->u.apply.norm;
    const int32_t width = p->graph->values[n->in].width;
    hand_on(p, worker, node, n->u.apply.bias, width, l->dbias);
    if (norm->cols) {
        hand_on(p, worker, node, norm->gamma, norm->cols, l->dgamma);
        hand_on(p, worker, node, norm->beta, norm->cols, l->dbeta);
    }
    const float *dslope = l->dslope;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        if (g->slope < 0) continue;
        int32_t count = g->cols / g->group;
        hand_on(p, worker, node, g->slope, count, dslope);
        dslope += count;
    }
}

void mmoe_apply_fold(mmoe_plan *p, const mmoe_node *n, mmoe_layer_state *l) {
    const float *values = p->params->values, *bias = values + n->u.apply.bias;
    const mmoe_norm *norm = &n->u.apply.norm;
    const int32_t width = p->graph->values[n->in].width;
    for (int32_t c = 0; c < width; c++) {
        bool normed = c >= norm->col && c < norm->col + norm->cols;
        if (!normed) {
            l->scale[c] = 1;
            l->shift[c] = bias[c];
        } else if (!p->training) {
            int32_t i = c - norm->col;
            double scale = values[norm->gamma + i] /
                           sqrt((double)p->params->states[norm->var + i] + MMOE_BATCH_NORM_EPS);
            l->scale[c] = (float)scale;
            l->shift[c] = (float)(values[norm->beta + i] +
                                  ((double)bias[c] - p->params->states[norm->mean + i]) * scale);
        }
    }
}
