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
#include "graph/plan_parts.h"

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

enum { ABREAST = 8 }; /* columns, whose divisions do not wait for each other */

/* Means and sums of squared deviations of neighbouring columns over n rows. */
typedef struct moments {
    double n, mean[ABREAST], m2[ABREAST];
} moments;

/* Chan, Golub and LeVeque 1979. */
static void merge_moments(moments *to, const moments *other) {
    const double n = to->n, more = other->n, both = n + more;
    for (int j = 0; j < ABREAST; j++) {
        const double delta = other->mean[j] - to->mean[j];
        to->mean[j] += delta * more / both;
        to->m2[j] += other->m2[j] + delta * delta * n * more / both;
    }
    to->n = both;
}

static inline double at_least_0(double x) { return x > 0 ? x : 0; } /* NaN becomes 0, too */

/* The moments of `cols` columns over the chunks of a segment, in their order. A chunk has `width`
 * columns, the first of these at `at`. */
static inline __attribute__((always_inline)) moments add_segment(const mmoe_cut *cut,
                                                                 const mmoe_layer_state *l,
                                                                 size_t width, size_t at,
                                                                 int32_t cols, int32_t segment) {
    const int32_t end = mmoe_segment_chunk(cut, segment + 1);
    moments all = {0};
    for (int32_t k = mmoe_segment_chunk(cut, segment); k < end; k++) {
        const size_t from = (size_t)k * width + at;
        const float *pivot = l->pivot + from, *sum = l->sum + from, *square = l->square + from;
        moments chunk = {.n = mmoe_chunk_rows(cut, k)};
        for (int32_t j = 0; j < cols; j++) {
            const double shift = sum[j] / chunk.n;
            chunk.mean[j] = pivot[j] + shift;
            chunk.m2[j] = at_least_0(square[j] - sum[j] * shift);
        }
        merge_moments(&all, &chunk);
    }
    return all;
}

/* With a constant `cols` compilers make vectors of the loop. */
static moments segment_moments(const mmoe_cut *cut, const mmoe_layer_state *l, size_t width,
                               size_t at, int32_t cols, int32_t segment) {
    return cols == ABREAST ? add_segment(cut, l, width, at, ABREAST, segment)
                           : add_segment(cut, l, width, at, cols, segment);
}

static void push_moments(mmoe_tree *tree, moments *sums, int32_t part, const moments *own) {
    while (mmoe_tree_merges(tree, part)) merge_moments(&sums[tree->depth - 1], &sums[tree->depth]);
    if (own) sums[mmoe_tree_push(tree, part)] = *own;
}

/* The means of this rank's rows, and then the squares. */
static int32_t stats_numbers(const mmoe_plan *p, int32_t node, bool backward) {
    (void)backward;
    return 2 * p->graph->nodes[node].u.stats.norm.cols;
}

/* Columns that are done together, from column i on. */
static int32_t abreast(const mmoe_norm *norm, int32_t i) {
    return norm->cols - i < ABREAST ? norm->cols - i : ABREAST;
}

static void stats_add_up(const mmoe_run *r, int32_t node, bool backward, double *numbers) {
    (void)backward;
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_norm *norm = &n->u.stats.norm;
    const size_t width = (size_t)p->graph->values[n->in].width;
    for (int32_t i = 0; i < norm->cols; i += ABREAST) {
        const int32_t cols = abreast(norm, i);
        mmoe_tree tree = {0};
        moments sums[MMOE_TREE_DEPTH];
        sums[0] = (moments){0}; /* of no rows */
        for (int32_t s = 0; s < r->cut.segments; s++) {
            const moments own = segment_moments(&r->cut, p->nodes[node].own, width,
                                                (size_t)(norm->col + i), cols, s);
            push_moments(&tree, sums, s, &own);
        }
        push_moments(&tree, sums, MMOE_TREE_PARTS, NULL);
        for (int32_t j = 0; j < cols; j++) {
            numbers[i + j] = sums[0].mean[j];
            numbers[norm->cols + i + j] = sums[0].m2[j];
        }
    }
}

/* Of columns whose means and squares stand there, of the ranks that have rows. */
static moments merge_ranks(const mmoe_run *r, const double *mean, const double *m2, int32_t cols) {
    const size_t each = (size_t)r->plan->phases[r->current_phase].numbers;
    mmoe_tree tree = {0};
    moments sums[MMOE_TREE_DEPTH];
    for (int32_t q = 0, first; q < r->plan->ranks; q++) {
        moments own = {.n = mmoe_plan_share(r->plan, &r->whole, q, &first).rows};
        memcpy(own.mean, mean + (size_t)q * each, (size_t)cols * sizeof *mean);
        memcpy(own.m2, m2 + (size_t)q * each, (size_t)cols * sizeof *m2);
        if (own.n > 0) push_moments(&tree, sums, q, &own);
    }
    push_moments(&tree, sums, MMOE_TREE_PARTS, NULL);
    return sums[0];
}

