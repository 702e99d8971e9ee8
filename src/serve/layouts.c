#include "serve/layouts.h"

#include <string.h>

#include "base/error.h"

static void drop(const mmoe_allocator *alloc, mmoe_layout *l) {
    mmoe_counted_finish(&l->counted);
    mmoe_release(alloc, l->places);
    mmoe_release(alloc, l);
}

static int32_t place_of(const mmoe_layouts *all, const char *name) {
    for (const mmoe_layout *l = all->newest; l; l = l->next)
        for (int32_t i = 0; i < l->counted.n_column; i++)
            if (strcmp(l->counted.columns[i].name, name) == 0) return l->places[i];
    return -1;
}

static void add(mmoe_layouts *all, mmoe_layout *l) {
    for (int32_t i = 0; i < l->counted.n_column; i++) {
        l->places[i] = place_of(all, l->counted.columns[i].name);
        if (l->places[i] < 0) l->places[i] = all->n_column++;
    }
    l->next = all->newest;
    all->newest = l;
}

mmoe_status mmoe_layouts_find(mmoe_layouts *all, const struct mmoe_schema *schema,
                              const mmoe_layout **out, mmoe_error *err) {
    mmoe_layout *l = all->newest;
    while (l && !mmoe_counted_is_of(&l->counted, schema)) l = l->next;
    *out = l;
    if (l) return MMOE_OK;
    l = mmoe_alloc_zero(&all->alloc, 1, sizeof *l);
    if (!l) return mmoe_fail_memory(err, sizeof *l);
    l->counted.alloc = all->alloc;
    mmoe_status status = mmoe_counted_init(&l->counted, schema, &all->alloc, err);
    if (!status) {
        const size_t n = (size_t)l->counted.n_column;
        l->places = mmoe_alloc(&all->alloc, n, sizeof *l->places);
        if (!l->places) status = mmoe_fail_memory(err, n * sizeof *l->places);
    }
    if (status) {
        drop(&all->alloc, l);
        return status;
    }
    add(all, l);
    *out = l;
    return MMOE_OK;
}

void mmoe_layouts_finish(mmoe_layouts *all) {
    for (mmoe_layout *l = all->newest, *next; l; l = next) {
        next = l->next;
        drop(&all->alloc, l);
    }
}
