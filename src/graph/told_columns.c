#include "graph/told_columns.h"

#include "graph/op.h"

bool mmoe_plan_told_columns(const mmoe_plan *p, bool *ids, bool *lists) {
    bool any = false;
    for (int32_t i = 0; i < p->graph->n_node; i++) {
        const mmoe_input_state *own = p->nodes[i].own;
        if (p->graph->nodes[i].op != MMOE_OP_INPUT) continue;
        for (const mmoe_table_use *u = own->uses; u < own->uses + own->n_use; u++)
            for (int32_t k = u->first; u->table->kind->parts && k < u->first + u->count; k++) {
                (own->used[k].bag ? lists : ids)[own->used[k].column] = true;
                any = true;
            }
    }
    return any;
}
