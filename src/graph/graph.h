/* A model's computation as an array of nodes in topological order. It is a definition: it holds no
 * activation and no weight, is immutable once built, and any number of plans (plan.h) may run it.
 *
 * Letters: B rows, D input width, G blocks, N columns.
 * A value is a matrix [B, width], row-major; a view is a range of its columns. What the formulas
 * write as [G, B, N] stands here as [B, G*N]: block g is columns g*N .. g*N+N, so a chunk of rows
 * is one piece of memory for all nodes and element-wise work runs over whole rows. */
#ifndef MMOE_GRAPH_GRAPH_H
#define MMOE_GRAPH_GRAPH_H

#include <stdbool.h>

#include "graph/params.h"
#include "loss/loss.h"
#include "math/kernels.h"

typedef struct mmoe_view {
    int32_t value, col, cols;
} mmoe_view;

typedef struct mmoe_value {
    int32_t width;
    int32_t grad_cols; /* its leading columns that need a gradient */
} mmoe_value;

/* All kinds of nodes. A row makes a name of mmoe_op, and the record that op_NAME.c defines (op.h).
 */
#define MMOE_OP_LIST(ROW)                                                                          \
    ROW(INPUT, input)                                                                              \
    ROW(LINEAR, linear)                                                                            \
    ROW(STATS, stats)                                                                              \
    ROW(APPLY, apply)                                                                              \
    ROW(GATE, gate)                                                                                \
    ROW(MIX, mix)                                                                                  \
    ROW(ATTEND, attend)                                                                            \
    ROW(SUM, sum)                                                                                  \
    ROW(JOINT, joint)                                                                              \
    ROW(LOSS, loss)

typedef enum mmoe_op {
#define MMOE_OP_NAME(NAME, name) MMOE_OP_##NAME,
    MMOE_OP_LIST(MMOE_OP_NAME)
#undef MMOE_OP_NAME
} mmoe_op;

#define MMOE_OP_ONE(NAME, name) +1
enum { MMOE_OP_COUNT = 0 MMOE_OP_LIST(MMOE_OP_ONE) };
#undef MMOE_OP_ONE

/* out[b, col : col+dim] = table[ids[b, column]], or what a list's rows are pooled to */
typedef struct mmoe_lookup {
    int32_t column; /* of the batch's ids, or of its lists */
    int32_t col, dim;
    int32_t table; /* of the parameters', [rows, dim] */
    int64_t rows;
    bool is_list;
    mmoe_bag bag; /* of a list */
} mmoe_lookup;

/* Columns of the output. */
static inline int32_t mmoe_lookup_width(const mmoe_lookup *l) {
    return l->is_list ? mmoe_bag_width(l->bag.how, l->dim, l->bag.max_len) : l->dim;
}

/* out[:, col : col+cols] = in W^T, W [cols, in.cols] at `weight` */
typedef struct mmoe_linear_block {
    mmoe_view in;
    int32_t col, cols;
    int64_t weight;
    bool again; /* its weight is that of the block before it: their gradients are summed */
} mmoe_linear_block;

/* Columns [col, col+cols) of an apply node: modules of `group` columns each with one activation. */
typedef struct mmoe_segment {
    int32_t col, cols, group;
    mmoe_activation act;
    int64_t slope; /* prelu, dice: offset into values of a parameter a module, [cols / group] */
    float dropout;
} mmoe_segment;

#define MMOE_BATCH_NORM_EPS 1e-5 /* PyTorch's */

/* Batch norm over columns [col, col+cols) of a linear node's output. All offsets are of [cols]. */
typedef struct mmoe_norm {
    int32_t col, cols;
    int64_t gamma, beta; /* values */
    int64_t mean, var;   /* states: running statistics */
    int64_t counter;     /* counters: num_batches_tracked, [n_counter] */
    int32_t n_counter;
} mmoe_norm;

/* How a gate's logits a become weights of experts: g = softmax(a / temperature) over those that
 * take part. */
typedef struct mmoe_gating {
    float temperature;
    float dropout; /* in training, probability that an expert does not take part */
    float balance; /* factor of the squared coefficient of variation of the experts' importance, a
                      gate's; 0: none */
    int32_t top_k; /* none but the k largest logits, and those that equal the smallest of them, take
                      part; 0: all may */
} mmoe_gating;

