#include "data/columns.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

typedef struct entry {
    const char *name;
    size_t position;
} entry;

struct mmoe_columns {
    mmoe_allocator alloc;
    size_t count;
    entry *sorted; /* [count] by name, then position */
};

static int by_name(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->position > y->position) - (x->position < y->position);
}

mmoe_status mmoe_columns_create(const char *const *names, size_t count, const char *file,
                                const mmoe_allocator *alloc, mmoe_columns **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_columns *c = mmoe_alloc(&a, 1, sizeof *c);
    entry *sorted = mmoe_alloc(&a, count, sizeof *sorted);
    if (!c || !sorted) {
        mmoe_release(&a, c);
        mmoe_release(&a, sorted);
        return mmoe_fail_memory(err, sizeof *c + count * sizeof *sorted);
    }
    for (size_t i = 0; i < count; i++) sorted[i] = (entry){names[i], i};
    qsort(sorted, count, sizeof *sorted, by_name);
    *c = (mmoe_columns){a, count, sorted};
    for (size_t i = 1; i < count; i++) {
        if (!*sorted[i].name || strcmp(sorted[i].name, sorted[i - 1].name) != 0) continue;
        mmoe_status status = mmoe_fail_at(err, MMOE_E_FORMAT, file, file ? 1 : 0, sorted[i].name,
                                          "columns %zu and %zu have the same name",
                                          sorted[i - 1].position + 1, sorted[i].position + 1);
        mmoe_columns_free(c);
        return status;
    }
    *out = c;
    return MMOE_OK;
}

void mmoe_columns_free(mmoe_columns *columns) {
    if (!columns) return;
    mmoe_allocator a = columns->alloc;
    mmoe_release(&a, columns->sorted);
    mmoe_release(&a, columns);
}

int64_t mmoe_columns_find(const mmoe_columns *columns, const char *name) {
    size_t low = 0, high = columns->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(columns->sorted[middle].name, name);
        if (order == 0) return (int64_t)columns->sorted[middle].position;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
