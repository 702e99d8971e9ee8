/* Elements of lists by ranges of their table's rows, so that who adds up the gradients of one range
 * meets no others. Of lists that are pooled by mean or sum.
 *
 *     a chunk's parts    | range 0      | range 1  | range 2        |     sorted once, when
 * gathered a task: range 1                     ^^^^^^^^                        of every chunk
 *
 * Each chunk is sorted on its own, and within a range stands in the order of its rows, so the sums
 * are the same bits whoever sorted it. Memory is taken before the lists are known: what finds no
 * room is not sorted. */
#ifndef MMOE_TABLE_BAG_ORDER_H
#define MMOE_TABLE_BAG_ORDER_H

#include "table/pooling.h"

/* An element: `share` of dx of the batch's row `row` is its embedding's. */
typedef struct mmoe_bag_part {
    int32_t row, id;
    float share;
} mmoe_bag_part;

typedef struct mmoe_bag_order {
    int32_t shift, ranges; /* the range of a table's row r is r >> shift */
    int32_t room;          /* elements a row of a batch, on average */
    mmoe_bag_part *parts;  /* [rows of a batch, room]: a chunk's from its first row on */
    int32_t *starts;       /* [chunks, ranges + 2] of a range's parts, and behind the last */
    int32_t *sorted;       /* [chunks] rows of the chunk, its first ones, whose lists are there */
} mmoe_bag_order;

/* Rows of a batch that are gathered together, and the list of theirs. */
typedef struct mmoe_bag_chunk {
    const mmoe_rows *batch;
    int32_t list, chunk, first, rows;
} mmoe_bag_chunk;

void mmoe_bag_sort(const mmoe_bag *bag, const mmoe_bag_chunk *chunk);
/* Adds what the parts of a range have of dx, whose row b is at dx + b * ld. Returns the chunk's
 * rows whose lists are done; the others' are the caller's. */
int32_t mmoe_bag_add_range(const mmoe_bag_order *order, const mmoe_bag_chunk *chunk,
                           const float *dx, int32_t ld, const mmoe_bag_sums *to);

#endif
