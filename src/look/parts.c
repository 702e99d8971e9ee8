#include "look/parts.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

static int32_t writer_of(const mmoe_graph *g, int32_t value) {
    int32_t i = 0;
    while (g->nodes[i].out != value) i++;
    return i;
}

/* ---- Experts ---- */

static int32_t find_expert(const mmoe_parts *p, const char *name) {
    for (int32_t e = 0; e < p->n_expert; e++)
        if (strcmp(p->experts[e].name, name) == 0) return e;
    return -1;
}

static mmoe_status add_layer(mmoe_parts *p, const char *name, mmoe_layer_part layer,
                             mmoe_error *err) {
    layer.expert = find_expert(p, name);
    if (layer.expert < 0) {
        char *copy = mmoe_copy_text(&p->alloc, name, strlen(name));
        if (!copy) return mmoe_fail_memory(err, strlen(name) + 1);
        layer.expert = p->n_expert++;
        p->experts[layer.expert] = (mmoe_expert_part){.name = copy, .level = 1};
    }
    mmoe_expert_part *e = &p->experts[layer.expert];
    e->node = layer.node;
    e->col = layer.col;
    e->cols = layer.cols;
    e->units += layer.cols;
    p->layers[p->n_layer++] = layer;
    return MMOE_OK;
}

static mmoe_status find_experts(mmoe_parts *p, const mmoe_graph *g, mmoe_error *err) {
    const size_t most = (size_t)g->expert_layers.count;
    p->experts = mmoe_alloc(&p->alloc, most, sizeof *p->experts);
    p->layers = mmoe_alloc(&p->alloc, most, sizeof *p->layers);
    if (!p->experts || !p->layers)
        return mmoe_fail_memory(err, most * (sizeof *p->experts + sizeof *p->layers));
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < g->expert_layers.count && !status; i++) {
        const mmoe_mark *mark = &g->expert_layers.items[i];
        const mmoe_layer_part layer = {
            .node = writer_of(g, mark->view.value), .col = mark->view.col, .cols = mark->view.cols};
        status = add_layer(p, mark->name, layer, err);
    }
    return status;
}

/* ---- Gates ---- */

static bool has_gates(const mmoe_node *n) { return n->op == MMOE_OP_MIX && n->u.mix.weight < 0; }

/* The gate whose weights begin at a column of a value. */
static const mmoe_mark *gate_at(const mmoe_graph *g, int32_t value, int32_t col) {
    for (int32_t i = 0; i < g->gates.count; i++)
        if (g->gates.items[i].view.value == value && g->gates.items[i].view.col == col)
            return &g->gates.items[i];
    return NULL;
}

static int32_t expert_at(const mmoe_parts *p, const mmoe_graph *g, int32_t value, int32_t col) {
    for (int32_t e = 0; e < p->n_expert; e++)
        if (g->nodes[p->experts[e].node].out == value && p->experts[e].col == col) return e;
    return -1;
}

static mmoe_status add_gate(mmoe_parts *p, const mmoe_graph *g, int32_t node, int32_t level,
                            int32_t t, mmoe_error *err) {
    const mmoe_node *n = &g->nodes[node];
    const mmoe_mark *mark = gate_at(g, n->u.mix.gates, n->u.mix.gate_col[t]);
    assert(mark);
    mmoe_gate_part *gate = &p->gates[p->n_gate];
    *gate = (mmoe_gate_part){.task = mark->task,
                             .level = level,
                             .node = node,
                             .col = mark->view.col,
                             .n_expert = mark->view.cols,
                             .first = p->n_weight};
    gate->name = mmoe_copy_text(&p->alloc, mark->name, strlen(mark->name));
    if (!gate->name) return mmoe_fail_memory(err, strlen(mark->name) + 1);
    p->n_gate++;
    for (int32_t k = 0; k < gate->n_expert; k++) {
        const int32_t e =
            expert_at(p, g, n->u.mix.experts, n->u.mix.expert_col[t * gate->n_expert + k]);
        assert(e >= 0);
        p->gate_experts[p->n_weight++] = e;
        p->experts[e].level = level;
    }
    return MMOE_OK;
}

static mmoe_status find_gates(mmoe_parts *p, const mmoe_graph *g, mmoe_error *err) {
    size_t gates = 0, weights = 0;
    for (int32_t i = 0; i < g->n_node; i++)
        if (has_gates(&g->nodes[i])) {
            gates += (size_t)g->nodes[i].u.mix.n_task;
            weights += (size_t)g->nodes[i].u.mix.n_task * (size_t)g->nodes[i].u.mix.n_expert;
        }
    p->gates = mmoe_alloc(&p->alloc, gates, sizeof *p->gates);
    p->gate_experts = mmoe_alloc(&p->alloc, weights, sizeof *p->gate_experts);
    if (!p->gates || !p->gate_experts)
        return mmoe_fail_memory(err, gates * sizeof *p->gates + weights * sizeof *p->gate_experts);
    int32_t level = 0, mixed = -1;
    for (int32_t i = 0; i < g->n_node; i++) {
        const mmoe_node *n = &g->nodes[i];
        if (!has_gates(n)) continue;
        level += n->u.mix.experts != mixed;
        mixed = n->u.mix.experts;
        for (int32_t t = 0; t < n->u.mix.n_task; t++)
            if (add_gate(p, g, i, level, t, err)) return MMOE_E_MEMORY;
    }
    return MMOE_OK;
}

/* ---- Both ---- */

mmoe_status mmoe_parts_find(mmoe_parts *p, const mmoe_model *model, const mmoe_allocator *alloc,
                            mmoe_error *err) {
    *p = (mmoe_parts){.alloc = *alloc};
    const mmoe_status status = find_experts(p, model->graph, err);
    return status ? status : find_gates(p, model->graph, err);
}

void mmoe_parts_finish(mmoe_parts *p) {
    for (int32_t e = 0; e < p->n_expert; e++) mmoe_release(&p->alloc, p->experts[e].name);
    for (int32_t i = 0; i < p->n_gate; i++) mmoe_release(&p->alloc, p->gates[i].name);
    void *rest[] = {p->experts, p->layers, p->gates, p->gate_experts};
    for (size_t i = 0; i < sizeof rest / sizeof *rest && p->alloc.alloc; i++)
        mmoe_release(&p->alloc, rest[i]);
}
