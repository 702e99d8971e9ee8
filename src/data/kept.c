#include "data/kept.h"

#include <string.h>

#include "base/error.h"

mmoe_status mmoe_kept_begin(mmoe_kept *kept, const char *name, const mmoe_allocator *alloc,
                            mmoe_error *err) {
    *kept = (mmoe_kept){.name = mmoe_copy_text(alloc, name, strlen(name))};
    return kept->name ? mmoe_vocab_create(alloc, &kept->vocab, err)
                      : mmoe_fail_memory(err, strlen(name) + 1);
}

void mmoe_kept_finish(mmoe_kept *kept, const mmoe_allocator *alloc) {
    mmoe_release(alloc, kept->name);
    mmoe_release(alloc, kept->values);
    mmoe_vocab_free(kept->vocab);
}

mmoe_status mmoe_kept_merge(mmoe_vocab *vocab, const mmoe_kept *from, const mmoe_allocator *alloc,
                            int32_t **rows, mmoe_error *err) {
    const size_t values = (size_t)mmoe_vocab_rows(from->vocab);
    int32_t *merged = mmoe_alloc(alloc, values, sizeof *merged);
    if (!merged) return mmoe_fail_memory(err, values * sizeof *merged);
    const mmoe_status status = mmoe_vocab_merge(vocab, from->vocab, merged, err);
    if (status)
        mmoe_release(alloc, merged);
    else
        *rows = merged;
    return status;
}

mmoe_status mmoe_kept_sort(const mmoe_kept *kept, const uint32_t *from, int64_t rows, uint32_t *to,
                           const mmoe_allocator *alloc, mmoe_error *err) {
    const size_t values = (size_t)mmoe_vocab_rows(kept->vocab);
    size_t *next = mmoe_alloc_zero(alloc, values, sizeof *next), start = 0;
    if (!next) return mmoe_fail_memory(err, values * sizeof *next);
    for (int64_t i = 0; i < rows; i++) next[kept->values[from ? from[i] : i]]++;
    for (size_t v = 0; v < values; v++) {
        const size_t count = next[v];
        next[v] = start;
        start += count;
    }
    for (int64_t i = 0; i < rows; i++) {
        const uint32_t row = from ? from[i] : (uint32_t)i;
        to[next[kept->values[row]]++] = row;
    }
    mmoe_release(alloc, next);
    return MMOE_OK;
}

char *mmoe_kept_text(const mmoe_kept *kept, int32_t value, const mmoe_allocator *alloc) {
    char number[MMOE_NUMBER_SIZE];
    size_t length;
    const char *text = mmoe_vocab_key_text(kept->vocab, value, number, &length);
    return mmoe_copy_text(alloc, text, length);
}
