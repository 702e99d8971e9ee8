/* What an op is: one record a kind, in a file of its own (op_NAME.c); ops.c lists them. The planner
 * and the run know ops by their records alone.
 *
 * A function takes a chunk of rows, a node or a task, never a row. NULL: the op has nothing to do
 * there. */
#ifndef MMOE_GRAPH_OP_H
#define MMOE_GRAPH_OP_H

#include "graph/state.h"

/* A view that a node reads, and columns [col, col + cols) of its output, those that depend on it.
 */
typedef struct mmoe_node_input {
    mmoe_view in;
    int32_t col, cols;
} mmoe_node_input;

/* Weights that a node reads: `each` values for every `granule` of columns [col, col + cols) of its
 * output, one behind the other from `offset` on. */
typedef struct mmoe_node_weights {
    int32_t table; /* -1: they are the layers' values */
    int64_t offset, each;
    int32_t col, cols, granule;
} mmoe_node_weights;

typedef void (*mmoe_input_visit)(void *context, const mmoe_node_input *input);
typedef void (*mmoe_weights_visit)(void *context, const mmoe_node_weights *weights);
typedef void (*mmoe_value_visit)(void *context, int32_t value, bool gradient);

/* Whether something is done once behind all chunks of a step: ANY: at whichever barrier comes next;
 * NOW: the steps behind it wait, so the phase ends. */
typedef enum mmoe_barrier { MMOE_BARRIER_NONE, MMOE_BARRIER_ANY, MMOE_BARRIER_NOW } mmoe_barrier;

/* What is timed apart. */
enum {
    MMOE_PASS_PACK,
    MMOE_PASS_PREPARE,
    MMOE_PASS_LOOKUP,
    MMOE_PASS_FORWARD,
    MMOE_PASS_BARRIER,
    MMOE_PASS_BACKWARD,
    MMOE_PASS_BACKWARD_BARRIER,
    MMOE_PASS_SUMS,
    MMOE_PASS_WEIGHTS,
    MMOE_PASS_UPDATE,
    MMOE_PASS_COUNT
};

/* Working memory, given out from one piece; `at` NULL: it is counted. */
typedef struct mmoe_layout {
    char *at;
    size_t bytes;
} mmoe_layout;

/* Items of whole cache lines, zeroed; NULL while they are counted. */
static inline void *mmoe_lay(mmoe_layout *l, size_t count, size_t size) {
    char *place = l->at ? l->at + l->bytes : NULL;
    l->bytes += (count * size + 63) / 64 * 64;
    return place;
}
static inline float *mmoe_lay_floats(mmoe_layout *l, size_t count) {
    return mmoe_lay(l, count, sizeof(float));
}

/* The n-th task is written to out[n], where out is not NULL; scratch grows to the floats that a
 * task needs. */
typedef struct mmoe_task_list {
    mmoe_weight_task *out;
    int32_t count;
    size_t scratch;
} mmoe_task_list;

static inline void mmoe_list_task(mmoe_task_list *l, mmoe_weight_task task, size_t scratch) {
    if (l->out) l->out[l->count] = task;
    l->count++;
    if (scratch > l->scratch) l->scratch = scratch;
}

typedef struct mmoe_cost {
    double flops, bytes;
} mmoe_cost;

/* What is timed: a pass over a chunk of `rows` rows, or over the batch's, of a weight task. */
typedef struct mmoe_timed {
    int pass;
    const mmoe_weight_task *task; /* NULL: of a chunk */
    double rows;
} mmoe_timed;

