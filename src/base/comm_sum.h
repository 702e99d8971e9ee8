/* Sums over ranks in an order that is ours: as one process that has the ranks' values beside each
 * other adds them in pairs, ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). The same bits on every rank,
 * whatever the engine. */
#ifndef MMOE_BASE_COMM_SUM_H
#define MMOE_BASE_COMM_SUM_H

#include "base/comm.h"

typedef struct mmoe_comm_sum mmoe_comm_sum;

/* For arrays of at most `most` bytes, of which it takes as much memory; a sum allocates nothing.
 * Belongs to one rank, whose `c` outlives it. MMOE_E_MEMORY. */
mmoe_status mmoe_comm_sum_create(mmoe_comm *c, uint64_t most, const mmoe_allocator *alloc,
                                 mmoe_comm_sum **out, mmoe_error *err);
void mmoe_comm_sum_free(mmoe_comm_sum *s);

/* values[0 .. n) become the sums over ranks; every rank gives the same n. Small arrays take log2 of
 * size messages to another rank each, others are cut into a slice a rank, which adds it up: 2 n
 * (size - 1) / size values sent by each. Subnormal numbers are what the calling thread takes them
 * for. `what` as of an exchange; errors as of mmoe_comm_exchange. */
mmoe_status mmoe_comm_sum_floats(mmoe_comm_sum *s, float *values, uint64_t n, const char *what,
                                 mmoe_error *err);
mmoe_status mmoe_comm_sum_doubles(mmoe_comm_sum *s, double *values, uint64_t n, const char *what,
                                  mmoe_error *err);

/* Rank r's part of `values`, from[r] to from[r + 1], becomes the sums over ranks there; the rest
 * stays as it is: half of what whole sums cost. `values` may be longer than what there is memory
 * for. */
mmoe_status mmoe_comm_sum_parts(mmoe_comm_sum *s, float *values, const int64_t *from,
                                const char *what, mmoe_error *err);

#endif
