/* A vocabulary while it learns, and its keys. */
#include <assert.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/missing.h"
#include "base/short_number.h"
#include "base/text.h"
#include "data/vocab_parts.h"

enum { FIRST_ROWS = 16 };

/* ---- Making ---- */

/* Found in random order, so large tables stand in large pages. */
static mmoe_vocab_slot *new_slots(const mmoe_allocator *a, size_t n_slots) {
    mmoe_vocab_slot *slots = mmoe_alloc_aligned(a, n_slots, sizeof *slots);
    if (slots) memset(slots, 0, n_slots * sizeof *slots);
    return slots;
}

mmoe_status mmoe_vocab_create(const mmoe_allocator *alloc, mmoe_vocab **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_vocab *v = mmoe_alloc_zero(&a, 1, sizeof *v);
    if (!v) return mmoe_fail_memory(err, sizeof *v);
    v->alloc = a;
    v->is_int = true;
    v->rows = 1;
    v->most = INT32_MAX - 1;
    v->capacity = FIRST_ROWS;
    v->n_slots = 2 * FIRST_ROWS;
    v->keys = mmoe_alloc(&a, FIRST_ROWS, sizeof *v->keys);
    v->slots = new_slots(&a, v->n_slots);
    if (!v->keys || !v->slots) {
        mmoe_vocab_free(v);
        return mmoe_fail_memory(err,
                                FIRST_ROWS * sizeof *v->keys + 2 * FIRST_ROWS * sizeof *v->slots);
    }
    *out = v;
    return MMOE_OK;
}

void mmoe_vocab_free(mmoe_vocab *vocab) {
    if (!vocab) return;
    mmoe_allocator a = vocab->alloc;
    mmoe_release(&a, vocab->keys);
    mmoe_release(&a, vocab->bytes);
    mmoe_small_ints_finish(&vocab->small, &a);
    mmoe_release_aligned(&a, vocab->slots);
    mmoe_release(&a, vocab);
}

mmoe_status mmoe_vocab_copy(const mmoe_vocab *vocab, const mmoe_allocator *alloc, mmoe_vocab **out,
                            mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_vocab *v = mmoe_alloc(&a, 1, sizeof *v);
    if (!v) return mmoe_fail_memory(err, sizeof *v);
    *v = *vocab;
    v->alloc = a;
    v->capacity = vocab->rows;
    v->bytes_capacity = vocab->n_bytes;
    v->keys = mmoe_alloc(&a, (size_t)v->capacity, sizeof *v->keys);
    v->slots = mmoe_alloc_aligned(&a, v->n_slots, sizeof *v->slots);
    v->bytes = vocab->bytes ? mmoe_alloc(&a, v->n_bytes, 1) : NULL;
    const bool is_small_copied = mmoe_small_ints_copy(&vocab->small, &a, &v->small);
    if (!v->keys || !v->slots || !is_small_copied || (vocab->bytes && !v->bytes)) {
        mmoe_vocab_free(v);
        return mmoe_fail_memory(err, (size_t)vocab->rows * sizeof *v->keys +
                                         vocab->n_slots * sizeof *v->slots + vocab->n_bytes);
    }
    memcpy(v->keys, vocab->keys, (size_t)(vocab->rows - 1) * sizeof *v->keys);
    memcpy(v->slots, vocab->slots, v->n_slots * sizeof *v->slots);
    if (v->bytes) memcpy(v->bytes, vocab->bytes, v->n_bytes);
    *out = v;
    return MMOE_OK;
}

void mmoe_vocab_bound(mmoe_vocab *vocab, int64_t most) { vocab->most = most; }

size_t mmoe_vocab_bytes(const mmoe_vocab *v) {
    return (size_t)v->capacity * sizeof *v->keys + v->n_slots * sizeof *v->slots +
           v->bytes_capacity;
}

