/* Rows of a block, lane behind lane as a file has them (stored.h), and row behind row as all else
 * does. Values of a row lie apart by a power of two in one of them or the other, where the nearest
 * cache has lines for few: so few lanes go side by side. */
#ifndef MMOE_DATA_DEAL_LANES_H
#define MMOE_DATA_DEAL_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "data/order.h"

/* A word of each row of a whole block, to lanes [MMOE_BLOCK_ROWS]. `rows`: that of the first row,
 * the others' `stride` words apart. */
void mmoe_words_to_lanes(const uint32_t *rows, size_t stride, uint32_t *lanes);

typedef struct mmoe_lane_words {
    const uint32_t *lanes;
    uint32_t *rows;
    size_t stride;
} mmoe_lane_words;

/* The other way, of several columns of the same rows. */
void mmoe_words_to_rows(const mmoe_lane_words *words, size_t columns);

/* Copies words, most often few. `room` of them can be read and may be written, if only with what
 * stands behind the others: then nothing hangs on how many they are. */
static inline void mmoe_copy_few(uint32_t *to, const uint32_t *from, int64_t words, int64_t room) {
    enum { SOME = 8 };
    if (words + SOME <= room)
        for (int64_t i = 0; i < words; i += SOME) memcpy(to + i, from + i, SOME * sizeof *to);
    else
        memcpy(to, from, (size_t)words * sizeof *to);
}

#endif
