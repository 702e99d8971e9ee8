/* One rank of several that are not there: each of the others sends what this one sends it, at once.
 * For what a rank takes for its own part (train/rehearsal.h). */
#ifndef MMOE_BASE_COMM_MIRROR_H
#define MMOE_BASE_COMM_MIRROR_H

#include "base/comm.h"

typedef struct mmoe_comm_mirror {
    mmoe_comm comm; /* first: a comm is this */
    const mmoe_exchange *ways[MMOE_N_WAY];
} mmoe_comm_mirror;

/* Rank 0 of `size`. It owns nothing. Where it expects more of another than it sends, the rest is
 * zeros. */
mmoe_comm_mirror mmoe_comm_mirror_of(int size);

#endif
