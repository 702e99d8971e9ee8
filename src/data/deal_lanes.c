#include "data/deal_lanes.h"

enum { SOME = 16 }; /* lanes at a time */

void mmoe_words_to_lanes(const uint32_t *rows, size_t stride, uint32_t *lanes) {
    for (size_t first = 0; first < MMOE_LANES; first += SOME)
        for (size_t i = 0; i < MMOE_LANE_ROWS; i++) {
            const uint32_t *row = rows + (i * MMOE_LANES + first) * stride;
            for (size_t lane = first; lane < first + SOME; lane++, row += stride)
                lanes[lane * MMOE_LANE_ROWS + i] = *row;
        }
}

/* Rows `from` to `end` of each lane. */
static void to_rows(const mmoe_lane_words *w, size_t from, size_t end) {
    for (size_t first = 0; first < MMOE_LANES; first += SOME)
        for (size_t i = from; i < end; i++) {
            uint32_t *row = w->rows + (i * MMOE_LANES + first) * w->stride;
            for (size_t lane = first; lane < first + SOME; lane++, row += w->stride)
                *row = w->lanes[lane * MMOE_LANE_ROWS + i];
        }
}

/* Few rows at a time, which stay in cache from column to column. */
void mmoe_words_to_rows(const mmoe_lane_words *words, size_t columns) {
    enum { AT_ONCE = 8 };
    for (size_t i = 0; i < MMOE_LANE_ROWS; i += AT_ONCE)
        for (size_t c = 0; c < columns; c++) to_rows(&words[c], i, i + AT_ONCE);
}
