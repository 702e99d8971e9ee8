/* u = dropout(act(bn(z + bias))): the formulas of batch norm stand in op_stats.c. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "graph/cost.h"
#include "graph/op.h"

/* ---- The node ---- */

mmoe_status mmoe_graph_layer(mmoe_graph *g, const char *name, const mmoe_layer_args *args,
                             mmoe_view *out, mmoe_error *err) {
    const mmoe_view in = args->in;
    assert(in.col == 0 && in.cols == g->values[in.value].width);
    mmoe_node n = {.op = MMOE_OP_APPLY, .in = in.value};
    n.u.apply.bias = args->bias;
    n.u.apply.stats = -1;
    if (args->norm.cols) {
        mmoe_node s = {.op = MMOE_OP_STATS, .in = in.value, .u.stats.norm = args->norm};
        if (mmoe_graph_add(g, name, &s, (mmoe_value){0}, NULL, err)) return MMOE_E_MEMORY;
        n.u.apply.norm = args->norm;
        n.u.apply.stats = g->n_node - 1;
    }
    n.u.apply.n_segment = args->n_segment;
    n.u.apply.segments =
        mmoe_node_keep(g, &n, args->segments, args->n_segment, sizeof *args->segments);
    return mmoe_graph_add(g, name, &n, (mmoe_value){in.cols, in.cols}, out, err);
}

/* Module by module: what a softmax or a dice makes of a column depends on all of the module's. */
static void apply_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                         void *context) {
    (void)g;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *s = &n->u.apply.segments[i];
        for (int32_t c = s->col; c < s->col + s->cols; c += s->group)
            visit(context, &(mmoe_node_input){{n->in, c, s->group}, c, s->group});
    }
}

static void visit_norm(const mmoe_norm *norm, const mmoe_segment *s, mmoe_weights_visit visit,
                       void *context) {
    const int32_t at = s->col - norm->col;
    if (at < 0 || at >= norm->cols) return;
    visit(context, &(mmoe_node_weights){-1, norm->gamma + at, s->group, s->col, s->cols, s->group});
    visit(context, &(mmoe_node_weights){-1, norm->beta + at, s->group, s->col, s->cols, s->group});
}

static void apply_weights(const mmoe_node *n, mmoe_weights_visit visit, void *context) {
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *s = &n->u.apply.segments[i];
        visit(context, &(mmoe_node_weights){-1, n->u.apply.bias + s->col, s->group, s->col, s->cols,
                                            s->group});
        if (s->slope >= 0)
            visit(context, &(mmoe_node_weights){-1, s->slope, 1, s->col, s->cols, s->group});
        visit_norm(&n->u.apply.norm, s, visit, context);
    }
}

static mmoe_barrier apply_waits(const mmoe_node *n, bool backward) {
    if (!backward) return MMOE_BARRIER_NONE;
    return n->u.apply.stats >= 0 ? MMOE_BARRIER_NOW : MMOE_BARRIER_ANY;
}

/* ---- Working memory ---- */

static int32_t count_slopes(const mmoe_node *n) {
    int32_t count = 0;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++)
        if (n->u.apply.segments[i].slope >= 0)
            count += n->u.apply.segments[i].cols / n->u.apply.segments[i].group;
    return count;
}

