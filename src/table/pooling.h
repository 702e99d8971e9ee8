/* A bag: a list of ids as inputs, and its gradient (MMOE_POOLINGS has the formulas). */
#ifndef MMOE_TABLE_POOLING_H
#define MMOE_TABLE_POOLING_H

#include <stdbool.h>

#include "data/batch.h"
#include "table/vectors.h"

typedef struct mmoe_bag {
    mmoe_pooling how;
    int32_t max_len; /* concat */
    int64_t dropped; /* elements that are this row are no part of their lists; -1: all are */
    int32_t *chosen; /* max, in training: [rows of a batch, dim] the place of the element that was
                        largest, -1: the list is empty; NULL: not kept */
    const struct mmoe_bag_order *order; /* in training: its elements by ranges; NULL: not kept */
} mmoe_bag;

/* Rows [first, first + count) of a table's gradient, [count, dim]. */
typedef struct mmoe_bag_sums {
    float *sums;
    int64_t first, count;
    int32_t dim;
} mmoe_bag_sums;

typedef float mmoe_v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* Do its elements add up? */
static inline bool mmoe_bag_adds(const mmoe_bag *bag) {
    return bag->how == MMOE_POOL_MEAN || bag->how == MMOE_POOL_SUM;
}
/* Is element i a part of its list? */
static inline bool mmoe_bag_has(const mmoe_bag *bag, const mmoe_list *l, int64_t i) {
    return l->ids[i] != bag->dropped;
}
static inline float mmoe_list_weight(const mmoe_list *l, int64_t i) {
    return l->weights ? l->weights[i] : 1;
}
/* What the weights of its elements are divided by, where they add up. 0: the list is empty, or as
 * good as. */
float mmoe_bag_total(const mmoe_bag *bag, const mmoe_list *list);

/* to [dim] += dx [dim] */
static inline void mmoe_add(float *to, const float *dx, int32_t dim) {
    int32_t c = 0;
    for (; c + 4 <= dim; c += 4) *(mmoe_v4 *)(to + c) += *(const mmoe_v4 *)(dx + c);
    for (; c < dim; c++) to[c] += dx[c];
}
/* to [dim] = 0 + dx [dim] */
static inline void mmoe_add_zero(float *to, const float *dx, int32_t dim) {
    int32_t c = 0;
    for (; c + 4 <= dim; c += 4) *(mmoe_v4 *)(to + c) = *(const mmoe_v4 *)(dx + c) + 0.0f;
    for (; c < dim; c++) to[c] = dx[c] + 0.0f;
}
/* to [dim] += share * dx [dim] */
static inline void mmoe_add_share(float *to, float share, const float *dx, int32_t dim) {
    int32_t c = 0;
    for (; c + 4 <= dim; c += 4) *(mmoe_v4 *)(to + c) += share * *(const mmoe_v4 *)(dx + c);
    for (; c < dim; c++) to[c] += share * dx[c];
}

/* INT32_MAX: wider than any graph takes. */
static inline int32_t mmoe_bag_width(mmoe_pooling how, int32_t dim, int32_t max_len) {
    const int64_t width = how == MMOE_POOL_CONCAT ? (int64_t)dim * max_len : dim;
    return width > INT32_MAX ? INT32_MAX : (int32_t)width;
}

/* A list on its way into x. */
typedef struct mmoe_bag_state {
    int32_t *chosen; /* [dim], of a list that is added whole; NULL: not kept */
    float total;     /* of the weights so far */
    int64_t parts;   /* elements so far, without dropped ones */
    int64_t heavy;   /* those of a weight above 0, and the last one's row of the table */
    int32_t heavy_row;
} mmoe_bag_state;

/* A list in pieces, in their order: begins x [width] with `state`, whose `chosen` is set; adds; and
 * ends. */
void mmoe_bag_begin(const mmoe_bag *bag, const mmoe_vectors *table, float *x,
                    mmoe_bag_state *state);
void mmoe_bag_add(const mmoe_bag *bag, const mmoe_list *list, const mmoe_vectors *table, float *x,
                  mmoe_bag_state *state);
void mmoe_bag_end(const mmoe_bag *bag, const mmoe_vectors *table, float *x,
                  const mmoe_bag_state *state);

/* Of a list that was added: the row of its table which alone is its inputs, as it would be an id's;
 * -1: it is not of one. */
int32_t mmoe_bag_only(const mmoe_bag *bag, const mmoe_bag_state *state);

/* x [width]; `chosen` [dim] or NULL. */
void mmoe_bag_forward(const mmoe_bag *bag, const mmoe_list *list, const mmoe_vectors *table,
                      float *x, int32_t *chosen);
/* Adds what the elements have of dx [width], in their order. */
void mmoe_bag_backward(const mmoe_bag *bag, const mmoe_list *list, const float *dx,
                       const int32_t *chosen, const mmoe_bag_sums *to);

/* What of its list's dx an element has: where elements add up, this part of it; of max, what is
 * chosen, and of concat, what stands at its place. */
typedef union mmoe_bag_share {
    float part;
    int32_t place;
} mmoe_bag_share;

/* The elements of a list that its inputs depend on, in their order. */
typedef struct mmoe_bag_walk {
    const mmoe_bag *bag;
    const mmoe_list *list;
    int64_t next;
    int32_t placed, most;
    float total;
} mmoe_bag_walk;
mmoe_bag_walk mmoe_bag_walk_of(const mmoe_bag *bag, const mmoe_list *list);
/* The row of the next one; -1: there is none. */
int32_t mmoe_bag_step(mmoe_bag_walk *walk, mmoe_bag_share *of);
/* Adds what one element has of dx [width] to the row that `to` begins with: element by element the
 * same as mmoe_bag_backward, to the bit. */
void mmoe_bag_add_part(const mmoe_bag *bag, mmoe_bag_share of, const float *dx,
                       const int32_t *chosen, const mmoe_bag_sums *to);

#endif
