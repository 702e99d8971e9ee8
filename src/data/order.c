#include "data/order.h"

#include "base/error.h"
#include "base/rng.h"
#include "math/kernels.h"

__extension__ typedef unsigned __int128 wide;

/* Streams of an epoch: that of its first window alone, and so of rows that are one window, is the
 * epoch's number. Those of a window's segments have the segment above the window. */
enum { BLOCKS_STREAM = (1 << 24) - 1, SEGMENT_SHIFT = 18 };
static uint64_t stream_of(const mmoe_order *order, int64_t part) {
    return mmoe_stream(MMOE_STREAM_SHUFFLE, (uint64_t)part << 32 | (uint32_t)order->epoch);
}

/* Items that stand in pieces of a power of two, each so far behind the one before. */
typedef struct pieces {
    uint32_t *items;
    int32_t shift;       /* of a piece's length */
    int64_t each, apart; /* that length, less 1; items from one piece to the next */
} pieces;

static inline uint32_t *item(const pieces *p, int64_t i) {
    return p->items + (i >> p->shift) * p->apart + (i & p->each);
}

/* Fisher and Yates, from the last item down; draw i of a stream is the two words 2 (i % 2) of
 * Philox at counter i / 2. */
static inline void shuffle_pieces(const pieces *p, int64_t count, uint64_t seed, uint64_t stream) {
    uint32_t words[4 * MMOE_PHILOX_BLOCK];
    const mmoe_kernels *kernels = mmoe_kernels_best();
    int64_t first = INT64_MAX; /* counter of the block's first */
    for (int64_t i = count - 1; i > 0; i--) {
        if (i / 2 < first) {
            first = i / 2 / MMOE_PHILOX_BLOCK * MMOE_PHILOX_BLOCK;
            kernels->philox(seed, stream, (uint64_t)first, MMOE_PHILOX_BLOCK, words);
        }
        const uint32_t *word = words + i % 2 * 2 * MMOE_PHILOX_BLOCK + (i / 2 - first);
        const uint64_t bits = (uint64_t)word[MMOE_PHILOX_BLOCK] << 32 | word[0];
        const uint64_t j = (uint64_t)(((wide)bits * ((uint64_t)i + 1)) >> 64);
        uint32_t *one = item(p, i), *other = item(p, (int64_t)j);
        const uint32_t swap = *one;
        *one = *other;
        *other = swap;
    }
}

static void shuffle(uint32_t *items, int64_t count, uint64_t seed, uint64_t stream) {
    shuffle_pieces(&(pieces){items, 62, INT64_MAX >> 1, 0}, count, seed, stream);
}

/* Whole blocks, if only those have lanes. */
static int64_t blocks_of_windows(const mmoe_order *o) {
    return o->lanes.batch ? o->rows / MMOE_BLOCK_ROWS : o->blocks;
}

mmoe_status mmoe_order_create(mmoe_order *o, const mmoe_allocator *alloc, mmoe_error *err) {
    o->blocks = mmoe_blocks_of(o->rows);
    const int64_t blocks = blocks_of_windows(o);
    o->windows = (blocks + MMOE_WINDOW_BLOCKS - 1) / MMOE_WINDOW_BLOCKS + (o->blocks > blocks);
    o->block = NULL;
    if (o->windows > (o->lanes.batch ? (1 << SEGMENT_SHIFT) - 1 : BLOCKS_STREAM))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%lld rows are too many", (long long)o->rows);
    if (o->shuffles && o->windows > 1) {
        o->block = mmoe_alloc(alloc, (size_t)o->blocks, sizeof *o->block);
        if (!o->block) return mmoe_fail_memory(err, (size_t)o->blocks * sizeof *o->block);
    }
    mmoe_order_begin(o, 0);
    return MMOE_OK;
}

void mmoe_order_finish(mmoe_order *o, const mmoe_allocator *alloc) {
    mmoe_release(alloc, o->block);
    o->block = NULL;
}

void mmoe_order_begin(mmoe_order *o, int32_t epoch) {
    o->epoch = epoch;
    if (!o->block) return;
    for (int64_t i = 0; i < o->blocks; i++) o->block[i] = (uint32_t)i;
    shuffle(o->block, blocks_of_windows(o), o->seed, stream_of(o, BLOCKS_STREAM));
}

bool mmoe_order_has_lanes(const mmoe_order *o, int64_t window) {
    return o->lanes.batch && window * MMOE_WINDOW_BLOCKS < blocks_of_windows(o);
}

int64_t mmoe_order_block(const mmoe_order *o, int64_t window, int32_t slot) {
    const int64_t at = window * MMOE_WINDOW_BLOCKS + slot, blocks = blocks_of_windows(o);
    if (o->lanes.batch && window == o->windows - 1 && o->blocks > blocks) /* what is behind them */
        return slot ? -1 : blocks;
    if (at >= blocks) return -1;
    return o->block ? (int64_t)o->block[at] : at;
}

int32_t mmoe_order_window_rows(const mmoe_order *o, int64_t window) {
    int32_t rows = 0;
    for (int32_t slot = 0; slot < MMOE_WINDOW_BLOCKS; slot++) {
        const int64_t block = mmoe_order_block(o, window, slot);
        if (block >= 0) rows += mmoe_block_rows(o->rows, block);
    }
    return rows;
}

/* The rows of a segment's lanes, in any order. */
static void deal_segment(const mmoe_order *o, int64_t window, int32_t segment, uint32_t *places) {
    const mmoe_lanes *l = &o->lanes;
    const int32_t lanes = mmoe_lanes_of(l, 1), first = segment * lanes,
                  rows = l->batch / l->segments;
    const pieces p = {places + segment * rows, __builtin_ctz((unsigned)rows), rows - 1, l->batch};
    int64_t count = 0;
    for (int32_t slot = 0; slot < MMOE_WINDOW_BLOCKS; slot++) {
        if (mmoe_order_block(o, window, slot) < 0) continue;
        for (int32_t row = first; row < MMOE_BLOCK_ROWS; row += MMOE_LANES)
            for (int32_t lane = 0; lane < lanes; lane++)
                *item(&p, count++) = (uint32_t)(slot * MMOE_BLOCK_ROWS + row + lane);
    }
    shuffle_pieces(&p, count, o->seed, stream_of(o, window | (int64_t)segment << SEGMENT_SHIFT));
}

static void deal_lanes(const mmoe_order *o, int64_t window, uint32_t *places) {
    const int32_t rows = mmoe_order_window_rows(o, window);
    if (o->lanes.count < o->lanes.segments)
        for (int32_t i = 0; i < rows; i++) places[i] = MMOE_NO_ROW;
    for (int32_t s = o->lanes.first; s < o->lanes.first + o->lanes.count; s++)
        deal_segment(o, window, s, places);
}

void mmoe_order_window(const mmoe_order *o, int64_t window, uint32_t *places) {
    if (mmoe_order_has_lanes(o, window)) {
        deal_lanes(o, window, places);
        return;
    }
    int32_t count = 0;
    for (int32_t slot = 0; slot < MMOE_WINDOW_BLOCKS; slot++) {
        const int64_t block = mmoe_order_block(o, window, slot);
        const int32_t rows = block < 0 ? 0 : mmoe_block_rows(o->rows, block);
        for (int32_t row = 0; row < rows; row++)
            places[count++] = (uint32_t)(slot * MMOE_BLOCK_ROWS + row);
    }
    if (o->shuffles) shuffle(places, count, o->seed, stream_of(o, window));
}