/* The sum of the tasks' weighted losses over `divisor`: n_task for their mean, or 1. */
typedef struct mmoe_losses {
    int32_t n_task;
    mmoe_view *logits;            /* [n_task], one column each */
    const mmoe_loss_kind **kinds; /* [n_task] */
    float *weight;                /* [n_task] loss weights */
    mmoe_loss_shape *shape;       /* [n_task] of the kinds that are shaped */
    double divisor;
    mmoe_task_order order;
    mmoe_label_scale *scale; /* [n_task] of labels; NULL, to those that make one: none */
} mmoe_losses;

enum { MMOE_NODE_ARRAYS = 6 };

typedef struct mmoe_node {
    mmoe_op op;
    char name[32];                 /* for profiles: "experts+gates 1" */
    int32_t in;                    /* value read: linear has one a block; -1 */
    int32_t out;                   /* value written; -1 */
    void *owned[MMOE_NODE_ARRAYS]; /* arrays that go with the node */
    size_t missing;                /* bytes that there was no memory for */
    union {
        struct {
            int32_t n_lookup, n_dense; /* inputs of dense features */
            mmoe_lookup *lookups;
            int32_t dense_col; /* dense inputs follow the embeddings */
        } input;
        struct {
            int32_t n_block;
            mmoe_linear_block *blocks;
        } linear;
        struct { /* the batch's mean and variance of a linear node's output */
            mmoe_norm norm;
        } stats;
        struct {            /* out = dropout(act(bn(in + bias))) */
            int64_t bias;   /* values: [width] */
            mmoe_norm norm; /* cols 0: none */
            int32_t stats;  /* its stats node; -1 */
            int32_t n_segment;
            mmoe_segment *segments;
        } apply;
        struct { /* gate after gate, each of its own number of experts */
            int32_t n_gate;
            int32_t *col, *n_expert; /* [n_gate]: a gate's logits are in[:, col : col+n_expert] */
            mmoe_gating how;
        } gate;
        struct { /* out[:, t*cols : (t+1)*cols] = sum_k gates[:, gate_col[t] + k] experts[:,
                    expert_col[t][k] ...] */
            int64_t weight; /* values: gates that are the same for every row, [n_task, n_expert];
                               -1: none, the gates are a value */
            int32_t gates, experts; /* values; with `weight`, `gates` has the rows' parts of its
                                       gradient alone */
            int32_t n_task, n_expert, cols;
            int32_t *gate_col;   /* [n_task] */
            int32_t *expert_col; /* [n_task, n_expert] */
        } mix;
        struct { /* out = in[0] + in[1], of as many columns */
            mmoe_view in[2];
        } sum;
        struct { /* the logit of the product of two probabilities, given by their logits */
            mmoe_view logits[2];
        } joint;
        mmoe_losses loss;
    } u;
} mmoe_node;

/* A view that its builder gives a name. */
typedef struct mmoe_mark {
    char name[64]; /* of its tensors, in front of ".mlp": "experts.3" */
    mmoe_view view;
    int32_t task; /* -1: all */
} mmoe_mark;

typedef struct mmoe_mark_list {
    int32_t count, capacity;
    mmoe_mark *items;
} mmoe_mark_list;

typedef struct mmoe_graph {
    mmoe_allocator alloc;
    int32_t n_value, n_node;
    int32_t value_capacity, node_capacity;
    mmoe_value *values;
    mmoe_node *nodes;
    mmoe_tensors tensors;
    int32_t n_id, n_list, n_dense, n_task; /* of a batch */
    mmoe_view
        *shared; /* [n_shared] columns of one value: the representation that the tasks share last */
    int32_t n_shared;
    mmoe_mark_list expert_layers; /* an expert's last one is its output */
    mmoe_mark_list gates;         /* the weights that mix nodes read */
} mmoe_graph;

mmoe_status mmoe_graph_create(const mmoe_allocator *alloc, mmoe_graph **out, mmoe_error *err);
void mmoe_graph_free(mmoe_graph *graph);
/* A table of the parameters has so many rows from now on. */
void mmoe_graph_set_rows(mmoe_graph *graph, int32_t table, int64_t rows);

/* Each adds a node, and stands in its op's file; arrays and the name (cut to 31 bytes) are copied.
 * They return MMOE_E_MEMORY, or write the new value's view to *out. Shapes are the builder's duty:
 * asserted. */
typedef struct mmoe_input_args {
    const mmoe_lookup *lookups;
    int32_t n_lookup, n_id, n_dense;
} mmoe_input_args;
mmoe_status mmoe_graph_input(mmoe_graph *g, const char *name, const mmoe_input_args *args,
                             mmoe_view *out, mmoe_error *err);
