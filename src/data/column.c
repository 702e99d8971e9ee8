#include "data/column.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/missing.h"
#include "base/text.h"
#include "base/utf8.h"
#include "data/texts.h"

const char mmoe_column_no_memory[] = "finds no memory";
const char mmoe_column_gap[] = "stands for a missing value (\"gaps\")";

/* ---- Encoders ---- */

static const mmoe_key *key_of(const mmoe_column_kind *kind, int32_t i) {
    return i < kind->n_key ? kind->keys + i : kind->fitted + (i - kind->n_key);
}

static int32_t n_keys(const mmoe_column_kind *kind) { return kind->n_key + kind->n_fitted; }

static void *place_of(const mmoe_encoder *e, const mmoe_key *key) {
    return (char *)(uintptr_t)e + key->offset;
}

mmoe_encoder *mmoe_encoder_create(const mmoe_column_kind *kind, const mmoe_allocator *alloc) {
    mmoe_encoder *e = mmoe_alloc_zero(alloc, 1, kind->size);
    if (!e) return NULL;
    *e = (mmoe_encoder){kind, *alloc, 0, -1};
    for (int32_t i = 0; i < n_keys(kind); i++) {
        const mmoe_key *key = key_of(kind, i);
        if (key->kind == MMOE_KEY_INT64) memcpy(place_of(e, key), &key->absent, sizeof key->absent);
    }
    return e;
}

/* Gives the copy memory of its own for one value; false when there is none. */
static bool copy_value(const mmoe_encoder *e, const mmoe_key *key) {
    void *at = place_of(e, key);
    if (key->kind == MMOE_KEY_TEXT) {
        char **text = at;
        return !*text || (*text = mmoe_copy_text(&e->alloc, *text, strlen(*text)));
    }
    if (key->kind == MMOE_KEY_NUMBERS) {
        mmoe_numbers *numbers = at;
        const double *from = numbers->items;
        if (!from) return true;
        numbers->items = mmoe_alloc(&e->alloc, numbers->count, sizeof *from);
        if (numbers->items) memcpy(numbers->items, from, numbers->count * sizeof *from);
        return numbers->items;
    }
    if (key->kind == MMOE_KEY_TEXTS) {
        const mmoe_texts from = *(mmoe_texts *)at;
        return mmoe_texts_copy(&from, &e->alloc, at);
    }
    if (key->kind == MMOE_KEY_VOCABULARY) {
        mmoe_vocab **vocab = at;
        const mmoe_vocab *from = *vocab;
        *vocab = NULL;
        return !from || mmoe_vocab_copy(from, &e->alloc, vocab, NULL) == MMOE_OK;
    }
    return true;
}

static void forget_value(const mmoe_encoder *e, const mmoe_key *key) {
    void *at = place_of(e, key);
    if (key->kind == MMOE_KEY_TEXT) *(char **)at = NULL;
    if (key->kind == MMOE_KEY_NUMBERS) *(mmoe_numbers *)at = (mmoe_numbers){NULL, 0};
    if (key->kind == MMOE_KEY_TEXTS) *(mmoe_texts *)at = (mmoe_texts){NULL, 0};
    if (key->kind == MMOE_KEY_VOCABULARY) *(mmoe_vocab **)at = NULL;
}

mmoe_encoder *mmoe_encoder_copy(const mmoe_encoder *e, const mmoe_allocator *alloc) {
    mmoe_encoder *copy = mmoe_alloc(alloc, 1, e->kind->size);
    if (!copy) return NULL;
    memcpy(copy, e, e->kind->size);
    copy->alloc = *alloc;
    copy->learning = NULL;
    bool ok = true;
    for (int32_t i = 0; i < n_keys(e->kind); i++) {
        const mmoe_key *key = key_of(e->kind, i);
        if (ok && copy_value(copy, key)) continue;
        ok = false;
        forget_value(copy, key);
    }
    if (ok) return copy;
    mmoe_encoder_free(copy);
    return NULL;
}

void mmoe_encoder_forget(mmoe_encoder *e) {
    if (e->learning) e->kind->forget(e);
    assert(!e->learning);
}

void mmoe_encoder_free(mmoe_encoder *e) {
    if (!e) return;
    const mmoe_allocator a = e->alloc;
    mmoe_encoder_forget(e);
    for (int32_t i = 0; i < n_keys(e->kind); i++) {
        const mmoe_key *key = key_of(e->kind, i);
        void *at = place_of(e, key);
        if (key->kind == MMOE_KEY_TEXT) mmoe_release(&a, *(char **)at);
        if (key->kind == MMOE_KEY_NUMBERS) mmoe_release(&a, ((mmoe_numbers *)at)->items);
        if (key->kind == MMOE_KEY_TEXTS) mmoe_texts_finish(at, &a);
        if (key->kind == MMOE_KEY_VOCABULARY) mmoe_vocab_free(*(mmoe_vocab **)at);
    }
    mmoe_release(&a, e);
}

