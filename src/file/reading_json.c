#include "file/reading_json.h"

#include <string.h>

#include "base/error.h"
#include "data/texts.h"

enum { MOST_WORDS = 64 };

#define WORD_OF_MISSING(word) word,
static const char *const usual[] = {MMOE_MISSING_WORDS(WORD_OF_MISSING)};
static const char *const quotes[] = {MMOE_QUOTES(MMOE_WORD)};
static const char *const separators[] = {MMOE_SEPARATORS(MMOE_WORD)};
static const char *const headers[] = {MMOE_HEADERS(MMOE_WORD)};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char only_word_of_0_1[] = "NA";

static json_t *missing_json(const mmoe_texts *missing) {
    const size_t n = missing->items ? missing->count : COUNT(usual);
    json_t *array = json_array();
    for (size_t i = 0; array && i < n; i++) {
        const char *word = missing->items ? missing->items[i] : usual[i];
        if (!json_array_append_new(array, json_string(word))) continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

/* The first word is what a file without the key means. */
static int put_word(json_t *schema, const char *key, const char *const *words, int32_t word) {
    return word ? json_object_set_new(schema, key, json_string(words[word])) : 0;
}

int mmoe_reading_to_json(json_t *schema, const mmoe_reading *reading) {
    const mmoe_texts *missing = &reading->missing;
    const bool is_old =
        missing->items && missing->count == 1 && strcmp(*missing->items, only_word_of_0_1) == 0;
    if (!is_old && json_object_set_new(schema, "missing", missing_json(missing))) return -1;
    return put_word(schema, "quotes", quotes, (int32_t)reading->quotes) ||
                   put_word(schema, "separator", separators, (int32_t)reading->separator) ||
                   put_word(schema, "header", headers, (int32_t)reading->header)
               ? -1
               : 0;
}

/* The word's text; NULL: it is no string, or one with a zero byte. */
static const char *word_at(const json_t *array, size_t i) {
    if (!array) return only_word_of_0_1;
    const json_t *word = json_array_get(array, i);
    const char *text = json_string_value(word);
    return text && strlen(text) == json_string_length(word) ? text : NULL;
}

static mmoe_status read_missing(const mmoe_entry *schema, mmoe_texts *out) {
    const mmoe_allocator *a = &schema->r->alloc;
    const json_t *array = json_object_get(schema->json, "missing");
    const size_t n = array ? json_array_size(array) : 1;
    if ((array && !json_is_array(array)) || n > MOST_WORDS)
        return mmoe_entry_fail(schema, "missing", "an array of at most %d strings is needed",
                               MOST_WORDS);
    if (!mmoe_texts_start(out, n, a)) return mmoe_fail_memory(schema->r->err, n * sizeof(char *));
    for (size_t i = 0; i < n; i++) {
        const char *text = word_at(array, i);
        if (!text) return mmoe_entry_fail(schema, "missing", "string %zu is none", i + 1);
        if (!mmoe_texts_add(out, text, strlen(text), a))
            return mmoe_fail_memory(schema->r->err, strlen(text) + 1);
    }
    return MMOE_OK;
}

mmoe_status mmoe_reading_from_json(const mmoe_entry *schema, mmoe_reading *out, size_t *count) {
    const struct {
        const char *key, *const *words;
        int32_t n_word;
    } keys[] = {{"quotes", quotes, (int32_t)COUNT(quotes)},
                {"separator", separators, (int32_t)COUNT(separators)},
                {"header", headers, (int32_t)COUNT(headers)}};
    int32_t words[COUNT(keys)] = {0};
    mmoe_status status = read_missing(schema, &out->missing);
    *count += json_object_get(schema->json, "missing") != NULL;
    for (size_t i = 0; !status && i < COUNT(keys); i++) {
        if (!json_object_get(schema->json, keys[i].key)) continue;
        status = mmoe_entry_word(schema, keys[i].key, keys[i].words, keys[i].n_word, &words[i]);
        ++*count;
    }
    out->quotes = (mmoe_quotes)words[0];
    out->separator = (mmoe_separator)words[1];
    out->header = (mmoe_header)words[2];
    mmoe_reading_prepare(out);
    return status;
}
