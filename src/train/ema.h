/* The exponential moving average of the weights, which stands for them wherever a model is judged
 * or kept. */
#ifndef MMOE_TRAIN_EMA_H
#define MMOE_TRAIN_EMA_H

#include "base/pool.h"
#include "graph/params.h"

/* Begins at the weights. */
void mmoe_ema_start(mmoe_params *average, const mmoe_params *now);
/* After step `step`, counted from 1: average += (1 - d) (now - average), d = min(decay, (1 + step)
 * / (10 + step)), which forgets what the weights began with. In pieces of a fixed size: the same
 * bits for any number of workers. */
void mmoe_ema_update(mmoe_params *average, const mmoe_params *now, double decay, uint64_t step,
                     mmoe_pool *pool);
/* Takes what is not trained, running statistics and counters, as it is. */
void mmoe_ema_settle(mmoe_params *average, const mmoe_params *now);

#endif
