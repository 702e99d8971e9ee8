/* What the planner, the ops and the run have in common.
 *
 * A plan says where everything lies and what is done in which order; once made, no member of it
 * changes. A run is the batch that runs now, in the memory that the plan laid out: of a plan one
 * runs at a time. */
#ifndef MMOE_GRAPH_STATE_H
#define MMOE_GRAPH_STATE_H

#include "base/pool.h"
#include "base/rng.h"
#include "data/batch.h"
#include "graph/graph.h"
#include "graph/peers.h"
#include "graph/segments.h"
#include "math/kernels.h"
#include "math/stride.h"

/* The gradient of a run of values: `rows` rows of `cols`, row r at offset + r * cols of the
 * parameters' block and values[r * ld]; where `at` is given, of scattered rows: row r at at[r] *
 * cols of the block; row offset / cols of those that the step has is then the first one's place
 * (mmoe_row_gradient). */
typedef struct mmoe_gradient {
    int32_t block;
    int64_t offset, rows, cols;
    const float *values;
    int64_t ld;
    const int32_t *at;
} mmoe_gradient;

/* Called from any worker, each value once a step, and no later step of the graph reads those
 * values. */
typedef void (*mmoe_gradient_sink)(void *context, const mmoe_gradient *gradient);

typedef struct mmoe_span {
    int32_t worker, chunk;
    int32_t first, rows; /* of the batch, or of this rank's rows of it */
    int32_t row;         /* the first one's number in the batch */
} mmoe_span;

/* A buffer of a value: row r at base + worker * worker_stride + (r - first row) * ld; when
 * predicting each worker has room for one chunk, in training worker_stride is 0 and rows are those
 * of the batch. */
typedef struct mmoe_buffer {
    float *base;
    int32_t ld;
} mmoe_buffer;

/* ---- What nodes keep from one step of a batch to the next ---- */

/* Of a layer: of an apply node, and of its stats node; arrays are [width] of the apply node. */
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

/* Of gates that are balanced. */
typedef struct mmoe_gate_state {
    double *importance; /* [chunks, width] sums of the weights */
    float *balance;     /* [width] the term's gradient by a weight, the same in every row */
} mmoe_gate_state;

/* Of the input. */
typedef struct mmoe_input_state {
    mmoe_table_read *reads; /* [n_read] in the order of its columns */
    mmoe_table_read *used;  /* the same, in the order of uses; training */
    mmoe_table_use *uses;   /* [n_use]; training */
    mmoe_bag *bags;         /* [n_read] of those that are lists */
    int32_t n_read, n_use;
    struct mmoe_shared_rows *shared; /* of several ranks, where a table is prepared; NULL: none */
} mmoe_input_state;

typedef struct mmoe_node_state {
    const struct mmoe_op_kind *op;
    void *own;       /* what the op laid out for itself, one of the above or its own; NULL: none */
    float *passing;  /* a gradient's memory, for what the op's packs write (op.h); NULL: there is no
                        such one */
    uint8_t *add;    /* training: [inputs] in the order in which the op visits them, 1 where the
                        input's gradient is added to */
    int32_t relu_of; /* mix: the apply node whose relu over the experts it takes upon itself; -1 */
    int32_t mixed_segment; /* apply: the segment whose relu is the mix node's; -1 */
    int32_t gradient_of; /* stats: the value whose gradient it reads, to write its input's gradient
                            over the input itself; -1: it changes its input's gradient in place */
    int32_t columns;     /* that the node reads and writes, each once */
} mmoe_node_state;

/* x as a plan has it: without what is looked up as products (distinct.h). */
typedef struct mmoe_input_layout {
    int32_t *col; /* [lookups] first column; -1: it is not there */
    int32_t dense_col, width, grad_cols;
} mmoe_input_layout;

/* ---- The plan ---- */

/* A piece of the weights (plan_tasks.c): what `first`, `count`, `row` and `rows` are is the op's.
 */
