/* The mean and variance of a linear node's columns over a batch; backward, their share of the
 * gradient.
 *
 * BatchNorm1d (Ioffe and Szegedy 2015, as PyTorch has it): with the batch's mean m and biased
 * variance v, a = gamma (z - m) r + beta,  r = 1 / sqrt(v + 1e-5); dz = gamma r (da - mean(da) - (z
 * - m) r^2 mean(da (z - m))); running <- 0.9 running + 0.1 batch, the variance unbiased. A bias in
 * front of it moves m and nothing else, so z is taken without it and its gradient is 0. A batch of
 * one row has no variance: it is normalised with the running statistics, which it leaves as they
 * are; they are constants to it, and the bias then has a gradient.
 *
 * Stands in front of its apply node (op_apply.c), and has its working memory. */
#include <math.h>

#include "graph/op.h"

#define MOMENTUM 0.1

static const mmoe_node *apply_of(const mmoe_node *stats) {
    return stats + 1;
} /* mmoe_graph_layer adds them together */

static void stats_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                         void *context) {
    (void)g;
    const mmoe_norm *norm = &n->u.stats.norm;
    visit(context, &(mmoe_node_input){.in = {n->in, norm->col, norm->cols}});
}

static mmoe_barrier stats_waits(const mmoe_node *n, bool backward) {
    (void)n;
    return backward ? MMOE_BARRIER_NONE : MMOE_BARRIER_NOW;
}

static void stats_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const mmoe_norm *norm = &n->u.stats.norm;
    size_t at = (size_t)s->chunk * (size_t)p->graph->values[n->in].width + (size_t)norm->col;
    p->kernels->column_stats(&(mmoe_stats_args){.rows = s->rows,
                                                .cols = norm->cols,
                                                .z = mmoe_value_at(p, n->in, s) + norm->col,
                                                .ldz = p->values[n->in].ld,
                                                .pivot = l->pivot + at,
                                                .sum = l->sum + at,
                                                .square = l->square + at});
}

/* A column's mean and sum of squared deviations over n rows. */
typedef struct moments {
    double n, mean, m2;
} moments;

/* Chan, Golub and LeVeque 1979. */
static void merge_moments(moments *to, const moments *other) {
    const double delta = other->mean - to->mean, both = to->n + other->n;
    to->mean += delta * other->n / both;
    to->m2 += other->m2 + delta * delta * to->n * other->n / both;
    to->n = both;
}

/* Of a segment, in chunk order. */
static moments segment_moments(const mmoe_cut *cut, const mmoe_layer_state *l, size_t width,
                               size_t c, int32_t segment) {
    moments all = {0};
    for (int32_t k = mmoe_segment_chunk(cut, segment); k < mmoe_segment_chunk(cut, segment + 1);
         k++) {
        const size_t at = (size_t)k * width + c;
        const double rows = mmoe_chunk_rows(cut, k), shift = l->sum[at] / rows;
        const moments chunk = {rows, l->pivot[at] + shift,
                               fmax(0, l->square[at] - l->sum[at] * shift)};
        merge_moments(&all, &chunk);
    }
    return all;
}

static moments merge_column(const mmoe_run *r, const mmoe_layer_state *l, size_t width, size_t c) {
    mmoe_tree tree = {0};
    moments sums[MMOE_TREE_DEPTH];
    for (int32_t s = 0; s < r->cut.segments; s++) {
        const moments own = segment_moments(&r->cut, l, width, c, s);
        while (mmoe_tree_merges(&tree, s)) merge_moments(&sums[tree.depth - 1], &sums[tree.depth]);
        sums[mmoe_tree_push(&tree, s)] = own;
    }
    while (mmoe_tree_merges(&tree, MMOE_TREE_PARTS))
        merge_moments(&sums[tree.depth - 1], &sums[tree.depth]);
    return sums[0];
}

static void stats_barrier(mmoe_run *r, int32_t node, bool backward) {
    (void)backward;
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const mmoe_norm *norm = &n->u.stats.norm;
    const float *values = p->params->values, *bias = values + apply_of(n)->u.apply.bias;
    float *running_mean = p->params->states + norm->mean,
          *running_var = p->params->states + norm->var;
    const double rows = r->batch->rows;
    const bool updates = rows > 1 && !r->keeps_statistics;
    const size_t width = (size_t)p->graph->values[n->in].width;
    for (int32_t i = 0; i < norm->cols; i++) {
        int32_t c = norm->col + i;
        double mean, var;
        if (rows > 1) {
            const moments all = merge_column(r, l, width, (size_t)c);
            mean = all.mean;
            var = all.m2 / rows;
            if (updates)
                running_mean[i] =
                    (float)((1 - MOMENTUM) * running_mean[i] + MOMENTUM * (mean + bias[c]));
            if (updates)
                running_var[i] =
                    (float)((1 - MOMENTUM) * running_var[i] + MOMENTUM * all.m2 / (rows - 1));
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

static void stats_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const mmoe_norm *norm = &n->u.stats.norm;
    const int32_t c = norm->col;
    p->kernels->norm_backward(&(mmoe_norm_args){.rows = s->rows,
                                                .cols = norm->cols,
                                                .da = mmoe_grad_at(p, n->in, s) + c,
                                                .ldda = p->grads[n->in].ld,
                                                .z = mmoe_value_at(p, n->in, s) + c,
                                                .ldz = p->values[n->in].ld,
                                                .k0 = l->k0 + c,
                                                .k1 = l->k1 + c,
                                                .k2 = l->k2 + c});
}

const mmoe_op_kind mmoe_op_stats = {
    .passes = {[MMOE_PASS_FORWARD] = "statistics",
               [MMOE_PASS_BARRIER] = "statistics merged",
               [MMOE_PASS_BACKWARD] = "norm backward"},
    .training = true,
    .inputs = stats_inputs,
    .waits = stats_waits,
    .forward = stats_forward,
    .barrier = stats_barrier,
    .backward = stats_backward,
};
