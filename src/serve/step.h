/* What a served model is made of, and what its ops make and do.
 *
 * A first layer's sum, of whatever part of a request, is made in one order, so that it is the same
 * to the bit:
 *
 *   start + user's x W + user's products looked up + items' products looked up + items' x W
 *
 * Of the products of embedding tables with W those were made beforehand that pay (products.h). The
 * other columns of the model's input stand in x in an order of their own: those of the user's side,
 * then the items'. So both shares read neighbouring columns of x and neighbouring rows of the
 * packed weights, and those of a whole row are one product where nothing is looked up.
 *
 * Lists that have products stand in x, too. Where one element alone is a list's inputs, its product
 * is looked up and x is 0: it is what an id is, to the bit. Any other is pooled into x, and looks a
 * row of zeros up. That is each row's own, whatever its neighbours are. */
#ifndef MMOE_SERVE_STEP_H
#define MMOE_SERVE_STEP_H

#include <stdatomic.h>

#include "math/kernels.h"
#include "math/stride.h"
#include "model/model.h"
#include "serve/counter.h"

/* Row first + id of each first layer's products, `at` among those that a row of the batch adds. */
typedef struct mmoe_serve_product {
    int32_t column, first, at;
} mmoe_serve_product;

/* x[col : col+dim] = table[ids[column]] */
typedef struct mmoe_serve_lookup {
    mmoe_vectors table;
    int32_t column, col;
    const mmoe_bag *bag;        /* of a list; NULL: of an id */
    mmoe_serve_product product; /* of a list of one; first -1: it has none */
    const mmoe_embedding *of;
} mmoe_serve_lookup;

typedef struct mmoe_serve_dense {
    const mmoe_dense_column *column;
    int32_t first; /* of its inputs, in a row of the side */
} mmoe_serve_dense;

/* x[col : col+width] = dense[first : first+width]: inputs that are neighbours in both. */
typedef struct mmoe_serve_copy {
    int32_t first, col, width;
} mmoe_serve_copy;

/* The columns that a batch has: all of them, the user's or the items', each in the schema's order.
 */
typedef struct mmoe_serve_side {
    int32_t n_sparse, n_dense, n_lookup, n_copy;
    int32_t n_id;                      /* sparse columns of one id a row; the lists stand behind */
    int32_t n_gather;                  /* lookups of one id; those of lists stand behind them */
    int32_t n_product;                 /* that a row adds, the user's first */
    int32_t n_found;                   /* of ids; the others are of lists */
    int32_t x_first, x_count, user_x;  /* its columns of x, the user's first */
    int32_t dense_width;               /* inputs of the dense columns */
    const mmoe_sparse_column **sparse; /* [n_sparse] */
    const mmoe_table **tables;         /* [n_sparse] */
    int32_t *last;                     /* [n_sparse] the tables' last rows */
    mmoe_serve_dense *dense;           /* [n_dense] */
    mmoe_serve_copy *copies;           /* [n_copy] */
    mmoe_serve_lookup *lookups;        /* [n_lookup] */
    mmoe_serve_product *products;      /* [n_found] */
    int32_t *first;      /* [n_found] the products' first rows, as an array of its own */
    bool are_neighbours; /* the products follow each other, in the batch and among a row's */
    const mmoe_reading *reading;
} mmoe_serve_side;

enum { MMOE_ALL_COLUMNS, MMOE_USER_COLUMNS, MMOE_ITEM_COLUMNS, MMOE_SERVE_SIDES };
/* Has such a batch the columns of a side? */
static inline bool mmoe_serve_has_side(int which, mmoe_side side) {
    return which == MMOE_ALL_COLUMNS || (which == MMOE_USER_COLUMNS) == (side == MMOE_SIDE_USER);
}

enum { MMOE_PRODUCT_ROWS = 64 }; /* of such a table that are floats at a time */

/* P = E W^T of the columns that are looked up, one under the other, the weights of all first layers
 * side by side. */
typedef struct mmoe_serve_products {
    float *p;       /* [n_row + 1, ld], the last row zeros */
    float *rows;    /* [MMOE_PRODUCT_ROWS, widest] of tables whose rows are no floats; NULL: none */
    int32_t *first; /* [n_lookup of the graph's input] a column's first row; -1: it has none */
    int32_t n_row, n_column, ld;
} mmoe_serve_products;
/* Bytes of a row. */
static inline size_t mmoe_products_row(const mmoe_serve_products *products) {
    return (size_t)products->ld * sizeof *products->p;
}

/* out[:, col : col+n] = max(start + in[:, in_col : in_col+k] W + products looked up, floor) */
typedef struct mmoe_serve_block {
    int32_t in, in_col, col, n, k;
    const float *packed, *start, *floor;
    bool reads_x;
    int32_t first; /* of one that reads x: its first column of products and of user starts */
} mmoe_serve_block;

