/* Texts that are objects of another language's runtime, copied to UTF-8. Both the objects and their
 * texts are read once, in the order of rows: what costs are the misses of a cache, so the objects
 * of later rows are asked for early. */
#include <stdbool.h>
#include <string.h>

#include "base/ask.h"
#include "base/error.h"
#include "mmoe/mmoe.h"

enum { AHEAD = 16, SLACK = sizeof(uint64_t) }; /* rows; bytes that copies write behind a text */
enum { ASCII, ONE_BYTE, TWO_BYTES, FOUR_BYTES, FORMS };
/* Bytes of UTF-8 that a character takes at most. */
static const size_t most[FORMS] = {1, 2, 3, 4};

typedef struct object_text {
    const char *from; /* NULL: a missing value */
    size_t length;
    int form; /* FORMS: it is no text */
} object_text;

static const void *pointer_at(const char *at) {
    const void *pointer;
    memcpy(&pointer, at, sizeof pointer);
    return pointer;
}

static uint32_t number_at(const char *at, size_t width) {
    if (width == 1) return (unsigned char)*at;
    uint16_t two;
    uint32_t four;
    memcpy(&two, at, sizeof two);
    if (width == 2) return two;
    memcpy(&four, at, sizeof four);
    return four;
}

static bool is_missing(const mmoe_text_layout *l, const char *object) {
    for (size_t i = 0; i < l->n_missing; i++)
        if (object == l->missing[i]) return true;
    return !object;
}

static inline object_text find(const mmoe_text_layout *l, const char *object) {
    object_text t = {NULL, 0, FORMS};
    if (!object || pointer_at(object + l->type_at) != l->type) {
        if (is_missing(l, object)) t.form = ASCII;
        return t;
    }
    const uint32_t state = number_at(object + l->state_at, 4) & l->state_mask;
    int64_t length;
    memcpy(&length, object + l->length_at, sizeof length);
    if (length < 0 || length > INT32_MAX) return t;
    for (int form = 0; form < FORMS; form++) {
        if (state != l->states[form]) continue;
        t = (object_text){object + l->text_at[form], (size_t)length, form};
        break;
    }
    return t;
}

/* ---- Copies: each returns false where there is a character that it cannot have ---- */

/* Words of which a byte is 0 have a bit set here, the lowest one in the first such byte. */
static inline uint64_t zeros_of(uint64_t word) {
    return (word - 0x0101010101010101) & ~word & 0x8080808080808080;
}

static inline uint64_t word_of(const char *at, size_t bytes) {
    uint64_t word = 0;
    if (bytes == sizeof word) {
        memcpy(&word, at, sizeof word);
        return word;
    }
    if (bytes >= 4) {
        const uint64_t high = number_at(at + bytes - 4, 4);
        return number_at(at, 4) | high << 8 * (bytes - 4);
    }
    for (size_t i = 0; i < bytes; i++) word |= (uint64_t)(unsigned char)at[i] << 8 * i;
    return word;
}

/* Writes whole words. */
static inline bool copy_ascii(const char *from, size_t length, char *to) {
    uint64_t zeros = 0;
    for (; length >= sizeof zeros; length -= sizeof zeros) {
        const uint64_t word = word_of(from, sizeof word);
        memcpy(to, &word, sizeof word);
        zeros |= zeros_of(word);
        from += sizeof word;
        to += sizeof word;
    }
    const uint64_t word = word_of(from, length);
    memcpy(to, &word, sizeof word);
    return !zeros && !(zeros_of(word) & (((uint64_t)1 << 8 * length) - 1));
}

/* `width`: a constant where this is inlined. */
static inline bool copy_wide(const object_text *t, size_t width, char **to) {
    unsigned char *out = (unsigned char *)*to;
    for (size_t i = 0; i < t->length; i++) {
        const uint32_t c = number_at(t->from + i * width, width);
        if (!c || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff) return false;
        if (c < 0x80) {
            *out++ = (unsigned char)c;
            continue;
        }
        if (c < 0x800) {
            *out++ = (unsigned char)(0xc0 | c >> 6);
        } else if (c < 0x10000) {
            *out++ = (unsigned char)(0xe0 | c >> 12);
            *out++ = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        } else {
            *out++ = (unsigned char)(0xf0 | c >> 18);
            *out++ = (unsigned char)(0x80 | (c >> 12 & 0x3f));
            *out++ = (unsigned char)(0x80 | (c >> 6 & 0x3f));
        }
        *out++ = (unsigned char)(0x80 | (c & 0x3f));
    }
    *to = (char *)out;
    return true;
}

static bool copy_text(const object_text *t, char **to) {
    switch (t->form) {
    case ASCII:
        if (!copy_ascii(t->from, t->length, *to)) return false;
        *to += t->length;
        return true;
    case ONE_BYTE:
        return copy_wide(t, 1, to);
    case TWO_BYTES:
        return copy_wide(t, 2, to);
    default:
        return copy_wide(t, 4, to);
    }
}

/* ---- All of them ---- */

/* The text of row `row`, whose bytes there is room for, behind `*to`. */
static inline void take(const object_text *t, size_t row, char **to, mmoe_text_copies *out) {
    char *end = *to;
    out->texts[row] = end;
    if (t->form == FORMS || (t->from && !copy_text(t, &end))) {
        out->others[out->n_other++] = row;
        end = *to;
    }
    *end = 0;
    *to = end + 1;
}

mmoe_status mmoe_text_copy_objects(const mmoe_text_layout *layout, const void *objects,
                                   ptrdiff_t stride, size_t count, mmoe_text_copies *out,
                                   mmoe_error *err) {
    if (!layout || !out ||
        (count && (!objects || !out->texts || !out->others || (out->size && !out->bytes))) ||
        (layout->n_missing && !layout->missing))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_text_copy_objects: an argument is NULL");
    const char *at = objects;
    char *to = out->bytes;
    out->n_other = 0;
    out->needed = SLACK;
    for (size_t row = 0; row < count; row++, at += stride) {
        if (row + AHEAD < count) mmoe_ask(pointer_at(at + AHEAD * stride));
        const object_text t = find(layout, pointer_at(at));
        const size_t bytes = t.form < FORMS ? t.length * most[t.form] + 1 : 1;
        out->needed += bytes;
        if (out->needed <= out->size) take(&t, row, &to, out);
    }
    return MMOE_OK;
}
