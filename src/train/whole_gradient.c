#include "train/whole_gradient.h"

#include <math.h>

#include "base/error.h"
#include "data/schema.h"

static int piece_count(const mmoe_whole_gradient *g) { return mmoe_room_pieces(g->room.params); }

static int64_t piece_size(const mmoe_whole_gradient *g, int64_t first) {
    return mmoe_room_piece(g->room.params, first);
}

static int kept_parts(const mmoe_whole_gradient *g) { return g->n_kept * MMOE_TOUCH_PARTS; }

/* ---- Life ---- */

static mmoe_status init_kept(mmoe_whole_gradient *g, const mmoe_params *p, mmoe_error *err) {
    int32_t count = 0, left_out = 0;
    for (int32_t i = 0; i < p->n_table; i++) {
        count += p->tables[i].is_deferred;
        left_out += p->tables[i].is_deferred || p->blocks[i].is_frozen;
    }
    if (!left_out) return MMOE_OK;
    g->kept = mmoe_alloc_zero(&g->alloc, (size_t)count, sizeof *g->kept);
    g->dense = mmoe_alloc_zero(&g->alloc, 1, sizeof *g->dense);
    if (!g->kept || !g->dense) return mmoe_fail_memory(err, (size_t)count * sizeof *g->kept);
    for (int32_t i = 0; i < p->n_table; i++)
        if (p->tables[i].is_deferred)
            g->kept[g->n_kept++] = (mmoe_kept_rows){.table = i, .dim = p->tables[i].dim};
    g->room.params = g->dense;
    return mmoe_params_dense(p, &g->alloc, g->dense, err);
}

mmoe_status mmoe_whole_gradient_init(mmoe_whole_gradient *g, const mmoe_params *params,
                                     const mmoe_allocator *alloc, mmoe_error *err) {
    *g = (mmoe_whole_gradient){.alloc = *alloc, .room.params = params};
    mmoe_status status = init_kept(g, params, err);
    if (!status) {
        const size_t n = (size_t)g->room.params->n_whole;
        g->room.values = mmoe_alloc_aligned_zero(alloc, n, sizeof *g->room.values);
        g->parts = mmoe_alloc(alloc, (size_t)(piece_count(g) + kept_parts(g)), sizeof *g->parts);
        if (!g->room.values || !g->parts)
            status = mmoe_fail_memory(err, n * sizeof *g->room.values);
    }
    if (status) mmoe_whole_gradient_finish(g);
    return status;
}

void mmoe_whole_gradient_finish(mmoe_whole_gradient *g) {
    for (int32_t i = 0; i < g->n_kept; i++) mmoe_kept_rows_finish(&g->kept[i], &g->alloc);
    mmoe_release(&g->alloc, g->kept);
    if (g->dense && g->dense->blocks) mmoe_params_dense_finish(g->dense);
    mmoe_release(&g->alloc, g->dense);
    mmoe_release_aligned(&g->alloc, g->room.values);
    mmoe_release(&g->alloc, g->parts);
    *g = (mmoe_whole_gradient){.alloc = g->alloc};
}

/* ---- A step ---- */

/* Of a batch, at most: elements that a list leaves out count. */
static int64_t reads_of(const struct mmoe_schema *s, const mmoe_rows *batch, int32_t table) {
    int64_t reads = 0;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const int32_t list = s->sparse[i].list;
        if (s->sparse[i].table != table) continue;
        if (list < 0) reads += batch->rows;
        for (int32_t b = 0; list >= 0 && batch->lists.offsets && b < batch->rows; b++)
            reads += mmoe_list_of(&batch->lists, mmoe_row_of(batch, b), list).count;
    }
    return reads;
}

mmoe_status mmoe_whole_gradient_begin(mmoe_whole_gradient *g, const struct mmoe_schema *schema,
                                      const mmoe_rows *batch, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < g->n_kept && !status; i++)
        status = mmoe_kept_rows_begin(&g->kept[i], reads_of(schema, batch, g->kept[i].table),
                                      &g->alloc, err);
    return status;
}

void mmoe_whole_gradient_keep(void *context, const mmoe_gradient *gradient) {
    mmoe_whole_gradient *g = context;
    if (!gradient->at) {
        mmoe_gradient_keep(&g->room, gradient);
        return;
    }
    int32_t i = 0;
    while (g->kept[i].table != gradient->block) i++;
    mmoe_kept_rows_add(&g->kept[i], gradient);
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

static void sum_rows(void *context, int worker, int index) {
    (void)worker;
    const mmoe_whole_gradient *g = context;
    g->parts[piece_count(g) + index] =
        mmoe_kept_rows_squares(&g->kept[index / MMOE_TOUCH_PARTS], index % MMOE_TOUCH_PARTS);
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
    if (g->n_kept) mmoe_pool_run(pool, kept_parts(g), sum_rows, (void *)(uintptr_t)g);
    /* A part's rows are one rank's: elsewhere it is 0, which changes no sum. */
    if (g->n_kept && ranks)
        ranks->peers.sum(&ranks->peers, g->parts + piece_count(g), kept_parts(g));
    double sum = 0;
    for (int i = 0; i < piece_count(g) + kept_parts(g); i++) sum += g->parts[i];
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

static void apply_rows(void *context, int worker, int index) {
    (void)worker;
    const pieces *of = context;
    mmoe_kept_rows_hand_on(&of->gradient->kept[index / MMOE_TOUCH_PARTS], index % MMOE_TOUCH_PARTS,
                           of->optimizer->scale, mmoe_optimizer_apply, of->optimizer);
}

void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               const mmoe_ranks *ranks, mmoe_optimizer *optimizer) {
    pieces own = {g, optimizer, 0, g->room.params->n_whole};
    if (ranks) {
        own.first = ranks->peers.portions.from[ranks->peers.rank];
        own.end = ranks->peers.portions.from[ranks->peers.rank + 1];
    }
    run(&own, pool, apply_piece);
    if (g->n_kept) mmoe_pool_run(pool, kept_parts(g), apply_rows, &own);
}
