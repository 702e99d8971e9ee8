/* What plan.c is put together from, in this order; each part knows ops by their records alone. */
#ifndef MMOE_GRAPH_PLAN_PARTS_H
#define MMOE_GRAPH_PLAN_PARTS_H

#include "graph/state.h"

/* plan_fuse.c: nodes that take work of others upon themselves. */
void mmoe_plan_fuse(mmoe_plan *p);
/* Whether a node other than those from `first` to `last` reads one of the view's columns. */
bool mmoe_others_read(const mmoe_plan *p, mmoe_view view, int32_t first, int32_t last);

/* plan_phases.c: steps, and the phases that they fall into. MMOE_E_MEMORY, as all below. */
mmoe_status mmoe_plan_phases(mmoe_plan *p, mmoe_error *err);
/* plan_memory.c: values and gradients in one arena, by their lifetimes; working memory of nodes. */
mmoe_status mmoe_plan_memory(mmoe_plan *p, mmoe_error *err);
/* plan_reads.c: which gradients are added to others, and how many columns each node touches. */
mmoe_status mmoe_plan_reads(mmoe_plan *p, mmoe_error *err);
/* plan_tasks.c: weights to pack, and weight tasks with their scratch. */
mmoe_status mmoe_plan_tasks(mmoe_plan *p, mmoe_error *err);

#endif
