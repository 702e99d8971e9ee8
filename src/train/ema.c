#include "train/ema.h"

#include <math.h>
#include <string.h>

#include "math/kernels.h"

enum { PIECE = 1 << 14 };

void mmoe_ema_start(mmoe_params *average, const mmoe_params *now) {
    mmoe_params_copy(average, now);
}

typedef struct blending {
    mmoe_params *average;
    const mmoe_params *now;
    float rate;
} blending;

static void blend_piece(void *context, int worker, int index) {
    (void)worker;
    const blending *b = context;
    const int64_t first = (int64_t)index * PIECE;
    mmoe_params_part part;
    for (int64_t at = first; mmoe_params_next(b->now, &at, first + PIECE, &part);) {
        const float *now = b->now->blocks[part.block].memory.data;
        float *average = b->average->blocks[part.block].memory.data;
        mmoe_kernels_best()->blend((size_t)part.count, b->rate, now + part.offset,
                                   average + part.offset);
    }
}

void mmoe_ema_update(mmoe_params *average, const mmoe_params *now, double decay, uint64_t step,
                     mmoe_pool *pool) {
    const double d = fmin(decay, (1 + (double)step) / (10 + (double)step));
    blending b = {average, now, (float)(1 - d)};
    mmoe_pool_run(pool, (int)((now->n_whole + PIECE - 1) / PIECE), blend_piece, &b);
}

void mmoe_ema_settle(mmoe_params *average, const mmoe_params *now) {
    for (int32_t i = now->n_trained; i < now->n_block; i++) {
        const mmoe_block *b = &now->blocks[i].memory;
        memcpy(average->blocks[i].memory.data, b->data, mmoe_block_bytes(b));
    }
}
