#include "train/deferred.h"

enum { PIECE = 1 << 12, AHEAD = MMOE_RECORDS_FAR, SUMS_AHEAD = 4 }; /* rows */

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

/* Rows that are used soon, and what the history has of those that are used next. */
static void ask_ahead(const mmoe_optimizer *o, const mmoe_optimizer_block *b,
                      const mmoe_rows_read *read, int32_t i) {
    const int32_t far = row_at(read, i + AHEAD), near = i + SUMS_AHEAD;
    if (far >= 0) mmoe_record_ask(b, far, mmoe_ask_far);
    if (near < read->count) /* rows behind these are another worker's, who may write their step */
        mmoe_history_ask(&o->history,
                         place_of(&o->history, *mmoe_record_step(b, read->rows[near])));
}

void mmoe_deferred_refresh(void *context, const mmoe_rows_read *read) {
    const mmoe_optimizer *o = context;
    const mmoe_history *h = &o->history;
    const mmoe_optimizer_block own = o->blocks[read->table], *b = &own; /* which no store changes */
    const uint32_t now = (uint32_t)(h->base + (uint64_t)h->count);
    for (int32_t i = 0; i < read->count; i++) {
        ask_ahead(o, b, read, i);
        const mmoe_moved row = mmoe_record_row(b, read->rows[i]);
        uint32_t *step = mmoe_record_step(b, read->rows[i]);
        if (*step)
            mmoe_history_catch_up(h, place_of(h, *step), &row);
        else if (mmoe_history_decays(h))
            mmoe_history_decay(h, 0, &row);
        else
            continue;
        *step = now;
    }
}

/* ---- All rows ---- */

static int64_t pieces_of(const mmoe_optimizer_block *b) {
    return (mmoe_record_count(b) + PIECE - 1) / PIECE;
}

/* What a record says of its step stays: it is older than the history then. */
static void settle_piece(void *context, int worker, int index) {
    (void)worker;
    const mmoe_optimizer *o = context;
    const mmoe_optimizer_block *b = o->blocks;
    int64_t piece = index;
    while (piece >= pieces_of(b)) piece -= pieces_of(b++);
    const int64_t rows = mmoe_record_count(b), first = piece * PIECE,
                  end = first + PIECE < rows ? first + PIECE : rows;
    for (int64_t i = first; i < end; i++) {
        const int64_t r = mmoe_record_number(b, i);
        const mmoe_moved row = mmoe_record_row(b, r);
        const uint32_t step = *mmoe_record_step(b, r);
        if (step)
            mmoe_history_catch_up(&o->history, place_of(&o->history, step), &row);
        else if (mmoe_history_decays(&o->history))
            mmoe_history_decay(&o->history, 0, &row);
    }
}

void mmoe_deferred_settle(mmoe_optimizer *o, mmoe_pool *pool) {
    int64_t pieces = 0;
    if (o->history.count == 0) return;
    for (int32_t i = 0; i < o->n_block; i++) pieces += pieces_of(&o->blocks[i]);
    mmoe_pool_run(pool, (int)pieces, settle_piece, o);
    mmoe_history_restart(&o->history, o->history.base + (uint64_t)o->history.count);
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
