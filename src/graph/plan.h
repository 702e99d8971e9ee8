/* A graph made ready to run: memory for a largest batch, and the phases of a step.
 *
 * A batch is cut into chunks of rows by its size and the number of segments alone. A phase is a run
 * of steps (a node, forward or backward) that every chunk goes through on its own; between two
 * phases stands a barrier, because a node needs a sum over the whole batch (batch norm's
 * statistics, and their gradient's sums) or because the gradients of the weights need all rows. The
 * last phase has tasks of its own: gradients of pieces of the weights, each of which sums over a
 * segment's rows in row order, and then over segments. So the numbers depend on the batch, and not
 * on the number of workers. */
#ifndef MMOE_GRAPH_PLAN_H
#define MMOE_GRAPH_PLAN_H

#include "graph/plan_cut.h"
#include "math/first_layer.h"

typedef struct mmoe_plan_request {
    const mmoe_graph *graph;
    mmoe_params *params;
    mmoe_pool *pool; /* NULL: the calling thread alone */
    mmoe_plan_kind kind;
    int32_t max_rows;             /* of one batch */
    const mmoe_allocator *alloc;  /* NULL: the default */
    mmoe_first_layer first_layer; /* of a plan that trains */
    int32_t segments;  /* of a batch that trains, a power of two (graph/segments.h); 0: 1 */
    mmoe_peers *peers; /* the other ranks, at most `segments` of them; NULL: there are none */
    /* [lists of a batch] elements a row, on average, of lists that are not of one element without
     * weight; NULL: not known. Read while the plan is made. */
    const double *list_elements;
} mmoe_plan_request;

/* Takes all memory that a run needs. MMOE_E_MEMORY; MMOE_E_ARGUMENT: MMOE_KERNELS
 * (math/kernels.h). */
mmoe_status mmoe_plan_create(const mmoe_plan_request *wanted, mmoe_plan **out, mmoe_error *err);
void mmoe_plan_free(mmoe_plan *plan);
/* Before a batch is trained with: takes the memory that it needs beyond all before it, for lists of
 * more elements in tables whose rows a step must know before it gathers them. Nothing where there
 * are none, and seldom otherwise. MMOE_E_MEMORY. */
mmoe_status mmoe_plan_admit(const mmoe_plan *plan, const mmoe_rows *batch, mmoe_error *err);
/* Bytes of what was taken so, at first for the largest batch without lists. */
size_t mmoe_plan_admitted(const mmoe_plan *plan);

int32_t mmoe_plan_shared_cols(const mmoe_plan *plan); /* of the shared representation */

#endif
