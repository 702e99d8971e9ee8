/* g = softmax(a / temperature) over the experts that take part: the top_k largest logits of a gate
 * (Shazeer et al., ICLR 2017, without noise), and of these in training those that are not dropped
 * (Zhao et al., RecSys 2019), unless all are.
 *
 * Balance (Shazeer et al., equations 6 and 7): CV(I)^2 of a gate's E experts, I_e the sum of g_be
 * over the batch, is E sum_e m_e^2 - 1 with m_e the mean of g_be; by g_be its gradient is 2 E m_e /
 * B. */
#include "graph/ops.h"

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
static void drop(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s, float *g, int32_t ld) {
    const int32_t node = (int32_t)(n - p->graph->nodes), cols = p->graph->values[n->out].width;
    for (int32_t b = 0; b < s->rows; b++)
        for (int32_t c = 0; c < cols; c++) g[(size_t)b * (size_t)ld + (size_t)c] = 1;
    p->kernels->dropout(s->rows, cols, g, ld, n->u.gate.how.dropout, p->seed,
                        mmoe_dropout_stream(p, node, 0), (uint64_t)s->first);
}

void mmoe_gate_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                       const mmoe_span *s) {
    mmoe_gate_args a = gate_args(p, n, s);
    a.a = mmoe_value_at(p, n->in, s);
    a.lda = p->values[n->in].ld;
    a.masked = p->training && n->u.gate.how.dropout > 0;
    if (a.masked) drop(p, n, s, a.g, a.ldg);
    p->kernels->gate_forward(&a);
    if (!state->balance) return;
    const int32_t cols = p->graph->values[n->out].width;
    double *sums = state->importance + (size_t)s->chunk * (size_t)cols;
    for (int32_t c = 0; c < cols; c++) sums[c] = 0;
    for (int32_t b = 0; b < s->rows; b++)
        for (int32_t c = 0; c < cols; c++)
            sums[c] += (double)a.g[(size_t)b * (size_t)a.ldg + (size_t)c];
}

void mmoe_gate_barrier(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state) {
    const int32_t cols = p->graph->values[n->out].width;
    const double rows = p->batch->rows;
    for (int32_t i = 0, c = 0; i < n->u.gate.n_gate; i++)
        for (const int32_t end = c + n->u.gate.n_expert[i]; c < end; c++) {
            double sum = 0;
            for (int32_t k = 0; k < p->chunks; k++)
                sum += state->importance[(size_t)k * (size_t)cols + (size_t)c];
            state->balance[c] =
                (float)(n->u.gate.how.balance * 2 * n->u.gate.n_expert[i] * (sum / rows) / rows);
        }
}

void mmoe_gate_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                        const mmoe_span *s) {
    mmoe_gate_args a = gate_args(p, n, s);
    a.dg = mmoe_grad_at(p, n->out, s);
    a.lddg = p->grads[n->out].ld;
    a.more = p->leaves_terms ? NULL : state->balance;
    a.da = mmoe_grad_at(p, n->in, s);
    a.ldda = p->grads[n->in].ld;
    p->kernels->gate_backward(&a);
}
