/* A model compiled to be served: the graph's nodes as steps over chunks of rows, batch norm and
 * biases folded into packed weights. Immutable, and shared by any number of predictors.
 *
 * The columns of the model's input stand in an order of their own: those of the user's side, then
 * the items'. So both shares of a first layer read neighbouring columns of x and neighbouring rows
 * of the packed weights. */
#ifndef MMOE_SERVE_PROGRAM_H
#define MMOE_SERVE_PROGRAM_H

#include <stdatomic.h>

#include "math/kernels.h"
#include "model/model.h"

/* x[col : col+dim] = table[ids[column]] */
typedef struct mmoe_serve_lookup {
    const float *table;
    int32_t column, col, dim;
} mmoe_serve_lookup;

typedef struct mmoe_serve_dense {
    const mmoe_dense_column *column;
    int32_t col;
} mmoe_serve_dense;

/* The columns that a batch has: all of them, the user's or the items', each in the schema's order.
 */
typedef struct mmoe_serve_side {
    int32_t n_sparse, n_dense, n_lookup;
    const mmoe_sparse_column **sparse; /* [n_sparse] */
    const mmoe_table **tables;         /* [n_sparse] */
    int32_t *last;                     /* [n_sparse] the tables' last rows */
    mmoe_serve_dense *dense;           /* [n_dense] */
    mmoe_serve_lookup *lookups;        /* [n_lookup] */
} mmoe_serve_side;

enum { MMOE_ALL_COLUMNS, MMOE_USER_COLUMNS, MMOE_ITEM_COLUMNS, MMOE_SERVE_SIDES };

/* Columns [col, col + count) of the value that a block reads meet rows [first, first + count) of
 * its packed weights. */
typedef struct mmoe_serve_range {
    int32_t col, first, count;
} mmoe_serve_range;

/* out[:, col : col+n] = max(start + in W, floor) */
typedef struct mmoe_serve_block {
    int32_t in, col, n, k;
    const float *packed, *start, *floor;
    mmoe_serve_range user, item; /* of a block that does not read x, all is the item's */
    int32_t user_start; /* where its start stands in a predictor's user starts; -1: it does not read
                           x */
} mmoe_serve_block;

typedef enum mmoe_serve_op {
    MMOE_SERVE_LINEAR,
    MMOE_SERVE_ACTIVATE,
    MMOE_SERVE_GATE,
    MMOE_SERVE_MIX,
    MMOE_SERVE_ATTEND,
    MMOE_SERVE_JOINT
} mmoe_serve_op;

typedef struct mmoe_serve_step {
    mmoe_serve_op op;
    int32_t out;          /* value written */
    int32_t first, count; /* linear: blocks */
    mmoe_segment segment; /* activate: its columns of `out`, in place */
    const float *slope;
    const mmoe_node *node; /* gate, mix, attend, joint */
    const float *gates;    /* mix: those of all rows; NULL: the gates are a value */
} mmoe_serve_step;

typedef struct mmoe_serve_value {
    size_t offset; /* in floats, of a predictor's memory for one chunk */
    int32_t ld;
} mmoe_serve_value;

enum { MMOE_SERVE_CHUNK = 240 }; /* rows, at most */

typedef struct mmoe_program {
    mmoe_allocator alloc;
    atomic_int users;
    const mmoe_model *model;
    const mmoe_kernels *kernels;
    mmoe_serve_side sides[MMOE_SERVE_SIDES];
    int32_t *x_col;    /* [D] place in x of a column of the graph's input */
    int32_t user_cols; /* of x: the user's come first */
    int32_t n_step, n_block, n_task;
    mmoe_serve_step *steps;
    mmoe_serve_block *blocks;
    mmoe_serve_value *values; /* [n_value of the graph] */
    int32_t x;                /* the input's value */
    const mmoe_node *loss;    /* its logits and their kinds */
    float *weights;
    size_t weights_used;
    const float *ones, *zeros; /* scale and shift of activations that were folded */
    int32_t chunk;             /* rows, at most */
    size_t chunk_floats;       /* of all values */
    size_t user_starts;        /* floats */
} mmoe_program;

/* Takes the weights as they are; `model` must outlive the program. One user. */
mmoe_status mmoe_program_create(const mmoe_model *model, const mmoe_allocator *alloc,
                                mmoe_program **out, mmoe_error *err);
mmoe_program *mmoe_program_share(mmoe_program *program);
/* The last user frees it. */
void mmoe_program_leave(mmoe_program *program);

#endif
