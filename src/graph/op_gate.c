/* g = softmax(a / temperature) over the experts that take part: the top_k largest logits of a gate
 * (Shazeer et al., ICLR 2017, without noise), and of these in training those that are not dropped
 * (Zhao et al., RecSys 2019), unless all are.
 *
 * Balance (Shazeer et al., equations 6 and 7): CV(I)^2 of a gate's E experts, I_e the sum of g_be
 * over the batch, is E sum_e m_e^2 - 1 with m_e the mean of g_be; by g_be its gradient is 2 E m_e /
 * B. */
#include <assert.h>

#include "graph/op.h"

mmoe_status mmoe_graph_gate(mmoe_graph *g, const char *name, mmoe_view *gates, int32_t n_gate,
                            const mmoe_gating *how, mmoe_error *err) {
    mmoe_node n = {.op = MMOE_OP_GATE, .in = gates[0].value};
    n.u.gate.n_gate = n_gate;
    n.u.gate.how = *how;
    n.u.gate.col = mmoe_node_keep(g, &n, NULL, n_gate, sizeof *n.u.gate.col);
    n.u.gate.n_expert = mmoe_node_keep(g, &n, NULL, n_gate, sizeof *n.u.gate.n_expert);
    int32_t width = 0;
    for (int32_t i = 0; i < n_gate && !n.missing; i++) {
        assert(gates[i].value == n.in && gates[i].cols >= how->top_k);
        n.u.gate.col[i] = gates[i].col;
        n.u.gate.n_expert[i] = gates[i].cols;
        gates[i].col = width;
        width += gates[i].cols;
    }
    mmoe_view out;
    const mmoe_status status = mmoe_graph_add(g, name, &n, (mmoe_value){width, width}, &out, err);
    for (int32_t i = 0; i < n_gate && !status; i++) gates[i].value = out.value;
    return status;
}

static void gate_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                        void *context) {
    (void)g;
    for (int32_t i = 0, col = 0; i < n->u.gate.n_gate; col += n->u.gate.n_expert[i++]) {
        const int32_t cols = n->u.gate.n_expert[i];
        visit(context, &(mmoe_node_input){{n->in, n->u.gate.col[i], cols}, col, cols});
    }
}

static mmoe_barrier gate_waits(const mmoe_node *n, bool backward) {
    return !backward && n->u.gate.how.balance > 0 ? MMOE_BARRIER_NOW : MMOE_BARRIER_NONE;
}

static void gate_lay(const mmoe_plan *p, int32_t node, mmoe_layout *l) {
    const mmoe_node *n = &p->graph->nodes[node];
    if (!p->training || !(n->u.gate.how.balance > 0)) return;
    const size_t width = (size_t)p->graph->values[n->out].width;
    mmoe_gate_state *own = mmoe_lay(l, 1, sizeof *own);
    double *importance = mmoe_lay(l, (size_t)p->max_chunks * width, sizeof *importance);
    float *balance = mmoe_lay_floats(l, width);
    p->nodes[node].own = own;
    if (own) *own = (mmoe_gate_state){importance, balance};
}

static mmoe_gate_args gate_args(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    mmoe_gate_args a = {.rows = s->rows,
                        .n_gate = n->u.gate.n_gate,
                        .col = n->u.gate.col,
                        .n_expert = n->u.gate.n_expert};
    a.temperature = n->u.gate.how.temperature;
    a.top_k = n->u.gate.how.top_k;
    a.g = mmoe_value_at(p, n->out, s);
    a.ldg = p->values[n->out].ld;
    return a;
}

/* Writes 0 to what is dropped. */
static void drop_experts(const mmoe_run *r, int32_t node, const mmoe_span *s, float *g,
                         int32_t ld) {
    const mmoe_node *n = &r->plan->graph->nodes[node];
    const int32_t cols = r->plan->graph->values[n->out].width;
    for (int32_t b = 0; b < s->rows; b++)
        for (int32_t c = 0; c < cols; c++) g[(size_t)b * (size_t)ld + (size_t)c] = 1;
    r->plan->kernels->dropout(&(mmoe_dropout_args){.rows = s->rows,
                                                   .cols = cols,
                                                   .u = g,
                                                   .ldu = ld,
                                                   .p = n->u.gate.how.dropout,
                                                   .seed = r->seed,
                                                   .stream = mmoe_dropout_stream(r, node, 0),
                                                   .first_row = (uint64_t)s->row});
}

static void gate_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_gate_state *own = p->nodes[node].own;
    mmoe_gate_args a = gate_args(p, n, s);
    a.a = mmoe_value_at(p, n->in, s);
    a.lda = p->values[n->in].ld;
    a.masked = p->training && n->u.gate.how.dropout > 0;
    if (a.masked) drop_experts(r, node, s, a.g, a.ldg);
    p->kernels->gate_forward(&a);
    if (!own) return;
    const int32_t cols = p->graph->values[n->out].width;
    double *sums = own->importance + (size_t)s->chunk * (size_t)cols;
    for (int32_t c = 0; c < cols; c++) sums[c] = 0;
    for (int32_t b = 0; b < s->rows; b++)
        for (int32_t c = 0; c < cols; c++)
            sums[c] += (double)a.g[(size_t)b * (size_t)a.ldg + (size_t)c];
}

/* The importance of each weight. */
static int32_t gate_numbers(const mmoe_plan *p, int32_t node, bool backward) {
    (void)backward;
    return p->graph->values[p->graph->nodes[node].out].width;
}

static void gate_add_up(const mmoe_run *r, int32_t node, bool backward, double *numbers) {
    (void)backward;
    const mmoe_gate_state *own = r->plan->nodes[node].own;
    const int32_t cols = r->plan->graph->values[r->plan->graph->nodes[node].out].width;
    for (int32_t c = 0; c < cols; c++)
        numbers[c] = mmoe_cut_sum_doubles(&r->cut, own->importance + c, (size_t)cols);
}

static void gate_barrier(mmoe_run *r, int32_t node, bool backward, const double *numbers) {
    (void)backward;
    const mmoe_node *n = &r->plan->graph->nodes[node];
    const mmoe_gate_state *own = r->plan->nodes[node].own;
    const double rows = r->whole.rows;
    for (int32_t i = 0, c = 0; i < n->u.gate.n_gate; i++)
        for (const int32_t end = c + n->u.gate.n_expert[i]; c < end; c++) {
            const double sum = mmoe_sum_ranks(r, numbers + c);
            own->balance[c] =
                (float)(n->u.gate.how.balance * 2 * n->u.gate.n_expert[i] * (sum / rows) / rows);
        }
}

static void gate_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_gate_state *own = p->nodes[node].own;
    mmoe_gate_args a = gate_args(p, n, s);
    a.dg = mmoe_grad_at(p, n->out, s);
    a.lddg = p->grads[n->out].ld;
    a.more = own && !r->leaves_terms ? own->balance : NULL;
    a.da = mmoe_grad_at(p, n->in, s);
    a.ldda = p->grads[n->in].ld;
    p->kernels->gate_backward(&a);
}

const mmoe_op_kind mmoe_op_gate = {
    .passes = {[MMOE_PASS_FORWARD] = "gate",
               [MMOE_PASS_BARRIER] = "balance",
               [MMOE_PASS_BACKWARD] = "gate backward"},
    .inputs = gate_inputs,
    .waits = gate_waits,
    .lay = gate_lay,
    .forward = gate_forward,
    .numbers = gate_numbers,
    .add_up = gate_add_up,
    .barrier = gate_barrier,
    .backward = gate_backward,
};
