/* The first of several ranks of which the others do not exist: whatever it sends to one of them
 * comes back from there at once. It serves to time a rank's own part of a step (train/rehearsal.h).
 */
#ifndef MMOE_BASE_COMM_MIRROR_H
#define MMOE_BASE_COMM_MIRROR_H

#include "base/comm.h"

typedef struct mmoe_comm_mirror {
    mmoe_comm comm; /* first: a comm is this */
    const mmoe_exchange *ways[MMOE_N_WAY];
} mmoe_comm_mirror;

/* Rank 0 of `size`, which owns nothing. If it expects more bytes from a rank than it sends there,
 * the others are zeros. */
mmoe_comm_mirror mmoe_comm_mirror_of(int size);

#endif
