/* y_t = sum_k g_tk u_k (equation 6 of the KDD'18 paper). */
#include "graph/ops.h"

static mmoe_mix_args mix_args(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
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
    const int32_t from = p->nodes[n - p->graph->nodes].relu_of;
    if (from >= 0) {
        const mmoe_node *apply = &p->graph->nodes[from];
        const mmoe_layer_state *l = p->nodes[from].layer;
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

void mmoe_mix_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    mmoe_mix_args a = mix_args(p, n, s);
    a.y = mmoe_value_at(p, n->out, s);
    p->kernels->mix_forward(&a);
}

void mmoe_mix_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                       const mmoe_span *s) {
    mmoe_mix_args a = mix_args(p, n, s);
    a.dy = mmoe_grad_at(p, n->out, s);
    a.ldy = p->grads[n->out].ld;
    a.dg = mmoe_grad_at(p, n->u.mix.gates, s);
    a.lddg = p->grads[n->u.mix.gates].ld;
    a.dx = mmoe_grad_at(p, n->u.mix.experts, s);
    a.lddx = p->grads[n->u.mix.experts].ld;
    a.add = state->add;
    p->kernels->mix_backward(&a);
}

void mmoe_mix_weights(mmoe_plan *p, const mmoe_node *n, int worker) {
    const mmoe_buffer *dg = &p->grads[n->u.mix.gates];
    const int32_t count = n->u.mix.n_task * n->u.mix.n_expert;
    float *sums = p->scratch + (size_t)worker * p->scratch_stride;
    for (int32_t i = 0; i < count; i++) {
        double sum = 0;
        for (int32_t b = 0; b < p->batch->rows; b++)
            sum += (double)dg->base[(size_t)b * (size_t)dg->ld + (size_t)i];
        sums[i] = (float)sum;
    }
    const mmoe_gradient gradient = mmoe_layer_gradient(p, n->u.mix.weight, count, sums);
    mmoe_plan_sink(p, worker, (int32_t)(n - p->graph->nodes), &gradient);
}
