/* A part of a vocabulary's keys as a vocabulary. */
#include <string.h>

#include "base/error.h"
#include "data/vocab.h"

static mmoe_status keep_ints(const mmoe_vocab *v, const int32_t *rows, const mmoe_allocator *alloc,
                             mmoe_vocab **out, mmoe_error *err) {
    const size_t most = (size_t)mmoe_vocab_rows(v);
    int64_t *keys = mmoe_alloc(alloc, most, sizeof *keys);
    size_t count = 0;
    if (!keys) return mmoe_fail_memory(err, most * sizeof *keys);
    for (size_t row = 1; row < most; row++)
        if (rows[row]) keys[count++] = mmoe_vocab_int_key(v, (int64_t)row);
    const mmoe_status status = mmoe_vocab_from_ints(keys, count, alloc, out, err);
    mmoe_release(alloc, keys);
    return status;
}

/* The kept texts, one after the other, their count and where each ends; bytes may be NULL. */
static size_t gather_texts(const mmoe_vocab *v, const int32_t *rows, char *bytes,
                           int64_t *offsets) {
    size_t used = 0, length;
    for (int64_t row = 1; row < mmoe_vocab_rows(v); row++) {
        if (!rows[row]) continue;
        const char *text = mmoe_vocab_text_key(v, row, &length);
        if (bytes) memcpy(bytes + used, text, length);
        used += length;
        offsets[rows[row]] = (int64_t)used;
    }
    return used;
}

static mmoe_status keep_texts(const mmoe_vocab *v, const int32_t *rows, const mmoe_allocator *alloc,
                              mmoe_vocab **out, mmoe_error *err) {
    const size_t most = (size_t)mmoe_vocab_rows(v);
    size_t count = 0;
    int64_t *offsets = mmoe_alloc_zero(alloc, most, sizeof *offsets);
    if (!offsets) return mmoe_fail_memory(err, most * sizeof *offsets);
    for (size_t row = 1; row < most; row++) count += rows[row] != 0;
    const size_t n_bytes = gather_texts(v, rows, NULL, offsets);
    char *bytes = mmoe_alloc(alloc, n_bytes, 1);
    mmoe_status status = bytes ? MMOE_OK : mmoe_fail_memory(err, n_bytes);
    if (!status) {
        gather_texts(v, rows, bytes, offsets);
        const mmoe_packed_texts kept = {bytes, n_bytes, offsets, count};
        status = mmoe_vocab_from_texts(&kept, alloc, out, err);
    }
    mmoe_release(alloc, bytes);
    mmoe_release(alloc, offsets);
    return status;
}

mmoe_status mmoe_vocab_keep(const mmoe_vocab *vocab, const int32_t *rows,
                            const mmoe_allocator *alloc, mmoe_vocab **out, mmoe_error *err) {
    return mmoe_vocab_is_int(vocab) ? keep_ints(vocab, rows, alloc, out, err)
                                    : keep_texts(vocab, rows, alloc, out, err);
}
