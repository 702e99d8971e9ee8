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

static void sum_piece(void *context, int worker, int index) {
    (void)worker;
    const mmoe_whole_gradient *g = context;
    const int64_t first = (int64_t)index * MMOE_ROOM_PIECE;
    const float *x = g->room.values + first;
    g->parts[index] = mmoe_kernels_best()->dot((size_t)piece_size(g, first), x, x);
}

double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool) {
    double sum = 0;
    mmoe_pool_run(pool, piece_count(g), sum_piece, (void *)(uintptr_t)g);
    for (int i = 0; i < piece_count(g); i++) sum += g->parts[i];
    return sqrt(sum);
}

typedef struct application {
    const mmoe_whole_gradient *gradient;
    mmoe_optimizer *optimizer;
} application;

static void apply_piece(void *context, int worker, int index) {
    (void)worker;
    const application *a = context;
    const int64_t first = (int64_t)index * MMOE_ROOM_PIECE;
    mmoe_gradient_hand_on(&a->gradient->room, first, piece_size(a->gradient, first),
                          mmoe_optimizer_apply, a->optimizer);
}

void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               mmoe_optimizer *optimizer) {
    application a = {g, optimizer};
    mmoe_pool_run(pool, piece_count(g), apply_piece, &a);
}
