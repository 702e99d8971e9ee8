#include "data/vocab.h"

#include <assert.h>
#include <string.h>

#include "base/ask.h"
#include "base/checksum.h"
#include "base/error.h"
#include "base/missing.h"
#include "base/short_number.h"
#include "base/text.h"
#include "data/small_ints.h"
#include "data/vocab_hash.h"

/* A slot of an open-addressing table; row 0 marks an empty one. The hash kept beside it saves most
 * looks at keys, and lets the table grow without any. */
typedef struct slot {
    uint32_t row, hash;
} slot;

struct mmoe_vocab {
    mmoe_allocator alloc;
    bool is_int, finished;
    int64_t rows;     /* known values + 1 */
    int64_t most;     /* known values that there may be */
    int64_t capacity; /* rows that fit */
    int64_t *keys;    /* [capacity]: the integer of row i + 1, or where its text begins */
    char *bytes;      /* texts, one after the other */
    size_t n_bytes, bytes_capacity;
    slot *slots;
    size_t n_slots;        /* a power of two */
    mmoe_small_ints small; /* of integer keys, which stand in slots, too */
    uint64_t hash;         /* of the keys, once finished */
};

enum { FIRST_ROWS = 16 };

static const char *text_of(const mmoe_vocab *v, int64_t row, size_t *length) {
    size_t end = row < v->rows - 1 ? (size_t)v->keys[row] : v->n_bytes;
    *length = end - (size_t)v->keys[row - 1];
    return v->bytes + v->keys[row - 1];
}

static bool same_text(const mmoe_vocab *v, int64_t row, const char *text, size_t length) {
    size_t n;
    const char *key = text_of(v, row, &n);
    if (n != length) return false;
    return n < 8 ? mmoe_vocab_short_word(key, n) == mmoe_vocab_short_word(text, n)
                 : memcmp(key, text, n) == 0;
}

static int32_t look_up_int(const mmoe_vocab *v, int64_t value) {
    if (mmoe_small_ints_know(&v->small, value)) return v->small.rows[value];
    const uint32_t hash = mmoe_vocab_int_hash(value);
    for (size_t i = hash & (v->n_slots - 1);; i = (i + 1) & (v->n_slots - 1)) {
        const slot *s = &v->slots[i];
        if (s->row == 0) return 0;
        if (s->hash == hash && v->keys[s->row - 1] == value) return (int32_t)s->row;
    }
}

static int32_t look_up_text(const mmoe_vocab *v, const char *text, size_t length, uint32_t hash) {
    for (size_t i = hash & (v->n_slots - 1);; i = (i + 1) & (v->n_slots - 1)) {
        const slot *s = &v->slots[i];
        if (s->row == 0) return 0;
        if (s->hash == hash && same_text(v, s->row, text, length)) return (int32_t)s->row;
    }
}

static void put_slot(slot *slots, size_t n_slots, slot entry) {
    size_t i = entry.hash & (n_slots - 1);
    while (slots[i].row) i = (i + 1) & (n_slots - 1);
    slots[i] = entry;
}

/* ---- Making ---- */

