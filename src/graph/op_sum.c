/* y = a + b;  da = dy, db = dy. */
#include <assert.h>

#include "graph/op.h"

mmoe_status mmoe_graph_sum(mmoe_graph *g, const char *name, mmoe_view a, mmoe_view b,
                           mmoe_view *out, mmoe_error *err) {
    assert(a.cols == b.cols);
    mmoe_node n = {.op = MMOE_OP_SUM, .in = -1, .u.sum.in = {a, b}};
    return mmoe_graph_add(g, name, &n, (mmoe_value){a.cols, a.cols}, out, err);
}

static void sum_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                       void *context) {
    (void)g;
    for (int i = 0; i < 2; i++)
        visit(context, &(mmoe_node_input){n->u.sum.in[i], 0, n->u.sum.in[i].cols});
}

static void sum_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_view *a = &n->u.sum.in[0], *b = &n->u.sum.in[1];
    const float *x = mmoe_value_at(p, a->value, s) + a->col,
                *y = mmoe_value_at(p, b->value, s) + b->col;
    float *out = mmoe_value_at(p, n->out, s);
    for (int32_t i = 0; i < s->rows; i++) {
        for (int32_t c = 0; c < a->cols; c++) out[c] = x[c] + y[c];
        x += p->values[a->value].ld;
        y += p->values[b->value].ld;
        out += p->values[n->out].ld;
    }
}

static void sum_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    for (int k = 0; k < 2; k++) {
        const mmoe_view *v = &n->u.sum.in[k];
        const bool add = p->nodes[node].add[k];
        const float *dy = mmoe_grad_at(p, n->out, s);
        float *at = mmoe_grad_at(p, v->value, s) + v->col;
        for (int32_t i = 0; i < s->rows; i++) {
            for (int32_t c = 0; c < v->cols; c++) at[c] = add ? at[c] + dy[c] : dy[c];
            at += p->grads[v->value].ld;
            dy += p->grads[n->out].ld;
        }
    }
}

const mmoe_op_kind mmoe_op_sum = {
    .passes = {[MMOE_PASS_FORWARD] = "sum", [MMOE_PASS_BACKWARD] = "sum backward"},
    .inputs = sum_inputs,
    .forward = sum_forward,
    .backward = sum_backward,
};
