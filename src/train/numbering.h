/* Numbers for distinct values, in the order in which they first come. */
#ifndef MMOE_TRAIN_NUMBERING_H
#define MMOE_TRAIN_NUMBERING_H

#include "base/alloc.h"

enum { MMOE_NO_NUMBER = -1 };

typedef struct mmoe_numbered {
    uint64_t value;
    uint32_t run; /* of which it is; another one's counts as empty */
    int32_t number;
} mmoe_numbered;

typedef struct mmoe_numbering {
    mmoe_allocator alloc;
    mmoe_numbered *slots; /* [n_slot] a power of two */
    size_t n_slot;
    uint32_t run;
} mmoe_numbering;

/* For at most `most` values at a time. MMOE_E_MEMORY. */
mmoe_status mmoe_numbering_open(mmoe_numbering *n, size_t most, const mmoe_allocator *alloc,
                                mmoe_error *err);
void mmoe_numbering_close(mmoe_numbering *n);

/* Forgets what it knows, and numbers values [count], equal ones alike, from 0 on. Returns how many
 * are distinct. */
int32_t mmoe_numbering_run(mmoe_numbering *n, const uint64_t *values, int32_t count,
                           int32_t *numbers);
/* The number that a value had in the last run, or MMOE_NO_NUMBER. */
int32_t mmoe_numbering_find(const mmoe_numbering *n, uint64_t value);

#endif
