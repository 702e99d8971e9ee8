/* Rows of small integers, where these are many of a table's keys: a look-up is one read. */
#ifndef MMOE_DATA_SMALL_INTS_H
#define MMOE_DATA_SMALL_INTS_H

#include <stdbool.h>

#include "base/alloc.h"

/* So many at most that the cache has them. */
enum { MMOE_MOST_SMALL_INTS = 1 << 16 };

/* Of the integers [0, count) all that have a row; begins as zeros. */
typedef struct mmoe_small_ints {
    int32_t *rows; /* [count], 0: it has none */
    size_t count;
} mmoe_small_ints;

static inline bool mmoe_small_ints_know(const mmoe_small_ints *s, int64_t value) {
    return (uint64_t)value < s->count;
}
/* keys[n - 1], the last of the keys [n] whose rows are 1, 2, ..., is new. Where it is not much
 * larger than they are many, it is known then, with all that are less; false when memory is out. */
bool mmoe_small_ints_add(mmoe_small_ints *s, const int64_t *keys, size_t n,
                         const mmoe_allocator *alloc);
/* False when memory is out, *to being zeros then. */
bool mmoe_small_ints_copy(const mmoe_small_ints *from, const mmoe_allocator *alloc,
                          mmoe_small_ints *to);
void mmoe_small_ints_finish(mmoe_small_ints *s, const mmoe_allocator *alloc);

#endif
