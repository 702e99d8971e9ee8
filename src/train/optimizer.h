/* Adam (Kingma and Ba 2015) with coupled L2, AdamW (Loshchilov and Hutter 2019), SGD with momentum;
 * as PyTorch has them. */
#ifndef MMOE_TRAIN_OPTIMIZER_H
#define MMOE_TRAIN_OPTIMIZER_H

#include <stdatomic.h>

#include "graph/plan.h"
#include "math/kernels.h"
#include "config/config.h"

/* l1 sum |w| + l2 sum w^2 added to what is minimised. */
typedef struct mmoe_penalty {
    float l1, l2;
} mmoe_penalty;
enum { MMOE_PENALTY_NONE, MMOE_PENALTY_TABLE, MMOE_PENALTY_DENSE, MMOE_PENALTIES };

/* A block of the parameters with its moments; a frozen one is empty. */
typedef struct mmoe_optimizer_block {
    float *values; /* the model's, written */
    int64_t count;
    float *m, *v;        /* [count]; SGD has m alone */
    uint8_t penalty;     /* one of the above, of all values where penalty_of is NULL */
    uint8_t *penalty_of; /* of each line of 16 values */
} mmoe_optimizer_block;

typedef struct mmoe_optimizer {
    mmoe_allocator alloc;
    const mmoe_kernels *kernels;
    mmoe_optimizer_kind kind;
    mmoe_adam_args adam; /* lr and weight_decay serve SGD too */
    float momentum;
    float scale;    /* of this step's gradients, before penalties and decay */
    uint64_t steps; /* done or under way */
    mmoe_penalty penalties[MMOE_PENALTIES];
    bool has_penalties;
    int32_t n_block;
    mmoe_optimizer_block *blocks; /* the parameters' trained ones */
    atomic_bool not_finite;       /* a weight, in this step */
} mmoe_optimizer;

mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *config,
                                const mmoe_params *params, const mmoe_tensors *tensors,
                                const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_optimizer_finish(mmoe_optimizer *o);
void mmoe_optimizer_restart(mmoe_optimizer *o); /* as one that has taken no step */
void mmoe_optimizer_begin(mmoe_optimizer *o);   /* a step, of scale 1 */
/* The update without penalties of n values that are not the model's, with moments of their own; v
 * is not read by SGD. Tells whether one of them is not finite then. */
bool mmoe_optimizer_move(const mmoe_optimizer *o, size_t n, float *w, const float *g, float *m,
                         float *v);
/* An mmoe_gradient_sink: updates the values that the gradient is of. `context` is the optimizer. */
void mmoe_optimizer_apply(void *context, const mmoe_gradient *gradient);

#endif
