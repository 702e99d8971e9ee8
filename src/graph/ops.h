/* What a node does with a chunk of rows, and what is done at the barrier behind it. One file an op.
 */
#ifndef MMOE_GRAPH_OPS_H
#define MMOE_GRAPH_OPS_H

#include "base/clock.h"
#include "graph/plan.h"

/* For weight tasks: a gradient is computed (its slice ends), and handed to the sink. `node` names
 * the tensor's node. */
void mmoe_plan_weights_done(mmoe_plan *p, int worker, const mmoe_weight_task *task, double start);
void mmoe_plan_sink(mmoe_plan *p, int worker, int32_t node, const mmoe_gradient *gradient);
/* A gradient of `count` of the layers' values. */
static inline mmoe_gradient mmoe_layer_gradient(const mmoe_plan *p, int64_t offset, int64_t count,
                                                const float *values) {
    return (mmoe_gradient){p->params->n_table, offset, 1, count, values, count};
}
static inline double mmoe_plan_clock(const mmoe_plan *p) { return p->profile ? mmoe_clock() : 0; }

/* A stream of random numbers of its own for each segment of each node in each step: 12, 12 and 32
 * bits of them. */
static inline uint64_t mmoe_dropout_stream(const mmoe_plan *p, int32_t node, int32_t segment) {
    return mmoe_stream(MMOE_STREAM_DROPOUT, (uint64_t)(node & 0xfff) << 44 |
                                                (uint64_t)(segment & 0xfff) << 32 |
                                                (p->step & 0xffffffff));
}

void mmoe_input_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s);
/* Tables [first, first + count) of the plan: sums their rows' gradients over the batch, in row
 * order. */
void mmoe_input_weights(mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task, int worker);

/* Packs a block's weights as they are now. */
void mmoe_linear_pack(mmoe_plan *p, const mmoe_weight_task *task);
void mmoe_linear_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                         const mmoe_span *s);
void mmoe_linear_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                          const mmoe_span *s);
void mmoe_linear_weights(mmoe_plan *p, const mmoe_node *n, const mmoe_weight_task *task,
                         int worker);

void mmoe_stats_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_layer_state *l,
                        const mmoe_span *s);
void mmoe_stats_barrier(mmoe_plan *p, const mmoe_node *n, mmoe_layer_state *l);
void mmoe_stats_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_layer_state *l,
                         const mmoe_span *s);
void mmoe_apply_forward(mmoe_plan *p, int32_t node, const mmoe_layer_state *l, const mmoe_span *s);
void mmoe_apply_backward(mmoe_plan *p, int32_t node, const mmoe_layer_state *l, const mmoe_span *s);
void mmoe_apply_backward_barrier(mmoe_plan *p, const mmoe_node *n, mmoe_layer_state *l);
void mmoe_apply_weights(mmoe_plan *p, const mmoe_node *n, const mmoe_layer_state *l, int worker);
/* Scale and shift of columns without batch norm (training), or of all (predicting, from the running
 * statistics). */
void mmoe_apply_fold(mmoe_plan *p, const mmoe_node *n, mmoe_layer_state *l);

void mmoe_gate_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                       const mmoe_span *s);
void mmoe_gate_barrier(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state);
void mmoe_gate_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                        const mmoe_span *s);

void mmoe_mix_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s);
void mmoe_mix_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                       const mmoe_span *s);

/* The gradient of gates that all rows share. */
void mmoe_mix_weights(mmoe_plan *p, const mmoe_node *n, int worker);

void mmoe_attend_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s);
void mmoe_attend_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s);

void mmoe_joint_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s);
void mmoe_joint_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                         const mmoe_span *s);

/* Training: losses and the logits' gradients. Predicting: predictions. */
void mmoe_loss_begin(mmoe_plan *p, const mmoe_node *n);
void mmoe_loss_rescale(mmoe_plan *p, const mmoe_node *n); /* the factors have changed */
void mmoe_loss_train(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                     const mmoe_span *s);
void mmoe_loss_predict(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s);

#endif
