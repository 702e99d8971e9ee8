#include "train/whole_gradient.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

enum { PIECE = 1 << 14 };

static int piece_count(const mmoe_whole_gradient *g) {
    return (int)((g->room.params->n_whole + PIECE - 1) / PIECE);
}

static int64_t piece_size(const mmoe_whole_gradient *g, int64_t first) {
    const int64_t left = g->room.params->n_whole - first;
    return left < PIECE ? left : PIECE;
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

void mmoe_whole_gradient_keep(void *context, const mmoe_gradient *g) {
    const mmoe_gradient_room *room = context;
    float *to = room->values + room->params->blocks[g->block].place + g->offset;
    for (int64_t r = 0; r < g->rows; r++)
        memcpy(to + (g->at ? g->at[r] : r) * g->cols, g->values + r * g->ld,
               (size_t)g->cols * sizeof *to);
}

static void sum_piece(void *context, int worker, int index) {
    (void)worker;
    const mmoe_whole_gradient *g = context;
    const int64_t first = (int64_t)index * PIECE;
    const float *x = g->room.values + first;
    g->parts[index] = mmoe_kernels_best()->dot((size_t)piece_size(g, first), x, x);
}

double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool) {
    double sum = 0;
    mmoe_pool_run(pool, piece_count(g), sum_piece, (void *)(uintptr_t)g);
    for (int i = 0; i < piece_count(g); i++) sum += g->parts[i];
    return sqrt(sum);
}

/* A table's row belongs to the part that it begins in. */
static mmoe_params_part whole_rows(const mmoe_params *p, const mmoe_params_part *part) {
    if (part->block >= p->n_table) return *part;
    const int64_t dim = p->tables[part->block].dim, first = (part->offset + dim - 1) / dim * dim,
                  end = (part->offset + part->count + dim - 1) / dim * dim;
    return (mmoe_params_part){part->block, first, end - first, part->place + first - part->offset};
}

void mmoe_whole_gradient_hand_on(const mmoe_gradient_room *room, int64_t place, int64_t count,
                                 mmoe_gradient_sink sink, void *context) {
    mmoe_params_part some;
    for (int64_t at = place; mmoe_params_next(room->params, &at, place + count, &some);) {
        const mmoe_params_part part = whole_rows(room->params, &some);
        if (part.count)
            sink(context, &(mmoe_gradient){part.block, part.offset, 1, part.count,
                                           room->values + part.place, part.count, NULL});
    }
}

typedef struct application {
    const mmoe_whole_gradient *gradient;
    mmoe_optimizer *optimizer;
} application;

static void apply_piece(void *context, int worker, int index) {
    (void)worker;
    const application *a = context;
    const int64_t first = (int64_t)index * PIECE;
    mmoe_whole_gradient_hand_on(&a->gradient->room, first, piece_size(a->gradient, first),
                                mmoe_optimizer_apply, a->optimizer);
}

void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               mmoe_optimizer *optimizer) {
    application a = {g, optimizer};
    mmoe_pool_run(pool, piece_count(g), apply_piece, &a);
}
