/* Nodes that take work of others upon themselves: what they read is then not written first. */
#include "graph/op.h"
#include "graph/plan_parts.h"

typedef struct reader_search {
    mmoe_view view;
    bool found;
} reader_search;

static void look_for_overlap(void *context, const mmoe_node_input *input) {
    reader_search *s = context;
    const mmoe_view *a = &input->in, *b = &s->view;
    s->found |= a->value == b->value && a->col < b->col + b->cols && b->col < a->col + a->cols;
}

bool mmoe_others_read(const mmoe_plan *p, mmoe_view view, int32_t first, int32_t last) {
    const mmoe_graph *g = p->graph;
    reader_search s = {view, false};
    for (int32_t i = 0; i < g->n_node; i++)
        if (i < first || i > last) mmoe_op_of(p, i)->inputs(g, &g->nodes[i], look_for_overlap, &s);
    return s.found;
}

void mmoe_plan_fuse(mmoe_plan *p) {
    for (int32_t i = 0; i < p->graph->n_node; i++)
        p->nodes[i].relu_of = p->nodes[i].mixed_segment = p->nodes[i].gradient_of = -1;
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->fuse) mmoe_op_of(p, i)->fuse(p, i);
}
