/* Where the weights of a model's linear part stand (model.linear), and those by which the network
 * beside it adds to the logits. Of a model without one the network's alone: its inputs are none. */
#ifndef MMOE_MODEL_LINEAR_PART_H
#define MMOE_MODEL_LINEAR_PART_H

#include "model/model.h"

typedef struct mmoe_linear_part {
    int32_t n_task, width;  /* of x */
    int32_t first, n_dense; /* its columns of dense inputs */
    int64_t weight, bias;   /* values: [n_task, width], [n_task]; without the part: -1, head_bias */
    const mmoe_node *heads; /* the towers' last layers: a block a task */
    int64_t head_bias;      /* values: [n_task] */
} mmoe_linear_part;

/* False: the model has none, and `out` is of the network alone. */
bool mmoe_linear_part_of(const mmoe_graph *g, mmoe_linear_part *out);

/* Is all of it 0? */
bool mmoe_linear_part_is_new(const mmoe_linear_part *part, const mmoe_params *params);
/* Makes a task's part weights . x + constant, row [n_dense + 1] having the weights of the dense
 * inputs, then the constant; the tower's last bias, which the constant stands for, becomes 0. */
void mmoe_linear_part_set(const mmoe_linear_part *part, mmoe_params *params, int32_t task,
                          const double *row);
/* That, and the network adds nothing to the task. */
void mmoe_linear_part_set_alone(const mmoe_linear_part *part, mmoe_params *params, int32_t task,
                                const double *row);
/* Of a task's logit, so large a part of what it has above the constant is left. */
void mmoe_linear_part_shrink(const mmoe_linear_part *part, mmoe_params *params, int32_t task,
                             double left, double constant);

#endif
