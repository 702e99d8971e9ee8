/* The gradient of all values kept whole, and applied when it is complete: for what must know all of
 * it before the first value changes. */
#ifndef MMOE_TRAIN_WHOLE_GRADIENT_H
#define MMOE_TRAIN_WHOLE_GRADIENT_H

#include "base/pool.h"
#include "graph/gradient_room.h"
#include "train/optimizer.h"
#include "train/ranks.h"

typedef struct mmoe_whole_gradient {
    mmoe_allocator alloc;
    mmoe_gradient_room room; /* 0 between tensors; values NULL: not kept */
    double *parts;           /* [pieces] */
} mmoe_whole_gradient;

mmoe_status mmoe_whole_gradient_init(mmoe_whole_gradient *g, const mmoe_params *params,
                                     const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_whole_gradient_finish(mmoe_whole_gradient *g);

/* Both run in pieces of a fixed size, whose sums are added in their order: the same bits for any
 * number of workers, and of ranks, of which each has the pieces that begin in its portion. `ranks`
 * NULL: one has all. */
double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool, mmoe_ranks *ranks);
void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               const mmoe_ranks *ranks, mmoe_optimizer *optimizer);

#endif
