#include "data/short_words.h"

#include <string.h>

/* Words at a time on the way, so that compilers look at many. */
enum { SOME = 256 };

uint8_t mmoe_words_width(const void *words, size_t count) {
    const uint32_t *w = words;
    uint32_t any = 0, differs = 0;
    for (size_t i = 0; i < count; i++) {
        any |= w[i];
        differs |= w[i] ^ w[0];
    }
    if (count && !differs) return MMOE_SAME_WORDS;
    if (any <= UINT8_MAX) return 1;
    return any <= UINT16_MAX ? 2 : 4;
}

size_t mmoe_words_size(uint8_t width, size_t count) {
    return width == MMOE_SAME_WORDS ? sizeof(uint32_t) : width * count;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void shorten(const uint32_t *from, size_t n, uint8_t width, char *to) {
    uint8_t bytes[SOME];
    uint16_t halves[SOME];
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)from[i];
        halves[i] = (uint16_t)from[i];
    }
    memcpy(to, width == 1 ? (void *)bytes : (void *)halves, n * width);
}

void mmoe_words_shorten(void *words, size_t count, uint8_t width) {
    if (width == MMOE_SAME_WORDS || width == sizeof(uint32_t)) return;
    for (size_t first = 0; first < count; first += SOME) {
        uint32_t some[SOME];
        const size_t n = smaller(SOME, count - first);
        memcpy(some, (char *)words + first * sizeof *some, n * sizeof *some);
        shorten(some, n, width, (char *)words + first * width);
    }
}

static void lengthen(const char *from, size_t n, uint8_t width, uint32_t *to) {
    uint8_t bytes[SOME];
    uint16_t halves[SOME];
    memcpy(width == 1 ? (void *)bytes : (void *)halves, from, n * width);
    for (size_t i = 0; width == 1 && i < n; i++) to[i] = bytes[i];
    for (size_t i = 0; width == 2 && i < n; i++) to[i] = halves[i];
}

/* From the last on: a word that is long stands on short ones behind it. */
void mmoe_words_lengthen(void *words, size_t count, uint8_t width) {
    uint32_t *to = words;
    if (width == sizeof *to) return;
    if (width == MMOE_SAME_WORDS) {
        for (size_t i = 1; i < count; i++) to[i] = to[0];
        return;
    }
    for (size_t left = count; left;) {
        uint32_t some[SOME];
        const size_t n = left % SOME ? left % SOME : SOME;
        left -= n;
        lengthen((char *)words + left * width, n, width, some);
        memcpy(to + left, some, n * sizeof *some);
    }
}
