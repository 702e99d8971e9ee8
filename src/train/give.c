#include "train/give.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { PIECE = 1 << 14 };

typedef struct giving {
    const mmoe_params *params;
    float *room;
    int64_t first, end; /* places */
    atomic_bool *not_finite;
} giving;

/* The next part of a piece. */
static bool next(const giving *g, int piece, int64_t *at, mmoe_params_part *part) {
    const int64_t first = g->first + (int64_t)piece * PIECE,
                  end = g->end - first < PIECE ? g->end : first + PIECE;
    if (*at < first) *at = first;
    return mmoe_params_next(g->params, at, end, part);
}

static float *values_of(const giving *g, const mmoe_params_part *part) {
    return (float *)g->params->blocks[part->block].memory.data + part->offset;
}

static void give_piece(void *context, int worker, int piece) {
    (void)worker;
    const giving *g = context;
    mmoe_params_part part;
    for (int64_t at = 0; next(g, piece, &at, &part);)
        memcpy(g->room + part.place, values_of(g, &part), (size_t)part.count * sizeof *g->room);
}

static void take_piece(void *context, int worker, int piece) {
    (void)worker;
    const giving *g = context;
    mmoe_params_part part;
    bool is_bad = false;
    for (int64_t at = 0; next(g, piece, &at, &part);) {
        const float *from = g->room + part.place;
        float *to = values_of(g, &part);
        for (int64_t i = 0; i < part.count; i++) {
            is_bad |= !(fabsf(from[i]) <= FLT_MAX);
            to[i] = from[i];
        }
    }
    if (is_bad) atomic_store_explicit(g->not_finite, true, memory_order_relaxed);
}

static void run(giving g, int64_t first, int64_t end, mmoe_pool *pool, mmoe_pool_fn fn) {
    g.first = first;
    g.end = end;
    if (end > first) mmoe_pool_run(pool, (int)((end - first + PIECE - 1) / PIECE), fn, &g);
}

static giving giving_of(const mmoe_giving *g) {
    return (giving){.params = g->ranks->peers.params, .room = g->room, .not_finite = g->not_finite};
}

/* To the room, from which they go. */
static void lay_own(const mmoe_giving *g) {
    const int64_t *from = g->ranks->peers.portions.from + g->ranks->peers.rank;
    run(giving_of(g), from[0], from[1], g->pool, give_piece);
}

static void take_others(const mmoe_giving *g) {
    const int64_t *from = g->ranks->peers.portions.from + g->ranks->peers.rank;
    run(giving_of(g), 0, from[0], g->pool, take_piece);
    run(giving_of(g), from[1], g->ranks->peers.params->n_whole, g->pool, take_piece);
}

void mmoe_give_weights(const mmoe_giving *g) {
    lay_own(g);
    if (mmoe_ranks_give(g->ranks, "weights", g->room, sizeof *g->room,
                        g->ranks->peers.portions.from))
        take_others(g);
}

void mmoe_give_ahead(const mmoe_giving *g) {
    lay_own(g);
    mmoe_ranks_give_ahead(g->ranks, &g->ranks->weights, "weights", g->room, sizeof *g->room,
                          g->ranks->peers.portions.from);
}

void mmoe_take_ahead(const mmoe_giving *g) {
    if (mmoe_ranks_take_ahead(g->ranks, &g->ranks->weights)) take_others(g);
}
