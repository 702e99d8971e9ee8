/* A bag: a list of ids as inputs, and its gradient (MMOE_POOLINGS has the formulas). */
#ifndef MMOE_TABLE_POOLING_H
#define MMOE_TABLE_POOLING_H

#include "data/batch.h"

typedef struct mmoe_bag {
    mmoe_pooling how;
    int32_t max_len; /* concat */
    int64_t dropped; /* elements that are this row are no part of their lists; -1: all are */
    int32_t *chosen; /* max, in training: [rows of a batch, dim] the place of the element that was
                        largest, -1: the list is empty; NULL: not kept */
} mmoe_bag;

/* Rows of a table in memory: row r at rows + r * dim. */
typedef struct mmoe_bag_table {
    const float *rows;
    int32_t dim;
} mmoe_bag_table;

/* Rows [first, first + count) of a table's gradient, [count, dim]. */
typedef struct mmoe_bag_sums {
    float *sums;
    int64_t first, count;
    int32_t dim;
} mmoe_bag_sums;

static inline int32_t mmoe_bag_width(mmoe_pooling how, int32_t dim, int32_t max_len) {
    return how == MMOE_POOL_CONCAT ? dim * max_len : dim;
}

/* A list on its way into x. */
typedef struct mmoe_bag_state {
    int32_t *chosen; /* [dim], of a list that is added whole; NULL: not kept */
    float total;     /* of the weights so far */
    int64_t parts;   /* elements so far, without dropped ones */
    int64_t heavy;   /* of a mean with weights: those of a weight above 0, and the last one's row */
    const float *heavy_row;
} mmoe_bag_state;

/* A list in pieces, in their order: begins x [width] with `state`, whose `chosen` is set; adds; and
 * ends. */
void mmoe_bag_begin(const mmoe_bag *bag, const mmoe_bag_table *table, float *x,
                    mmoe_bag_state *state);
void mmoe_bag_add(const mmoe_bag *bag, const mmoe_list *list, const mmoe_bag_table *table, float *x,
                  mmoe_bag_state *state);
void mmoe_bag_end(const mmoe_bag *bag, const mmoe_bag_table *table, float *x,
                  const mmoe_bag_state *state);

/* x [width]; `chosen` [dim] or NULL. */
void mmoe_bag_forward(const mmoe_bag *bag, const mmoe_list *list, const mmoe_bag_table *table,
                      float *x, int32_t *chosen);
/* Adds what the elements have of dx [width], in their order. */
void mmoe_bag_backward(const mmoe_bag *bag, const mmoe_list *list, const float *dx,
                       const int32_t *chosen, const mmoe_bag_sums *to);

#endif
