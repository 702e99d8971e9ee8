/* What op_distinct.c and distinct_sums.c have in common: the former is a step's way down and up,
 * the latter the gradients of weights and tables. */
#ifndef MMOE_GRAPH_DISTINCT_PARTS_H
#define MMOE_GRAPH_DISTINCT_PARTS_H

#include "graph/distinct.h"

enum {
    MMOE_SLAB = 144, /* columns of z that are made at once, so that their P and S stay in cache; as
                        many as a look-up keeps in registers */
};

typedef struct mmoe_slab {
    int32_t col, cols; /* of z, rows of W */
    float *forward;    /* of W^T [D, cols], packed */
    float *p;          /* [n_row, MMOE_SLAB] */
} mmoe_slab;

typedef struct mmoe_distinct_state {
    int32_t n_slab;
    mmoe_slab *slabs;
    float **backward;            /* [columns] W_c [N, dim], packed */
    int32_t *column, *first;     /* [columns] of the batch's ids; row of P */
    bool are_neighbours;         /* the columns, in the batch's ids */
    int32_t *at;                 /* [rows of a batch, columns] rows of P */
    float *dw;                   /* [N, D] */
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
static inline int32_t mmoe_distinct_sum_rows(const mmoe_distinct_table *t) {
    return t->rows * t->count;
}
static inline int32_t mmoe_distinct_columns(const mmoe_plan *p, const mmoe_weight_task *task) {
    const mmoe_distinct_table *first = p->distinct->tables + task->first,
                              *last = first + task->count - 1;
    return last->first + last->count - first->first;
}

/* distinct_sums.c: the hooks of mmoe_op_distinct. */
void mmoe_distinct_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l);
void mmoe_distinct_list_late(const mmoe_plan *p, int32_t node, mmoe_task_list *l);
void mmoe_distinct_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker);

#endif
