/* y = a v_0 + (1 - a) v_1, a the first of softmax((q_0 k_0, q_1 k_1) / sqrt(dim)) (Xi et al., KDD
 * 2021, equation 5). */
#include "graph/ops.h"

static mmoe_attend_args attend_args(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    return (mmoe_attend_args){.rows = s->rows,
                              .dim = p->graph->values[n->out].width,
                              .x = mmoe_value_at(p, n->in, s),
                              .ldx = p->values[n->in].ld};
}

void mmoe_attend_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    mmoe_attend_args a = attend_args(p, n, s);
    a.y = mmoe_value_at(p, n->out, s);
    a.ldy = p->values[n->out].ld;
    p->kernels->attend_forward(&a);
}

void mmoe_attend_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    mmoe_attend_args a = attend_args(p, n, s);
    a.dy = mmoe_grad_at(p, n->out, s);
    a.ldy = p->grads[n->out].ld;
    a.dx = mmoe_grad_at(p, n->in, s);
    a.lddx = p->grads[n->in].ld;
    p->kernels->attend_backward(&a);
}
