/* What builders say of a graph to those who look at the model: which views are experts and gates.
 */
#include <stdio.h>

#include "base/error.h"
#include "graph/graph.h"

static mmoe_status add_mark(mmoe_graph *g, mmoe_mark_list *l, const char *name, mmoe_mark mark,
                            mmoe_error *err) {
    if (l->count == l->capacity) {
        const int32_t wanted = l->capacity ? 2 * l->capacity : 16;
        mmoe_mark *items =
            mmoe_resize(&g->alloc, l->items, (size_t)l->capacity, (size_t)wanted, sizeof *items);
        if (!items) return mmoe_fail_memory(err, (size_t)wanted * sizeof *items);
        l->items = items;
        l->capacity = wanted;
    }
    snprintf(mark.name, sizeof mark.name, "%s", name);
    l->items[l->count++] = mark;
    return MMOE_OK;
}

mmoe_status mmoe_graph_mark_expert(mmoe_graph *g, const char *name, mmoe_view layer,
                                   mmoe_error *err) {
    return add_mark(g, &g->expert_layers, name, (mmoe_mark){.view = layer, .task = -1}, err);
}

mmoe_status mmoe_graph_mark_gate(mmoe_graph *g, const char *name, mmoe_view weights, int32_t task,
                                 mmoe_error *err) {
    return add_mark(g, &g->gates, name, (mmoe_mark){.view = weights, .task = task}, err);
}
