/* A vocabulary of keys that are there. */
#include "base/ask.h"
#include "base/error.h"
#include "data/vocab_parts.h"

static mmoe_status create_for(bool is_int, size_t count, const mmoe_allocator *alloc,
                              mmoe_vocab **out, mmoe_error *err) {
    if (count >= INT32_MAX)
        return mmoe_fail(err, MMOE_E_FORMAT, "a vocabulary of %zu keys is larger than %d", count,
                         INT32_MAX - 1);
    mmoe_vocab *v = NULL;
    mmoe_status status = mmoe_vocab_create(alloc, &v, err);
    if (status) return status;
    v->is_int = is_int;
    if ((status = mmoe_vocab_reserve_rows(v, (int64_t)count, err)))
        mmoe_vocab_free(v);
    else
        *out = v;
    return status;
}

enum { AHEAD = 16 }; /* keys whose slots are asked for before their turn */

static void prefetch_slot(const mmoe_vocab *v, uint32_t hash) {
    mmoe_ask(&v->slots[hash & (v->n_slots - 1)]);
}

/* Takes a slot for a row whose key stands in its place; false when another row has the same key. */
static bool take_slot(mmoe_vocab *v, uint32_t row, uint32_t hash,
                      bool (*same)(const mmoe_vocab *v, uint32_t a, uint32_t b)) {
    size_t i = hash & (v->n_slots - 1);
    for (; v->slots[i].row; i = (i + 1) & (v->n_slots - 1))
        if (v->slots[i].hash == hash && same(v, v->slots[i].row, row)) return false;
    v->slots[i] = (mmoe_vocab_slot){row, hash};
    return true;
}

static bool same_ints(const mmoe_vocab *v, uint32_t a, uint32_t b) {
    return v->keys[a - 1] == v->keys[b - 1];
}

static bool same_texts(const mmoe_vocab *v, uint32_t a, uint32_t b) {
    size_t length;
    const char *text = mmoe_vocab_text_of(v, b, &length);
    return mmoe_vocab_same_text(v, a, text, length);
}

mmoe_status mmoe_vocab_from_ints(const int64_t *keys, size_t count, const mmoe_allocator *alloc,
                                 mmoe_vocab **out, mmoe_error *err) {
    mmoe_vocab *v = NULL;
    mmoe_status status = create_for(true, count, alloc, &v, err);
    if (status) return status;
    if (count) memcpy(v->keys, keys, count * sizeof *keys);
    v->rows = (int64_t)count + 1;
    for (size_t i = 0; !status && i < count; i++) {
        if (i + AHEAD < count) prefetch_slot(v, mmoe_vocab_int_hash(keys[i + AHEAD]));
        if (!mmoe_small_ints_add(&v->small, v->keys, i + 1, &v->alloc))
            status = mmoe_fail_memory(err, MMOE_MOST_SMALL_INTS * sizeof(int32_t));
        else if (!take_slot(v, (uint32_t)i + 1, mmoe_vocab_int_hash(keys[i]), same_ints))
            status = mmoe_fail(err, MMOE_E_FORMAT, "the vocabulary has key %lld twice",
                               (long long)keys[i]);
    }
    if (status) {
        mmoe_vocab_free(v);
        return status;
    }
    mmoe_vocab_finish_keys(v);
    *out = v;
    return MMOE_OK;
}

mmoe_status mmoe_vocab_from_texts(const mmoe_packed_texts *keys, const mmoe_allocator *alloc,
                                  mmoe_vocab **out, mmoe_error *err) {
    const char *bytes = keys->bytes;
    const int64_t *offsets = keys->offsets;
    const size_t n_bytes = keys->n_bytes, count = keys->count;
    if (offsets[0] != 0 || offsets[count] < 0 || (uint64_t)offsets[count] != n_bytes)
        return mmoe_fail(err, MMOE_E_FORMAT, "the vocabulary's offsets do not cover its %zu bytes",
                         n_bytes);
    for (size_t i = 0; i < count; i++)
        if (offsets[i + 1] < offsets[i])
            return mmoe_fail(err, MMOE_E_FORMAT,
                             "the vocabulary's offset %zu is less than the one before", i + 1);
    mmoe_vocab *v = NULL;
    mmoe_status status = create_for(false, count, alloc, &v, err);
    if (status) return status;
    status = mmoe_vocab_reserve_bytes(v, n_bytes, err);
    if (!status) {
        if (count) memcpy(v->keys, offsets, count * sizeof *offsets);
        if (n_bytes) memcpy(v->bytes, bytes, n_bytes);
        v->n_bytes = n_bytes;
        v->rows = (int64_t)count + 1;
    }
    for (size_t i = 0; !status && i < count; i++) {
        const char *text = bytes + offsets[i];
        const size_t length = (size_t)(offsets[i + 1] - offsets[i]);
        if (i + AHEAD < count)
            prefetch_slot(
                v, mmoe_vocab_text_hash(bytes + offsets[i + AHEAD],
                                        (size_t)(offsets[i + AHEAD + 1] - offsets[i + AHEAD])));
        if (length == 0)
            status = mmoe_fail(err, MMOE_E_FORMAT,
                               "key %zu of the vocabulary is the text of a missing value", i + 1);
        else if (!take_slot(v, (uint32_t)i + 1, mmoe_vocab_text_hash(text, length), same_texts))
            status =
                mmoe_fail(err, MMOE_E_FORMAT, "the vocabulary's key %zu stands there twice", i + 1);
    }
    if (status) {
        mmoe_vocab_free(v);
        return status;
    }
    mmoe_vocab_finish_keys(v);
    *out = v;
    return MMOE_OK;
}
