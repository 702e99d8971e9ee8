/* A shuffled batch's rows lie anywhere in the data set, and each costs misses of cache and TLB. A
 * chunk's rows are first copied, each asked for some rows ahead; what follows, and the gradient's
 * scatter, reads the copy. The loss finds the labels in the cache. */
#ifndef MMOE_GRAPH_COPIED_ROWS_H
#define MMOE_GRAPH_COPIED_ROWS_H

#include "graph/state.h"

/* The ids of a row's lists [count], of which one has one element without a weight; of others
 * MMOE_NOT_ONE. */
void mmoe_copy_lists_of_one(const mmoe_lists *l, size_t row, int32_t *ids, int32_t count);
/* The rows' numbers to `x`, with zeros behind them, ids and lists of one to `ids`. */
void mmoe_copy_chunk(const mmoe_run *r, const mmoe_node *n, const mmoe_span *s, float *x,
                     int32_t *ids);

#endif