static void apply_lay(const mmoe_plan *p, int32_t node, mmoe_layout *at) {
    const mmoe_node *n = &p->graph->nodes[node];
    const size_t width = (size_t)p->graph->values[n->in].width, chunks = (size_t)p->max_chunks,
                 slopes = (size_t)count_slopes(n);
    mmoe_layer_state counted, *own = mmoe_lay(at, 1, sizeof *own), *l = own ? own : &counted;
    float **arrays[] = {&l->scale, &l->shift, &l->mean,  &l->rstd,   &l->k0,
                        &l->k1,    &l->k2,    &l->dbias, &l->dgamma, &l->dbeta};
    float **parts[] = {&l->pivot, &l->sum, &l->square, &l->sum_da, &l->sum_daz};
    const size_t n_array = p->training ? sizeof arrays / sizeof *arrays : 2,
                 n_part = p->training ? sizeof parts / sizeof *parts : 0;
    l->slopes = (int32_t)slopes;
    for (size_t i = 0; i < n_array; i++) *arrays[i] = mmoe_lay_floats(at, width);
    for (size_t i = 0; i < n_part; i++) *parts[i] = mmoe_lay_floats(at, width * chunks);
    if (p->training) {
        l->dslope = mmoe_lay_floats(at, slopes);
        l->slope_part = mmoe_lay_floats(at, slopes * chunks);
    }
    p->nodes[node].own = own;
    if (n->u.apply.stats >= 0) p->nodes[n->u.apply.stats].own = own;
}

/* ---- Forward ---- */

/* Scale and shift of columns without batch norm (training), or of all (predicting, from the running
 * statistics). */
static void apply_fold(const mmoe_plan *p, int32_t node) {
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
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

static void drop_units(const mmoe_run *r, int32_t node, int32_t segment, float *u, int32_t ldu,
                       const mmoe_span *s) {
    const mmoe_segment *g = &r->plan->graph->nodes[node].u.apply.segments[segment];
    r->plan->kernels->dropout(&(mmoe_dropout_args){.rows = s->rows,
                                                   .cols = g->cols,
                                                   .u = u,
                                                   .ldu = ldu,
                                                   .p = g->dropout,
                                                   .seed = r->seed,
                                                   .stream = mmoe_dropout_stream(r, node, segment),
                                                   .first_row = (uint64_t)s->row});
}

static void apply_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        if (i == p->nodes[node].mixed_segment) continue;
        mmoe_act_args a = segment_args(p, n, p->nodes[node].own, g, s);
        p->kernels->act_forward(&a);
        if (p->training && g->dropout > 0) drop_units(r, node, i, a.u, a.ldu, s);
    }
}

/* ---- Backward ---- */

static void apply_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
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
        if (g->dropout > 0) drop_units(r, node, i, a.du, a.lddu, s);
        size_t at = (size_t)s->chunk * width + (size_t)g->col;
        bool normed = n->u.apply.norm.cols && g->col >= n->u.apply.norm.col &&
                      g->col < n->u.apply.norm.col + n->u.apply.norm.cols;
        const mmoe_act_sums to = {normed ? l->mean + g->col : NULL, l->sum_da + at,
                                  l->sum_daz + at};
        if (g->act == MMOE_ACT_RELU) {
            p->kernels->relu_backward_sums(&a, &to);
        } else {
            if (g->act != MMOE_ACT_NONE) p->kernels->act_backward(&a);
            p->kernels->column_sums(&(mmoe_sums_args){a.rows, a.cols, a.du, a.lddu, a.z, a.ldz,
                                                      to.mean, to.sum_da, to.sum_daz});
        }
    }
}

/* Sums of da and of da z of each column, and the slopes'. */
static int32_t apply_numbers(const mmoe_plan *p, int32_t node, bool backward) {
    (void)backward;
    const mmoe_node *n = &p->graph->nodes[node];
    return 2 * p->graph->values[n->in].width + count_slopes(n);
}

static bool is_normed(const mmoe_norm *norm, int32_t c) {
    return c >= norm->col && c < norm->col + norm->cols;
}

static void apply_add_up(const mmoe_run *r, int32_t node, bool backward, double *numbers) {
    (void)backward;
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const int32_t width = p->graph->values[n->in].width;
    const mmoe_norm *norm = &n->u.apply.norm;
    double *daz = numbers + width, *slopes = daz + width;
    mmoe_cut_sum_columns(&r->cut, l->sum_da, (size_t)width, width, numbers);
    memset(daz, 0, (size_t)width * sizeof *daz);
    mmoe_cut_sum_columns(&r->cut, l->sum_daz + norm->col, (size_t)width, norm->cols,
                         daz + norm->col);
    mmoe_cut_sum_columns(&r->cut, l->slope_part, (size_t)l->slopes, l->slopes, slopes);
}

