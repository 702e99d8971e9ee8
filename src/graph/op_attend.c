/* y = a v_0 + (1 - a) v_1, a the first of softmax((q_0 k_0, q_1 k_1) / sqrt(dim)) (Xi et al., KDD
 * 2021, equation 5). */
#include <assert.h>

#include "graph/op.h"

mmoe_status mmoe_graph_attend(mmoe_graph *g, const char *name, mmoe_view in, mmoe_view *out,
                              mmoe_error *err) {
    assert(in.col == 0 && in.cols == g->values[in.value].width && in.cols % 6 == 0);
    mmoe_node n = {.op = MMOE_OP_ATTEND, .in = in.value};
    return mmoe_graph_add(g, name, &n, (mmoe_value){in.cols / 6, in.cols / 6}, out, err);
}

static void attend_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                          void *context) {
    const int32_t dim = g->values[n->out].width;
    visit(context, &(mmoe_node_input){{n->in, 0, 6 * dim}, 0, dim});
}

static mmoe_attend_args attend_args(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    return (mmoe_attend_args){.rows = s->rows,
                              .dim = p->graph->values[n->out].width,
                              .x = mmoe_value_at(p, n->in, s),
                              .ldx = p->values[n->in].ld};
}

static void attend_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    mmoe_attend_args a = attend_args(p, n, s);
    a.y = mmoe_value_at(p, n->out, s);
    a.ldy = p->values[n->out].ld;
    p->kernels->attend_forward(&a);
}

static void attend_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    mmoe_attend_args a = attend_args(p, n, s);
    a.dy = mmoe_grad_at(p, n->out, s);
    a.ldy = p->grads[n->out].ld;
    a.dx = mmoe_grad_at(p, n->in, s);
    a.lddx = p->grads[n->in].ld;
    p->kernels->attend_backward(&a);
}

const mmoe_op_kind mmoe_op_attend = {
    .passes = {[MMOE_PASS_FORWARD] = "attention", [MMOE_PASS_BACKWARD] = "attention backward"},
    .inputs = attend_inputs,
    .forward = attend_forward,
    .backward = attend_backward,
};