/* Found in random order, so large tables stand in large pages. */
static slot *new_slots(const mmoe_allocator *a, size_t n_slots) {
    slot *slots = mmoe_alloc_aligned(a, n_slots, sizeof *slots);
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

/* Room for `rows` known values in keys and slots, at most half of which are taken. */
static mmoe_status reserve_rows(mmoe_vocab *v, int64_t rows, mmoe_error *err) {
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
    slot *slots = new_slots(&v->alloc, n_slots);
    if (!slots) return mmoe_fail_memory(err, n_slots * sizeof *slots);
    for (size_t i = 0; i < v->n_slots; i++)
        if (v->slots[i].row) put_slot(slots, n_slots, v->slots[i]);
    mmoe_release_aligned(&v->alloc, v->slots);
    v->slots = slots;
    v->n_slots = n_slots;
    return MMOE_OK;
}

static mmoe_status reserve_bytes(mmoe_vocab *v, size_t more, mmoe_error *err) {
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
    return reserve_rows(v, v->rows, err);
}

static mmoe_status enter_int(mmoe_vocab *v, int64_t value, mmoe_error *err) {
    mmoe_status status = new_row(v, err);
    if (status) return status;
    v->keys[v->rows - 1] = value;
    if (!mmoe_small_ints_add(&v->small, v->keys, (size_t)v->rows, &v->alloc))
        return mmoe_fail_memory(err, MMOE_MOST_SMALL_INTS * sizeof(int32_t));
    put_slot(v->slots, v->n_slots, (slot){(uint32_t)v->rows++, mmoe_vocab_int_hash(value)});
    return MMOE_OK;
}

static mmoe_status enter_text(mmoe_vocab *v, const char *text, size_t length, uint32_t hash,
                              mmoe_error *err) {
    mmoe_status status = new_row(v, err);
    if (!status) status = reserve_bytes(v, length, err);
    if (status) return status;
    memcpy(v->bytes + v->n_bytes, text, length);
    v->keys[v->rows - 1] = (int64_t)v->n_bytes;
    v->n_bytes += length;
    put_slot(v->slots, v->n_slots, (slot){(uint32_t)v->rows++, hash});
    return MMOE_OK;
}

/* The type is part of it: texts' keys are places, which might look like integers. */
static void finish_keys(mmoe_vocab *v) {
    const size_t n = (size_t)(v->rows - 1);
    v->finished = true;
    v->hash = mmoe_checksum_hash(v->is_int, v->keys, n * sizeof *v->keys);
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
    mmoe_status status = reserve_bytes(v, total, err);
    if (status) return status;
    mmoe_small_ints_finish(&v->small, &v->alloc);
    memset(v->slots, 0, v->n_slots * sizeof *v->slots);
    for (int64_t i = 0; i < v->rows - 1; i++) {
        size_t n = mmoe_format_integer(v->keys[i], text);
        memcpy(v->bytes + v->n_bytes, text, n);
        v->keys[i] = (int64_t)v->n_bytes;
        v->n_bytes += n;
        put_slot(v->slots, v->n_slots, (slot){(uint32_t)(i + 1), mmoe_vocab_text_hash(text, n)});
    }
    v->is_int = false;
    return MMOE_OK;
}

mmoe_status mmoe_vocab_add_int(mmoe_vocab *vocab, int64_t value, int32_t *row, mmoe_error *err) {
    assert(vocab->is_int && !vocab->finished);
    *row = look_up_int(vocab, value);
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
    *row = look_up_text(vocab, text, length, hash);
    if (!*row && !(status = enter_text(vocab, text, length, hash, err)))
        *row = (int32_t)(vocab->rows - 1);
    return status;
}

/* Gives back what growing left over; a failure to shrink leaves memory that is only larger. */
mmoe_status mmoe_vocab_finish(mmoe_vocab *vocab, mmoe_error *err) {
    (void)err;
    finish_keys(vocab);
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

void mmoe_vocab_reopen(mmoe_vocab *vocab) { vocab->finished = false; }

/* ---- Reading ---- */

int32_t mmoe_vocab_find(const mmoe_vocab *vocab, const char *text, size_t length) {
    if (length == 0) return 0;
    int64_t value;
    if (vocab->is_int)
        return mmoe_short_integer(text, length, &value) ||
                       mmoe_parse_integral(text, length, &value) > 0
                   ? look_up_int(vocab, value)
                   : 0;
    /* The text itself first: a file of version 0.1 may have "7.0" or " red" for a key. */
    int32_t row = look_up_text(vocab, text, length, mmoe_vocab_text_hash(text, length));
    const size_t whole = length;
    text = mmoe_trim_blanks(text, &length);
    if (!row && length > 0 && length < whole)
        row = look_up_text(vocab, text, length, mmoe_vocab_text_hash(text, length));
    if (row || !mmoe_parse_printed(text, length, &value)) return row;
    char number[MMOE_NUMBER_SIZE];
    const size_t n = mmoe_format_integer(value, number);
    return look_up_text(vocab, number, n, mmoe_vocab_text_hash(number, n));
}

int32_t mmoe_vocab_find_int(const mmoe_vocab *vocab, int64_t value) {
    if (vocab->is_int) return look_up_int(vocab, value);
    char text[MMOE_NUMBER_SIZE];
    return mmoe_vocab_find(vocab, text, mmoe_format_integer(value, text));
}

static size_t known_ints(const mmoe_vocab *v, const mmoe_cell_run *run) {
    const mmoe_csv_field *cell = run->cells;
    int32_t *id = run->ids;
    size_t k = 0;
    for (; k < run->count; k++, cell += run->stride, id += run->step) {
        int64_t value;
        if (!mmoe_readable_printed(cell->text, cell->length, &value)) break;
        *id = look_up_int(v, value);
        if (!*id) break;
    }
    return k;
}

/* What begins behind the digits is no integer. */
static bool is_plain_text(const mmoe_cell_run *run, const mmoe_csv_field *cell) {
    const uint8_t first = (uint8_t)*cell->text;
    return cell->length && first > '9' && (run->plain[first / 64] >> first % 64 & 1);
}

static size_t known_texts(const mmoe_vocab *v, const mmoe_cell_run *run) {
    const mmoe_csv_field *cell = run->cells;
    int32_t *id = run->ids;
    size_t k = 0;
    for (; run->texts && k < run->count; k++, cell += run->stride, id += run->step) {
        if (!is_plain_text(run, cell)) break;
        const uint32_t hash = mmoe_vocab_text_hash(cell->text, cell->length);
        *id = look_up_text(v, cell->text, cell->length, hash);
        if (!*id) break;
    }
    if (k) *run->texts += (int64_t)k;
    return k;
}

size_t mmoe_vocab_known(const mmoe_vocab *v, const mmoe_cell_run *run) {
    return v->is_int ? known_ints(v, run) : known_texts(v, run);
}

/* ---- Asking ---- */

/* Those of smaller ones are in the cache. */
bool mmoe_vocab_is_large(const mmoe_vocab *vocab) {
    return vocab->n_slots * sizeof *vocab->slots > (1 << 16);
}

static uint32_t row_of_hash(const mmoe_vocab *v, uint32_t hash) {
    size_t i = hash & (v->n_slots - 1);
    while (v->slots[i].row && v->slots[i].hash != hash) i = (i + 1) & (v->n_slots - 1);
    return v->slots[i].row;
}

/* A find reads a slot, then the key's place, then the key. Here each is asked for when that before
 * it has come, for all values in turn, so that many are on their way at once. */
void mmoe_vocab_ask(const mmoe_vocab *v, const uint32_t *hashes, size_t count) {
    const size_t mask = v->n_slots - 1;
    for (size_t i = 0; i < count; i++) mmoe_ask(&v->slots[hashes[i] & mask]);
    for (size_t i = 0; i < count; i++) {
        const uint32_t row = row_of_hash(v, hashes[i]);
        if (row) mmoe_ask(&v->keys[row - 1]);
    }
    for (size_t i = 0; !v->is_int && i < count; i++) {
        const uint32_t row = row_of_hash(v, hashes[i]);
        if (row) mmoe_ask(v->bytes + v->keys[row - 1]);
    }
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
    return text_of(vocab, row, length);
}

/* ---- From keys ---- */

static mmoe_status create_for(bool is_int, size_t count, const mmoe_allocator *alloc,
                              mmoe_vocab **out, mmoe_error *err) {
    if (count >= INT32_MAX)
        return mmoe_fail(err, MMOE_E_FORMAT, "a vocabulary of %zu keys is larger than %d", count,
                         INT32_MAX - 1);
    mmoe_vocab *v = NULL;
    mmoe_status status = mmoe_vocab_create(alloc, &v, err);
    if (status) return status;
    v->is_int = is_int;
    if ((status = reserve_rows(v, (int64_t)count, err)))
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
    v->slots[i] = (slot){row, hash};
    return true;
}

static bool same_ints(const mmoe_vocab *v, uint32_t a, uint32_t b) {
    return v->keys[a - 1] == v->keys[b - 1];
}

static bool same_texts(const mmoe_vocab *v, uint32_t a, uint32_t b) {
    size_t length;
    const char *text = text_of(v, b, &length);
    return same_text(v, a, text, length);
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
    finish_keys(v);
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
    status = reserve_bytes(v, n_bytes, err);
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
    finish_keys(v);
    *out = v;
    return MMOE_OK;
}
