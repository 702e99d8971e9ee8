/* Rows of deferred tables, which a step leaves behind, brought up to date: those that a batch is
 * about to read, and all of them, before somebody else reads any. Of several ranks each has those
 * that it owns. */
#ifndef MMOE_TRAIN_DEFERRED_H
#define MMOE_TRAIN_DEFERRED_H

#include "base/pool.h"
#include "train/optimizer.h"

/* Of an optimizer that has a history. An mmoe_rows_visit; `context` is the optimizer. */
void mmoe_deferred_refresh(void *context, const mmoe_rows_read *read);
/* All rows that it has records of are then as of the last step. In pieces of a fixed size: the same
 * bits for any number of workers. */
void mmoe_deferred_settle(mmoe_optimizer *o, mmoe_pool *pool);
/* What that does to the first `rows` rows of a block that it has records of, for those who want to
 * know how long it takes: the history stays, so these rows have no meaning afterwards. */
void mmoe_deferred_settle_part(const mmoe_optimizer *o, mmoe_pool *pool, int32_t block,
                               int64_t rows);

/* Of all deferred tables: how many rows there are, and how many of them had no gradient in the last
 * `steps` steps. */
typedef struct mmoe_idle_rows {
    int64_t all, idle;
} mmoe_idle_rows;
mmoe_idle_rows mmoe_deferred_idle(const mmoe_optimizer *o, uint32_t steps);

#endif
