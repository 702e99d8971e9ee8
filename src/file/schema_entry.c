#include "file/schema_entry.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/rounding.h"
#include "base/sentence.h"
#include "base/text.h"
#include "data/texts.h"

mmoe_status mmoe_entry_fail(const mmoe_entry *e, const char *key, const char *format, ...) {
    char sentence[300];
    va_list args;
    va_start(args, format);
    mmoe_say_args(sentence, sizeof sentence, format, args);
    va_end(args);
    return mmoe_fail_at(e->r->err, MMOE_E_FORMAT, e->r->file, 0, NULL, "schema: %s%s%s: %s", e->at,
                        *e->at && *key ? "." : "", key, sentence);
}

json_t *mmoe_double_to_json(double value) {
    char text[MMOE_NUMBER_SIZE];
    return json_stringn(text, mmoe_format_double(value, text));
}

bool mmoe_double_from_json(const json_t *value, double *out) {
    const char *text = json_string_value(value);
    const int callers = mmoe_rounding_nearest();
    const bool is_one = text && mmoe_parse_double(text, json_string_length(value), out);
    mmoe_rounding_restore(callers);
    return is_one && isfinite(*out);
}

mmoe_status mmoe_entry_double(const mmoe_entry *e, const char *key, double *out) {
    return mmoe_double_from_json(json_object_get(e->json, key), out)
               ? MMOE_OK
               : mmoe_entry_fail(e, key, "a string with a finite number is needed");
}

mmoe_status mmoe_entry_text(const mmoe_entry *e, const char *key, char **out) {
    const json_t *value = json_object_get(e->json, key);
    const char *text = json_string_value(value);
    if (!text || strlen(text) != json_string_length(value))
        return mmoe_entry_fail(e, key, "a string is needed");
    *out = mmoe_copy_text(&e->r->alloc, text, strlen(text));
    return *out ? MMOE_OK : mmoe_fail_memory(e->r->err, strlen(text) + 1);
}

mmoe_status mmoe_entry_texts(const mmoe_entry *e, const char *key, int32_t most, mmoe_texts *out) {
    const mmoe_allocator *a = &e->r->alloc;
    const json_t *array = json_object_get(e->json, key);
    const size_t n = json_array_size(array);
    if (!json_is_array(array) || n > (size_t)most)
        return mmoe_entry_fail(e, key, "an array of at most %d strings is needed", (int)most);
    if (!mmoe_texts_start(out, n, a)) return mmoe_fail_memory(e->r->err, n * sizeof(char *));
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(array, i);
        const char *text = json_string_value(item);
        const size_t length = json_string_length(item);
        if (!text || strlen(text) != length || !length)
            return mmoe_entry_fail(e, key, "string %zu is none", i + 1);
        if (!mmoe_texts_add(out, text, length, a)) return mmoe_fail_memory(e->r->err, length + 1);
    }
    return MMOE_OK;
}

mmoe_status mmoe_entry_integer(const mmoe_entry *e, const char *key, int64_t low, int64_t high,
                               int64_t *out) {
    const json_t *value = json_object_get(e->json, key);
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high)
        return mmoe_entry_fail(e, key, "an integer from %lld to %lld is needed", (long long)low,
                               (long long)high);
    *out = json_integer_value(value);
    return MMOE_OK;
}

mmoe_status mmoe_entry_word(const mmoe_entry *e, const char *key, const char *const *words,
                            int32_t n_words, int32_t *out) {
    const char *text = json_string_value(json_object_get(e->json, key));
    for (int32_t i = 0; text && i < n_words; i++) {
        if (strcmp(text, words[i]) != 0) continue;
        *out = i;
        return MMOE_OK;
    }
    return mmoe_entry_fail(e, key, "\"%.60s\" is none of its words", text ? text : "");
}
