#include "train/ema.h"

#include <math.h>
#include <string.h>

#include "math/kernels.h"

enum { BLOCK = 1 << 14 };

void mmoe_ema_start(mmoe_params *average, const mmoe_params *now) {
    mmoe_params_copy(average, now);
}

typedef struct blending {
    float *average;
    const float *now;
    float rate;
    int64_t n_value;
} blending;

static void blend_block(void *context, int worker, int block) {
    (void)worker;
    const blending *b = context;
    const int64_t first = (int64_t)block * BLOCK, left = b->n_value - first;
    mmoe_kernels_best()->blend((size_t)(left < BLOCK ? left : BLOCK), b->rate, b->now + first,
                               b->average + first);
}

void mmoe_ema_update(mmoe_params *average, const mmoe_params *now, double decay, uint64_t step,
                     mmoe_pool *pool) {
    const double d = fmin(decay, (1 + (double)step) / (10 + (double)step));
    blending b = {average->values, now->values, (float)(1 - d), now->n_value};
    mmoe_pool_run(pool, (int)((now->n_value + BLOCK - 1) / BLOCK), blend_block, &b);
}

void mmoe_ema_settle(mmoe_params *average, const mmoe_params *now) {
    memcpy(average->states, now->states, (size_t)now->n_state * sizeof *now->states);
    memcpy(average->counters, now->counters, (size_t)now->n_counter * sizeof *now->counters);
}
