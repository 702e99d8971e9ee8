/* The order in which an epoch takes its rows: blocks of rows in an order of the epoch's own, as
 * many as a window holds at a time, and the rows of a window in any order. It depends on the number
 * of rows, the seed and the epoch alone, so rows that are read from a folder window by window come
 * as rows in memory do. Where all rows are one window, that is every order of them. */
#ifndef MMOE_DATA_ORDER_H
#define MMOE_DATA_ORDER_H

#include <stdbool.h>

#include "base/alloc.h"

enum {
    MMOE_LANES = 64,         /* into which a block's rows are dealt, one after the other */
    MMOE_BLOCK_ROWS = 16384, /* rows of each block but the last */
    MMOE_WINDOW_BLOCKS = 16, /* blocks of each window but the last */
    MMOE_WINDOW_ROWS = MMOE_BLOCK_ROWS * MMOE_WINDOW_BLOCKS
};

/* Blocks of so many rows, and rows of one of them. */
static inline int64_t mmoe_blocks_of(int64_t rows) {
    return (rows + MMOE_BLOCK_ROWS - 1) / MMOE_BLOCK_ROWS;
}
static inline int32_t mmoe_block_rows(int64_t rows, int64_t block) {
    const int64_t left = rows - block * MMOE_BLOCK_ROWS;
    return left < MMOE_BLOCK_ROWS ? (int32_t)left : MMOE_BLOCK_ROWS;
}

typedef struct mmoe_order {
    int64_t rows, blocks, windows;
    bool shuffles;
    uint64_t seed;
    int32_t epoch;
    uint32_t *block; /* [blocks] in the epoch's order; NULL: their own */
} mmoe_order;

/* Of epoch 0. `order` has rows, shuffles and seed. MMOE_E_MEMORY. */
mmoe_status mmoe_order_create(mmoe_order *order, const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_order_finish(mmoe_order *order, const mmoe_allocator *alloc);
void mmoe_order_begin(mmoe_order *order, int32_t epoch);

/* Block `slot` of a window, 0 to MMOE_WINDOW_BLOCKS - 1; -1: the window has fewer. */
int64_t mmoe_order_block(const mmoe_order *order, int64_t window, int32_t slot);
/* Rows of a window. */
int32_t mmoe_order_window_rows(const mmoe_order *order, int64_t window);
/* The rows of a window in their order, each as the place slot * MMOE_BLOCK_ROWS + row of its block.
 * `places` has room for MMOE_WINDOW_ROWS. */
void mmoe_order_window(const mmoe_order *order, int64_t window, uint32_t *places);

#endif
