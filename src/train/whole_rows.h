/* Rows of deferred tables that several ranks own: each moves its own, so the others have old values
 * of them, until all come to all. */
#ifndef MMOE_TRAIN_WHOLE_ROWS_H
#define MMOE_TRAIN_WHOLE_ROWS_H

#include "train/optimizer.h"
#include "train/ranks.h"

/* Floats of the memory that is needed for that, of whatever number of rows: 4 MiB or a row of each
 * owner, and two records of each. */
int64_t mmoe_whole_rows_room(const mmoe_params *params);
/* Every owner's rows come to every rank, by room [mmoe_whole_rows_room]. What fails is kept with
 * the ranks. */
void mmoe_whole_rows_bring(mmoe_ranks *ranks, const mmoe_optimizer *o, float *room,
                           mmoe_pool *pool);

#endif