mmoe_status mmoe_graph_linear(mmoe_graph *g, const char *name, const mmoe_linear_block *blocks,
                              int32_t n_block, mmoe_view *out, mmoe_error *err);

/* A stats node (if `norm` has columns) and an apply node on a linear node's whole output. */
typedef struct mmoe_layer_args {
    mmoe_view in;
    int64_t bias;
    mmoe_norm norm;
    const mmoe_segment *segments;
    int32_t n_segment;
} mmoe_layer_args;
mmoe_status mmoe_graph_layer(mmoe_graph *g, const char *name, const mmoe_layer_args *args,
                             mmoe_view *out, mmoe_error *err);

/* gates[i] are the logits, all of one value, and become the weights. */
mmoe_status mmoe_graph_gate(mmoe_graph *g, const char *name, mmoe_view *gates, int32_t n_gate,
                            const mmoe_gating *how, mmoe_error *err);

typedef struct mmoe_mixing {
    int32_t gates, experts;               /* values */
    const int32_t *gate_col, *expert_col; /* [n_task], [n_task, n_expert] */
    int32_t n_task, n_expert, cols;
} mmoe_mixing;
mmoe_status mmoe_graph_mix(mmoe_graph *g, const char *name, const mmoe_mixing *args, mmoe_view *out,
                           mmoe_error *err);

/* y_t = sum_k weight[t, k] x_k, x_k one of n blocks of `experts` (Misra et al., CVPR 2016). */
typedef struct mmoe_stitching {
    int64_t weight; /* offset into values: [n, n] */
    mmoe_view experts;
    int32_t n;
} mmoe_stitching;
mmoe_status mmoe_graph_stitch(mmoe_graph *g, const char *name, const mmoe_stitching *args,
                              mmoe_view *out, mmoe_error *err);

/* Attention of two items; `in` is a whole value, q k v of the one and then of the other, each of a
 * sixth of its columns. */
mmoe_status mmoe_graph_attend(mmoe_graph *g, const char *name, mmoe_view in, mmoe_view *out,
                              mmoe_error *err);
mmoe_status mmoe_graph_sum(mmoe_graph *g, const char *name, mmoe_view a, mmoe_view b,
                           mmoe_view *out, mmoe_error *err);
mmoe_status mmoe_graph_joint(mmoe_graph *g, const char *name, mmoe_view a, mmoe_view b,
                             mmoe_view *out, mmoe_error *err);
mmoe_status mmoe_graph_loss(mmoe_graph *g, const char *name, const mmoe_losses *losses,
                            mmoe_error *err);
/* The losses of a whole graph: its last node's. */
const mmoe_losses *mmoe_graph_losses(const mmoe_graph *g);
/* For builders, behind the loss: what a task's label says of the next one's; APART unless called.
 */
void mmoe_graph_order_tasks(mmoe_graph *g, mmoe_task_order order);

/* Says which columns of one value are the shared representation: what comes before serves all
 * tasks. */
mmoe_status mmoe_graph_share(mmoe_graph *g, const mmoe_view *views, int32_t count, mmoe_error *err);
/* shared [tensors]: 1 where the shared representation depends on the tensor, a trained one
 * (shared.c). */
mmoe_status mmoe_graph_shared_tensors(const mmoe_graph *g, uint8_t *shared, mmoe_error *err);

/* For those who look at a model (marks.c): a view is the output of an expert's layer, layers in
 * their order; or the weights of a gate, of one task or, -1, of all. The name is copied. */
mmoe_status mmoe_graph_mark_expert(mmoe_graph *g, const char *name, mmoe_view layer,
                                   mmoe_error *err);
mmoe_status mmoe_graph_mark_gate(mmoe_graph *g, const char *name, mmoe_view weights, int32_t task,
                                 mmoe_error *err);

/* ---- For the functions that add nodes ---- */

/* An array that the node owns: a copy of `count` items, not set where `from` is NULL. NULL without
 * memory, which mmoe_graph_add then reports. */
void *mmoe_node_keep(const mmoe_graph *g, mmoe_node *n, const void *from, int32_t count,
                     size_t size);
mmoe_status mmoe_graph_add_value(mmoe_graph *g, mmoe_value value, mmoe_view *out, mmoe_error *err);
/* Takes the node over, and on failure frees its arrays. `out` NULL: it writes no value. */
mmoe_status mmoe_graph_add(mmoe_graph *g, const char *name, mmoe_node *n, mmoe_value value,
                           mmoe_view *out, mmoe_error *err);

#endif
