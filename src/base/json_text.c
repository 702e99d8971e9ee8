#include "base/json_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/rounding.h"

/* jansson's lexer keeps the current token in a buffer that grows, and passes over a failure to grow
 * it: the token then lacks bytes, or has no end. So the text is parsed as the second entry of an
 * array whose first is a string as long as the text: the buffer has its final size before the text
 * begins, and the string shows whether growing failed. It is made of escaped quotes so that it ends
 * early, within its bounds, where a byte is missing; its last quote must not be that byte, so its
 * length is no power of two, which is where the buffer grows. */
static char *wrap(const char *text, size_t length, size_t n_quotes, const mmoe_allocator *alloc,
                  size_t *size) {
    if (length > PTRDIFF_MAX / 4) return NULL;
    char *wrapped = mmoe_alloc(alloc, length + 2 * n_quotes + 5, 1), *end = wrapped;
    if (!wrapped) return NULL;
    *end++ = '[';
    *end++ = '"';
    for (size_t i = 0; i < n_quotes; i++) {
        *end++ = '\\';
        *end++ = '"';
    }
    *end++ = '"';
    *end++ = ',';
    if (length) memcpy(end, text, length);
    end += length;
    *end++ = ']';
    *size = (size_t)(end - wrapped);
    return wrapped;
}

/* Whoever parses, frees or compares a text goes as deep as it is nested, and a host's thread may
 * have a stack of 64 KB, which jansson's own bound of 2048 levels leaves. None of ours has ten. */
static bool is_deep(const char *text, size_t length, json_error_t *error) {
    enum { MOST = 32 };
    int depth = 0, line = 1, column = 0;
    bool is_quoted = false, is_escaped = false;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        line += c == '\n';
        column = c == '\n' ? 0 : column + ((c & 0xc0) != 0x80);
        if (c == '"' && !is_escaped) is_quoted = !is_quoted;
        is_escaped = is_quoted && c == '\\' && !is_escaped;
        if (is_quoted) continue;
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        if (depth <= MOST) continue;
        *error = (json_error_t){.line = line, .column = column, .position = (int)i + 1};
        snprintf(error->text, sizeof error->text, "maximum parsing depth reached near '%c'", c);
        return true;
    }
    return false;
}

static bool can_allocate(void) {
    json_t *probe = json_string("probe");
    json_decref(probe);
    return probe != NULL;
}

/* Why parsing the wrapped text failed, from parsing the bare one, whose error has the right place.
 */
static mmoe_status explain(const char *text, size_t length, size_t flags, json_error_t *error) {
    json_t *bare = json_loadb(text, length, flags, error);
    if (!bare)
        return error->text[0] && json_error_code(error) != json_error_out_of_memory &&
                       can_allocate()
                   ? MMOE_E_FORMAT
                   : MMOE_E_MEMORY;
    json_decref(bare);
    return MMOE_E_MEMORY;
}

static mmoe_status parse(const char *text, size_t length, size_t flags, const mmoe_allocator *alloc,
                         json_t **out, json_error_t *error) {
    if (is_deep(text, length, error)) return MMOE_E_FORMAT;
    size_t n_quotes = length / 2 + 1;
    if ((n_quotes & (n_quotes + 1)) == 0) n_quotes++;
    size_t size;
    char *wrapped = wrap(text, length, n_quotes, alloc, &size);
    if (!wrapped) return MMOE_E_MEMORY;
    json_t *root = json_loadb(wrapped, size, flags, NULL);
    mmoe_release(alloc, wrapped);
    mmoe_status status;
    json_t *tree = json_array_size(root) == 2 ? json_array_get(root, 1) : NULL;
    if (root && json_string_length(json_array_get(root, 0)) != n_quotes) {
        status = MMOE_E_MEMORY;
    } else if (tree && ((flags & JSON_DECODE_ANY) || json_is_object(tree) || json_is_array(tree))) {
        *out = json_incref(tree);
        status = MMOE_OK;
    } else {
        status = explain(text, length, flags, error);
    }
    json_decref(root);
    return status;
}

mmoe_status mmoe_json_parse(const char *text, size_t length, size_t flags,
                            const mmoe_allocator *alloc, json_t **out, json_error_t *error) {
    const int callers = mmoe_rounding_nearest();
    const mmoe_status status = parse(text, length, flags, alloc, out, error);
    mmoe_rounding_restore(callers);
    return status;
}

static char *print(const json_t *json, size_t flags, const mmoe_allocator *alloc) {
    const size_t length = json_dumpb(json, NULL, 0, flags);
    if (length == 0) return NULL;
    char *text = mmoe_alloc(alloc, length + 1, 1);
    if (!text) return NULL;
    if (json_dumpb(json, text, length, flags) != length) {
        mmoe_release(alloc, text);
        return NULL;
    }
    text[length] = '\0';
    return text;
}

char *mmoe_json_print(const json_t *json, size_t flags, const mmoe_allocator *alloc) {
    const int callers = mmoe_rounding_nearest();
    char *text = print(json, flags, alloc);
    mmoe_rounding_restore(callers);
    return text;
}

json_t *mmoe_json_texts(char *const *items, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        if (json_array_append_new(array, json_string(items[i]))) {
            json_decref(array);
            array = NULL;
        }
    return array;
}
