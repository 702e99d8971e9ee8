#include "train/numbering.h"

#include "base/error.h"

mmoe_status mmoe_numbering_open(mmoe_numbering *n, size_t most, const mmoe_allocator *alloc,
                                mmoe_error *err) {
    *n = (mmoe_numbering){.alloc = *alloc, .n_slot = 64};
    while (n->n_slot < 2 * most) n->n_slot *= 2;
    n->slots = mmoe_alloc_zero(alloc, n->n_slot, sizeof *n->slots);
    return n->slots ? MMOE_OK : mmoe_fail_memory(err, n->n_slot * sizeof *n->slots);
}

void mmoe_numbering_close(mmoe_numbering *n) {
    if (n->slots) mmoe_release(&n->alloc, n->slots);
    n->slots = NULL;
}

/* Its slot, or the empty one where it would stand. */
static mmoe_numbered *slot_of(const mmoe_numbering *n, uint64_t value) {
    size_t i = (size_t)(value * 0x9E3779B97F4A7C15u >> 32) & (n->n_slot - 1);
    while (n->slots[i].run == n->run && n->slots[i].value != value) i = (i + 1) & (n->n_slot - 1);
    return &n->slots[i];
}

int32_t mmoe_numbering_run(mmoe_numbering *n, const uint64_t *values, int32_t count,
                           int32_t *numbers) {
    int32_t known = 0;
    n->run++;
    for (int32_t i = 0; i < count; i++) {
        mmoe_numbered *s = slot_of(n, values[i]);
        if (s->run != n->run) *s = (mmoe_numbered){values[i], n->run, known++};
        numbers[i] = s->number;
    }
    return known;
}

int32_t mmoe_numbering_find(const mmoe_numbering *n, uint64_t value) {
    const mmoe_numbered *s = slot_of(n, value);
    return s->run == n->run ? s->number : MMOE_NO_NUMBER;
}
