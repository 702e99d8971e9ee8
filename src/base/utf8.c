#include "base/utf8.h"

#include <string.h>

static size_t length_of(unsigned char first) {
    if (first < 0x80) return 1;
    if (first >= 0xc0 && first < 0xe0) return 2;
    if (first >= 0xe0 && first < 0xf0) return 3;
    return first >= 0xf0 && first < 0xf8 ? 4 : 0;
}

size_t mmoe_utf8_next(const char *text, size_t length, uint32_t *point) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (length == 0) return 0;
    const unsigned char first = (unsigned char)*text;
    const size_t bytes = length_of(first);
    if (bytes == 0 || bytes > length) return 0;
    uint32_t value = bytes == 1 ? first : first & 0x7fu >> bytes;
    for (size_t i = 1; i < bytes; i++) {
        if (!mmoe_utf8_continues(text[i])) return 0;
        value = value << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    const bool is_surrogate = value >= 0xd800 && value < 0xe000;
    if (value < least[bytes] || value > 0x10ffff || is_surrogate) return 0;
    if (point) *point = value;
    return bytes;
}

bool mmoe_utf8_is(const char *text, size_t length) {
    while (length) {
        const size_t bytes = mmoe_utf8_next(text, length, NULL);
        if (!bytes) return false;
        text += bytes;
        length -= bytes;
    }
    return true;
}

bool mmoe_utf8_is_control(uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x2028 && point < 0x202f) ||
           (point >= 0x2066 && point < 0x206a);
}

void mmoe_utf8_plain(char *text, char control) {
    char *to = text;
    for (size_t left = strlen(text), size; left; left -= size, text += size) {
        uint32_t point = 0;
        size = mmoe_utf8_next(text, left, &point);
        const bool is_shown = size && !mmoe_utf8_is_control(point);
        if (is_shown) memmove(to, text, size);
        if (!is_shown) *to = size ? control : '?';
        to += is_shown ? size : 1;
        if (!size) size = 1;
    }
    *to = '\0';
}

int mmoe_utf8_fit(const char *text, size_t most) {
    return (int)mmoe_utf8_cut(text, strlen(text), most);
}

size_t mmoe_utf8_cut(const char *text, size_t length, size_t most) {
    if (length <= most) return length;
    while (most > 0 && mmoe_utf8_continues(text[most])) most--;
    return most;
}
