/* A graph made ready to run: memory for a largest batch, and the phases of a step.
 *
 * A batch is cut into chunks of rows by its size alone. A phase is a run of steps (a node, forward
 * or backward) that every chunk goes through on its own; between two phases stands a barrier,
 * because a node needs a sum over the whole batch (batch norm's statistics, and their gradient's
 * sums) or because the gradients of the weights need all rows. The last phase has tasks of its own:
 * gradients of pieces of the weights, each of which sums over the rows in row order. So the numbers
 * depend on the batch, and not on the number of workers. */
#ifndef MMOE_GRAPH_PLAN_H
#define MMOE_GRAPH_PLAN_H

#include "base/pool.h"
#include "base/rng.h"
#include "data/batch.h"
#include "graph/graph.h"
#include "math/blas.h"
#include "graph/profile.h"
#include "math/kernels.h"

/* The gradient of a run of values: `rows` rows of `cols`, row r at offset + r * cols of the
 * parameters' block and values[r * ld]. */
typedef struct mmoe_gradient {
    int32_t block;
    int64_t offset, rows, cols;
    const float *values;
    int64_t ld;
} mmoe_gradient;

/* Called from any worker, each value once a step, and no later step of the graph reads those
 * values. */
typedef void (*mmoe_gradient_sink)(void *context, const mmoe_gradient *gradient);

typedef struct mmoe_span {
    int32_t worker, chunk;
    int32_t first, rows; /* of the batch */
} mmoe_span;

/* A buffer of a value: row r at base + worker * worker_stride + (r - first row) * ld; when
 * predicting each worker has room for one chunk, in training worker_stride is 0 and rows are those
 * of the batch. */
typedef struct mmoe_buffer {
    float *base;
    int32_t ld;
} mmoe_buffer;

/* Working memory of a layer (a stats and an apply node, or an apply node alone); arrays are [width]
 * of the apply node. */
typedef struct mmoe_layer_state {
    float *scale, *shift;          /* a = z scale + shift */
    float *mean, *rstd;            /* of z, without the bias */
    float *k0, *k1, *k2;           /* norm_backward */
    float *dbias, *dgamma, *dbeta; /* gradients */
    float *dslope;                 /* [slopes] */
    float *pivot, *sum, *square;   /* [chunks, width] of the forward statistics */
    float *sum_da, *sum_daz;       /* [chunks, width] */
    float *slope_part;             /* [chunks, slopes] */
    int32_t slopes;
} mmoe_layer_state;

/* Weights of a linear block, packed for this step's forward and backward products; NULL: BLAS takes
 * them as they are. */
typedef struct mmoe_packed_block {
    float *forward, *backward;
} mmoe_packed_block;

typedef struct mmoe_node_state {
    mmoe_packed_block *packed; /* linear: [blocks] */
    mmoe_layer_state *layer;   /* apply; shared by its stats node */
    uint8_t *
        add; /* linear: [blocks], mix: [tasks, experts]: 1 where the input's gradient is added to */
    int32_t relu_of; /* mix: the apply node whose relu over the experts it takes upon itself; -1 */
    int32_t mixed_segment; /* apply: the segment whose relu is the mix node's; -1 */
    double *importance;    /* gate that balances: [chunks, width] sums of the weights */
    float *balance;    /* gate that balances: [width] the term's gradient by a weight, the same in
                          every row */
    double *loss_part; /* loss: [chunks, tasks] */
    float *scratch;    /* loss: [workers, 5, chunk rows] */
} mmoe_node_state;

/* A piece of the weights: rows [row, row + rows) of each of a linear node's blocks, or rows of
 * lookups' tables, or an apply node's vectors. */
typedef struct mmoe_weight_task {
    int32_t node;
    int32_t first, count; /* blocks, or tables */
    int64_t row, rows;
} mmoe_weight_task;

typedef struct mmoe_step {
    int32_t node;
    int backward;
} mmoe_step;

typedef struct mmoe_phase {
    int32_t first, count; /* steps */
} mmoe_phase;

/* A table and the lookups that read it, for the gradient's scatter. */
typedef struct mmoe_table_use {
    int32_t table, dim;
    int64_t rows;
    int32_t first, count; /* of plan->table_lookups */
} mmoe_table_use;

struct mmoe_plan;

/* Told of a node that a worker has just taken a chunk through, forward: what the node read and
 * wrote can be read. */
typedef void (*mmoe_observer)(void *context, const struct mmoe_plan *plan, int32_t node,
                              const mmoe_span *span);

/* What a plan is for; each of those that train, from MMOE_PLAN_TRAIN on, does what the one before
 * does, and costs more memory. */
typedef enum mmoe_plan_kind {
    MMOE_PLAN_PREDICT,
    MMOE_PLAN_INSPECT, /* predicts; an observer sees every layer's output */
    MMOE_PLAN_TRAIN,   /* steps in one go: mmoe_plan_train */
    MMOE_PLAN_REPLAY,  /* forward, then backward as often as one likes: mmoe_plan_forward,
                          mmoe_plan_backward */
    MMOE_PLAN_PROBE    /* and backward to the shared representation alone: mmoe_plan_probe */
} mmoe_plan_kind;

