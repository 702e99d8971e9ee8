#include "train/whole_gradient.h"

#include <math.h>

#include "base/error.h"

static int piece_count(const mmoe_whole_gradient *g) { return mmoe_room_pieces(g->room.params); }

static int64_t piece_size(const mmoe_whole_gradient *g, int64_t first) {
    return mmoe_room_piece(g->room.params, first);
}

mmoe_status mmoe_whole_gradient_init(mmoe_whole_gradient *g, const mmoe_params *params,
                                     const mmoe_allocator *alloc, mmoe_error *err) {
    const size_t n = (size_t)params->n_whole;
    *g = (mmoe_whole_gradient){.alloc = *alloc, .room.params = params};
    g->room.values = mmoe_alloc_aligned_zero(alloc, n, sizeof *g->room.values);
    g->parts = mmoe_alloc(alloc, (size_t)piece_count(g), sizeof *g->parts);
    if (!g->room.values || !g->parts) {
        mmoe_whole_gradient_finish(g);
        return mmoe_fail_memory(err, n * sizeof *g->room.values);
    }
    return MMOE_OK;
}

void mmoe_whole_gradient_finish(mmoe_whole_gradient *g) {
    mmoe_release_aligned(&g->alloc, g->room.values);
    mmoe_release(&g->alloc, g->parts);
    g->room.values = NULL;
    g->parts = NULL;
}

/* Pieces from place `first` on, one after the other. */
typedef struct pieces {
    const mmoe_whole_gradient *gradient;
    mmoe_optimizer *optimizer;
    int64_t first, end;
} pieces;

static void run(const pieces *of, mmoe_pool *pool, mmoe_pool_fn fn) {
    const int count = (int)((of->end - of->first + MMOE_ROOM_PIECE - 1) / MMOE_ROOM_PIECE);
    if (of->end > of->first) mmoe_pool_run(pool, count, fn, (void *)(uintptr_t)of);
}

static void sum_piece(void *context, int worker, int index) {
    (void)worker;
    const pieces *of = context;
    const mmoe_whole_gradient *g = of->gradient;
    const int64_t first = of->first + (int64_t)index * MMOE_ROOM_PIECE;
    const float *x = g->room.values + first;
    g->parts[first / MMOE_ROOM_PIECE] =
        mmoe_kernels_best()->dot((size_t)piece_size(g, first), x, x);
}

/* What a rank has of two ranges of places, in bytes, and where it begins. */
static uint64_t common(const int64_t *a, const int64_t *b, uint64_t *at) {
    const int64_t first = a[0] > b[0] ? a[0] : b[0], end = a[1] < b[1] ? a[1] : b[1];
    *at = (uint64_t)first * sizeof(float);
    return first < end ? (uint64_t)(end - first) * sizeof(float) : 0;
}

/* A rank's pieces become whole: portions end with rows, of which others may have some values. */
static void complete_pieces(const mmoe_whole_gradient *g, mmoe_ranks *ranks) {
    const mmoe_portions *p = &ranks->peers.portions;
    const int32_t own = ranks->peers.rank;
    uint64_t from_at[MMOE_MOST_RANKS], from_bytes[MMOE_MOST_RANKS];
    uint64_t to_at[MMOE_MOST_RANKS], to_bytes[MMOE_MOST_RANKS];
    for (int32_t r = 0; r < ranks->peers.size; r++) {
        from_bytes[r] = common(p->from + own, p->cut + r, &from_at[r]);
        to_bytes[r] = common(p->from + r, p->cut + own, &to_at[r]);
    }
    mmoe_ranks_exchange(ranks, &(mmoe_exchange){"gradients", g->room.values, from_at, from_bytes,
                                                g->room.values, to_at, to_bytes});
}

double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool, mmoe_ranks *ranks) {
    int64_t from[MMOE_TREE_PARTS + 1] = {0, piece_count(g)};
    const int32_t rank = ranks ? ranks->peers.rank : 0, size = ranks ? ranks->peers.size : 1;
    for (int32_t q = 0; ranks && q <= size; q++)
        from[q] = (ranks->peers.portions.cut[q] + MMOE_ROOM_PIECE - 1) / MMOE_ROOM_PIECE;
    if (ranks) complete_pieces(g, ranks);
    run(&(pieces){g, NULL, from[rank] * MMOE_ROOM_PIECE, from[rank + 1] * MMOE_ROOM_PIECE}, pool,
        sum_piece);
    if (ranks) mmoe_ranks_give(ranks, "the gradient's norm", g->parts, sizeof *g->parts, from);
    double sum = 0;
    for (int i = 0; i < piece_count(g); i++) sum += g->parts[i];
    return sqrt(sum);
}

static void apply_piece(void *context, int worker, int index) {
    (void)worker;
    const pieces *of = context;
    const int64_t first = of->first + (int64_t)index * MMOE_ROOM_PIECE, left = of->end - first;
    mmoe_gradient_hand_on(&of->gradient->room, first,
                          left < MMOE_ROOM_PIECE ? left : MMOE_ROOM_PIECE, mmoe_optimizer_apply,
                          of->optimizer);
}

void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               const mmoe_ranks *ranks, mmoe_optimizer *optimizer) {
    pieces own = {g, optimizer, 0, g->room.params->n_whole};
    if (ranks) {
        own.first = ranks->peers.portions.from[ranks->peers.rank];
        own.end = ranks->peers.portions.from[ranks->peers.rank + 1];
    }
    run(&own, pool, apply_piece);
}
