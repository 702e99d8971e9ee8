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
    for (int i = 0; i < MMOE_NODE_ARRAYS; i++) mmoe_release(a, n->owned[i]);
}

void mmoe_graph_free(mmoe_graph *g) {
    if (!g) return;
    for (int32_t i = 0; i < g->n_node; i++) finish_node(&g->alloc, &g->nodes[i]);
    mmoe_tensors_finish(&g->tensors);
    mmoe_allocator a = g->alloc;
    mmoe_release(&a, g->shared);
    mmoe_release(&a, g->expert_layers.items);
    mmoe_release(&a, g->gates.items);
    mmoe_release(&a, g->values);
    mmoe_release(&a, g->nodes);
    mmoe_release(&a, g);
}

void mmoe_graph_set_rows(mmoe_graph *g, int32_t table, int64_t rows) {
    mmoe_tensors_set_rows(&g->tensors, table, rows);
    for (int32_t n = 0; n < g->n_node; n++) {
        mmoe_lookup *lookups = g->nodes[n].u.input.lookups;
        for (int32_t i = 0; g->nodes[n].op == MMOE_OP_INPUT && i < g->nodes[n].u.input.n_lookup;
             i++)
            if (lookups[i].table == table) lookups[i].rows = rows;
    }
}

static mmoe_status make_room_for_node(mmoe_graph *g, mmoe_error *err) {
    if (g->n_node < g->node_capacity) return MMOE_OK;
    int32_t wanted = g->node_capacity ? 2 * g->node_capacity : 16;
    mmoe_node *nodes =
        mmoe_resize(&g->alloc, g->nodes, (size_t)g->node_capacity, (size_t)wanted, sizeof *nodes);
    if (!nodes) return mmoe_fail_memory(err, (size_t)wanted * sizeof *nodes);
    g->nodes = nodes;
    g->node_capacity = wanted;
    return MMOE_OK;
}

mmoe_status mmoe_graph_add_value(mmoe_graph *g, mmoe_value value, mmoe_view *out, mmoe_error *err) {
    if (g->n_value == g->value_capacity) {
        int32_t wanted = g->value_capacity ? 2 * g->value_capacity : 16;
        mmoe_value *values = mmoe_resize(&g->alloc, g->values, (size_t)g->value_capacity,
                                         (size_t)wanted, sizeof *values);
        if (!values) return mmoe_fail_memory(err, (size_t)wanted * sizeof *values);
        g->values = values;
        g->value_capacity = wanted;
    }
    *out = (mmoe_view){g->n_value, 0, value.width};
    g->values[g->n_value++] = value;
    return MMOE_OK;
}

void *mmoe_node_keep(const mmoe_graph *g, mmoe_node *n, const void *from, int32_t count,
                     size_t size) {
    int place = 0;
    while (place < MMOE_NODE_ARRAYS && n->owned[place]) place++;
    assert(place < MMOE_NODE_ARRAYS);
    void *to = n->owned[place] = mmoe_alloc(&g->alloc, (size_t)count, size);
    if (!to) n->missing += (size_t)(count ? count : 1) * size;
    if (to && from && count) memcpy(to, from, (size_t)count * size);
    return to;
}

mmoe_status mmoe_graph_add(mmoe_graph *g, const char *name, mmoe_node *n, mmoe_value value,
                           mmoe_view *out, mmoe_error *err) {
    mmoe_status status = n->missing ? mmoe_fail_memory(err, n->missing) : MMOE_OK;
    if (!status) status = make_room_for_node(g, err);
    if (!status && out) status = mmoe_graph_add_value(g, value, out, err);
    if (status) {
        finish_node(&g->alloc, n);
        return status;
    }
    snprintf(n->name, sizeof n->name, "%s", name);
    n->out = out ? out->value : -1;
    g->nodes[g->n_node++] = *n;
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
