#include "data/small_ints.h"

#include <string.h>

/* Knows the integers [0, count) from now on. */
static bool begin(mmoe_small_ints *s, size_t count, const int64_t *keys, size_t n,
                  const mmoe_allocator *alloc) {
    int32_t *rows = mmoe_alloc_zero(alloc, count, sizeof *rows);
    if (!rows) return false;
    for (size_t i = 0; i < n; i++)
        if ((uint64_t)keys[i] < count) rows[keys[i]] = (int32_t)i + 1;
    mmoe_small_ints_finish(s, alloc);
    *s = (mmoe_small_ints){rows, count};
    return true;
}

bool mmoe_small_ints_add(mmoe_small_ints *s, const int64_t *keys, size_t n,
                         const mmoe_allocator *alloc) {
    enum { FIRST = 256, SPARSE = 4 };
    const uint64_t value = (uint64_t)keys[n - 1], bound = SPARSE * (uint64_t)n + FIRST;
    size_t count = FIRST;
    if (value < s->count) {
        s->rows[value] = (int32_t)n;
        return true;
    }
    if (value >= MMOE_MOST_SMALL_INTS || value >= bound) return true;
    while (count <= value) count *= 2;
    return begin(s, count, keys, n, alloc);
}

bool mmoe_small_ints_copy(const mmoe_small_ints *from, const mmoe_allocator *alloc,
                          mmoe_small_ints *to) {
    *to = (mmoe_small_ints){0};
    if (!from->count) return true;
    to->rows = mmoe_alloc(alloc, from->count, sizeof *to->rows);
    if (!to->rows) return false;
    memcpy(to->rows, from->rows, from->count * sizeof *to->rows);
    to->count = from->count;
    return true;
}

void mmoe_small_ints_finish(mmoe_small_ints *s, const mmoe_allocator *alloc) {
    mmoe_release(alloc, s->rows);
    *s = (mmoe_small_ints){0};
}