typedef struct mmoe_op_kind {
    const char *passes[MMOE_PASS_COUNT]; /* names, for profiles; NULL: it has none */
    bool training;                       /* it is no step of a plan that predicts */
    bool ends;     /* the gradients of its inputs are part of its forward step, and taken anew by
                      each replay */
    bool in_place; /* its input's gradient takes the memory of its output's */

    /* What the node reads. From `inputs` follow lifetimes, where gradients are added, who reads
     * what, what the shared representation depends on, and costs. */
    void (*inputs)(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit, void *context);
    void (*weights)(const mmoe_node *n, mmoe_weights_visit visit, void *context);
    /* Values, and gradients of values, that its weight tasks read. */
    void (*kept)(const mmoe_node *n, mmoe_value_visit visit, void *context);

    /* Planning, in this order: takes work of another node upon itself; lays its working memory out
     * (plan->nodes[node].own); lists the weights that it packs, and its weight tasks. */
    void (*fuse)(const mmoe_plan *p, int32_t node);
    /* Floats that its packs write and its forward pass alone reads, in training: they may share
     * memory with a gradient (plan->nodes[node].passing). */
    size_t (*passing)(const mmoe_plan *p, int32_t node);
    void (*lay)(const mmoe_plan *p, int32_t node, mmoe_layout *l);
    void (*list_packs)(const mmoe_plan *p, int32_t node, mmoe_task_list *l);
    void (*list_prepares)(const mmoe_plan *p, int32_t node, mmoe_task_list *l);
    void (*list)(const mmoe_plan *p, int32_t node, mmoe_task_list *l);
    void (*list_late)(const mmoe_plan *p, int32_t node, mmoe_task_list *l); /* that read what others
                                                                               wrote */
    mmoe_barrier (*waits)(const mmoe_node *n, bool backward);
    /* NULL: no products, and the columns that it reads and writes, once each. */
    mmoe_cost (*cost)(const mmoe_plan *p, int32_t node, const mmoe_timed *what);

    /* Makes room for what a batch that is cut so needs beyond all before it, first of
     * all for one of max_rows rows without lists; and gives it back with the plan. MMOE_E_MEMORY.
     */
    mmoe_status (*admit)(const mmoe_plan *p, int32_t node, const mmoe_rows *batch,
                         const mmoe_cut *cut, mmoe_error *err);
    size_t (*admitted)(const mmoe_plan *p, int32_t node); /* bytes of that room */
    void (*leave)(const mmoe_plan *p, int32_t node);

    /* A step. */
    void (*pack)(const mmoe_plan *p, const mmoe_weight_task *pack); /* weights, as they are now */
    void (*fold)(const mmoe_plan *p, int32_t node);         /* then this: into scale and shift */
    void (*begin)(mmoe_run *r, int32_t node);               /* then this, in training */
    void (*deal)(mmoe_run *r, int32_t node, int32_t chunk); /* then, where it prepares */
    void (*prepare)(mmoe_run *r, const mmoe_weight_task *prepare); /* anything, each chunk's part */
    void (*refresh)(mmoe_run *r, const mmoe_weight_task *prepare); /* then, where the run has one */
    void (*look_up)(mmoe_run *r, int32_t node, const mmoe_span *s); /* the first part of forward */
    void (*forward)(mmoe_run *r, int32_t node, const mmoe_span *s);
    /* At a barrier: how many numbers a rank adds up; those, of its rows; and what is made of all
     * ranks', rank 0's at `numbers` (mmoe_sum_ranks). */
    int32_t (*numbers)(const mmoe_plan *p, int32_t node, bool backward);
    void (*add_up)(const mmoe_run *r, int32_t node, bool backward, double *numbers);
    void (*barrier)(mmoe_run *r, int32_t node, bool backward, const double *numbers);
    void (*replay)(mmoe_run *r, int32_t node); /* before a backward pass: factors have changed */
    void (*backward)(mmoe_run *r, int32_t node, const mmoe_span *s);
    void (*run_task)(mmoe_run *r, const mmoe_weight_task *task, int worker);
    /* Of several ranks: what tasks, but for late ones, have added up becomes the sum over ranks,
     * and each task makes its gradient of that. */
    void (*exchange)(mmoe_run *r, int32_t node);
    /* Behind late tasks, and the sums over ranks of what these handed on: what `exchange` left on
     * its way is there. False: something has failed. */
    bool (*finish)(mmoe_run *r, int32_t node);
    void (*run_again)(mmoe_run *r, const mmoe_weight_task *task, int worker);
    /* Of several ranks: when parts are prepared, once; when each has refreshed its own, what it
     * gives others of them; and what others gave. Behind all exchanges: what they have added up for
     * its own parts goes to the sink. */
    void (*place)(mmoe_run *r, int32_t node);
    bool (*fetch)(mmoe_run *r, int32_t node); /* false: it has failed, and there is nothing */
    void (*take)(mmoe_run *r, const mmoe_weight_task *prepare);
    /* Then rows [first, end) of the batch get the numbers that tables which are dealt are read by,
     * among all of them; NULL: there are no such tables. */
    const mmoe_rows *(*renumber)(mmoe_run *r, int32_t node, int32_t first, int32_t end);
    void (*conclude)(mmoe_run *r, const mmoe_weight_task *prepare, int worker);
} mmoe_op_kind;

extern const mmoe_op_kind *const mmoe_ops[MMOE_OP_COUNT];

#define MMOE_OP_RECORD(NAME, name) extern const mmoe_op_kind mmoe_op_##name;
MMOE_OP_LIST(MMOE_OP_RECORD)
#undef MMOE_OP_RECORD

static inline const mmoe_op_kind *mmoe_op_of(const mmoe_plan *p, int32_t node) {
    return p->nodes[node].op;
}
/* Whether something is done behind a step's phase, and how many numbers are added up for it. */
static inline bool mmoe_step_waits(const mmoe_plan *p, mmoe_step step) {
    const mmoe_op_kind *op = mmoe_op_of(p, step.node);
    return p->training && op->waits &&
           op->waits(&p->graph->nodes[step.node], step.backward) != MMOE_BARRIER_NONE;
}
static inline int32_t mmoe_step_numbers(const mmoe_plan *p, mmoe_step step) {
    return mmoe_step_waits(p, step) ? mmoe_op_of(p, step.node)->numbers(p, step.node, step.backward)
                                    : 0;
}

#endif
