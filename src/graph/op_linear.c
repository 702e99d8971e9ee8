/* z_g = x_g W_g^T;  dx_g = dz_g W_g;  dW_g = dz_g^T x_g. */
#include "graph/ops.h"

enum { TOGETHER = 64 };

void mmoe_linear_pack(mmoe_plan *p, const mmoe_weight_task *task) {
    const mmoe_linear_block *k = &p->graph->nodes[task->node].u.linear.blocks[task->first];
    const mmoe_packed_block *to = &p->nodes[task->node].packed[task->first];
    const float *w = p->params->values + k->weight;
    p->kernels->pack(k->cols, k->in.cols, 0, k->in.cols, w, k->in.cols, NULL, to->forward);
    if (to->backward)
        p->kernels->pack_rows(mmoe_block_grad_cols(p->graph, k), k->cols, w, k->in.cols,
                              to->backward);
}

/* g's product with its B packed. */
static void run_packed(const mmoe_plan *p, const mmoe_gemm *g, const float *packed) {
    mmoe_packed_gemm q = {.rows = g->m,
                          .n = g->n,
                          .k = g->k,
                          .count = g->k,
                          .a = g->a,
                          .lda = g->lda,
                          .packed = packed,
                          .c = g->c,
                          .ldc = g->ldc};
    q.start = g->beta != 0 ? g->c : p->zeros;
    q.ldstart = g->beta != 0 ? g->ldc : 0;
    p->kernels->gemm(&q);
}

void mmoe_linear_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                         const mmoe_span *s) {
    float *z = mmoe_value_at(p, n->out, s);
    mmoe_gemm g[TOGETHER];
    int32_t count = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        g[count] = (mmoe_gemm){.tb = true,
                               .m = s->rows,
                               .n = k->cols,
                               .k = k->in.cols,
                               .a = mmoe_value_at(p, k->in.value, s) + k->in.col,
                               .lda = p->values[k->in.value].ld,
                               .b = p->params->values + k->weight,
                               .ldb = k->in.cols,
                               .c = z + k->col,
                               .ldc = p->values[n->out].ld};
        if (state->packed[i].forward)
            run_packed(p, &g[count], state->packed[i].forward);
        else if (++count == TOGETHER) {
            mmoe_gemm_batch(g, count);
            count = 0;
        }
    }
    if (count) mmoe_gemm_batch(g, count);
}

/* Blocks that add to one input's gradient depend on each other: they go one by one. */
void mmoe_linear_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                          const mmoe_span *s) {
    const float *dz = mmoe_grad_at(p, n->out, s);
    mmoe_gemm g[TOGETHER];
    int32_t count = 0;
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        int32_t cols = mmoe_block_grad_cols(p->graph, k);
        if (count == TOGETHER || (count && state->add[i])) {
            mmoe_gemm_batch(g, count);
            count = 0;
        }
        if (cols <= 0) continue;
        g[count] = (mmoe_gemm){.m = s->rows,
                               .n = cols,
                               .k = k->cols,
                               .a = dz + k->col,
                               .lda = p->grads[n->out].ld,
                               .b = p->params->values + k->weight,
                               .ldb = k->in.cols,
                               .beta = state->add[i],
                               .c = mmoe_grad_at(p, k->in.value, s) + k->in.col,
                               .ldc = p->grads[k->in.value].ld};
        if (state->packed[i].backward)
            run_packed(p, &g[count], state->packed[i].backward);
        else
            count++;
    }
    if (count) mmoe_gemm_batch(g, count);
}

void mmoe_linear_weights(mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task,
                         int worker) {
    float *dw = p->scratch + (size_t)worker * p->scratch_stride;
    for (int32_t i = task->first; i < task->first + task->count; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        const mmoe_buffer *x = &p->values[k->in.value];
        /* The input node's value is padded with zeros: its products are done to the padding's end,
         * for OpenBLAS is a sixth faster there (n 144 for 135), and the padding's gradients are
         * zero and not used. */
        int32_t cols = p->graph->nodes[0].out == k->in.value && k->in.col == 0 &&
                               k->in.cols == p->graph->values[k->in.value].width
                           ? x->ld
                           : k->in.cols;
        mmoe_gemm g = {.ta = true, .m = (int32_t)task->rows, .n = cols, .k = p->batch->rows};
        g.a = p->grads[n->out].base + k->col + task->row;
        g.lda = p->grads[n->out].ld;
        g.b = x->base + k->in.col;
        g.ldb = x->ld;
        g.c = dw;
        g.ldc = cols;
        g.beta = k->again;
        double start = mmoe_plan_clock(p);
        if (g.beta == 0 && p->kernels->packs_steps && g.m >= MMOE_PACKED_N &&
            g.n >= MMOE_PACKED_K && g.n % p->kernels->mix_cols == 0)
            p->kernels->gemm_outer(&g);
        else
            mmoe_gemm_run(&g);
        mmoe_plan_weights_done(p, worker,
                               &(mmoe_weight_task){task->node, i, 1, task->row, task->rows}, start);
        if (i + 1 == n->u.linear.n_block || !k[1].again)
            mmoe_plan_sink(p, worker, task->node,
                           &(mmoe_gradient){p->params->n_table, k->weight + task->row * k->in.cols,
                                            task->rows, k->in.cols, dw, cols});
    }
}
