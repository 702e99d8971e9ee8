/* What the ranks of a job must have in common before they work together. */
#ifndef MMOE_TRAIN_AGREE_H
#define MMOE_TRAIN_AGREE_H

#include "base/comm_agree.h"

/* A number that all have: of steps done, or a hash. */
typedef struct mmoe_agree_number {
    const char *name;
    uint64_t value;
} mmoe_agree_number;

enum { MMOE_AGREE_NUMBERS = 12 };

/* Of library, kernels and BLAS core, which this adds, and the numbers [n], at most so many. The
 * first may be unlike with `allow`, which is told of each sentence; other versions than of another
 * patch never. MMOE_E_CONFIG, and as mmoe_comm_exchange. */
typedef struct mmoe_agreement {
    mmoe_comm *comm;
    const mmoe_agree_number *numbers;
    int n;
    void (*allow)(void *context, const char *sentence); /* NULL: nothing may be unlike */
    void *context;
} mmoe_agreement;
mmoe_status mmoe_agree(const mmoe_agreement *a, const mmoe_allocator *alloc, mmoe_error *err);

uint64_t mmoe_agree_hash(const char *text); /* NULL counts as "" */

#endif
