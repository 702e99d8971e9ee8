/* Which parameters the shared representation depends on, column by column: of a layer that all
 * experts and gates are in, the experts'. */
#include <string.h>

#include "base/error.h"
#include "graph/op.h"

typedef struct marks {
    const mmoe_graph *graph;
    uint8_t *columns; /* of all values, one behind the other */
    size_t *first;    /* [n_value] a value's first one */
    uint8_t *tensors; /* [tensors] */
} marks;

static uint8_t *columns_of(const marks *m, int32_t value) { return m->columns + m->first[value]; }

static bool any(const marks *m, int32_t value, int32_t col, int32_t cols) {
    return memchr(columns_of(m, value) + col, 1, (size_t)cols) != NULL;
}

static void mark_columns(const marks *m, int32_t value, int32_t col, int32_t cols) {
    memset(columns_of(m, value) + col, 1, (size_t)cols);
}

/* Tensors that begin in values [offset, offset + count): none is marked in part. */
static void mark_values(const marks *m, int64_t offset, int64_t count) {
    const mmoe_tensors *t = &m->graph->tensors;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].kind == MMOE_TENSOR_VALUE && t->items[i].offset >= offset &&
            t->items[i].offset < offset + count)
            m->tensors[i] = 1;
}

/* Of the node that is walked over. */
typedef struct node_marks {
    const marks *of;
    int32_t out;
} node_marks;

static void mark_view(void *context, const mmoe_node_input *input) {
    const node_marks *m = context;
    if (any(m->of, m->out, input->col, input->cols))
        mark_columns(m->of, input->in.value, input->in.col, input->in.cols);
}

static void mark_table(const marks *m, int32_t table) {
    const mmoe_tensors *t = &m->graph->tensors;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].kind == MMOE_TENSOR_TABLE && t->items[i].table == table) m->tensors[i] = 1;
}

/* Granules that are neighbours are marked together. */
static void mark_weights(void *context, const mmoe_node_weights *w) {
    const node_marks *m = context;
    if (w->table >= 0) {
        if (any(m->of, m->out, w->col, w->cols)) mark_table(m->of, w->table);
        return;
    }
    for (int32_t c = 0, run; c < w->cols; c += run) {
        const bool marked = any(m->of, m->out, w->col + c, w->granule);
        for (run = w->granule; c + run < w->cols; run += w->granule)
            if (any(m->of, m->out, w->col + c + run, w->granule) != marked) break;
        if (marked)
            mark_values(m->of, w->offset + c / w->granule * w->each, run / w->granule * w->each);
    }
}

static void mark_node(const marks *m, const mmoe_node *n) {
    const mmoe_op_kind *op = mmoe_ops[n->op];
    node_marks of = {m, n->out};
    if (n->out < 0) return;
    op->inputs(m->graph, n, mark_view, &of);
    if (op->weights) op->weights(n, mark_weights, &of);
}

mmoe_status mmoe_graph_shared_tensors(const mmoe_graph *g, uint8_t *shared, mmoe_error *err) {
    size_t columns = 0;
    marks m = {.graph = g, .tensors = shared};
    m.first = mmoe_alloc(&g->alloc, (size_t)g->n_value, sizeof *m.first);
    for (int32_t v = 0; m.first && v < g->n_value; v++) {
        m.first[v] = columns;
        columns += (size_t)g->values[v].width;
    }
    m.columns = mmoe_alloc_zero(&g->alloc, columns, 1);
    mmoe_status status =
        m.first && m.columns
            ? MMOE_OK
            : mmoe_fail_memory(err, columns + (size_t)g->n_value * sizeof *m.first);
    if (!status) {
        memset(shared, 0, g->tensors.count);
        for (int32_t i = 0; i < g->n_shared; i++)
            mark_columns(&m, g->shared[i].value, g->shared[i].col, g->shared[i].cols);
        for (int32_t i = g->n_node - 1; i >= 0; i--) mark_node(&m, &g->nodes[i]);
    }
    mmoe_release(&g->alloc, m.first);
    mmoe_release(&g->alloc, m.columns);
    return status;
}
