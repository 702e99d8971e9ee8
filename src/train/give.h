/* Of several ranks each updates its portion of the weights (graph/portions.h), and gives it to all.
 */
#ifndef MMOE_TRAIN_GIVE_H
#define MMOE_TRAIN_GIVE_H

#include <stdatomic.h>

#include "base/pool.h"
#include "train/ranks.h"

/* `room` [n_whole of ranks->dense], 0 between tensors, is written. Told is, too, whether one of the
 * others' weights is not finite. */
typedef struct mmoe_giving {
    mmoe_ranks *ranks;
    float *room;
    mmoe_pool *pool;
    atomic_bool *not_finite;
} mmoe_giving;
void mmoe_give_weights(const mmoe_giving *g);
/* The same in two parts, between which the weights are on their way: the others' are old ones until
 * they are taken. Without any on their way it takes none. */
void mmoe_give_ahead(const mmoe_giving *g);
void mmoe_take_ahead(const mmoe_giving *g);

#endif
