/* The order in which an epoch takes its rows: blocks of rows in an order of the epoch's own, as
 * many as a window holds at a time, and the rows of a window in any order. It depends on the number
 * of rows, the seed and the epoch alone, so rows that are read from a folder window by window come
 * as rows in memory do. Where all rows are one window, that is every order of them.
 *
 * With lanes each segment of a batch has rows of lanes of its own, of whole blocks: batches do not
 * straddle windows, and whoever has some of the segments needs rows of their lanes alone. Rows
 * behind the last whole block are a window of their own, the epoch's last, in any order.
 *
 *     a batch  | segment 0: lanes 0 to 15 | segment 1: 16 to 31 | 2: 32 to 47 | 3: 48 to 63 | */
#ifndef MMOE_DATA_ORDER_H
#define MMOE_DATA_ORDER_H

#include <stdbool.h>

#include "base/alloc.h"

enum {
    MMOE_LANES = 64,         /* into which a block's rows are dealt, one after the other */
    MMOE_BLOCK_ROWS = 16384, /* rows of each block but the last */
    MMOE_LANE_ROWS = MMOE_BLOCK_ROWS / MMOE_LANES,
    MMOE_WINDOW_BLOCKS = 16, /* blocks of each window but the last */
    MMOE_WINDOW_ROWS = MMOE_BLOCK_ROWS * MMOE_WINDOW_BLOCKS
};

/* Blocks of so many rows, and rows of one of them. */
static inline int64_t mmoe_blocks_of(int64_t all) {
    return (all + MMOE_BLOCK_ROWS - 1) / MMOE_BLOCK_ROWS;
}
static inline int32_t mmoe_block_rows(int64_t all, int64_t block) {
    const int64_t left = all - block * MMOE_BLOCK_ROWS;
    return left < MMOE_BLOCK_ROWS ? (int32_t)left : MMOE_BLOCK_ROWS;
}

typedef struct mmoe_lanes {
    int32_t batch, segments; /* rows of a batch and its segments, powers of two: whole batches of a
                                block. 0: there are no lanes */
    int32_t first, count;    /* segments whose rows are asked for, one behind the other */
} mmoe_lanes;

/* Stands for a row that is not asked for. */
#define MMOE_NO_ROW UINT32_MAX

typedef struct mmoe_order {
    int64_t rows, blocks, windows;
    mmoe_lanes lanes;
    bool shuffles;
    uint64_t seed;
    int32_t epoch;
    uint32_t *block; /* [blocks] in the epoch's order; NULL: their own */
} mmoe_order;

/* Of epoch 0. `order` has rows, lanes, shuffles and seed. MMOE_E_MEMORY. */
mmoe_status mmoe_order_create(mmoe_order *order, const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_order_finish(mmoe_order *order, const mmoe_allocator *alloc);
void mmoe_order_begin(mmoe_order *order, int32_t epoch);

/* Block `slot` of a window, 0 to MMOE_WINDOW_BLOCKS - 1; -1: the window has fewer. */
int64_t mmoe_order_block(const mmoe_order *order, int64_t window, int32_t slot);
/* Rows of a window. */
int32_t mmoe_order_window_rows(const mmoe_order *order, int64_t window);
/* Whether a window's rows are dealt so that segments have lanes. */
bool mmoe_order_has_lanes(const mmoe_order *order, int64_t window);
/* Lanes of so many segments. */
static inline int32_t mmoe_lanes_of(const mmoe_lanes *lanes, int32_t segments) {
    return MMOE_LANES / lanes->segments * segments;
}
/* The rows of a window in their order, each as the place slot * MMOE_BLOCK_ROWS + row of its block;
 * those of lanes that are not asked for MMOE_NO_ROW. `places` has room for MMOE_WINDOW_ROWS. */
void mmoe_order_window(const mmoe_order *order, int64_t window, uint32_t *places);

#endif