typedef struct mmoe_weight_task {
    int32_t node;
    int32_t first, count; /* linear: blocks; input: tables */
    int64_t row, rows;    /* of each of them */
} mmoe_weight_task;

typedef struct mmoe_step {
    int32_t node;
    bool backward;
} mmoe_step;

typedef struct mmoe_phase {
    int32_t first, count; /* steps */
    int32_t numbers;      /* that a rank adds up at the barrier behind it */
} mmoe_phase;

/* What a plan is for; each of those that train, from MMOE_PLAN_TRAIN on, does what the one before
 * does, and costs more memory. */
typedef enum mmoe_plan_kind {
    MMOE_PLAN_PREDICT,
    MMOE_PLAN_INSPECT, /* predicts; an observer sees every layer's output */
    MMOE_PLAN_TRAIN,   /* steps in one go: mmoe_run_train */
    MMOE_PLAN_REPLAY,  /* forward, then backward as often as one likes: mmoe_run_forward,
                          mmoe_run_backward */
    MMOE_PLAN_PROBE    /* and backward to the shared representation alone: mmoe_run_probe */
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
    int32_t segments;  /* of a batch */
    mmoe_peers *peers; /* NULL: this rank is alone */
    int32_t rank, ranks, own_segments;
    int32_t room_rows; /* that this rank has of a batch, at most */

    mmoe_input_layout input;
    struct mmoe_distinct *distinct; /* NULL: the first layer is products of x alone */

    mmoe_step *steps;
    mmoe_phase *phases;
    int32_t n_step, n_phase;
    int32_t loss_phase;   /* replays begin here, with the losses' gradients */
    int32_t shared_phase; /* the first one that goes below the shared representation */

    float *arena;           /* all activations and gradients */
    size_t worker_stride;   /* floats; 0 in training */
    mmoe_buffer *values;    /* [n_value] */
    mmoe_buffer *grads;     /* [n_value]; training */
    int32_t *ids;           /* of the batch, or of each worker's chunk: [rows, n_id + n_list] */
    mmoe_node_state *nodes; /* [n_node] */
    void *working;          /* what the nodes laid out for themselves */
    uint8_t *flags;         /* `add` of all nodes */

    mmoe_weight_task *packs;    /* weights to pack whenever they have changed */
    mmoe_weight_task *prepares; /* what a step does before its first chunk, when chunks are dealt */
    mmoe_weight_task *tasks;
    int32_t n_pack, n_prepare, n_task;
    int32_t n_early; /* tasks before the barrier; those behind it read what these wrote, or write
                        what nobody waits for (plan_tasks.c) */
    float *scratch;  /* [workers, scratch_stride]: a task's gradient */
    size_t scratch_stride;
} mmoe_plan;

/* ---- The run ---- */

/* Told of a node that a worker has just taken a chunk through, forward: what the node read and
 * wrote can be read. */
typedef void (*mmoe_observer)(void *context, const mmoe_plan *plan, int32_t node,
                              const mmoe_span *span);

