/* An allocator that counts, and reserves what is large: such memory has addresses and reads as 0,
 * and takes a page of the machine's only where it is written to. So what objects of any size would
 * take is seen by making them. For one thread at a time. */
#ifndef MMOE_BASE_RESERVE_H
#define MMOE_BASE_RESERVE_H

#include <stdbool.h>

#include "mmoe/mmoe.h"

typedef struct mmoe_reserve {
    int64_t bytes;   /* that are taken */
    int64_t refused; /* that would have been, had the system had the addresses; 0: it has had all */
} mmoe_reserve;

/* All its memory is 0. `reserve`, zeroed at first, must outlive what is made by it. */
mmoe_allocator mmoe_reserve_allocator(mmoe_reserve *reserve);
bool mmoe_is_reserve(const mmoe_allocator *a);

#endif
