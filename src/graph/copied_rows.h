/* Copies a chunk's rows out of the data set. The rows of a shuffled batch lie anywhere in it, and
 * reading one misses the cache and the TLB; so each row is prefetched some rows ahead. Forward and
 * backward pass then read the copy, and the loss finds the labels in the cache. */
#ifndef MMOE_GRAPH_COPIED_ROWS_H
#define MMOE_GRAPH_COPIED_ROWS_H

#include "graph/state.h"

/* Writes ids [count]: of each list of the row its id, if it is a list of one element without a
 * weight, else MMOE_NOT_ONE. */
void mmoe_copy_lists_of_one(const mmoe_lists *l, size_t row, int32_t *ids, int32_t count);
/* Copies the numbers of a span's rows to `x`, with zeros up to the stride, and their ids and lists
 * of one to `ids`. */
void mmoe_copy_chunk(const mmoe_run *r, const mmoe_node *n, const mmoe_span *s, float *x,
                     int32_t *ids);

#endif
