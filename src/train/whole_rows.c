#include "train/whole_rows.h"

#include <string.h>

enum { FLOATS = 1 << 20 }; /* that are exchanged at a time, or a row of each owner */

int64_t mmoe_whole_rows_room(const mmoe_params *p) {
    int64_t dim = 1;
    for (int32_t i = 0; i < p->n_table; i++)
        if (p->tables[i].dim > dim) dim = p->tables[i].dim;
    const int64_t row = dim * MMOE_TABLE_PARTS;
    return (row > FLOATS ? row : FLOATS) + 2 * MMOE_TABLE_PARTS * (2 * dim + 1);
}

/* Rows [first, first + count) of a block: first is a multiple of the owners' number. */
typedef struct window {
    const mmoe_optimizer_block *block;
    int64_t first, count;
    float *room;                       /* an owner's rows behind the other's */
    int64_t from[MMOE_MOST_RANKS + 1]; /* where, in floats */
    int32_t rank;
} window;

static void place(window *w, int32_t ranks) {
    const int64_t owners = (int64_t)1 << w->block->shift;
    w->from[0] = 0;
    for (int32_t q = 0; q < ranks; q++) {
        const int64_t rows = q < owners && q < w->count ? (w->count - q - 1) / owners + 1 : 0;
        w->from[q + 1] = w->from[q] + rows * w->block->dim;
    }
}

/* An owner's rows: the window's i-th of them is at values + i * apart. */
static void give(const window *w, int32_t owner) {
    const int64_t dim = w->block->dim, apart = dim << w->block->shift;
    const float *values = w->block->values + (w->first + owner) * dim;
    for (int64_t at = w->from[owner]; at < w->from[owner + 1]; at += dim, values += apart)
        memcpy(w->room + at, values, (size_t)dim * sizeof *values);
}

static void take(void *context, int worker, int owner) {
    (void)worker;
    const window *w = context;
    const int64_t dim = w->block->dim, apart = dim << w->block->shift;
    float *values = w->block->values + (w->first + owner) * dim;
    if (owner == w->rank) return;
    for (int64_t at = w->from[owner]; at < w->from[owner + 1]; at += dim, values += apart)
        memcpy(values, w->room + at, (size_t)dim * sizeof *values);
}

static bool bring_block(mmoe_ranks *r, const mmoe_optimizer_block *b, float *room,
                        mmoe_pool *pool) {
    const int64_t rows = b->count / b->dim,
                  most = (FLOATS / b->dim >> b->shift ? FLOATS / b->dim >> b->shift : 1)
                         << b->shift;
    window w = {.block = b, .room = room, .rank = r->peers.rank};
    for (; w.first < rows; w.first += most) {
        w.count = rows - w.first < most ? rows - w.first : most;
        place(&w, r->peers.size);
        if (b->owner >= 0) give(&w, b->owner);
        if (!mmoe_ranks_give(r, "rows of tables", room, sizeof *room, w.from)) return false;
        mmoe_pool_run(pool, 1 << b->shift, take, &w);
    }
    return true;
}

void mmoe_whole_rows_bring(mmoe_ranks *r, const mmoe_optimizer *o, float *room, mmoe_pool *pool) {
    bool is_well = true;
    for (int32_t i = 0; i < o->n_block && is_well; i++)
        if (o->blocks[i].records && !o->blocks[i].values_shift)
            is_well = bring_block(r, &o->blocks[i], room, pool);
}
