#include "graph/portions.h"

static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* The first place from `at` on that is not within a row. */
static int64_t row_from(const mmoe_params *p, int64_t at) {
    for (int32_t i = 0; i < p->n_table; i++) {
        const int64_t in = at - p->blocks[i].place;
        if (!p->blocks[i].is_frozen && in > 0 && in < p->blocks[i].memory.count)
            return p->blocks[i].place + round_up(in, p->tables[i].dim);
    }
    return at;
}

mmoe_portions mmoe_portions_of(const mmoe_params *p, int32_t ranks, int64_t piece) {
    const int64_t n = p->n_whole, each = round_up((n + ranks - 1) / ranks, piece);
    mmoe_portions out = {.from = {0}};
    for (int32_t r = 0; r <= ranks; r++) {
        out.cut[r] = r * each < n ? r * each : n;
        out.from[r] = row_from(p, out.cut[r]);
    }
    return out;
}
