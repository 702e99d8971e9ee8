/* Who reads which columns: where a gradient is the first for its columns and where it is added, and
 * how much memory a node moves. */
#include <assert.h>

#include "base/error.h"
#include "graph/op.h"
#include "graph/plan_parts.h"

typedef struct reads {
    size_t *first; /* [n_value] a value's first column */
    int32_t *seen; /* [columns of all values] the node that read the column last, and 1; 0: none */
    int32_t node, columns;
    size_t count;
    uint8_t *add; /* NULL: inputs are counted alone */
} reads;

static void count_input(void *context, const mmoe_node_input *input) {
    (void)input;
    ((reads *)context)->count++;
}

static void mark_input(void *context, const mmoe_node_input *input) {
    reads *r = context;
    const mmoe_view *v = &input->in;
    int32_t *seen = r->seen + r->first[v->value] + v->col;
    const bool add = seen[0] != 0;
    for (int32_t c = 0; c < v->cols; c++) {
        assert((seen[c] != 0) == add);
        r->columns += seen[c] != r->node + 1;
        seen[c] = r->node + 1;
    }
    *r->add++ = add;
}

/* Walks the nodes as backward does. */
static void mark_nodes(const mmoe_plan *p, reads *r) {
    const mmoe_graph *g = p->graph;
    for (int32_t i = g->n_node - 1; i >= 0; i--) {
        const mmoe_node *n = &g->nodes[i];
        r->node = i;
        r->columns = n->out >= 0 ? g->values[n->out].width : 0;
        p->nodes[i].add = r->add;
        mmoe_op_of(p, i)->inputs(g, n, mark_input, r);
        p->nodes[i].columns = r->columns;
    }
}

mmoe_status mmoe_plan_reads(mmoe_plan *p, mmoe_error *err) {
    const mmoe_graph *g = p->graph;
    size_t columns = 0;
    reads r = {.first = mmoe_alloc(&p->alloc, (size_t)g->n_value, sizeof *r.first)};
    for (int32_t v = 0; v < g->n_value; v++) {
        if (r.first) r.first[v] = columns;
        columns += (size_t)g->values[v].width;
    }
    for (int32_t i = 0; i < g->n_node; i++)
        mmoe_op_of(p, i)->inputs(g, &g->nodes[i], count_input, &r);
    r.seen = mmoe_alloc_zero(&p->alloc, columns, sizeof *r.seen);
    r.add = p->flags = mmoe_alloc(&p->alloc, r.count, 1);
    const bool there = r.first && r.seen && r.add;
    if (there) mark_nodes(p, &r);
    mmoe_release(&p->alloc, r.first);
    mmoe_release(&p->alloc, r.seen);
    return there ? MMOE_OK : mmoe_fail_memory(err, columns * sizeof *r.seen + r.count);
}
