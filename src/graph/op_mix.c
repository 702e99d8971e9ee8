/* y_t = sum_k g_tk u_k (equation 6 of the KDD'18 paper). */
#include "graph/cost.h"
#include "graph/op.h"
#include "graph/plan_parts.h"

/* ---- The node ---- */

static mmoe_status add_mix(mmoe_graph *g, const char *name, mmoe_node *n, mmoe_view *out,
                           mmoe_error *err) {
    const int32_t width = n->u.mix.n_task * n->u.mix.cols;
    return mmoe_graph_add(g, name, n, (mmoe_value){width, width}, out, err);
}

mmoe_status mmoe_graph_mix(mmoe_graph *g, const char *name, const mmoe_mixing *args, mmoe_view *out,
                           mmoe_error *err) {
    const int32_t n_task = args->n_task, n_expert = args->n_expert;
    mmoe_node n = {.op = MMOE_OP_MIX, .in = -1};
    n.u.mix.weight = -1;
    n.u.mix.gates = args->gates;
    n.u.mix.experts = args->experts;
    n.u.mix.n_task = n_task;
    n.u.mix.n_expert = n_expert;
    n.u.mix.cols = args->cols;
    n.u.mix.gate_col = mmoe_node_keep(g, &n, args->gate_col, n_task, sizeof *args->gate_col);
    n.u.mix.expert_col =
        mmoe_node_keep(g, &n, args->expert_col, n_task * n_expert, sizeof *args->expert_col);
    return add_mix(g, name, &n, out, err);
}

mmoe_status mmoe_graph_stitch(mmoe_graph *g, const char *name, const mmoe_stitching *args,
                              mmoe_view *out, mmoe_error *err) {
    const int32_t n = args->n, cols = args->experts.cols / n;
    mmoe_view gates;
    if (mmoe_graph_add_value(g, (mmoe_value){n * n, n * n}, &gates, err)) return MMOE_E_MEMORY;
    mmoe_node node = {.op = MMOE_OP_MIX, .in = -1};
    node.u.mix.weight = args->weight;
    node.u.mix.gates = gates.value;
    node.u.mix.experts = args->experts.value;
    node.u.mix.n_task = node.u.mix.n_expert = n;
    node.u.mix.cols = cols;
    int32_t *gate_col = mmoe_node_keep(g, &node, NULL, n, sizeof *gate_col),
            *expert_col = mmoe_node_keep(g, &node, NULL, n * n, sizeof *expert_col);
    for (int32_t i = 0; i < n && gate_col; i++) gate_col[i] = i * n;
    for (int32_t i = 0; i < n * n && expert_col; i++)
        expert_col[i] = args->experts.col + i % n * cols;
    node.u.mix.gate_col = gate_col;
    node.u.mix.expert_col = expert_col;
    return add_mix(g, name, &node, out, err);
}

/* The experts first: `add` is [tasks, experts]. */
static void mix_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                       void *context) {
    (void)g;
    const int32_t n_expert = n->u.mix.n_expert, cols = n->u.mix.cols;
    for (int32_t i = 0; i < n->u.mix.n_task * n_expert; i++) {
        const mmoe_view expert = {n->u.mix.experts, n->u.mix.expert_col[i], cols};
        visit(context, &(mmoe_node_input){expert, i / n_expert * cols, cols});
    }
    for (int32_t t = 0; t < n->u.mix.n_task; t++) {
        const mmoe_view gates = {n->u.mix.gates, n->u.mix.gate_col[t], n_expert};
        visit(context, &(mmoe_node_input){gates, t * cols, cols});
    }
}

/* One tensor, whose rows are the tasks'. */
static void mix_weights(const mmoe_node *n, mmoe_weights_visit visit, void *context) {
    const int32_t width = n->u.mix.n_task * n->u.mix.cols;
    if (n->u.mix.weight >= 0)
        visit(context, &(mmoe_node_weights){-1, n->u.mix.weight,
                                            n->u.mix.n_task * n->u.mix.n_expert, 0, width, width});
}

static void mix_kept(const mmoe_node *n, mmoe_value_visit visit, void *context) {
    if (n->u.mix.weight >= 0) visit(context, n->u.mix.gates, true);
}

/* ---- The experts' relu ---- */

/* Whether every task mixes the same experts, and they are the columns [0, end) of one relu segment.
 */
static bool mixes_segment(const mmoe_node *mix, const mmoe_segment *g) {
    const int32_t pairs = mix->u.mix.n_task * mix->u.mix.n_expert;
    for (int32_t i = 0; i < pairs; i++)
        if (mix->u.mix.expert_col[i] != g->col + i % mix->u.mix.n_expert * mix->u.mix.cols)
            return false;
    return g->act == MMOE_ACT_RELU && g->dropout == 0 &&
           g->cols == mix->u.mix.n_expert * mix->u.mix.cols;
}

/* The relu of the experts in front of a mix node is taken into it, where nothing else reads their
 * output: it is then neither written nor read, which for many experts is half of all traffic beside
 * the GEMMs. */
