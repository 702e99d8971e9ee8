#include "file/encoder_json.h"

#include <assert.h>

#include "base/error.h"
#include "base/json_text.h"
#include "base/text.h"
#include "base/words.h"
#include "data/column_kinds.h"
#include "data/texts.h"

#define VOCABULARIES(X) X(VOCABULARY_NONE, none) X(VOCABULARY_INT, int) X(VOCABULARY_STRING, string)
enum { VOCABULARIES(MMOE_ENUMERATOR) };
static const char *const vocabularies[] = {VOCABULARIES(MMOE_WORD)};
enum { N_VOCABULARIES = sizeof vocabularies / sizeof *vocabularies };

/* Tables of these two kinds were once the only ones: their entries bear no kind, but both oov_id
 * and vocabulary, which tell them apart. Numbers of no named kind are of the kind "number". */
static bool is_unnamed(const mmoe_column_kind *kind) {
    return kind == &mmoe_column_row || kind == &mmoe_column_vocabulary ||
           kind == &mmoe_column_number;
}

static const mmoe_key *key_of(const mmoe_column_kind *kind, int32_t i) {
    return i < kind->n_key ? kind->keys + i : kind->fitted + (i - kind->n_key);
}

static int32_t n_keys(const mmoe_column_kind *kind) { return kind->n_key + kind->n_fitted; }

/* What stands in each entry of a table is not repeated among the keys of its kind. */
static bool is_repeated(const mmoe_key *key, const mmoe_column_kind *kind) {
    return kind->shape == MMOE_SHAPE_ID && key->offset == offsetof(mmoe_encoder, rows);
}

static bool is_written(const mmoe_key *key, const mmoe_encoder *e) {
    return !is_repeated(key, e->kind) && (!key->is_later || mmoe_encoder_is_given(e, key));
}

static bool is_read(const mmoe_key *key, const mmoe_column_kind *kind, const json_t *entry) {
    return !is_repeated(key, kind) &&
           (!key->is_later || json_object_get(entry, mmoe_key_name(key)));
}

/* ---- Writing ---- */