typedef struct mmoe_plan {
    mmoe_allocator alloc;
    const mmoe_graph *graph;
    mmoe_params *params; /* read; in training the running statistics are written */
    const mmoe_kernels *kernels;
    mmoe_pool *pool; /* NULL: the calling thread alone */
    mmoe_plan_kind kind;
    bool training; /* its kind is one of those */
    int32_t max_rows, max_chunk, max_chunks, workers;

    float *arena;         /* all activations and gradients */
    size_t worker_stride; /* floats; 0 in training */
    mmoe_buffer *values;  /* [n_value] */
    mmoe_buffer *grads;   /* [n_value]; training */
    int32_t *ids;         /* of the batch, or of each worker's chunk: [rows, n_id] */
    float *small;         /* all layer states and partial sums */
    double *loss_parts;
    uint8_t *flags;
    mmoe_layer_state *layers;
    mmoe_node_state *nodes; /* [n_node] */
    mmoe_packed_block *packed_blocks;
    float *packed, *zeros;   /* zeros: as many as the widest packed block has columns */
    mmoe_weight_task *packs; /* node and block of each packed block */
    int32_t n_pack;
    mmoe_step *steps;
    mmoe_phase *phases;
    int32_t n_step, n_phase;
    int32_t loss_phase;   /* replays begin here, with the losses' gradients */
    int32_t shared_phase; /* the first one that goes below the shared representation */
    mmoe_weight_task *tasks;
    int32_t n_task;
    mmoe_table_use *tables;
    int32_t n_table, *table_lookups;
    float *scratch; /* [workers, scratch_stride]: a task's gradient */
    size_t scratch_stride;

    /* Of the batch that runs now. */
    const mmoe_rows *batch;
    int32_t chunk, chunks, current_phase;
    double *task_factor;   /* [tasks]: of the task's term in the objective; set with
                              mmoe_plan_set_factors */
    bool leaves_terms;     /* the backward pass leaves out what is no task's: the gates' balance */
    bool keeps_statistics; /* the forward pass leaves the running statistics as they are */
    float *task_scale;     /* [tasks]: factor * loss weight / (tasks * sum of the rows' weights) */
    double *task_weight;   /* [tasks]: sum of the weights of rows that have a label */
    uint64_t seed, step;
    float *predictions; /* [rows, tasks] */
    mmoe_gradient_sink sink;
    void *sink_context;
    mmoe_observer observer; /* NULL: none; set by the owner */
    void *observer_context;
    mmoe_profile
        *profile; /* NULL: none; set by the owner, attached to this graph and this many workers */
} mmoe_plan;

/* Memory for up to max_rows rows in one batch, of which nothing is taken later. `pool` may be NULL.
 */
mmoe_status mmoe_plan_create(const mmoe_graph *graph, mmoe_params *params, mmoe_pool *pool,
                             mmoe_plan_kind kind, int32_t max_rows, const mmoe_allocator *alloc,
                             mmoe_plan **out, mmoe_error *err);
void mmoe_plan_free(mmoe_plan *plan);

/* Packs weights, folds running statistics and biases into scale and shift; after the weights have
 * changed, before predicting. */
void mmoe_plan_fold(mmoe_plan *plan);
/* Writes predictions [rows, tasks]; any number of rows. */
void mmoe_plan_predict(mmoe_plan *plan, const mmoe_rows *batch, float *predictions);
/* Forward and backward over one batch of 1 to max_rows rows; gradients go to the sink, running
 * statistics are updated. Writes each task's mean loss (NaN without labels) to task_loss [tasks],
 * and the sum of its weights. */
void mmoe_plan_train(mmoe_plan *plan, const mmoe_rows *batch, uint64_t seed, uint64_t step,
                     mmoe_gradient_sink sink, void *context, double *task_loss,
                     double *task_weight);

/* Factors [tasks] of the tasks' terms in the objective, for the steps to come; NULL: 1 for all. */
void mmoe_plan_set_factors(mmoe_plan *plan, const double *factors);

/* The parts of a step, of a plan that replays; the batch must stay until the last of them. Forward
 * as mmoe_plan_train does it, and what it writes. */
void mmoe_plan_forward(mmoe_plan *plan, const mmoe_rows *batch, uint64_t seed, uint64_t step,
                       double *task_loss, double *task_weight);
/* Backward by the factors as they are now; gradients go to the sink. `shared` [rows, shared
 * columns], of a plan that probes, takes the place of the gradient at the shared representation;
 * NULL: none does. */
void mmoe_plan_backward(mmoe_plan *plan, const float *shared, mmoe_gradient_sink sink,
                        void *context);
/* Writes the gradient at the shared representation to out [rows, shared columns]. */
void mmoe_plan_probe(mmoe_plan *plan, float *out);
int32_t mmoe_plan_shared_cols(const mmoe_plan *plan);

/* Rows of a chunk for a batch of `rows` rows in training: a function of the batch alone. */
int32_t mmoe_plan_chunk_rows(int32_t rows);

/* Columns of a block's input that need a gradient. */
int32_t mmoe_block_grad_cols(const mmoe_graph *graph, const mmoe_linear_block *block);

static inline float *mmoe_value_at(const mmoe_plan *p, int32_t value, const mmoe_span *s) {
    const mmoe_buffer *b = &p->values[value];
    return p->training ? b->base + (size_t)s->first * (size_t)b->ld
                       : b->base + (size_t)s->worker * p->worker_stride;
}
static inline int32_t *mmoe_ids_at(const mmoe_plan *p, const mmoe_span *s) {
    return p->ids +
           (size_t)(p->training ? s->first : s->worker * p->max_chunk) * (size_t)p->graph->n_id;
}
static inline float *mmoe_grad_at(const mmoe_plan *p, int32_t value, const mmoe_span *s) {
    const mmoe_buffer *b = &p->grads[value];
    return b->base + (size_t)s->first * (size_t)b->ld;
}

#endif
