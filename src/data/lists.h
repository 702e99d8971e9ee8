/* Lists of ids: how many a row has, and what becomes of one. */
#ifndef MMOE_DATA_LISTS_H
#define MMOE_DATA_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmoe/mmoe.h"

/* The largest weight: neither a list's sum of them nor one times an embedding passes a float. */
#define MMOE_MOST_WEIGHT 1e18f

/* How the vectors of a list's elements become inputs. Weights w are 1 where none are given; of an
 * empty list, and of weights that are all 0, the inputs are 0.
 *   mean    sum of w e / sum of w
 *   sum     sum of w e
 *   max     the largest of each column; no weights
 *   concat  the first max_len elements one behind another, 0 behind the last; no weights */
#define MMOE_POOLINGS(X)                                                                           \
    X(MMOE_POOL_MEAN, mean)                                                                        \
    X(MMOE_POOL_SUM, sum)                                                                          \
    X(MMOE_POOL_MAX, max)                                                                          \
    X(MMOE_POOL_CONCAT, concat)

#define MMOE_POOLING_NAME(name, word) name,
typedef enum mmoe_pooling { MMOE_POOLINGS(MMOE_POOLING_NAME) MMOE_POOLING_COUNT } mmoe_pooling;
#undef MMOE_POOLING_NAME

/* Which elements of a list stay that has more than max_len. */
#define MMOE_TRUNCATIONS(X)                                                                        \
    X(MMOE_KEEP_LAST, last)                                                                        \
    X(MMOE_KEEP_FIRST, first)

#define MMOE_TRUNCATION_NAME(name, word) name,
typedef enum mmoe_truncation { MMOE_TRUNCATIONS(MMOE_TRUNCATION_NAME) } mmoe_truncation;
#undef MMOE_TRUNCATION_NAME

/* How a cell is cut into elements, and what becomes of them. */
typedef struct mmoe_list_how {
    char separator, weight_separator; /* '\0': elements have no weights */
    int32_t max_len;                  /* 0: no bound */
    mmoe_truncation truncate;
    mmoe_pooling pooling;
    bool brackets; /* cells are as "['a', 'b']" */
} mmoe_list_how;

/* One list. */
typedef struct mmoe_list {
    int64_t count;
    const int32_t *ids;   /* [count] rows of its table */
    const float *weights; /* [count], at least 0; NULL: all 1 */
} mmoe_list;

static inline mmoe_list mmoe_list_of(const mmoe_lists *l, size_t row, int32_t list) {
    const int64_t *at = l->offsets + row * (size_t)l->count + (size_t)list;
    return (mmoe_list){at[1] - at[0], l->ids + at[0], l->weights ? l->weights + at[0] : NULL};
}

#endif