static void mix_fuse(const mmoe_plan *p, int32_t node) {
    const mmoe_graph *g = p->graph;
    const mmoe_node *mix = &g->nodes[node];
    if (p->kind == MMOE_PLAN_INSPECT || mix->u.mix.cols % p->kernels->mix_cols) return;
    if (p->kind == MMOE_PLAN_PROBE && mix->u.mix.experts == g->shared[0].value)
        return; /* its gradient is wanted, not its relu's */
    int32_t from = -1, segment = -1;
    for (int32_t i = 0; i < g->n_node; i++)
        if (g->nodes[i].op == MMOE_OP_APPLY && g->nodes[i].out == mix->u.mix.experts) from = i;
    for (int32_t i = 0; from >= 0 && i < g->nodes[from].u.apply.n_segment; i++)
        if (mixes_segment(mix, &g->nodes[from].u.apply.segments[i])) segment = i;
    if (segment < 0) return;
    const mmoe_segment *experts = &g->nodes[from].u.apply.segments[segment];
    const mmoe_view read = {mix->u.mix.experts, experts->col, experts->cols};
    if (mmoe_others_read(p, read, node, node)) return;
    p->nodes[node].relu_of = from;
    p->nodes[from].mixed_segment = segment;
}

/* ---- A chunk ---- */

static mmoe_mix_args mix_args(const mmoe_plan *p, int32_t node, const mmoe_span *s) {
    const mmoe_node *n = &p->graph->nodes[node];
    mmoe_mix_args a = {.rows = s->rows,
                       .n_task = n->u.mix.n_task,
                       .n_expert = n->u.mix.n_expert,
                       .cols = n->u.mix.cols};
    a.gate_col = n->u.mix.gate_col;
    a.expert_col = n->u.mix.expert_col;
    const bool fixed = n->u.mix.weight >= 0; /* one row of gates for all */
    a.g = fixed ? p->params->values + n->u.mix.weight : mmoe_value_at(p, n->u.mix.gates, s);
    a.ldg = fixed ? 0 : p->values[n->u.mix.gates].ld;
    a.x = mmoe_value_at(p, n->u.mix.experts, s);
    a.ldx = p->values[n->u.mix.experts].ld;
    a.ldy = p->values[n->out].ld;
    const int32_t from = p->nodes[node].relu_of;
    if (from >= 0) {
        const mmoe_node *apply = &p->graph->nodes[from];
        const mmoe_layer_state *l = p->nodes[from].own;
        const size_t part = (size_t)s->chunk * (size_t)p->graph->values[apply->in].width;
        a.x = mmoe_value_at(p, apply->in, s);
        a.ldx = p->values[apply->in].ld;
        a.relu = (mmoe_mix_relu){.scale = l->scale, .shift = l->shift};
        if (p->training) {
            a.relu.mean = apply->u.apply.norm.cols ? l->mean : NULL;
            a.relu.sum_da = l->sum_da + part;
            a.relu.sum_daz = l->sum_daz + part;
        }
    }
    return a;
}

static void mix_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    mmoe_mix_args a = mix_args(p, node, s);
    a.y = mmoe_value_at(p, p->graph->nodes[node].out, s);
    p->kernels->mix_forward(&a);
}

static void mix_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    mmoe_mix_args a = mix_args(p, node, s);
    a.dy = mmoe_grad_at(p, n->out, s);
    a.ldy = p->grads[n->out].ld;
    a.dg = mmoe_grad_at(p, n->u.mix.gates, s);
    a.lddg = p->grads[n->u.mix.gates].ld;
    a.dx = mmoe_grad_at(p, n->u.mix.experts, s);
    a.lddx = p->grads[n->u.mix.experts].ld;
    a.add = p->nodes[node].add;
    p->kernels->mix_backward(&a);
}

/* ---- Gates that all rows share ---- */

static void mix_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_node *n = &p->graph->nodes[node];
    if (n->u.mix.weight >= 0)
        mmoe_list_task(l, (mmoe_weight_task){.node = node},
                       mmoe_tree_floats(p, (size_t)p->graph->values[n->u.mix.gates].width));
}

/* Of column `col` of dg, in a segment. */
static double sum_segment(const mmoe_run *r, const mmoe_buffer *dg, int32_t col, int32_t segment) {
    const size_t first = (size_t)segment * (size_t)r->cut.segment,
                 end = first + (size_t)mmoe_segment_rows(&r->cut, segment);
    double sum = 0;
    for (size_t b = first; b < end; b++) sum += (double)dg->base[b * (size_t)dg->ld + (size_t)col];
    return sum;
}

static void mix_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[task->node];
    const mmoe_buffer *dg = &p->grads[n->u.mix.gates];
    const int32_t count = n->u.mix.n_task * n->u.mix.n_expert;
    mmoe_tree_sum all = mmoe_tree_of(p, mmoe_scratch_of(p, worker), (size_t)count);
    for (int32_t s = 0; s < r->cut.segments; s++) {
        float *sums = mmoe_tree_next(&all, s);
        for (int32_t i = 0; i < count; i++) sums[i] = (float)sum_segment(r, dg, i, s);
    }
    const float *sums = mmoe_tree_total(&all);
    const mmoe_gradient gradient = mmoe_layer_gradient(p, n->u.mix.weight, count, sums);
    mmoe_run_sink(r, worker, task->node, &gradient);
}

const mmoe_op_kind mmoe_op_mix = {
    .passes = {[MMOE_PASS_FORWARD] = "mix",
               [MMOE_PASS_BACKWARD] = "mix backward",
               [MMOE_PASS_UPDATE] = "update weights"},
    .inputs = mix_inputs,
    .weights = mix_weights,
    .kept = mix_kept,
    .fuse = mix_fuse,
    .list = mix_list,
    .forward = mix_forward,
    .backward = mix_backward,
    .run_task = mix_run_task,
};
