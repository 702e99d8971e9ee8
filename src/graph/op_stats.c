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
#include <string.h>

#include "graph/op.h"
#include "graph/plan_cut.h"

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

static void push_moments(mmoe_tree *tree, moments *sums, int32_t part, const moments *own) {
    while (mmoe_tree_merges(tree, part)) merge_moments(&sums[tree->depth - 1], &sums[tree->depth]);
    if (own) sums[mmoe_tree_push(tree, part)] = *own;
}

/* Those of neighbouring columns, which are merged side by side. */
enum { SIDE = 32 };
typedef struct side_moments {
    double n, mean[SIDE], m2[SIDE];
} side_moments;

static void merge_side(side_moments *to, const side_moments *other) {
    const double n = to->n, more = other->n, both = n + more;
    for (int32_t i = 0; i < SIDE; i++) {
        const double delta = other->mean[i] - to->mean[i];
        to->mean[i] += delta * more / both;
        to->m2[i] += other->m2[i] + delta * delta * n * more / both;
    }
    to->n = both;
}

/* Neighbouring columns, SIDE at most, of a layer whose chunks' sums are `width` apart. */
typedef struct side_columns {
    const mmoe_layer_state *layer;
    size_t width;
    int32_t first, cols;
} side_columns;

static void take_chunk(side_moments *m, const side_columns *of, int32_t chunk, double rows) {
    const size_t at = (size_t)chunk * of->width + (size_t)of->first;
    const float *sums = of->layer->sum + at, *squares = of->layer->square + at,
                *pivots = of->layer->pivot + at;
    m->n = rows;
    for (int32_t i = 0; i < of->cols; i++) {
        const double sum = sums[i], shift = sum / rows;
        m->mean[i] = pivots[i] + shift;
        m->m2[i] = fmax(0, squares[i] - sum * shift);
    }
}

/* Of a segment, in chunk order. */
static void take_segment(side_moments *out, const side_columns *of, const mmoe_cut *cut,
                         int32_t segment) {
    side_moments chunk = {0};
    *out = (side_moments){0};
    for (int32_t k = mmoe_segment_chunk(cut, segment); k < mmoe_segment_chunk(cut, segment + 1);
         k++) {
        take_chunk(&chunk, of, k, mmoe_chunk_rows(cut, k));
        merge_side(out, &chunk);
    }
}

/* The means of this rank's rows, and then the squares. */
static int32_t stats_numbers(const mmoe_plan *p, int32_t node, bool backward) {
    (void)backward;
    return 2 * p->graph->nodes[node].u.stats.norm.cols;
}

static void stats_add_up(const mmoe_run *r, int32_t node, bool backward, double *numbers) {
    (void)backward;
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_norm *norm = &n->u.stats.norm;
    const size_t width = (size_t)p->graph->values[n->in].width;
    for (int32_t i = 0; i < norm->cols; i += SIDE) {
        const int32_t left = norm->cols - i, cols = left < SIDE ? left : SIDE;
        const side_columns of = {p->nodes[node].own, width, norm->col + i, cols};
        mmoe_tree tree = {0};
        side_moments sums[MMOE_TREE_DEPTH + 1] = {{0}};
        for (int32_t s = 0; s < r->cut.segments; s++) {
            side_moments own;
            take_segment(&own, &of, &r->cut, s);
            while (mmoe_tree_merges(&tree, s)) merge_side(&sums[tree.depth - 1], &sums[tree.depth]);
            sums[mmoe_tree_push(&tree, s)] = own;
        }
        while (mmoe_tree_merges(&tree, MMOE_TREE_PARTS))
            merge_side(&sums[tree.depth - 1], &sums[tree.depth]);
        memcpy(numbers + i, sums[0].mean, (size_t)cols * sizeof *numbers);
        memcpy(numbers + norm->cols + i, sums[0].m2, (size_t)cols * sizeof *numbers);
    }
}

/* A column's, of the ranks that have rows. */
static moments merge_ranks(const mmoe_run *r, const double *mean, const double *m2) {
    const size_t each = (size_t)r->plan->phases[r->current_phase].numbers;
    mmoe_tree tree = {0};
    moments sums[MMOE_TREE_DEPTH] = {{0}};
    for (int32_t q = 0, first; q < r->plan->ranks; q++) {
        const int32_t rows = mmoe_plan_share(r->plan, &r->whole, q, &first).rows;
        const moments own = {rows, mean[(size_t)q * each], m2[(size_t)q * each]};
        if (rows) push_moments(&tree, sums, q, &own);
    }
    push_moments(&tree, sums, MMOE_TREE_PARTS, NULL);
    return sums[0];
}

static void stats_barrier(mmoe_run *r, int32_t node, bool backward, const double *numbers) {
    (void)backward;
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const mmoe_norm *norm = &n->u.stats.norm;
    const float *values = p->params->values, *bias = values + apply_of(n)->u.apply.bias;
    float *running_mean = p->params->states + norm->mean,
          *running_var = p->params->states + norm->var;
    const double rows = r->whole.rows;
    const bool updates = rows > 1 && !r->keeps_statistics;
    for (int32_t i = 0; i < norm->cols; i++) {
        int32_t c = norm->col + i;
        double mean, var;
        if (rows > 1) {
            const moments all = merge_ranks(r, numbers + i, numbers + norm->cols + i);
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
    .numbers = stats_numbers,
    .add_up = stats_add_up,
    .barrier = stats_barrier,
    .backward = stats_backward,
};
