/* What op_distinct.c and distinct_sums.c have in common: the former is a step's way down and up,
 * the latter the gradients of weights and tables. */
#ifndef MMOE_GRAPH_DISTINCT_PARTS_H
#define MMOE_GRAPH_DISTINCT_PARTS_H

#include "graph/distinct.h"

enum {
    MMOE_SLAB = 144 /* columns of z that are made at once, so that their P and S stay in cache; as
                       many as sums by id keep in AVX-512's registers */
};

typedef struct mmoe_slab {
    int32_t col, cols; /* of z, rows of W */
    float *forward;    /* of W^T [D, cols], packed */
    float *p;          /* [n_row, MMOE_SLAB] */
} mmoe_slab;

typedef struct mmoe_distinct_state {
    int32_t n_slab, copies;      /* copies of P: one, or one a worker */
    mmoe_slab *slabs;            /* [copies, n_slab] */
    float **backward;            /* [columns] W_c [N, dim], packed; NULL: the column's table has its
                                    gradient transposed (mmoe_distinct_turns) */
    int32_t *column, *first;     /* [columns] of the batch's ids; row of P */
    int32_t *zero;               /* [columns] of lists, their row of zeros in P; -1 */
    bool are_neighbours;         /* the columns, in the batch's ids */
    int32_t *at;                 /* [rows of a batch, columns] rows of P */
    int32_t *bags;               /* [chunks, columns] lists that are not of one element */
    float *sums;                 /* S, where ranks have parts of it: task behind task [slabs, the
                                    task's rows, MMOE_SLAB] */
    int32_t lddw;                /* N in whole cache lines */
    float *dw_across;            /* [D, lddw] dW^T */
    float *rest, *rest_backward; /* [N, columns of rest] W_rest, and what of it has a gradient
                                    packed */
    float *zeros;                /* as many as the widest product has columns */
} mmoe_distinct_state;

static inline const mmoe_linear_block *mmoe_distinct_block(const mmoe_plan *p) {
    return p->graph->nodes[p->distinct->node].u.linear.blocks;
}
static inline mmoe_distinct_state *mmoe_distinct_own(const mmoe_plan *p) {
    return p->nodes[p->distinct->node].own;
}
/* The slabs of a copy of P. A worker's index gives those that it reads. */
static inline const mmoe_slab *mmoe_distinct_slabs(const mmoe_distinct_state *own, int64_t copy) {
    return own->slabs + copy % own->copies * own->n_slab;
}
/* Whether the gradient of tables of this width is computed transposed, dE^T = W_c^T S^T. Embeddings
 * this narrow do not fill a vector; along the table's rows dE^T does, and W is read as it is,
 * without packing. */
static inline bool mmoe_distinct_turns(const mmoe_plan *p, int32_t dim) {
    return 2 * dim <= p->kernels->mix_cols;
}
static inline int32_t mmoe_distinct_columns(const mmoe_plan *p, const mmoe_weight_task *task) {
    const mmoe_distinct_table *first = p->distinct->tables + task->first,
                              *last = first + task->count - 1;
    return last->first + last->count - first->first;
}

/* Fills a bag's elements, whose rows of a column's P or S follow each other, for row b of the batch
 * and column i; false: what it has was looked up with the ids', or is nothing. */
static inline bool mmoe_distinct_bag(const mmoe_run *r, int32_t i, int32_t b, mmoe_bag_args *a) {
    const mmoe_distinct *d = r->plan->distinct;
    const mmoe_distinct_state *own = mmoe_distinct_own(r->plan);
    if (own->at[(size_t)b * (size_t)d->n_column + (size_t)i] != own->zero[i]) return false;
    const mmoe_list l = mmoe_list_of(&r->batch->lists, mmoe_row_of(r->batch, b),
                                     d->columns[i].column - r->plan->graph->n_id);
    const float total = mmoe_bag_total(d->columns[i].bag, &l);
    if (!(total > 0)) return false;
    a->at = l.ids;
    a->count = (int32_t)l.count;
    a->weights = l.weights;
    a->total = total;
    return true;
}

/* Floats of S. */
static inline int64_t mmoe_distinct_sum_floats(const mmoe_plan *p) {
    return (int64_t)mmoe_distinct_own(p)->n_slab * p->distinct->n_row * MMOE_SLAB;
}

/* distinct_sums.c: the hooks of mmoe_op_distinct. */
void mmoe_distinct_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l);
void mmoe_distinct_list_late(const mmoe_plan *p, int32_t node, mmoe_task_list *l);
void mmoe_distinct_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker);
void mmoe_distinct_exchange(mmoe_run *r, int32_t node);
void mmoe_distinct_run_again(mmoe_run *r, const mmoe_weight_task *task, int worker);

#endif
