/* The one clock: seconds that only grow, from a time that means nothing. */
#ifndef MMOE_BASE_CLOCK_H
#define MMOE_BASE_CLOCK_H

#include <time.h>

static inline double mmoe_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