static json_t *numbers_json(const mmoe_numbers *numbers) {
    json_t *array = json_array();
    for (size_t i = 0; array && i < numbers->count; i++)
        if (json_array_append_new(array, mmoe_double_to_json(numbers->items[i]))) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static json_t *word_json(const mmoe_key *key, int32_t value) {
    size_t length;
    const char *word = mmoe_key_word_of(key->doc.allowed, value - key->first, &length);
    return json_stringn(word, length);
}

static json_t *value_json(const mmoe_encoder *e, const mmoe_key *key) {
    const void *at = (const char *)e + key->offset;
    switch (key->kind) {
    case MMOE_KEY_INT32:
        return json_integer(*(const int32_t *)at);
    case MMOE_KEY_INT64:
        return json_integer(*(const int64_t *)at);
    case MMOE_KEY_UINT64:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case MMOE_KEY_FLOAT:
        return mmoe_double_to_json((double)*(const float *)at);
    case MMOE_KEY_DOUBLE:
        return mmoe_double_to_json(*(const double *)at);
    case MMOE_KEY_BOOL:
        return json_boolean(*(const bool *)at);
    case MMOE_KEY_WORD:
        return word_json(key, *(const int32_t *)at);
    case MMOE_KEY_TEXT:
        return json_string(*(char *const *)at);
    case MMOE_KEY_NUMBERS:
        return numbers_json(at);
    case MMOE_KEY_TEXTS:
        return mmoe_json_texts(((const mmoe_texts *)at)->items, ((const mmoe_texts *)at)->count);
    case MMOE_KEY_VOCABULARY:
        return json_string(mmoe_vocab_is_int(*(mmoe_vocab *const *)at) ? "int" : "string");
    default:
        assert(!"a type that no column kind has");
        return NULL;
    }
}

json_t *mmoe_encoder_to_json(json_t *json, const mmoe_encoder *e) {
    const mmoe_column_kind *kind = e->kind;
    bool ok = json;
    if (ok && !is_unnamed(kind))
        ok = json_object_set_new(json, "kind", json_string(kind->word)) == 0;
    if (ok && kind == &mmoe_column_vocabulary)
        ok = json_object_set_new(json, "oov_id", json_integer(-1)) == 0;
    for (int32_t i = 0; ok && i < n_keys(kind); i++) {
        const mmoe_key *key = key_of(kind, i);
        if (is_written(key, e))
            ok = json_object_set_new(json, mmoe_key_name(key), value_json(e, key)) == 0;
    }
    if (ok && kind == &mmoe_column_row)
        ok = json_object_set_new(json, "vocabulary", json_string("none")) == 0;
    if (ok) return json;
    json_decref(json);
    return NULL;
}

/* ---- Reading ---- */

static mmoe_status get_vocabulary(const mmoe_entry *e, int64_t rows, mmoe_vocab **out) {
    int32_t kind = VOCABULARY_NONE;
    mmoe_status status = mmoe_entry_word(e, "vocabulary", vocabularies, N_VOCABULARIES, &kind);
    if (status) return status;
    const bool is_text = kind == VOCABULARY_STRING;
    const char *name = json_string_value(json_object_get(e->json, "name"));
    status = e->r->vocabs.make(e->r->vocabs.user,
                               &(mmoe_vocab_wanted){e->index, name, is_text, rows}, out, e->r->err);
    if (status) return status;
    if (mmoe_vocab_rows(*out) != rows)
        return mmoe_entry_fail(e, "rows", "%lld rows, but the vocabulary has %lld", (long long)rows,
                               (long long)mmoe_vocab_rows(*out));
    if (mmoe_vocab_is_int(*out) == is_text)
        return mmoe_entry_fail(e, "vocabulary", "its keys are of another type");
    return MMOE_OK;
}

static mmoe_status get_numbers(const mmoe_entry *e, const mmoe_key *key, mmoe_numbers *out) {
    const char *name = mmoe_key_name(key);
    const json_t *array = json_object_get(e->json, name);
    const size_t n = json_array_size(array);
    if (!json_is_array(array) || n < (size_t)key->least || n > (size_t)key->most)
        return mmoe_entry_fail(e, name, "an array of %d to %d numbers is needed", (int)key->least,
                               (int)key->most);
    out->items = mmoe_alloc(&e->r->alloc, n, sizeof *out->items);
    if (!out->items) return mmoe_fail_memory(e->r->err, n * sizeof *out->items);
    out->count = n;
    for (size_t i = 0; i < n; i++)
        if (!mmoe_double_from_json(json_array_get(array, i), &out->items[i]))
            return mmoe_entry_fail(e, name, "number %zu is no string with a finite number", i + 1);
    return MMOE_OK;
}

/* The word as the enumerator of its key. */
static mmoe_status get_key_word(const mmoe_entry *e, const mmoe_key *key, int32_t *out) {
    const char *text = json_string_value(json_object_get(e->json, mmoe_key_name(key)));
    const int32_t index = text ? mmoe_key_word_index(key->doc.allowed, text) : -1;
    if (index < 0)
        return mmoe_entry_fail(e, mmoe_key_name(key), "\"%.60s\" is none of its words",
                               text ? text : "");
    *out = key->first + index;
    return MMOE_OK;
}

static mmoe_status get_key_integer(const mmoe_entry *e, const mmoe_key *key, int64_t *out) {
    const json_t *value = json_object_get(e->json, mmoe_key_name(key));
    if (json_is_integer(value) && !key->doc.default_value &&
        json_integer_value(value) == key->absent) {
        *out = key->absent;
        return MMOE_OK;
    }
    return mmoe_entry_integer(e, mmoe_key_name(key), (int64_t)key->low, (int64_t)key->high, out);
}

static mmoe_status get_value(const mmoe_entry *e, const mmoe_key *key, mmoe_encoder *encoder) {
    void *at = (char *)encoder + key->offset;
    int64_t integer = 0;
    double number = 0;
    mmoe_status status = MMOE_OK;
    switch (key->kind) {
    case MMOE_KEY_INT32:
        if (!(status = get_key_integer(e, key, &integer))) *(int32_t *)at = (int32_t)integer;
        return status;
    case MMOE_KEY_INT64:
        return get_key_integer(e, key, at);
    case MMOE_KEY_UINT64:
        if (!(status = get_key_integer(e, key, &integer))) *(uint64_t *)at = (uint64_t)integer;
        return status;
    case MMOE_KEY_FLOAT:
        if (!(status = mmoe_entry_double(e, mmoe_key_name(key), &number)))
            *(float *)at = (float)number;
        return status;
    case MMOE_KEY_DOUBLE:
        return mmoe_entry_double(e, mmoe_key_name(key), at);
    case MMOE_KEY_BOOL:
        *(bool *)at = json_is_true(json_object_get(e->json, mmoe_key_name(key)));
        return MMOE_OK;
    case MMOE_KEY_WORD:
        return get_key_word(e, key, at);
    case MMOE_KEY_TEXT:
        return mmoe_entry_text(e, mmoe_key_name(key), at);
    case MMOE_KEY_NUMBERS:
        return get_numbers(e, key, at);
    case MMOE_KEY_TEXTS:
        return mmoe_entry_texts(e, mmoe_key_name(key), key->most, at);
    case MMOE_KEY_VOCABULARY:
        return get_vocabulary(e, encoder->rows, at);
    default:
        assert(!"a type that no column kind has");
        return MMOE_E_FORMAT;
    }
}

/* The kind of an entry, and how many of its keys say it. */
static mmoe_status find_kind(const mmoe_entry *e, mmoe_column_shape shape,
                             const mmoe_column_kind **out, size_t *keys) {
    const json_t *word = json_object_get(e->json, "kind");
    int32_t vocabulary = VOCABULARY_NONE;
    *keys = 1;
    if (word) {
        const char *text = json_string_value(word);
        *out = text ? mmoe_column_kind_named(text) : NULL;
        if (!*out || (*out)->shape != shape || is_unnamed(*out))
            return mmoe_entry_fail(e, "kind", "\"%.60s\" is none of its words", text ? text : "");
        return MMOE_OK;
    }
    *out = &mmoe_column_number;
    *keys = 0;
    if (shape == MMOE_SHAPE_NUMBER) return MMOE_OK;
    const mmoe_status status =
        mmoe_entry_word(e, "vocabulary", vocabularies, N_VOCABULARIES, &vocabulary);
    *out = vocabulary == VOCABULARY_NONE ? &mmoe_column_row : &mmoe_column_vocabulary;
    *keys = 1; /* oov_id of the one, vocabulary of the other */
    if (status || vocabulary == VOCABULARY_NONE) return status;
    int64_t none;
    if (mmoe_entry_integer(e, "oov_id", -1, -1, &none))
        return mmoe_entry_fail(e, "oov_id", "a table with a vocabulary has none");
    return MMOE_OK;
}

mmoe_status mmoe_encoder_from_json(mmoe_entry *e, mmoe_column_shape shape, int64_t rows,
                                   mmoe_encoder **out) {
    const mmoe_column_kind *kind;
    size_t keys;
    mmoe_status status = find_kind(e, shape, &kind, &keys);
    if (status) return status;
    *out = mmoe_encoder_create(kind, &e->r->alloc);
    if (!*out) return mmoe_fail_memory(e->r->err, kind->size);
    (*out)->rows = rows;
    for (int32_t i = 0; !status && i < n_keys(kind); i++) {
        if (!is_read(key_of(kind, i), kind, e->json)) continue;
        status = get_value(e, key_of(kind, i), *out);
        keys++;
    }
    e->n_keys += keys;
    const char *fault = NULL, *key = "";
    char room[MMOE_FAULT_SIZE];
    if (!status && kind->check) fault = kind->check(*out, room, &key);
    return fault ? mmoe_entry_fail(e, key, "%s", fault) : status;
}