/* What column i is normalised with, of its mean and variance in the batch. */
static void normalize_with(const mmoe_run *r, int32_t node, int32_t i, double mean, double var) {
    const mmoe_norm *norm = &r->plan->graph->nodes[node].u.stats.norm;
    const mmoe_layer_state *l = r->plan->nodes[node].own;
    const float *values = r->plan->params->values;
    const int32_t c = norm->col + i;
    const double rstd = 1 / sqrt(var + MMOE_BATCH_NORM_EPS), scale = values[norm->gamma + i] * rstd;
    l->mean[c] = (float)mean;
    l->rstd[c] = (float)rstd;
    l->scale[c] = (float)scale;
    l->shift[c] = (float)(values[norm->beta + i] - mean * scale);
}

static float follow(float running, double share) {
    return (float)((1 - MOMENTUM) * running + share);
}

static void stats_barrier(mmoe_run *r, int32_t node, bool backward, const double *numbers) {
    (void)backward;
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_norm *norm = &n->u.stats.norm;
    const float *bias = p->params->values + apply_of(n)->u.apply.bias + norm->col;
    float *running_mean = p->params->states + norm->mean,
          *running_var = p->params->states + norm->var;
    const double rows = r->whole.rows;
    const bool updates = rows > 1 && !r->keeps_statistics;
    for (int32_t i = 0; rows <= 1 && i < norm->cols; i++)
        normalize_with(r, node, i, (double)running_mean[i] - bias[i], running_var[i]);
    for (int32_t first = 0; rows > 1 && first < norm->cols; first += ABREAST) {
        const int32_t cols = abreast(norm, first);
        const moments all = merge_ranks(r, numbers + first, numbers + norm->cols + first, cols);
        for (int32_t j = 0, i = first; j < cols; j++, i++) {
            normalize_with(r, node, i, all.mean[j], all.m2[j] / rows);
            if (!updates) continue;
            running_mean[i] = follow(running_mean[i], MOMENTUM * (all.mean[j] + bias[i]));
            running_var[i] = follow(running_var[i], MOMENTUM * all.m2[j] / (rows - 1));
        }
    }
    if (updates)
        for (int32_t i = 0; i < norm->n_counter; i++) p->params->counters[norm->counter + i]++;
}

/* If nobody else reads the layer's input z, its gradient dz is written over z, and not over da. All
 * workers read dz, and a line that another processor has read costs several times as much to write;
 * so da, which is written again in the next step, should not become one. (Zen 4, two threads, 8
 * experts of 16, 1024 rows: what writes da takes 25 us instead of 38, and the next step's look-ups
 * 6 us more.) A plan that replays needs z again. */
static void stats_fuse(const mmoe_plan *p, int32_t node) {
    const mmoe_node *n = &p->graph->nodes[node];
    const int32_t width = p->graph->values[n->in].width;
    if (p->kind != MMOE_PLAN_TRAIN || n->u.stats.norm.cols != width) return;
    if (mmoe_others_read(p, (mmoe_view){n->in, 0, width}, node, node + 1)) return;
    p->nodes[node].gradient_of = apply_of(n)->out;
}

static void stats_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const mmoe_norm *norm = &n->u.stats.norm;
    const int32_t c = norm->col, other = p->nodes[node].gradient_of, of = other < 0 ? n->in : other;
    p->kernels->norm_backward(&(mmoe_norm_args){.rows = s->rows,
                                                .cols = norm->cols,
                                                .da = mmoe_grad_at(p, of, s) + c,
                                                .ldda = p->grads[of].ld,
                                                .z = mmoe_value_at(p, n->in, s) + c,
                                                .ldz = p->values[n->in].ld,
                                                .k0 = l->k0 + c,
                                                .k1 = l->k1 + c,
                                                .k2 = l->k2 + c,
                                                .dz = mmoe_grad_at(p, n->in, s) + c,
                                                .lddz = p->grads[n->in].ld});
}

const mmoe_op_kind mmoe_op_stats = {
    .passes = {[MMOE_PASS_FORWARD] = "statistics",
               [MMOE_PASS_BARRIER] = "statistics merged",
               [MMOE_PASS_BACKWARD] = "norm backward"},
    .training = true,
    .inputs = stats_inputs,
    .fuse = stats_fuse,
    .waits = stats_waits,
    .forward = stats_forward,
    .numbers = stats_numbers,
    .add_up = stats_add_up,
    .barrier = stats_barrier,
    .backward = stats_backward,
};