/* Bytes of a value that stands in its place. */
static size_t size_of(const mmoe_key *key) {
    switch (key->kind) {
    case MMOE_KEY_INT64:
    case MMOE_KEY_UINT64:
    case MMOE_KEY_DOUBLE:
        return sizeof(int64_t);
    case MMOE_KEY_BOOL:
        return sizeof(bool);
    default:
        return sizeof(int32_t);
    }
}

static uint64_t hash_texts(uint64_t h, const mmoe_texts *texts) {
    for (size_t i = 0; i < texts->count; i++)
        h = mmoe_checksum_hash(h, texts->items[i], strlen(texts->items[i]) + 1);
    return h;
}

static uint64_t hash_value(uint64_t h, const mmoe_encoder *e, const mmoe_key *key) {
    const void *at = place_of(e, key);
    if (key->kind == MMOE_KEY_TEXT) {
        const char *text = *(char *const *)at;
        return mmoe_checksum_hash(h, text ? text : "", text ? strlen(text) + 1 : 0);
    }
    if (key->kind == MMOE_KEY_NUMBERS) {
        const mmoe_numbers *numbers = at;
        return mmoe_checksum_hash(h, numbers->items, numbers->count * sizeof(double));
    }
    if (key->kind == MMOE_KEY_TEXTS) return hash_texts(h, at);
    if (key->kind == MMOE_KEY_VOCABULARY) {
        const uint64_t keys = mmoe_vocab_hash(*(mmoe_vocab *const *)at);
        return mmoe_checksum_hash(h, &keys, sizeof keys);
    }
    return mmoe_checksum_hash(h, at, size_of(key));
}

uint64_t mmoe_encoder_hash(uint64_t seed, const mmoe_encoder *e) {
    uint64_t h = mmoe_checksum_hash(seed, e->kind->word, strlen(e->kind->word));
    h = mmoe_checksum_hash(h, &e->rows, sizeof e->rows);
    for (int32_t i = 0; i < n_keys(e->kind); i++) {
        const mmoe_key *key = key_of(e->kind, i);
        if (!key->is_later || mmoe_encoder_is_given(e, key)) h = hash_value(h, e, key);
    }
    return h;
}

bool mmoe_encoder_is_given(const mmoe_encoder *e, const mmoe_key *key) {
    const void *at = place_of(e, key);
    int64_t integer;
    if (key->kind == MMOE_KEY_TEXT) return *(char *const *)at;
    if (key->kind == MMOE_KEY_NUMBERS) return ((const mmoe_numbers *)at)->items;
    if (key->kind == MMOE_KEY_TEXTS) return ((const mmoe_texts *)at)->items;
    if (key->doc.default_value || key->kind != MMOE_KEY_INT64) return true;
    memcpy(&integer, at, sizeof integer);
    return integer != key->absent;
}

const char *mmoe_encoder_difference(const mmoe_encoder *mine, const mmoe_encoder *theirs) {
    for (int32_t i = 0; i < mine->kind->n_key; i++) {
        const mmoe_key *key = mine->kind->keys + i;
        if (mmoe_encoder_is_given(mine, key) &&
            (mine->kind != theirs->kind || hash_value(0, mine, key) != hash_value(0, theirs, key)))
            return mmoe_key_name(key);
    }
    return NULL;
}

static mmoe_vocab **place_of_vocab(const mmoe_encoder *e) {
    for (int32_t i = 0; i < e->kind->n_fitted; i++)
        if (e->kind->fitted[i].kind == MMOE_KEY_VOCABULARY)
            return (mmoe_vocab **)place_of(e, e->kind->fitted + i);
    return NULL;
}

mmoe_vocab *mmoe_encoder_vocab(const mmoe_encoder *e) {
    mmoe_vocab *const *place = place_of_vocab(e);
    return place ? *place : NULL;
}

mmoe_vocab *mmoe_encoder_exchange_vocab(mmoe_encoder *e, mmoe_vocab *vocab) {
    mmoe_vocab **place = place_of_vocab(e), *had = *place;
    *place = vocab;
    e->rows = mmoe_vocab_rows(vocab);
    return had;
}

const mmoe_numbers *mmoe_encoder_numbers(const mmoe_encoder *e) {
    for (int32_t i = 0; i < n_keys(e->kind); i++)
        if (key_of(e->kind, i)->kind == MMOE_KEY_NUMBERS) return place_of(e, key_of(e->kind, i));
    return NULL;
}

/* ---- Values ---- */

size_t mmoe_value_size(mmoe_value_type type) {
    switch (type) {
    case MMOE_VALUE_ROW:
        return sizeof(int32_t);
    case MMOE_VALUE_INT64:
        return sizeof(int64_t);
    case MMOE_VALUE_TEXT:
        return sizeof(const char *);
    case MMOE_VALUE_DOUBLE:
        return sizeof(double);
    default:
        return sizeof(float);
    }
}

const char *mmoe_value_text(const void *at, size_t *length) {
    const char *text;
    memcpy(&text, at, sizeof text);
    *length = text ? strlen(text) : 0;
    return text ? text : "";
}

