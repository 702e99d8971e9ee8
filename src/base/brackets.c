#include "base/brackets.h"

#include <string.h>

#include "base/missing.h"

/* The text without the blanks round it and, if it stands between an `open` character and the
 * `close` one at the same index, without these. */
static const char *within(const char *text, size_t *length, const char *open, const char *close) {
    text = mmoe_trim_blanks(text, length);
    const char *kind = *length > 1 ? strchr(open, *text) : NULL;
    if (!kind || !*kind || text[*length - 1] != close[kind - open]) return text;
    *length -= 2;
    return text + 1;
}

const char *mmoe_brackets_open(const char *text, size_t *length) {
    text = within(text, length, "[({", "])}");
    return mmoe_trim_blanks(text, length);
}

const char *mmoe_brackets_unquote(const char *text, size_t *length) {
    return within(text, length, "'\"", "'\"");
}

/* `at` is an opening quote. A quote character closes only if a separator or the end follows it;
 * others are apostrophes. */
static const char *next_behind_quotes(const char *at, const char *end, char separator) {
    for (const char *q = at + 1; q < end && (q = memchr(q, *at, (size_t)(end - q))); q++) {
        const char *next = q + 1;
        while (next < end && *next == ' ') next++;
        if (next == end || *next == separator) return next;
    }
    return end;
}

const char *mmoe_brackets_next(const char *at, const char *end, char separator) {
    const char *begin = at;
    while (begin < end && *begin == ' ') begin++;
    if (begin < end && (*begin == '\'' || *begin == '"'))
        return next_behind_quotes(begin, end, separator);
    at = memchr(at, separator, (size_t)(end - at));
    return at ? at : end;
}
