#include "model/linear_part.h"

#include <string.h>

/* The layer that writes a value; NULL: another op does. */
static const mmoe_node *layer_of(const mmoe_graph *g, int32_t value) {
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        if (n->op == MMOE_OP_APPLY && n->out == value) return n;
    return NULL;
}

static const mmoe_node *writer_of(const mmoe_graph *g, int32_t value) {
    const mmoe_node *n = g->nodes;
    while (n->out != value) n++;
    return n;
}

bool mmoe_linear_part_of(const mmoe_graph *g, mmoe_linear_part *out) {
    const mmoe_node *sum = g->nodes, *end = g->nodes + g->n_node;
    while (sum < end && sum->op != MMOE_OP_SUM) sum++;
    const bool has_part = sum < end;
    /* The first task's logit is its tower's, in every model. */
    const mmoe_node *heads =
        layer_of(g, has_part ? sum->u.sum.in[0].value : mmoe_graph_losses(g)->logits[0].value);
    *out = (mmoe_linear_part){.n_task = g->n_task,
                              .weight = -1,
                              .bias = heads->u.apply.bias,
                              .heads = writer_of(g, heads->in),
                              .head_bias = heads->u.apply.bias};
    if (!has_part) return false;
    out->width = g->values[g->nodes[0].out].width;
    out->first = g->nodes[0].u.input.dense_col;
    out->n_dense = g->nodes[0].u.input.n_dense;
    out->weight = mmoe_tensors_find(&g->tensors, "linear.weight")->offset;
    out->bias = mmoe_tensors_find(&g->tensors, "linear.bias")->offset;
    return true;
}

static bool are_zero(const float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (x[i] != 0) return false;
    return true;
}

bool mmoe_linear_part_is_new(const mmoe_linear_part *l, const mmoe_params *p) {
    return are_zero(p->values + l->weight, (int64_t)l->n_task * l->width) &&
           are_zero(p->values + l->bias, l->n_task);
}

void mmoe_linear_part_set(const mmoe_linear_part *l, mmoe_params *p, int32_t task,
                          const double *row) {
    float *w = p->values + l->weight + (int64_t)task * l->width;
    memset(w, 0, (size_t)l->width * sizeof *w);
    for (int32_t i = 0; i < l->n_dense; i++) w[l->first + i] = (float)row[i];
    p->values[l->bias + task] = (float)row[l->n_dense];
    p->values[l->head_bias + task] = 0;
}

void mmoe_linear_part_set_alone(const mmoe_linear_part *l, mmoe_params *p, int32_t task,
                                const double *row) {
    const mmoe_linear_block *head = &l->heads->u.linear.blocks[task];
    mmoe_linear_part_set(l, p, task, row);
    memset(p->values + head->weight, 0, (size_t)head->in.cols * sizeof *p->values);
}

static void scale(float *x, int64_t count, double by) {
    for (int64_t i = 0; i < count; i++) x[i] = (float)(by * (double)x[i]);
}

void mmoe_linear_part_shrink(const mmoe_linear_part *l, mmoe_params *p, int32_t task, double left,
                             double constant) {
    const mmoe_linear_block *head = &l->heads->u.linear.blocks[task];
    float *of_head = p->values + l->head_bias + task, *of_part = p->values + l->bias + task;
    scale(p->values + head->weight, head->in.cols, left);
    if (l->weight >= 0) scale(p->values + l->weight + (int64_t)task * l->width, l->width, left);
    const double bias = (double)*of_head + (l->weight >= 0 ? (double)*of_part : 0);
    *of_head = 0;
    *of_part = (float)(constant + left * (bias - constant));
}
