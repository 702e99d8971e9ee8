/* The gradient of all values kept whole, and applied when it is complete: for what must know all of
 * it before the first value changes. Of tables whose rows are updated when they are read it is that
 * of the rows which the step reads: others have none. */
#ifndef MMOE_TRAIN_WHOLE_GRADIENT_H
#define MMOE_TRAIN_WHOLE_GRADIENT_H

#include "base/pool.h"
#include "graph/gradient_room.h"
#include "train/kept_rows.h"
#include "train/optimizer.h"
#include "train/ranks.h"

typedef struct mmoe_whole_gradient {
    mmoe_allocator alloc;
    mmoe_params *dense;      /* the room's; NULL: each table has a place in it */
    mmoe_gradient_room room; /* 0 between tensors; values NULL: not kept */
    int32_t n_kept;
    mmoe_kept_rows *kept; /* [n_kept] of deferred tables */
    double *parts;        /* [pieces of the room, then the parts of each kept one] */
} mmoe_whole_gradient;

mmoe_status mmoe_whole_gradient_init(mmoe_whole_gradient *g, const mmoe_params *params,
                                     const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_whole_gradient_finish(mmoe_whole_gradient *g);
/* Before a step. MMOE_E_MEMORY. */
mmoe_status mmoe_whole_gradient_begin(mmoe_whole_gradient *g, const struct mmoe_schema *schema,
                                      const mmoe_rows *batch, mmoe_error *err);
/* An mmoe_gradient_sink; `context` is the gradient. */
void mmoe_whole_gradient_keep(void *context, const mmoe_gradient *gradient);

/* Both run in pieces of a fixed size, whose sums are added in their order: the same bits for any
 * number of workers, and of ranks, of which each has the pieces that begin in its portion, and
 * the kept rows that are its own. `ranks` NULL: one has all. The optimizer's scale is set. */
double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool, mmoe_ranks *ranks);
void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               const mmoe_ranks *ranks, mmoe_optimizer *optimizer);

#endif