static int64_t integer_at(const void *at) {
    int64_t integer;
    memcpy(&integer, at, sizeof integer);
    return integer;
}

static double double_at(mmoe_value_type type, const void *at) {
    double wide;
    float narrow;
    if (type == MMOE_VALUE_DOUBLE) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow);
    return (double)narrow;
}

int mmoe_value_integral(mmoe_value_type type, const void *at, int64_t *out) {
    if (type == MMOE_VALUE_INT64) {
        *out = integer_at(at);
        return *out == MMOE_MISSING_INT64 ? -2 : 1;
    }
    if (type == MMOE_VALUE_TEXT) {
        size_t length;
        const char *text = mmoe_value_text(at, &length);
        text = mmoe_trim_blanks(text, &length);
        return length == 0 ? -2 : mmoe_parse_integral(text, length, out);
    }
    const double value = double_at(type, at);
    if (isnan(value)) return -2;
    if (!isfinite(value) || value != trunc(value)) return 0;
    if (!(value >= -0x1p63 && value < 0x1p63)) return -1;
    *out = (int64_t)value;
    return 1;
}

bool mmoe_value_number(mmoe_value_type type, const void *at, double *out) {
    if (type == MMOE_VALUE_TEXT) {
        size_t length;
        const char *text = mmoe_value_text(at, &length);
        return mmoe_parse_double(text, length, out);
    }
    if (type != MMOE_VALUE_INT64)
        *out = double_at(type, at);
    else
        *out = integer_at(at) == MMOE_MISSING_INT64 ? (double)NAN : (double)integer_at(at);
    return true;
}

const char *mmoe_cell_number(const mmoe_number_text *how, const char *text, size_t length,
                             double *value, mmoe_cell *out) {
    const bool is_number = mmoe_number_text_read(how, text, length, value);
    const char *fault = is_number ? NULL : "is not a number";
    if (!how->gaps.count) return fault;
    const bool is_named = mmoe_number_text_has_word(how, text, length) ||
                          (is_number && mmoe_number_text_has(how, *value, false));
    if (!is_named && is_number && isfinite(*value)) return NULL;
    if (!is_named && !mmoe_number_text_takes_all(how)) return fault;
    out->state = is_named ? MMOE_CELL_MISSING : MMOE_CELL_NO_NUMBER;
    return mmoe_column_gap;
}

/* Does "gaps" of a kind that has it name the number? */
static bool is_gap(const mmoe_encoder *e, mmoe_value_type type, double value) {
    return e->kind->text && mmoe_number_text_has(e->kind->text(e), value, type == MMOE_VALUE_FLOAT);
}

const char *mmoe_value_encode(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                              mmoe_cell *out, mmoe_number_encode encode) {
    double value;
    size_t length;
    if (type == MMOE_VALUE_TEXT) {
        const char *text = mmoe_value_text(at, &length);
        return e->kind->parse(e, text, length, out);
    }
    mmoe_value_number(type, at, &value);
    if (!is_gap(e, type, value)) return encode(e, value, out);
    out->state = MMOE_CELL_MISSING;
    return mmoe_column_gap;
}

mmoe_part mmoe_value_part(mmoe_value_type type, const void *at, char room[MMOE_SHOWN_SIZE]) {
    mmoe_part part = {"", 0};
    int64_t integer;
    if (type == MMOE_VALUE_TEXT) {
        part.text = mmoe_value_text(at, &part.length);
        return part;
    }
    const int kind = mmoe_value_integral(type, at, &integer);
    if (kind == -2) return part;
    part.text = room;
    if (kind > 0)
        part.length = mmoe_format_integer(integer, room);
    else
        part.length = strlen(mmoe_value_show(type, at, room));
    return part;
}

const char *mmoe_text_show(const char *text, size_t length, char out[MMOE_SHOWN_SIZE]) {
    const size_t shown = mmoe_utf8_cut(text, length, 64);
    if (length == 0) return "an empty value";
    snprintf(out, MMOE_SHOWN_SIZE, "\"%.*s%s\"", (int)shown, text, shown < length ? "..." : "");
    return out;
}

const char *mmoe_value_show(mmoe_value_type type, const void *at, char out[MMOE_SHOWN_SIZE]) {
    _Static_assert((int)MMOE_SHOWN_SIZE >= (int)MMOE_NUMBER_SIZE, "a number fits");
    if (type == MMOE_VALUE_TEXT) {
        size_t length;
        const char *text = mmoe_value_text(at, &length);
        return mmoe_text_show(text, length, out);
    }
    if (type == MMOE_VALUE_INT64 && integer_at(at) == MMOE_MISSING_INT64) return "a missing value";
    if (type == MMOE_VALUE_INT64)
        snprintf(out, MMOE_SHOWN_SIZE, "%lld", (long long)integer_at(at));
    else if (type == MMOE_VALUE_DOUBLE)
        mmoe_format_double(double_at(type, at), out);
    else
        mmoe_format_float((float)double_at(type, at), out);
    return out;
}
