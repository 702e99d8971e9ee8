/* Which parameters the shared representation depends on, column by column: of a layer that all
 * experts and gates are in, the experts'. */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

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

static void mark_table(const marks *m, int32_t table) {
    const mmoe_tensors *t = &m->graph->tensors;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].kind == MMOE_TENSOR_TABLE && t->items[i].table == table) m->tensors[i] = 1;
}

static void mark_input(const marks *m, const mmoe_node *n) {
    for (int32_t i = 0; i < n->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        if (any(m, n->out, l->col, l->dim)) mark_table(m, l->table);
    }
}

static void mark_linear(const marks *m, const mmoe_node *n) {
    const uint8_t *out = columns_of(m, n->out);
    for (int32_t i = 0; i < n->u.linear.n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        for (int32_t c = 0, run; c < k->cols; c += run) {
            for (run = 1; c + run < k->cols && out[k->col + c + run] == out[k->col + c];) run++;
            if (!out[k->col + c]) continue;
            mark_values(m, k->weight + (int64_t)c * k->in.cols, (int64_t)run * k->in.cols);
            mark_columns(m, k->in.value, k->in.col, k->in.cols);
        }
    }
}

static void mark_apply(const marks *m, const mmoe_node *n) {
    const mmoe_norm *norm = &n->u.apply.norm;
    for (int32_t i = 0; i < n->u.apply.n_segment; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        for (int32_t c = g->col; c < g->col + g->cols;
             c += g->group) { /* a module has one slope, one normaliser */
            if (!any(m, n->out, c, g->group)) continue;
            mark_columns(m, n->in, c, g->group);
            mark_values(m, n->u.apply.bias + c, g->group);
            if (g->slope >= 0) mark_values(m, g->slope + (c - g->col) / g->group, 1);
            if (c < norm->col || c >= norm->col + norm->cols) continue;
            mark_values(m, norm->gamma + c - norm->col, g->group);
            mark_values(m, norm->beta + c - norm->col, g->group);
        }
    }
}

/* A gate's columns have one normaliser. */
static void mark_gates(const marks *m, const mmoe_node *n) {
    for (int32_t i = 0, c = 0; i < n->u.gate.n_gate; c += n->u.gate.n_expert[i++])
        if (any(m, n->out, c, n->u.gate.n_expert[i]))
            mark_columns(m, n->in, n->u.gate.col[i], n->u.gate.n_expert[i]);
}

static void mark_mix(const marks *m, const mmoe_node *n) {
    const int32_t n_expert = n->u.mix.n_expert, cols = n->u.mix.cols;
    for (int32_t t = 0; t < n->u.mix.n_task; t++) {
        if (!any(m, n->out, t * cols, cols)) continue;
        if (n->u.mix.weight >= 0)
            mark_values(m, n->u.mix.weight, 1); /* one tensor, whose rows are the tasks' */
        else
            mark_columns(m, n->u.mix.gates, n->u.mix.gate_col[t], n_expert);
        for (int32_t k = 0; k < n_expert; k++)
            mark_columns(m, n->u.mix.experts, n->u.mix.expert_col[t * n_expert + k], cols);
    }
}

static void mark_node(const marks *m, const mmoe_node *n) {
    switch (n->op) {
    case MMOE_OP_INPUT:
        mark_input(m, n);
        break;
    case MMOE_OP_LINEAR:
        mark_linear(m, n);
        break;
    case MMOE_OP_APPLY:
        mark_apply(m, n);
        break;
    case MMOE_OP_GATE:
        mark_gates(m, n);
        break;
    case MMOE_OP_MIX:
        mark_mix(m, n);
        break;
    case MMOE_OP_ATTEND:
        if (any(m, n->out, 0, m->graph->values[n->out].width))
            mark_columns(m, n->in, 0, m->graph->values[n->in].width);
        break;
    case MMOE_OP_JOINT:
        for (int i = 0; i < 2 && any(m, n->out, 0, 1); i++)
            mark_columns(m, n->u.joint.logits[i].value, n->u.joint.logits[i].col, 1);
        break;
    case MMOE_OP_STATS:
    case MMOE_OP_LOSS:
        break;
    }
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