/* A node over a chunk of rows. */
typedef struct mmoe_serve_step {
    const struct mmoe_serve_op *op;
    const mmoe_node *node;
    int32_t first_block;  /* linear */
    const float *weights; /* apply: slopes; mix: gates of all rows, NULL: they are a value */
} mmoe_serve_step;

typedef struct mmoe_serve_value {
    size_t before; /* floats a row of the values in front of it */
    int32_t ld;
} mmoe_serve_value;

enum { MMOE_SERVE_CHUNK = 240 }; /* rows, at most */
_Static_assert((int)MMOE_SERVE_CHUNK <= (int)MMOE_BINS_ROWS, "their scores are counted at once");

typedef struct mmoe_program {
    mmoe_allocator alloc; /* a tally */
    atomic_int users;
    const mmoe_model *model;
    unsigned moves; /* of the model, when this was made: its tables are read where they stood */
    const mmoe_params *params;
    const mmoe_kernels *kernels;
    mmoe_serve_side sides[MMOE_SERVE_SIDES];
    mmoe_counted counted;           /* by predictors that are no slot's */
    struct mmoe_serve_bound *bound; /* to an input (bound.h); NULL: batches are by number */
    mmoe_serve_products products;
    int32_t *place; /* [D] of a column of the graph's input: in x, or, of those that are looked up,
                       behind it; in both a row of the first layers' packed weights */
    int32_t user_cols, x_cols;      /* of x: the user's come first */
    int32_t lists_first, lists_end; /* of x, around user_cols: of lists that have products */
    int32_t n_step, n_block, n_task;
    mmoe_serve_step *steps;
    mmoe_serve_block *blocks;
    mmoe_serve_value *values; /* [n_value of the graph] */
    int32_t x;                /* the input's value */
    float *weights;
    const float *ones, *zeros; /* scale and shift of activations that were folded */
    int32_t chunk;             /* rows, at most */
    size_t promised;           /* rows of a call that predictors have room for when made */
    size_t row_floats;         /* of all values */
    int32_t first_cols;        /* of all first layers side by side, each in whole cache lines */
    struct mmoe_program *next; /* that of the model's next member, laid out as this one; or NULL */
} mmoe_program;

/* What steps need: grows node by node. */
typedef struct mmoe_serve_room {
    size_t floats; /* of the program's weights, in whole cache lines */
    size_t blocks;
} mmoe_serve_room;

/* A program while it is made. */
typedef struct mmoe_serve_maker {
    mmoe_program *program;
    size_t taken;  /* floats of the program's weights */
    float *scale;  /* [widest linear node] for who makes a step */
    int32_t first; /* columns of the first layers that are made */
} mmoe_serve_maker;

static inline float *mmoe_serve_take(mmoe_serve_maker *m, size_t count) {
    float *at = m->program->weights + m->taken;
    m->taken += mmoe_line_floats(count);
    return at;
}

/* A chunk of rows on its way through the steps. */
typedef struct mmoe_serve_chunk {
    const mmoe_program *program;
    float *values; /* [room, row_floats] of the program's values, one behind the other */
    int32_t room;
    const mmoe_serve_side *side;
    const int32_t *at;   /* [rows, n_product of the side] rows of products */
    const float *starts; /* [first_cols] of the first layers; NULL: the weights' */
    float *column;       /* [rows] of a task's scores, on its way */
    float *scores;       /* [rows, tasks] */
    int32_t rows;
    int32_t user_x, item_x; /* columns of x to multiply, the user's first and the items' last:
                               without those of lists that were all looked up */
} mmoe_serve_chunk;

static inline float *mmoe_serve_at(const mmoe_serve_chunk *c, int32_t value) {
    return c->values + c->program->values[value].before * (size_t)c->room;
}
static inline int32_t mmoe_serve_ld(const mmoe_serve_chunk *c, int32_t value) {
    return c->program->values[value].ld;
}

/* What an op is when it is served; NULL: nothing. */
typedef struct mmoe_serve_op {
    bool in_place;                       /* its output takes the memory of its input */
    bool (*is_done)(const mmoe_node *n); /* by another's step: it is none of its own; NULL: never */
    void (*count)(const mmoe_program *p, const mmoe_node *n, mmoe_serve_room *room);
    void (*make)(mmoe_serve_maker *m, const mmoe_node *n, mmoe_serve_step *s);
    void (*run)(const mmoe_serve_chunk *c, const mmoe_serve_step *s); /* NULL: it is no step */
} mmoe_serve_op;

extern const mmoe_serve_op *const mmoe_serve_ops[MMOE_OP_COUNT]; /* steps.c */

#define MMOE_SERVE_RECORD(NAME, name) extern const mmoe_serve_op mmoe_serve_##name;
MMOE_OP_LIST(MMOE_SERVE_RECORD)
#undef MMOE_SERVE_RECORD

/* step_linear.c: what the first layers have of a chunk of one row of the user's side, to starts
 * [first_cols]: where the items' shares begin. */
void mmoe_serve_share(const mmoe_serve_chunk *c, float *starts);

#endif
