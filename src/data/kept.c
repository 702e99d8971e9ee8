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
    merged[0] = 0;
    const mmoe_status status = mmoe_vocab_merge(vocab, from->vocab, 1, merged, err);
    if (status)
        mmoe_release(alloc, merged);
    else
        *rows = merged;
    return status;
}

char *mmoe_kept_text(const mmoe_kept *kept, int32_t value, const mmoe_allocator *alloc) {
    char number[MMOE_NUMBER_SIZE];
    size_t length;
    const char *text = mmoe_vocab_key_text(kept->vocab, value, number, &length);
    return mmoe_copy_text(alloc, text, length);
}
