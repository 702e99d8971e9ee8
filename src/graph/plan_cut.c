#include "graph/plan_cut.h"

static int32_t chunk_rows(int32_t rows) {
    int32_t eighth = ((rows + 7) / 8 + 15) / 16 * 16;
    if (eighth < MMOE_CHUNK) return MMOE_CHUNK;
    return eighth > MMOE_MOST_CHUNK ? MMOE_MOST_CHUNK : eighth;
}

mmoe_cut mmoe_plan_cut(const mmoe_plan *p, int32_t rows) {
    return mmoe_cut_rows(rows, chunk_rows(rows), p->segments);
}

mmoe_cut mmoe_plan_share(const mmoe_plan *p, const mmoe_cut *whole, int32_t rank, int32_t *first) {
    const int64_t share = (int64_t)p->own_segments * whole->segment, at = rank * share;
    const int32_t begin = at < whole->rows ? (int32_t)at : whole->rows, left = whole->rows - begin;
    *first = begin;
    return mmoe_cut_share(whole, share < left ? (int32_t)share : left);
}
