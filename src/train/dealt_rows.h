/* Rows of which each of several ranks has those that it owns, as one process has them: row behind
 * row, in a file. */
#ifndef MMOE_TRAIN_DEALT_ROWS_H
#define MMOE_TRAIN_DEALT_ROWS_H

#include "base/stretch.h"
#include "train/ranks.h"

/* By whom and in which room they are exchanged. */
typedef struct mmoe_dealing {
    mmoe_comm *comm;
    char *room; /* for windows (mmoe_whole_rows_room) */
    mmoe_pool *pool;
    const mmoe_allocator *alloc;
} mmoe_dealing;

/* A deferred table's records, or the weights of a table that is dealt. */
typedef struct mmoe_dealt_rows {
    mmoe_stretch own; /* this rank's, one behind the other */
    size_t size;      /* bytes of a row; 0: they are none of a deferred table */
    int64_t rows;     /* of all ranks */
    mmoe_deal deal;
} mmoe_dealt_rows;

/* They as others have stored them: owner o's, one behind the other, at parts[o]. */
typedef struct mmoe_dealt_parts {
    const mmoe_stretch *parts; /* [1 << shift] */
    int32_t shift;
} mmoe_dealt_parts;

/* Are any of an owner's rows, of these many owners, among those that are dealt so? */
static inline bool mmoe_deals_meet(mmoe_deal deal, mmoe_deal stored) {
    const int32_t shift = deal.shift < stored.shift ? deal.shift : stored.shift;
    return deal.owner >= 0 && ((deal.owner ^ stored.owner) & ((1 << shift) - 1)) == 0;
}

enum { MMOE_DEALT_WINDOW = MMOE_COLLECTED };

/* Bytes [at, end) of all rows, at most a window, come to `window` of the first rank. All ranks call
 * it. Errors as of mmoe_comm_exchange; MMOE_E_MEMORY; _IO: its own rows are in a file that cannot
 * be read. */
mmoe_status mmoe_dealt_rows_gather(const mmoe_dealing *by, const mmoe_dealt_rows *rows, size_t at,
                                   size_t end, char *window, mmoe_error *err);
/* Of all rows, as they are stored, this rank's, from the parts that have any of them alone. `by`
 * need not have other ranks. Errors as of mmoe_stretches_run; *failed: on MMOE_E_IO the part that
 * cannot be read, -1: where they go to cannot be written. */
mmoe_status mmoe_dealt_rows_read(const mmoe_dealing *by, const mmoe_dealt_rows *rows,
                                 const mmoe_dealt_parts *stored, int32_t *failed);

#endif
