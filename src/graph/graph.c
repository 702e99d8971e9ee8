#include "graph/graph.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

mmoe_status mmoe_graph_create(const mmoe_allocator *alloc, mmoe_graph **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_graph *g = mmoe_alloc_zero(&a, 1, sizeof *g);
    if (!g) return mmoe_fail_memory(err, sizeof *g);
    g->alloc = g->tensors.alloc = a;
    *out = g;
    return MMOE_OK;
}

static void finish_node(const mmoe_allocator *a, mmoe_node *n) {
    switch (n->op) {
    case MMOE_OP_INPUT:
        mmoe_release(a, n->u.input.lookups);
        break;
    case MMOE_OP_LINEAR:
        mmoe_release(a, n->u.linear.blocks);
        break;
    case MMOE_OP_STATS:
    case MMOE_OP_ATTEND:
    case MMOE_OP_JOINT:
        break;
    case MMOE_OP_APPLY:
        mmoe_release(a, n->u.apply.segments);
        break;
    case MMOE_OP_GATE:
        mmoe_release(a, n->u.gate.col);
        mmoe_release(a, n->u.gate.n_expert);
        break;
    case MMOE_OP_MIX:
        mmoe_release(a, n->u.mix.gate_col);
        mmoe_release(a, n->u.mix.expert_col);
        break;
    case MMOE_OP_LOSS:
        mmoe_release(a, n->u.loss.logits);
        mmoe_release(a, n->u.loss.kinds);
        mmoe_release(a, n->u.loss.weight);
        mmoe_release(a, n->u.loss.shape);
        break;
    }
}

void mmoe_graph_free(mmoe_graph *g) {
    if (!g) return;
    for (int32_t i = 0; i < g->n_node; i++) finish_node(&g->alloc, &g->nodes[i]);
    mmoe_tensors_finish(&g->tensors);
    mmoe_allocator a = g->alloc;
    mmoe_release(&a, g->shared);
    mmoe_release(&a, g->values);
    mmoe_release(&a, g->nodes);
    mmoe_release(&a, g);
}

/* Makes room for one more node and one more value, so that adding them cannot fail. */
static mmoe_status make_room(mmoe_graph *g, mmoe_error *err) {
    if (g->n_node == g->node_capacity) {
        int32_t wanted = g->node_capacity ? 2 * g->node_capacity : 16;
        mmoe_node *nodes = mmoe_resize(&g->alloc, g->nodes, (size_t)g->node_capacity,
                                       (size_t)wanted, sizeof *nodes);
        if (!nodes) return mmoe_fail_memory(err, (size_t)wanted * sizeof *nodes);
        g->nodes = nodes;
        g->node_capacity = wanted;
    }
    if (g->n_value == g->value_capacity) {
        int32_t wanted = g->value_capacity ? 2 * g->value_capacity : 16;
        mmoe_value *values = mmoe_resize(&g->alloc, g->values, (size_t)g->value_capacity,
                                         (size_t)wanted, sizeof *values);
        if (!values) return mmoe_fail_memory(err, (size_t)wanted * sizeof *values);
        g->values = values;
        g->value_capacity = wanted;
    }
    return MMOE_OK;
}

static void *copy(const mmoe_graph *g, const void *from, int32_t count, size_t size) {
    void *to = mmoe_alloc(&g->alloc, (size_t)count, size);
    if (to && count) memcpy(to, from, (size_t)count * size);
    return to;
}

static void push(mmoe_graph *g, const char *name, mmoe_node node, int32_t width, int32_t grad_cols,
                 mmoe_view *out) {
    snprintf(node.name, sizeof node.name, "%s", name);
    node.out = -1;
    if (out) {
        g->values[g->n_value] = (mmoe_value){width, grad_cols};
        *out = (mmoe_view){g->n_value, 0, width};
        node.out = g->n_value++;
    }
    g->nodes[g->n_node++] = node;
}

mmoe_status mmoe_graph_input(mmoe_graph *g, const char *name, const mmoe_lookup *lookups,
                             int32_t n_lookup, int32_t n_id, int32_t n_dense, mmoe_view *out,
                             mmoe_error *err) {
    if (make_room(g, err)) return MMOE_E_MEMORY;
    mmoe_node n = {.op = MMOE_OP_INPUT, .in = -1};
    n.u.input.n_lookup = n_lookup;
    n.u.input.n_dense = n_dense;
    n.u.input.lookups = copy(g, lookups, n_lookup, sizeof *lookups);
    if (!n.u.input.lookups) return mmoe_fail_memory(err, (size_t)n_lookup * sizeof *lookups);
    int32_t embedded = 0;
    for (int32_t i = 0; i < n_lookup; i++) {
        assert(lookups[i].col == embedded);
        embedded += lookups[i].dim;
    }
    n.u.input.dense_col = embedded;
    g->n_id = n_id;
    g->n_dense = n_dense;
    push(g, name, n, embedded + n_dense, embedded, out);
    return MMOE_OK;
}

