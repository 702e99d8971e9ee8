#include "look/parts.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

/* ---- Experts ---- */

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_expert(const char *name) {
    return begins(name, "experts.") || begins(name, "bottom") ||
           (begins(name, "cgc_layers.") && strstr(name, ".experts_"));
}

/* Characters of a tensor's name in front of ".mlp": its module's. */
static size_t module_length(const char *name) {
    const char *end = strstr(name, ".mlp.");
    return end ? (size_t)(end - name) : 0;
}

/* The layer whose bias a tensor is: its columns' place in the apply node's output. */
static bool is_bias_of(const mmoe_graph *g, const mmoe_node *n, const mmoe_tensor *t,
                       int32_t *col) {
    const int64_t at = t->offset - n->u.apply.bias;
    if (t->kind != MMOE_TENSOR_VALUE || t->rank != 1 || at < 0 || at >= g->values[n->out].width)
        return false;
    *col = (int32_t)at;
    return true;
}

static int32_t find_expert(const mmoe_parts *p, const char *name, size_t length) {
    for (int32_t e = 0; e < p->n_expert; e++)
        if (strlen(p->experts[e].name) == length && strncmp(p->experts[e].name, name, length) == 0)
            return e;
    return -1;
}

static mmoe_status add_layer(mmoe_parts *p, const char *name, size_t length, mmoe_layer_part layer,
                             mmoe_error *err) {
    layer.expert = find_expert(p, name, length);
    if (layer.expert < 0) {
        char *copy = mmoe_copy_text(&p->alloc, name, length);
        if (!copy) return mmoe_fail_memory(err, length + 1);
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

/* Layers in the order of their nodes and columns; the last of an expert is its output. */
static mmoe_status find_experts(mmoe_parts *p, const mmoe_graph *g, mmoe_error *err) {
    const size_t most = g->tensors.count;
    p->experts = mmoe_alloc(&p->alloc, most, sizeof *p->experts);
    p->layers = mmoe_alloc(&p->alloc, most, sizeof *p->layers);
    if (!p->experts || !p->layers)
        return mmoe_fail_memory(err, most * (sizeof *p->experts + sizeof *p->layers));
    for (int32_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < most && g->nodes[i].op == MMOE_OP_APPLY; k++) {
            const mmoe_tensor *t = &g->tensors.items[k];
            mmoe_layer_part layer = {.node = i};
            if (!is_bias_of(g, &g->nodes[i], t, &layer.col) || !is_expert(t->name)) continue;
            layer.cols = (int32_t)t->shape[0];
            if (add_layer(p, t->name, module_length(t->name), layer, err)) return MMOE_E_MEMORY;
        }
    return MMOE_OK;
}

/* ---- Gates ---- */

static bool has_gates(const mmoe_node *n) { return n->op == MMOE_OP_MIX && n->u.mix.weight < 0; }

static const mmoe_node *writer_of(const mmoe_graph *g, int32_t value) {
    for (int32_t i = 0; i < g->n_node; i++)
        if (g->nodes[i].out == value) return &g->nodes[i];
    return NULL;
}

/* The tensor of the bias behind a column of weights; the layer that gives the logits is in front of
 * a gate node. */
static const mmoe_tensor *gate_bias(const mmoe_graph *g, int32_t value, int32_t col) {
    const mmoe_node *n = writer_of(g, value);
    assert(n);
    if (n->op == MMOE_OP_GATE) {
        int32_t i = 0;
        for (int32_t at = 0; at < col; at += n->u.gate.n_expert[i++]) {
        }
        col = n->u.gate.col[i];
        n = writer_of(g, n->in);
    }
    assert(n && n->op == MMOE_OP_APPLY);
    for (size_t k = 0; k < g->tensors.count; k++) {
        int32_t at;
        if (is_bias_of(g, n, &g->tensors.items[k], &at) && at == col) return &g->tensors.items[k];
    }
    return NULL;
}

static int32_t expert_at(const mmoe_parts *p, const mmoe_graph *g, int32_t value, int32_t col) {
    for (int32_t e = 0; e < p->n_expert; e++)
        if (g->nodes[p->experts[e].node].out == value && p->experts[e].col == col) return e;
    return -1;
}

static mmoe_status add_gate(mmoe_parts *p, const mmoe_model *model, int32_t node, int32_t level,
                            int32_t t, mmoe_error *err) {
    const mmoe_graph *g = model->graph;
    const mmoe_node *n = &g->nodes[node];
    const mmoe_tensor *bias = gate_bias(g, n->u.mix.gates, n->u.mix.gate_col[t]);
    assert(bias);
    mmoe_gate_part *gate = &p->gates[p->n_gate];
    *gate = (mmoe_gate_part){.level = level,
                             .node = node,
                             .col = n->u.mix.gate_col[t],
                             .n_expert = n->u.mix.n_expert,
                             .first = p->n_weight};
    gate->name = mmoe_copy_text(&p->alloc, bias->name, module_length(bias->name));
    if (!gate->name) return mmoe_fail_memory(err, strlen(bias->name) + 1);
    p->n_gate++;
    gate->task =
        model->config->model == MMOE_MODEL_OMOE || strstr(gate->name, ".gate_shared") ? -1 : t;
    for (int32_t k = 0; k < gate->n_expert; k++) {
        const int32_t e =
            expert_at(p, g, n->u.mix.experts, n->u.mix.expert_col[t * gate->n_expert + k]);
        assert(e >= 0);
        p->gate_experts[p->n_weight++] = e;
        p->experts[e].level = level;
    }
    return MMOE_OK;
}

static mmoe_status find_gates(mmoe_parts *p, const mmoe_model *model, mmoe_error *err) {
    const mmoe_graph *g = model->graph;
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
            if (add_gate(p, model, i, level, t, err)) return MMOE_E_MEMORY;
    }
    return MMOE_OK;
}

/* ---- Both ---- */

mmoe_status mmoe_parts_find(mmoe_parts *p, const mmoe_model *model, const mmoe_allocator *alloc,
                            mmoe_error *err) {
    *p = (mmoe_parts){.alloc = *alloc};
    const mmoe_status status = find_experts(p, model->graph, err);
    return status ? status : find_gates(p, model, err);
}

void mmoe_parts_finish(mmoe_parts *p) {
    for (int32_t e = 0; e < p->n_expert; e++) mmoe_release(&p->alloc, p->experts[e].name);
    for (int32_t i = 0; i < p->n_gate; i++) mmoe_release(&p->alloc, p->gates[i].name);
    void *rest[] = {p->experts, p->layers, p->gates, p->gate_experts};
    for (size_t i = 0; i < sizeof rest / sizeof *rest && p->alloc.alloc; i++)
        mmoe_release(&p->alloc, rest[i]);
}
