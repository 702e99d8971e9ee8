#include "train/deferred.h"

enum { PIECE = 1 << 12, AHEAD = MMOE_RECORDS_FAR, TOGETHER = 16 }; /* rows */

/* Steps since the history's first one behind which the row is. (The step in the record is its last
 * 32 bits; and a row that has been settled since is as of the first.) */
static int64_t place_of(const mmoe_history *h, uint32_t step) {
    const uint32_t since = step - (uint32_t)h->base;
    return since <= (uint32_t)h->count ? since : 0;
}

/* Row `i` of what is read and will be; -1: nothing is known of it. */
static int32_t row_at(const mmoe_rows_read *read, int32_t i) {
    if (i < read->count) return read->rows[i];
    i -= read->count;
    return i < read->later ? read->later_rows[i] : -1;
}

/* Rows that leap together: a row's instructions depend on each other, those of several do not. */
typedef struct leaping {
    const mmoe_history *history;
    const mmoe_optimizer_block *block;
    size_t count;
    mmoe_leap_row rows[TOGETHER];
    mmoe_leap_args room[TOGETHER];
} leaping;

static void leap_all(leaping *l) {
    const mmoe_kernels *k = l->history->rule.kernels;
    if (l->count) k->leap((size_t)l->block->dim, l->rows, l->count);
    l->count = 0;
}

/* A row of which the steps up to base + at are done; at -1: it never had a gradient. */
static void bring_row(leaping *l, int64_t at, int64_t number) {
    const mmoe_moved row = mmoe_record_row(l->block, number);
    const mmoe_leap_args *args =
        at < 0 ? NULL : mmoe_history_leap(l->history, at, &l->room[l->count]);
    if (args) {
        l->rows[l->count++] = (mmoe_leap_row){args, row.w, row.m, row.v};
        if (l->count == TOGETHER) leap_all(l);
    } else if (at >= 0) {
        mmoe_history_catch_up(l->history, at, &row);
    } else if (mmoe_history_decays(l->history)) {
        mmoe_history_decay(l->history, 0, &row);
    }
}

/* Places of some rows from the i-th on, and those that are read soon are on their way. */
static void find_places(const mmoe_optimizer *o, const mmoe_optimizer_block *b,
                        const mmoe_rows_read *read, int32_t i, int32_t n, int64_t *at) {
    for (int32_t k = 0; k < n; k++) {
        const int32_t far = row_at(read, i + k + AHEAD);
        if (far >= 0) mmoe_record_ask(b, far, mmoe_ask_far);
        const uint32_t step = *mmoe_record_step(b, read->rows[i + k]);
        at[k] = step ? place_of(&o->history, step) : -1;
        if (step) mmoe_history_ask(&o->history, at[k]);
    }
}

void mmoe_deferred_refresh(void *context, const mmoe_rows_read *read) {
    const mmoe_optimizer *o = context;
    const mmoe_history *h = &o->history;
    const mmoe_optimizer_block own = o->blocks[read->table]; /* which no store changes */
    const uint32_t now = (uint32_t)(h->base + (uint64_t)h->count);
    const bool decays = mmoe_history_decays(h);
    leaping l = {.history = h, .block = &own};
    for (int32_t i = 0, n; i < read->count; i += n) {
        int64_t at[TOGETHER];
        n = read->count - i < TOGETHER ? read->count - i : TOGETHER;
        find_places(o, &own, read, i, n, at);
        for (int32_t k = 0; k < n; k++) {
            bring_row(&l, at[k], read->rows[i + k]);
            if (at[k] >= 0 || decays) *mmoe_record_step(&own, read->rows[i + k]) = now;
        }
    }
    leap_all(&l);
}

/* ---- All rows ---- */

static int64_t pieces_of(const mmoe_optimizer_block *b) {
    return (mmoe_record_count(b) + PIECE - 1) / PIECE;
}

/* Rows [first, end) of those that it has records of. What a record says of its step stays: it is
 * older than the history then. */
static void settle_range(const mmoe_optimizer *o, const mmoe_optimizer_block *b, int64_t first,
                         int64_t end) {
    leaping l = {.history = &o->history, .block = b};
    for (int64_t i = first; i < end; i++) {
        const int64_t r = mmoe_record_number(b, i);
        const uint32_t step = *mmoe_record_step(b, r);
        bring_row(&l, step ? place_of(&o->history, step) : -1, r);
    }
    leap_all(&l);
}

static void settle_piece(void *context, int worker, int index) {
    (void)worker;
    const mmoe_optimizer *o = context;
    const mmoe_optimizer_block *b = o->blocks;
    int64_t piece = index;
    while (piece >= pieces_of(b)) piece -= pieces_of(b++);
    const int64_t rows = mmoe_record_count(b), first = piece * PIECE;
    settle_range(o, b, first, first + PIECE < rows ? first + PIECE : rows);
}

void mmoe_deferred_settle(mmoe_optimizer *o, mmoe_pool *pool) {
    int64_t pieces = 0;
    if (o->history.count == 0) return;
    for (int32_t i = 0; i < o->n_block; i++) pieces += pieces_of(&o->blocks[i]);
    mmoe_pool_run(pool, (int)pieces, settle_piece, o);
    mmoe_history_restart(&o->history, o->history.base + (uint64_t)o->history.count);
}

typedef struct settled_part {
    const mmoe_optimizer *o;
    int32_t block;
    int pieces;
    int64_t rows;
} settled_part;

static void settle_share(void *context, int worker, int index) {
    (void)worker;
    const settled_part *p = context;
    settle_range(p->o, &p->o->blocks[p->block], p->rows * index / p->pieces,
                 p->rows * (index + 1) / p->pieces);
}

void mmoe_deferred_settle_part(const mmoe_optimizer *o, mmoe_pool *pool, int32_t block,
                               int64_t rows) {
    enum { EACH = 4 }; /* pieces of a worker */
    settled_part part = {o, block, EACH * mmoe_pool_workers(pool), rows};
    mmoe_pool_run(pool, part.pieces, settle_share, &part);
}

mmoe_idle_rows mmoe_deferred_idle(const mmoe_optimizer *o, uint32_t steps) {
    mmoe_idle_rows found = {0, 0};
    for (const mmoe_optimizer_block *b = o->blocks; b < o->blocks + o->n_block; b++) {
        const int64_t rows = mmoe_record_count(b);
        for (int64_t i = 0; i < rows; i++)
            found.idle +=
                (uint32_t)o->steps - *mmoe_record_step(b, mmoe_record_number(b, i)) >= steps;
        found.all += rows;
    }
    return found;
}