mmoe_status mmoe_vocab_reserve_rows(mmoe_vocab *v, int64_t rows, mmoe_error *err) {
    if (rows > v->capacity) {
        int64_t capacity =
            v->capacity + v->capacity / 2 > rows ? v->capacity + v->capacity / 2 : rows;
        int64_t *keys =
            mmoe_resize(&v->alloc, v->keys, (size_t)v->capacity, (size_t)capacity, sizeof *keys);
        if (!keys) return mmoe_fail_memory(err, (size_t)capacity * sizeof *keys);
        v->keys = keys;
        v->capacity = capacity;
    }
    size_t n_slots = v->n_slots;
    while (n_slots < 2 * (size_t)rows) n_slots *= 2;
    if (n_slots == v->n_slots) return MMOE_OK;
    mmoe_vocab_slot *slots = new_slots(&v->alloc, n_slots);
    if (!slots) return mmoe_fail_memory(err, n_slots * sizeof *slots);
    for (size_t i = 0; i < v->n_slots; i++)
        if (v->slots[i].row) mmoe_vocab_put_slot(slots, n_slots, v->slots[i]);
    mmoe_release_aligned(&v->alloc, v->slots);
    v->slots = slots;
    v->n_slots = n_slots;
    return MMOE_OK;
}

mmoe_status mmoe_vocab_reserve_bytes(mmoe_vocab *v, size_t more, mmoe_error *err) {
    size_t wanted = v->n_bytes + more;
    if (v->bytes && wanted <= v->bytes_capacity) return MMOE_OK;
    size_t capacity = v->bytes_capacity + v->bytes_capacity / 2;
    if (capacity < wanted) capacity = wanted < 256 ? 256 : wanted;
    char *bytes = mmoe_resize(&v->alloc, v->bytes, v->bytes_capacity, capacity, 1);
    if (!bytes) return mmoe_fail_memory(err, capacity);
    v->bytes = bytes;
    v->bytes_capacity = capacity;
    return MMOE_OK;
}

static mmoe_status new_row(mmoe_vocab *v, mmoe_error *err) {
    if (v->rows > v->most)
        return mmoe_fail(err, MMOE_E_DATA, "the vocabulary holds at most %lld values",
                         (long long)v->most);
    return mmoe_vocab_reserve_rows(v, v->rows, err);
}

static mmoe_status enter_int(mmoe_vocab *v, int64_t value, mmoe_error *err) {
    mmoe_status status = new_row(v, err);
    if (status) return status;
    v->keys[v->rows - 1] = value;
    if (!mmoe_small_ints_add(&v->small, v->keys, (size_t)v->rows, &v->alloc))
        return mmoe_fail_memory(err, MMOE_MOST_SMALL_INTS * sizeof(int32_t));
    mmoe_vocab_put_slot(v->slots, v->n_slots,
                        (mmoe_vocab_slot){(uint32_t)v->rows++, mmoe_vocab_int_hash(value)});
    return MMOE_OK;
}

static mmoe_status enter_text(mmoe_vocab *v, const char *text, size_t length, uint32_t hash,
                              mmoe_error *err) {
    mmoe_status status = new_row(v, err);
    if (!status) status = mmoe_vocab_reserve_bytes(v, length, err);
    if (status) return status;
    memcpy(v->bytes + v->n_bytes, text, length);
    v->keys[v->rows - 1] = (int64_t)v->n_bytes;
    v->n_bytes += length;
    mmoe_vocab_put_slot(v->slots, v->n_slots, (mmoe_vocab_slot){(uint32_t)v->rows++, hash});
    return MMOE_OK;
}

/* The type is part of the hash: texts' keys are places, which might look like integers. */
void mmoe_vocab_finish_keys(mmoe_vocab *v) {
    const int64_t n = v->rows - 1, whole = n / MMOE_KEYS_A_BLOCK * MMOE_KEYS_A_BLOCK;
    v->finished = true;
    if (!v->summed) v->sum = mmoe_checksum_seeded(v->is_int);
    mmoe_checksum_add(&v->sum, v->keys + v->summed, (size_t)(whole - v->summed) * sizeof *v->keys);
    v->summed = whole;
    mmoe_checksum all = v->sum;
    mmoe_checksum_add(&all, v->keys + whole, (size_t)(n - whole) * sizeof *v->keys);
    v->hash = mmoe_checksum_end(&all);
    if (!v->is_int) v->hash = mmoe_checksum_hash(v->hash, v->bytes, v->n_bytes);
}

/* ---- Learning ---- */

bool mmoe_vocab_is_integer(const char *text, size_t length) {
    int64_t value;
    return mmoe_parse_printed(text, length, &value);
}

