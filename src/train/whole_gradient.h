/* The gradient of all values kept whole, and applied when it is complete: for what must know all of
 * it before the first value changes. */
#ifndef MMOE_TRAIN_WHOLE_GRADIENT_H
#define MMOE_TRAIN_WHOLE_GRADIENT_H

#include "base/pool.h"
#include "train/optimizer.h"

typedef struct mmoe_whole_gradient {
    mmoe_allocator alloc;
    int64_t n_value;
    float
        *values; /* [n_value], laid out as the parameters are; 0 between tensors. NULL: not kept */
    double *parts; /* [blocks] */
} mmoe_whole_gradient;

mmoe_status mmoe_whole_gradient_init(mmoe_whole_gradient *g, int64_t n_value,
                                     const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_whole_gradient_finish(mmoe_whole_gradient *g);

/* An mmoe_gradient_sink that copies; `context` is the array of values. */
void mmoe_whole_gradient_keep(void *context, int64_t offset, int64_t rows, int64_t cols,
                              const float *gradient, int64_t ld);

/* Both run in blocks of a fixed size, whose sums are added in their order: the same bits for any
 * number of workers. */
double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool);
void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               mmoe_optimizer *optimizer);

#endif