mmoe_status mmoe_graph_linear(mmoe_graph *g, const char *name, const mmoe_linear_block *blocks,
                              int32_t n_block, mmoe_view *out, mmoe_error *err) {
    if (make_room(g, err)) return MMOE_E_MEMORY;
    int32_t width = 0;
    for (int32_t i = 0; i < n_block; i++) {
        assert(blocks[i].col == width && blocks[i].in.value < g->n_value);
        assert(!blocks[i].again || (i && blocks[i].weight == blocks[i - 1].weight &&
                                    blocks[i].cols == blocks[i - 1].cols));
        width += blocks[i].cols;
    }
    mmoe_node n = {.op = MMOE_OP_LINEAR, .in = -1};
    n.u.linear.n_block = n_block;
    n.u.linear.blocks = copy(g, blocks, n_block, sizeof *blocks);
    if (!n.u.linear.blocks) return mmoe_fail_memory(err, (size_t)n_block * sizeof *blocks);
    push(g, name, n, width, width, out);
    return MMOE_OK;
}

mmoe_status mmoe_graph_layer(mmoe_graph *g, const char *name, mmoe_view in, int64_t bias,
                             const mmoe_norm *norm, const mmoe_segment *segments, int32_t n_segment,
                             mmoe_view *out, mmoe_error *err) {
    assert(in.col == 0 && in.cols == g->values[in.value].width);
    mmoe_norm none = {0};
    int32_t stats = -1;
    if (norm && norm->cols) {
        if (make_room(g, err)) return MMOE_E_MEMORY;
        mmoe_node s = {.op = MMOE_OP_STATS, .in = in.value};
        s.u.stats.norm = *norm;
        push(g, name, s, 0, 0, NULL);
        stats = g->n_node - 1;
    }
    if (make_room(g, err)) return MMOE_E_MEMORY;
    mmoe_node n = {.op = MMOE_OP_APPLY, .in = in.value};
    n.u.apply.bias = bias;
    n.u.apply.norm = stats >= 0 ? *norm : none;
    n.u.apply.stats = stats;
    n.u.apply.n_segment = n_segment;
    n.u.apply.segments = copy(g, segments, n_segment, sizeof *segments);
    if (!n.u.apply.segments) return mmoe_fail_memory(err, (size_t)n_segment * sizeof *segments);
    push(g, name, n, in.cols, in.cols, out);
    return MMOE_OK;
}

mmoe_status mmoe_graph_gate(mmoe_graph *g, const char *name, mmoe_view *gates, int32_t n_gate,
                            const mmoe_gating *how, mmoe_error *err) {
    mmoe_node n = {.op = MMOE_OP_GATE, .in = gates[0].value};
    n.u.gate.n_gate = n_gate;
    n.u.gate.how = *how;
    n.u.gate.col = mmoe_alloc(&g->alloc, (size_t)n_gate, sizeof *n.u.gate.col);
    n.u.gate.n_expert = mmoe_alloc(&g->alloc, (size_t)n_gate, sizeof *n.u.gate.n_expert);
    if (!n.u.gate.col || !n.u.gate.n_expert || make_room(g, err)) {
        finish_node(&g->alloc, &n);
        return mmoe_fail_memory(err, 2 * (size_t)n_gate * sizeof *n.u.gate.col);
    }
    int32_t width = 0;
    for (int32_t i = 0; i < n_gate; i++) {
        assert(gates[i].value == n.in && gates[i].cols >= how->top_k);
        n.u.gate.col[i] = gates[i].col;
        n.u.gate.n_expert[i] = gates[i].cols;
        gates[i].col = width;
        width += gates[i].cols;
    }
    mmoe_view out;
    push(g, name, n, width, width, &out);
    for (int32_t i = 0; i < n_gate; i++) gates[i].value = out.value;
    return MMOE_OK;
}

static mmoe_status add_mix(mmoe_graph *g, const char *name, mmoe_node n, const int32_t *gate_col,
                           const int32_t *expert_col, mmoe_view *out, mmoe_error *err) {
    const int32_t n_task = n.u.mix.n_task, n_expert = n.u.mix.n_expert,
                  width = n_task * n.u.mix.cols;
    n.u.mix.gate_col = copy(g, gate_col, n_task, sizeof *gate_col);
    n.u.mix.expert_col = copy(g, expert_col, n_task * n_expert, sizeof *expert_col);
    if (!n.u.mix.gate_col || !n.u.mix.expert_col || make_room(g, err)) {
        finish_node(&g->alloc, &n);
        return mmoe_fail_memory(err, (size_t)n_task * (size_t)(n_expert + 1) * sizeof *gate_col);
    }
    push(g, name, n, width, width, out);
    return MMOE_OK;
}

