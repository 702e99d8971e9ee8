/* The first layer over distinct ids. With x = [E_1[id_1], ..., E_C[id_C], rest] and
 * W = [W_1 ... W_C W_rest],
 *
 *     z_b = sum_c P_c[id_bc] + W_rest rest_b,      P_c = E_c W_c^T
 *     S_c[v] = sum of dz_b over the rows b with id_bc = v
 *     dE_c = S_c W_c,      dW_c = S_c^T E_c
 *
 * which is what the products of x give, but for the order of additions. A row costs additions
 * alone, whatever the embeddings' width; products are of a table's rows, not of the batch's. */
#ifndef MMOE_GRAPH_DISTINCT_H
#define MMOE_GRAPH_DISTINCT_H

#include "graph/op.h"
#include "math/first_layer.h"

/* A column of ids, or of lists that add up, whose rows of P are looked up. A list of one is its id;
 * in the place of any other a row of lists reads a row of zeros, behind its table's, and what its
 * elements have comes then. */
typedef struct mmoe_distinct_column {
    int32_t column;      /* of the batch's ids, lists behind them */
    int32_t col, dim;    /* W_c: columns [col, col + dim) of W */
    int32_t first;       /* row of P, of all columns, where its table begins */
    const mmoe_bag *bag; /* of a list; NULL: of an id */
} mmoe_distinct_column;

/* A table of such columns: no other column reads it. */
typedef struct mmoe_distinct_table {
    int32_t index; /* of the parameters' tables */
    int32_t rows, dim;
    int32_t first, count; /* columns */
    int32_t n_row;        /* of P, of all of its columns */
} mmoe_distinct_table;

/* Columns of x that are neighbours in W, too. */
typedef struct mmoe_rest_run {
    int32_t col, w_col, cols; /* in x, in W */
} mmoe_rest_run;

typedef struct mmoe_distinct {
    int32_t node; /* the linear node that looks products up */
    int32_t n_column, n_table, n_row, n_run;
    mmoe_distinct_column *columns; /* [n_column] those of a table are neighbours */
    mmoe_distinct_table *tables;   /* [n_table] */
    mmoe_rest_run *runs;           /* [n_run] */
} mmoe_distinct;

/* plan_distinct.c: which columns are looked up, from shapes and counts alone, and what of x is
 * left. Sets the plan's `distinct` (NULL: none) and `input`. MMOE_E_MEMORY. */
mmoe_status mmoe_plan_distinct(mmoe_plan *p, mmoe_first_layer how, const double *list_elements,
                               mmoe_error *err);
void mmoe_plan_distinct_free(mmoe_plan *p);

extern const mmoe_op_kind mmoe_op_distinct; /* in the place of the node's own */

#endif