/* A value came that is no integer: the keys so far become the texts that they were. */
static mmoe_status turn_to_texts(mmoe_vocab *v, mmoe_error *err) {
    size_t total = 0;
    char text[MMOE_NUMBER_SIZE];
    for (int64_t i = 0; i < v->rows - 1; i++) total += mmoe_format_integer(v->keys[i], text);
    mmoe_status status = mmoe_vocab_reserve_bytes(v, total, err);
    if (status) return status;
    mmoe_small_ints_finish(&v->small, &v->alloc);
    memset(v->slots, 0, v->n_slots * sizeof *v->slots);
    for (int64_t i = 0; i < v->rows - 1; i++) {
        size_t n = mmoe_format_integer(v->keys[i], text);
        memcpy(v->bytes + v->n_bytes, text, n);
        v->keys[i] = (int64_t)v->n_bytes;
        v->n_bytes += n;
        mmoe_vocab_put_slot(v->slots, v->n_slots,
                            (mmoe_vocab_slot){(uint32_t)(i + 1), mmoe_vocab_text_hash(text, n)});
    }
    v->is_int = false;
    v->summed = 0;
    return MMOE_OK;
}

mmoe_status mmoe_vocab_add_int(mmoe_vocab *vocab, int64_t value, int32_t *row, mmoe_error *err) {
    assert(vocab->is_int && !vocab->finished);
    *row = mmoe_vocab_look_up_int(vocab, value);
    const mmoe_status status = *row ? MMOE_OK : enter_int(vocab, value, err);
    if (!*row && !status) *row = (int32_t)(vocab->rows - 1);
    return status;
}

mmoe_status mmoe_vocab_add(mmoe_vocab *vocab, const char *text, size_t length, int32_t *row,
                           mmoe_error *err) {
    assert(!vocab->finished);
    *row = 0;
    int64_t value;
    if (vocab->is_int && mmoe_short_printed(text, length, &value))
        return mmoe_vocab_add_int(vocab, value, row, err);
    const bool is_integer = mmoe_parse_printed(text, length, &value);
    if (is_integer && vocab->is_int) return mmoe_vocab_add_int(vocab, value, row, err);
    text = mmoe_trim_blanks(text, &length);
    if (length == 0) return MMOE_OK;
    mmoe_status status = vocab->is_int ? turn_to_texts(vocab, err) : MMOE_OK;
    if (status) return status;
    char number[MMOE_NUMBER_SIZE];
    if (is_integer) {
        length = mmoe_format_integer(value, number);
        text = number;
    }
    uint32_t hash = mmoe_vocab_text_hash(text, length);
    *row = mmoe_vocab_look_up_text(vocab, text, length, hash);
    if (!*row && !(status = enter_text(vocab, text, length, hash, err)))
        *row = (int32_t)(vocab->rows - 1);
    return status;
}

/* Gives back what growing left over; a failure to shrink leaves memory that is only larger. */
mmoe_status mmoe_vocab_finish(mmoe_vocab *vocab, mmoe_error *err) {
    (void)err;
    mmoe_vocab_finish_keys(vocab);
    int64_t *keys = mmoe_resize(&vocab->alloc, vocab->keys, (size_t)vocab->capacity,
                                (size_t)vocab->rows, sizeof *keys);
    if (keys) {
        vocab->keys = keys;
        vocab->capacity = vocab->rows;
    }
    char *bytes = vocab->bytes ? mmoe_resize(&vocab->alloc, vocab->bytes, vocab->bytes_capacity,
                                             vocab->n_bytes, 1)
                               : NULL;
    if (bytes) {
        vocab->bytes = bytes;
        vocab->bytes_capacity = vocab->n_bytes;
    }
    return MMOE_OK;
}

uint64_t mmoe_vocab_hash(const mmoe_vocab *vocab) {
    assert(vocab->finished);
    return vocab->hash;
}

bool mmoe_vocab_is_int(const mmoe_vocab *vocab) { return vocab->is_int; }

int64_t mmoe_vocab_rows(const mmoe_vocab *vocab) { return vocab->rows; }

int64_t mmoe_vocab_int_key(const mmoe_vocab *vocab, int64_t row) {
    assert(vocab->is_int && row >= 1 && row < vocab->rows);
    return vocab->keys[row - 1];
}

const char *mmoe_vocab_text_key(const mmoe_vocab *vocab, int64_t row, size_t *length) {
    assert(!vocab->is_int && row >= 1 && row < vocab->rows);
    return mmoe_vocab_text_of(vocab, row, length);
}
