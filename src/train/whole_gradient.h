/* The gradient of all values kept whole, and applied when it is complete: for what must know all of
 * it before the first value changes. */
#ifndef MMOE_TRAIN_WHOLE_GRADIENT_H
#define MMOE_TRAIN_WHOLE_GRADIENT_H

#include "base/pool.h"
#include "train/optimizer.h"

/* Gradients of all trained values, in the order of the whole (graph/params.h). */
typedef struct mmoe_gradient_room {
    const mmoe_params *params;
    float *values; /* [n_whole] */
} mmoe_gradient_room;

typedef struct mmoe_whole_gradient {
    mmoe_allocator alloc;
    mmoe_gradient_room room; /* 0 between tensors; values NULL: not kept */
    double *parts;           /* [pieces] */
} mmoe_whole_gradient;

mmoe_status mmoe_whole_gradient_init(mmoe_whole_gradient *g, const mmoe_params *params,
                                     const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_whole_gradient_finish(mmoe_whole_gradient *g);

/* An mmoe_gradient_sink that copies; `context` is an mmoe_gradient_room. */
void mmoe_whole_gradient_keep(void *context, const mmoe_gradient *gradient);

/* Both run in pieces of a fixed size, whose sums are added in their order: the same bits for any
 * number of workers. */
double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool);
void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               mmoe_optimizer *optimizer);

/* Hands on the gradients at places [place, place + count) of the whole, block by block; a row of a
 * table whole, where its first value is among them. */
void mmoe_whole_gradient_hand_on(const mmoe_gradient_room *room, int64_t place, int64_t count,
                                 mmoe_gradient_sink sink, void *context);

#endif
