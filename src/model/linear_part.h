/* Where the weights of a model's linear part stand (model.linear), and those that make the network
 * beside it add something. */
#ifndef MMOE_MODEL_LINEAR_PART_H
#define MMOE_MODEL_LINEAR_PART_H

#include "model/model.h"

typedef struct mmoe_linear_part {
    int32_t n_task, width;  /* of x */
    int32_t first, n_dense; /* its columns of dense inputs */
    int64_t weight, bias;   /* values: [n_task, width], [n_task] */
    const mmoe_node *heads; /* the towers' last layers: a block a task */
    int64_t head_bias;      /* values: [n_task] */
} mmoe_linear_part;

/* False: the model has none. */
bool mmoe_linear_part_of(const mmoe_graph *g, mmoe_linear_part *out);

/* Is all of it 0, and all that the towers' last layers multiply with: was nothing trained yet? */
bool mmoe_linear_part_is_new(const mmoe_linear_part *part, const mmoe_params *params);
/* Makes a task's logit weights . x + constant: weights [n_dense] of the dense inputs alone, and
 * nothing of the network. */
void mmoe_linear_part_set(const mmoe_linear_part *part, mmoe_params *params, int32_t task,
                          const double *weights, double constant);

#endif
