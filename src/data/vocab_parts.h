/* What a vocabulary is made of: for those who learn, find, and make one of keys. */
#ifndef MMOE_DATA_VOCAB_PARTS_H
#define MMOE_DATA_VOCAB_PARTS_H

#include <string.h>

#include "base/checksum.h"
#include "data/small_ints.h"
#include "data/vocab.h"
#include "data/vocab_hash.h"

/* A slot of an open-addressing table; row 0 marks an empty one. The hash kept beside it saves most
 * looks at keys, and lets the table grow without any. */
typedef struct mmoe_vocab_slot {
    uint32_t row, hash;
} mmoe_vocab_slot;

enum { MMOE_KEYS_A_BLOCK = 4 }; /* of the checksum */

struct mmoe_vocab {
    mmoe_allocator alloc;
    bool is_int, finished;
    int64_t rows;     /* known values + 1 */
    int64_t most;     /* known values that there may be */
    int64_t capacity; /* rows that fit */
    int64_t *keys;    /* [capacity]: the integer of row i + 1, or where its text begins */
    char *bytes;      /* texts, one after the other */
    size_t n_bytes, bytes_capacity;
    mmoe_vocab_slot *slots;
    size_t n_slots;        /* a power of two */
    mmoe_small_ints small; /* of integer keys, which stand in slots, too */
    uint64_t hash;         /* of the keys, once finished */
    mmoe_checksum sum;     /* the part of it that is of the first `summed` keys, which no later one
                              changes */
    int64_t summed;        /* a multiple of MMOE_KEYS_A_BLOCK; 0: none are */
};

static inline const char *mmoe_vocab_text_of(const mmoe_vocab *v, int64_t row, size_t *length) {
    size_t end = row < v->rows - 1 ? (size_t)v->keys[row] : v->n_bytes;
    *length = end - (size_t)v->keys[row - 1];
    return v->bytes + v->keys[row - 1];
}

static inline bool mmoe_vocab_same_text(const mmoe_vocab *v, int64_t row, const char *text,
                                        size_t length) {
    size_t n;
    const char *key = mmoe_vocab_text_of(v, row, &n);
    if (n != length) return false;
    return n < 8 ? mmoe_vocab_short_word(key, n) == mmoe_vocab_short_word(text, n)
                 : memcmp(key, text, n) == 0;
}

static inline int32_t mmoe_vocab_look_up_int(const mmoe_vocab *v, int64_t value) {
    if (mmoe_small_ints_know(&v->small, value)) return v->small.rows[value];
    const uint32_t hash = mmoe_vocab_int_hash(value);
    for (size_t i = hash & (v->n_slots - 1);; i = (i + 1) & (v->n_slots - 1)) {
        const mmoe_vocab_slot *s = &v->slots[i];
        if (s->row == 0) return 0;
        if (s->hash == hash && v->keys[s->row - 1] == value) return (int32_t)s->row;
    }
}

static inline int32_t mmoe_vocab_look_up_text(const mmoe_vocab *v, const char *text, size_t length,
                                              uint32_t hash) {
    for (size_t i = hash & (v->n_slots - 1);; i = (i + 1) & (v->n_slots - 1)) {
        const mmoe_vocab_slot *s = &v->slots[i];
        if (s->row == 0) return 0;
        if (s->hash == hash && mmoe_vocab_same_text(v, s->row, text, length))
            return (int32_t)s->row;
    }
}

/* A row's key takes the first slot from its hash on that is empty. */
static inline void mmoe_vocab_put_slot(mmoe_vocab_slot *slots, size_t n_slots,
                                       mmoe_vocab_slot entry) {
    size_t i = entry.hash & (n_slots - 1);
    while (slots[i].row) i = (i + 1) & (n_slots - 1);
    slots[i] = entry;
}

/* Room for `rows` known values in keys and slots, at most half of which are taken; for so many
 * bytes more. MMOE_E_MEMORY. */
mmoe_status mmoe_vocab_reserve_rows(mmoe_vocab *v, int64_t rows, mmoe_error *err);
mmoe_status mmoe_vocab_reserve_bytes(mmoe_vocab *v, size_t more, mmoe_error *err);
/* No key comes any more. */
void mmoe_vocab_finish_keys(mmoe_vocab *v);

#endif