mmoe_status mmoe_graph_mix(mmoe_graph *g, const char *name, mmoe_view gates,
                           const int32_t *gate_col, mmoe_view experts, const int32_t *expert_col,
                           int32_t n_task, int32_t n_expert, int32_t cols, mmoe_view *out,
                           mmoe_error *err) {
    mmoe_node n = {.op = MMOE_OP_MIX, .in = -1};
    n.u.mix.weight = -1;
    n.u.mix.gates = gates.value;
    n.u.mix.experts = experts.value;
    n.u.mix.n_task = n_task;
    n.u.mix.n_expert = n_expert;
    n.u.mix.cols = cols;
    return add_mix(g, name, n, gate_col, expert_col, out, err);
}

mmoe_status mmoe_graph_stitch(mmoe_graph *g, const char *name, int64_t weight, mmoe_view experts,
                              int32_t n, mmoe_view *out, mmoe_error *err) {
    mmoe_node node = {.op = MMOE_OP_MIX, .in = -1};
    const int32_t cols = experts.cols / n;
    int32_t *gate_col = mmoe_alloc(&g->alloc, (size_t)n, sizeof *gate_col),
            *expert_col = mmoe_alloc(&g->alloc, (size_t)n * (size_t)n, sizeof *expert_col);
    mmoe_status status = gate_col && expert_col
                             ? make_room(g, err)
                             : mmoe_fail_memory(err, (size_t)n * (size_t)n * sizeof *expert_col);
    if (!status) {
        node.u.mix.weight = weight;
        node.u.mix.gates = g->n_value++;
        g->values[node.u.mix.gates] = (mmoe_value){n * n, n * n};
        node.u.mix.experts = experts.value;
        node.u.mix.n_task = node.u.mix.n_expert = n;
        node.u.mix.cols = cols;
        for (int32_t i = 0; i < n; i++) gate_col[i] = i * n;
        for (int32_t i = 0; i < n * n; i++) expert_col[i] = experts.col + i % n * cols;
        status = add_mix(g, name, node, gate_col, expert_col, out, err);
    }
    mmoe_release(&g->alloc, gate_col);
    mmoe_release(&g->alloc, expert_col);
    return status;
}

mmoe_status mmoe_graph_attend(mmoe_graph *g, const char *name, mmoe_view in, mmoe_view *out,
                              mmoe_error *err) {
    assert(in.col == 0 && in.cols == g->values[in.value].width && in.cols % 6 == 0);
    if (make_room(g, err)) return MMOE_E_MEMORY;
    push(g, name, (mmoe_node){.op = MMOE_OP_ATTEND, .in = in.value}, in.cols / 6, in.cols / 6, out);
    return MMOE_OK;
}

mmoe_status mmoe_graph_joint(mmoe_graph *g, const char *name, mmoe_view a, mmoe_view b,
                             mmoe_view *out, mmoe_error *err) {
    if (make_room(g, err)) return MMOE_E_MEMORY;
    push(g, name, (mmoe_node){.op = MMOE_OP_JOINT, .in = -1, .u.joint.logits = {a, b}}, 1, 1, out);
    return MMOE_OK;
}

/* Neighbours become one view. */
mmoe_status mmoe_graph_share(mmoe_graph *g, const mmoe_view *views, int32_t count,
                             mmoe_error *err) {
    g->shared = mmoe_alloc(&g->alloc, (size_t)count, sizeof *views);
    if (!g->shared) return mmoe_fail_memory(err, (size_t)count * sizeof *views);
    for (int32_t i = 0; i < count; i++) {
        assert(views[i].value == views[0].value);
        mmoe_view *last = g->n_shared ? &g->shared[g->n_shared - 1] : NULL;
        if (last && last->col + last->cols == views[i].col)
            last->cols += views[i].cols;
        else
            g->shared[g->n_shared++] = views[i];
    }
    return MMOE_OK;
}

mmoe_status mmoe_graph_loss(mmoe_graph *g, const char *name, const mmoe_losses *losses,
                            mmoe_error *err) {
    if (make_room(g, err)) return MMOE_E_MEMORY;
    const int32_t n_task = losses->n_task;
    mmoe_node n = {.op = MMOE_OP_LOSS, .in = -1, .u.loss = *losses};
    n.u.loss.logits = copy(g, losses->logits, n_task, sizeof *losses->logits);
    n.u.loss.kinds = copy(g, losses->kinds, n_task, sizeof *losses->kinds);
    n.u.loss.weight = copy(g, losses->weight, n_task, sizeof *losses->weight);
    n.u.loss.shape = copy(g, losses->shape, n_task, sizeof *losses->shape);
    if (!n.u.loss.logits || !n.u.loss.kinds || !n.u.loss.weight || !n.u.loss.shape) {
        finish_node(&g->alloc, &n);
        return mmoe_fail_memory(err, (size_t)n_task * sizeof *losses->logits);
    }
    g->n_task = n_task;
    push(g, name, n, 0, 0, NULL);
    return MMOE_OK;
}

const mmoe_losses *mmoe_graph_losses(const mmoe_graph *g) {
    const mmoe_node *last = &g->nodes[g->n_node - 1];
    assert(last->op == MMOE_OP_LOSS);
    return &last->u.loss;
}
