/* Adam (Kingma and Ba 2015) with coupled L2, AdamW (Loshchilov and Hutter 2019), SGD with momentum; as PyTorch has them. */
#ifndef MMOE_TRAIN_OPTIMIZER_H
#define MMOE_TRAIN_OPTIMIZER_H

#include "graph/params.h"
#include "math/kernels.h"
#include "model/config.h"

typedef struct mmoe_optimizer {
    mmoe_allocator alloc;
    const mmoe_kernels *kernels;
    mmoe_optimizer_kind kind;
    mmoe_adam_args adam; /* lr and weight_decay serve SGD too */
    float momentum;
    uint64_t steps; /* done or under way */
    float *values;  /* the model's, written */
    int64_t n_value;
    float *m, *v; /* [n_value] moments; SGD has m alone */
} mmoe_optimizer;

mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *config, mmoe_params *params, const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_optimizer_finish(mmoe_optimizer *o);
void mmoe_optimizer_begin(mmoe_optimizer *o); /* a step */
/* The same update of n values that are not the model's, with moments of their own; v is not read by SGD. */
void mmoe_optimizer_move(const mmoe_optimizer *o, size_t n, float *w, const float *g, float *m, float *v);
/* An mmoe_gradient_sink: updates the values that the gradient is of. `context` is the optimizer. */
void mmoe_optimizer_apply(void *context, int64_t offset, int64_t rows, int64_t cols, const float *gradient, int64_t ld);

#endif