typedef struct mmoe_run {
    const mmoe_plan *plan;
    mmoe_cut whole;         /* how the batch is cut */
    mmoe_cut cut;           /* and this rank's rows of it, which alone it runs */
    const mmoe_rows *batch; /* those */
    const mmoe_rows *all;   /* and all ranks' */
    mmoe_rows part;         /* where there are others' */
    int32_t first_row;      /* of the batch */
    int32_t share;          /* rows of each rank, but for the last ones; 0: each asks for all */
    int32_t current_phase;
    double *numbers; /* [ranks, numbers of a phase]; what ranks add up at a barrier */
    float *gradient; /* [n_whole of the peers' parameters] where there are some; else NULL */
    uint64_t seed, step;
    float *predictions;    /* [rows, tasks]; of a step NULL where nobody asks */
    double *task_factor;   /* [tasks]: of the task's term in the objective; set with
                              mmoe_run_set_factors */
    double *task_weight;   /* [tasks]: sum of the weights of rows that have a label */
    double *loss_part;     /* [chunks, tasks]: sums of the weighted losses */
    double *loss_sum;      /* [tasks + 1]: those of all, and how many ranks tell something */
    float *task_scale;     /* [tasks]: factor * loss weight / (tasks * sum of the rows' weights) */
    bool leaves_terms;     /* the backward pass leaves out what is no task's: the gates' balance */
    bool keeps_statistics; /* the forward pass leaves the running statistics as they are */
    bool sums_whole;       /* of several ranks each hands on the whole gradient, not its portion */
    mmoe_gradient_sink sink;
    void *sink_context;
    mmoe_observer observer; /* NULL: none; set by the owner */
    void *observer_context;
    mmoe_rows_visit refresh; /* brings rows of tables up to date before they are read, in any
                                worker; NULL: they are; set by the owner */
    void *refresh_context;
    void (*bring)(void *context); /* of several ranks: weights may be read behind it, tables' rows
                                     before; NULL: all may; set by the owner */
    void *bring_context;
    struct mmoe_profile *profile; /* NULL: none; set by the owner, attached to this graph and this
                                     many workers */
} mmoe_run;

static inline float *mmoe_value_at(const mmoe_plan *p, int32_t value, const mmoe_span *s) {
    const mmoe_buffer *b = &p->values[value];
    return p->training ? b->base + (size_t)s->first * (size_t)b->ld
                       : b->base + (size_t)s->worker * p->worker_stride;
}
static inline int32_t *mmoe_ids_at(const mmoe_plan *p, const mmoe_span *s) {
    return p->ids + (size_t)(p->training ? s->first : s->worker * p->max_chunk) *
                        (size_t)(p->graph->n_id + p->graph->n_list);
}
static inline float *mmoe_grad_at(const mmoe_plan *p, int32_t value, const mmoe_span *s) {
    const mmoe_buffer *b = &p->grads[value];
    return b->base + (size_t)s->first * (size_t)b->ld;
}
/* A gradient of `count` of the layers' values. */
static inline mmoe_gradient mmoe_layer_gradient(const mmoe_plan *p, int64_t offset, int64_t count,
                                                const float *values) {
    return (mmoe_gradient){p->params->n_table, offset, 1, count, values, count, NULL};
}
/* The sum over ranks of what each has in r->numbers; `at` is where rank 0's is. */
static inline double mmoe_sum_ranks(const mmoe_run *r, const double *at) {
    const int32_t each = r->plan->phases[r->current_phase].numbers;
    mmoe_tree_number sum = {0};
    if (r->plan->ranks == 1) return *at;
    for (int32_t q = 0; q < r->plan->ranks; q++)
        mmoe_tree_add(&sum, q, at[(size_t)q * (size_t)each]);
    return mmoe_tree_end(&sum);
}
static inline float *mmoe_scratch_of(const mmoe_plan *p, int worker) {
    return p->scratch + (size_t)worker * p->scratch_stride;
}
/* Scratch of a gradient of `count` floats that is summed segment by segment; and that sum, in a
 * worker's scratch. */
static inline size_t mmoe_tree_floats(const mmoe_plan *p, size_t count) {
    return mmoe_line_floats(count) * (size_t)mmoe_tree_depth(p->own_segments);
}
static inline mmoe_tree_sum mmoe_tree_of(const mmoe_plan *p, float *scratch, size_t count) {
    return (mmoe_tree_sum){.parts = p->own_segments,
                           .sums = scratch,
                           .count = count,
                           .stride = mmoe_line_floats(count)};
}
/* A stream of random numbers of its own for each segment of each node in each step: 12, 12 and 32
 * bits of them. */
static inline uint64_t mmoe_dropout_stream(const mmoe_run *r, int32_t node, int32_t segment) {
    return mmoe_stream(MMOE_STREAM_DROPOUT, (uint64_t)(node & 0xfff) << 44 |
                                                (uint64_t)(segment & 0xfff) << 32 |
                                                (r->step & 0xffffffff));
}

#endif
