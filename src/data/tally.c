#include "data/tally.h"

#include <string.h>

static bool reserve(mmoe_tally *t, int64_t n, const mmoe_allocator *alloc) {
    if (n > t->capacity) {
        const int64_t grown = t->capacity + t->capacity / 2 + 64, wanted = grown > n ? grown : n;
        int64_t *counts =
            mmoe_resize(alloc, t->counts, (size_t)t->capacity, (size_t)wanted, sizeof *counts);
        if (!counts) return false;
        t->counts = counts;
        t->capacity = wanted;
    }
    if (n > t->n) memset(t->counts + t->n, 0, (size_t)(n - t->n) * sizeof *t->counts);
    if (n > t->n) t->n = n;
    return true;
}

bool mmoe_tally_add(mmoe_tally *tally, int32_t id, const mmoe_allocator *alloc) {
    if (id >= tally->n && !reserve(tally, (int64_t)id + 1, alloc)) return false;
    tally->counts[id]++;
    return true;
}

bool mmoe_tally_merge(mmoe_tally *tally, const mmoe_tally *from, const int32_t *ids,
                      const mmoe_allocator *alloc) {
    for (int64_t i = 0; i < from->n; i++) {
        if (!from->counts[i]) continue;
        if (ids[i] >= tally->n && !reserve(tally, (int64_t)ids[i] + 1, alloc)) return false;
        tally->counts[ids[i]] += from->counts[i];
    }
    return true;
}

bool mmoe_tally_settle(mmoe_tally *tally, int64_t n, const mmoe_allocator *alloc) {
    if (!reserve(tally, n, alloc)) return false;
    tally->rows = mmoe_alloc_zero(alloc, (size_t)tally->n, sizeof *tally->rows);
    return tally->rows;
}

void mmoe_tally_finish(mmoe_tally *tally, const mmoe_allocator *alloc) {
    mmoe_release(alloc, tally->counts);
    mmoe_release(alloc, tally->rows);
    *tally = (mmoe_tally){0};
}
