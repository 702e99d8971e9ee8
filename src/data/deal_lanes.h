/* Moves the values of a block between the two orders that they have: lane by lane in a file
 * (stored.h), row by row everywhere else. Neighbours in one order are a power of two apart in the
 * other, and the nearest cache has room for few lines at such distances: so few lanes are moved at
 * a time. */
#ifndef MMOE_DATA_DEAL_LANES_H
#define MMOE_DATA_DEAL_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "data/order.h"

/* To lanes [MMOE_BLOCK_ROWS], of a whole block, one word of each row. `rows` is that of the first
 * row; those of the others follow `stride` words apart. */
void mmoe_words_to_lanes(const uint32_t *rows, size_t stride, uint32_t *lanes);

typedef struct mmoe_lane_words {
    const uint32_t *lanes;
    uint32_t *rows;
    size_t stride;
} mmoe_lane_words;

/* Back to rows, for several columns of a block. */
void mmoe_words_to_rows(const mmoe_lane_words *words, size_t columns);

/* Copies `words` words, which are mostly few. `room` words may be read and written: those behind
 * the wanted ones may be overwritten, so that up to SOME words are copied without a branch. */
static inline void mmoe_copy_few(uint32_t *to, const uint32_t *from, int64_t words, int64_t room) {
    enum { SOME = 8 };
    if (words + SOME <= room)
        for (int64_t i = 0; i < words; i += SOME) memcpy(to + i, from + i, SOME * sizeof *to);
    else
        memcpy(to, from, (size_t)words * sizeof *to);
}

#endif
