/* How often each of the ids that a column learns was seen, and which rows they become. */
#ifndef MMOE_DATA_TALLY_H
#define MMOE_DATA_TALLY_H

#include <stdbool.h>

#include "base/alloc.h"

/* Ids count from 0. Begins as zeros. */
typedef struct mmoe_tally {
    int64_t n, capacity;
    int64_t *counts; /* [n] */
    int32_t *rows;   /* [n], NULL until mmoe_tally_settle; zeros then */
} mmoe_tally;

/* False: memory is out. */
bool mmoe_tally_add(mmoe_tally *tally, int32_t id, const mmoe_allocator *alloc);
/* What another tally has counted, its id i being ids[i] here. False: memory is out. */
bool mmoe_tally_merge(mmoe_tally *tally, const mmoe_tally *from, const int32_t *ids,
                      const mmoe_allocator *alloc);
/* Room for the ids below `n`, seen or not, and for what they become. */
bool mmoe_tally_settle(mmoe_tally *tally, int64_t n, const mmoe_allocator *alloc);
void mmoe_tally_finish(mmoe_tally *tally, const mmoe_allocator *alloc);

#endif