/* Gradients are whole on every rank here, and are summed over ranks as all others: the first one's
 * alone counts. */
static float vector_gradient(const mmoe_run *r, double sum) {
    if (r->plan->rank > 0) return 0;
    return r->plan->segments > 1 ? (float)sum + 0.0f : (float)sum;
}

static void apply_barrier(mmoe_run *r, int32_t node, bool backward, const double *numbers) {
    (void)backward;
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const mmoe_norm *norm = &n->u.apply.norm;
    const int32_t width = p->graph->values[n->in].width;
    const double rows = r->whole.rows;
    for (int32_t c = 0; c < width; c++) {
        const double da = mmoe_sum_ranks(r, numbers + c);
        if (!is_normed(norm, c)) {
            l->dbias[c] = vector_gradient(r, da);
            continue;
        }
        const int32_t i = c - norm->col;
        const double scale = l->scale[c], rstd = l->rstd[c],
                     daz = mmoe_sum_ranks(r, numbers + width + c);
        l->dbeta[i] = vector_gradient(r, da);
        l->dgamma[i] = vector_gradient(r, daz * rstd);
        double k1 = rows > 1 ? -scale * rstd * rstd * daz / rows : 0;
        l->k0[c] = l->scale[c];
        l->k1[c] = (float)k1;
        l->k2[c] = (float)(rows > 1 ? -scale * da / rows - k1 * l->mean[c] : 0);
        l->dbias[c] = rows > 1 ? 0 : vector_gradient(r, scale * da);
    }
    for (int32_t i = 0; i < l->slopes; i++)
        l->dslope[i] = vector_gradient(r, mmoe_sum_ranks(r, numbers + 2 * width + i));
}

/* ---- Weights ---- */

static void apply_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    (void)p;
    mmoe_list_task(l, (mmoe_weight_task){.node = node}, 0);
}

static void sink_vector(mmoe_run *r, int worker, int32_t node, int64_t offset, int32_t count,
                        const float *gradient) {
    const mmoe_gradient g = mmoe_layer_gradient(r->plan, offset, count, gradient);
    mmoe_run_sink(r, worker, node, &g);
}

static void apply_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const int32_t node = task->node;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_layer_state *l = p->nodes[node].own;
    const mmoe_norm *norm = &n->u.apply.norm;
    sink_vector(r, worker, node, n->u.apply.bias, p->graph->values[n->in].width, l->dbias);
    if (norm->cols) {
        sink_vector(r, worker, node, norm->gamma, norm->cols, l->dgamma);
        sink_vector(r, worker, node, norm->beta, norm->cols, l->dbeta);
    }
    const float *dslope = l->dslope;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        if (g->slope < 0) continue;
        int32_t count = g->cols / g->group;
        sink_vector(r, worker, node, g->slope, count, dslope);
        dslope += count;
    }
}

const mmoe_op_kind mmoe_op_apply = {
    .passes = {[MMOE_PASS_FORWARD] = "norm, activation",
               [MMOE_PASS_BACKWARD] = "activation backward",
               [MMOE_PASS_BACKWARD_BARRIER] = "sums merged",
               [MMOE_PASS_WEIGHTS] = "vectors",
               [MMOE_PASS_UPDATE] = "update vectors"},
    .in_place = true,
    .inputs = apply_inputs,
    .weights = apply_weights,
    .waits = apply_waits,
    .lay = apply_lay,
    .list = apply_list,
    .fold = apply_fold,
    .forward = apply_forward,
    .numbers = apply_numbers,
    .add_up = apply_add_up,
    .barrier = apply_barrier,
    .backward = apply_backward,
    .run_task = apply_run_task,
};
