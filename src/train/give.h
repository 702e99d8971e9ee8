/* Of several ranks each updates its portion of the weights (graph/portions.h), and gives it to all.
 */
#ifndef MMOE_TRAIN_GIVE_H
#define MMOE_TRAIN_GIVE_H

#include <stdatomic.h>

#include "base/pool.h"
#include "train/ranks.h"

/* `room` [n_whole of ranks->dense], 0 between tensors, is written. Tells, too, whether one of the
 * others' weights is not finite. */
void mmoe_give_weights(mmoe_ranks *ranks, float *room, mmoe_pool *pool, atomic_bool *not_finite);

#endif
