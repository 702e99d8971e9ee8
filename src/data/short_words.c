#include "data/short_words.h"

#include <stdbool.h>
#include <string.h>

/* Words that a loop takes at a time: a known, small number, so that compilers make vectors of it.
 */
enum { SOME = 256 };

/* A float holds these powers and all counts exactly. So their quotient is the float nearest to the
 * decimal number, and that is how a text with the number was read. */
static const float powers[MMOE_MOST_DECIMALS + 1] = {1, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F};

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static size_t bytes_of(uint8_t form) { return form % MMOE_DECIMALS; }

static bool are_decimals(uint8_t form) { return form >= MMOE_DECIMALS; }

static float power_of(uint8_t form) { return powers[form / MMOE_DECIMALS - 1]; }

/* ---- Decimals ---- */

/* Puts 0 in the place of numbers whose bits tell that they are no count: negative ones, those above
 * UINT16_MAX, NaN and infinity. (Else converting them to integers would be undefined.) */
static void drop_others(float *scaled, size_t n) {
    const float behind = UINT16_MAX + 1;
    int32_t bits[SOME], least;
    memcpy(&least, &behind, sizeof least);
    memcpy(bits, scaled, n * sizeof *bits);
    for (size_t i = 0; i < n; i++) bits[i] = bits[i] < least ? bits[i] & ~(bits[i] >> 31) : 0;
    memcpy(scaled, bits, n * sizeof *bits);
}

/* Whether all numbers are, to the bit, counts of 1 / power; *most becomes the largest count. */
static bool count_some(const float *numbers, size_t n, float power, int32_t *most) {
    uint32_t was[SOME], is[SOME], differs = 0;
    float scaled[SOME], back[SOME];
    int32_t more = *most;
    for (size_t i = 0; i < n; i++) scaled[i] = numbers[i] * power + .5F;
    drop_others(scaled, n);
    for (size_t i = 0; i < n; i++) {
        const int32_t count = (int32_t)scaled[i];
        back[i] = (float)count / power;
        more = count > more ? count : more;
    }
    memcpy(was, numbers, n * sizeof *was);
    memcpy(is, back, n * sizeof *is);
    for (size_t i = 0; i < n; i++) differs |= was[i] ^ is[i];
    *most = more;
    return !differs;
}

/* The form of floats with few decimals, else that of whole words. Begins with no decimals and takes
 * one more whenever a number needs it. The numbers before need not be looked at again: those with
 * few decimals have as many counts of any smaller unit, ten times as large each time. */
static uint8_t decimal_form(const uint32_t *words, size_t count) {
    int decimals = 0;
    int32_t most = 0;
    for (size_t first = 0; first < count;) {
        float some[SOME];
        int32_t more = most;
        const size_t n = smaller(SOME, count - first);
        memcpy(some, words + first, n * sizeof *some);
        if (count_some(some, n, powers[decimals], &more)) {
            most = more;
            first += n;
        } else if (++decimals <= MMOE_MOST_DECIMALS && most <= UINT16_MAX) {
            most *= 10;
        } else {
            return MMOE_WHOLE_WORDS;
        }
    }
    if (most > UINT16_MAX) return MMOE_WHOLE_WORDS;
    return (uint8_t)(MMOE_DECIMALS * (decimals + 1) + (most <= UINT8_MAX ? 1 : 2));
}

static void to_counts(uint32_t *words, size_t n, float power) {
    float numbers[SOME];
    memcpy(numbers, words, n * sizeof *numbers);
    for (size_t i = 0; i < n; i++) words[i] = (uint32_t)(int32_t)(numbers[i] * power + .5F);
}

static void from_counts(uint32_t *words, size_t n, float power) {
    float numbers[SOME];
    for (size_t i = 0; i < n; i++) numbers[i] = (float)(int32_t)words[i] / power;
    memcpy(words, numbers, n * sizeof *numbers);
}

/* ---- Words ---- */

uint8_t mmoe_words_form(const void *words, size_t count) {
    const uint32_t *w = words;
    uint32_t any = 0, differs = 0;
    for (size_t i = 0; i < count; i++) {
        any |= w[i];
        differs |= w[i] ^ w[0];
    }
    if (count && !differs) return MMOE_SAME_WORDS;
    if (any <= UINT8_MAX) return 1;
    return any <= UINT16_MAX ? 2 : decimal_form(words, count);
}

size_t mmoe_words_size(uint8_t form, size_t count) {
    return form == MMOE_SAME_WORDS ? sizeof(uint32_t) : bytes_of(form) * count;
}

static void shorten(const uint32_t *from, size_t n, size_t width, char *to) {
    uint8_t bytes[SOME];
    uint16_t halves[SOME];
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)from[i];
        halves[i] = (uint16_t)from[i];
    }
    memcpy(to, width == 1 ? (void *)bytes : (void *)halves, n * width);
}

void mmoe_words_shorten(void *words, size_t count, uint8_t form) {
    const size_t width = bytes_of(form);
    if (form == MMOE_SAME_WORDS || form == MMOE_WHOLE_WORDS) return;
    for (size_t first = 0; first < count; first += SOME) {
        uint32_t some[SOME];
        const size_t n = smaller(SOME, count - first);
        memcpy(some, (char *)words + first * sizeof *some, n * sizeof *some);
        if (are_decimals(form)) to_counts(some, n, power_of(form));
        shorten(some, n, width, (char *)words + first * width);
    }
}

static void lengthen(const char *from, size_t n, size_t width, uint32_t *to) {
    uint8_t bytes[SOME];
    uint16_t halves[SOME];
    memcpy(width == 1 ? (void *)bytes : (void *)halves, from, n * width);
    for (size_t i = 0; width == 1 && i < n; i++) to[i] = bytes[i];
    for (size_t i = 0; width == 2 && i < n; i++) to[i] = halves[i];
}

/* From the last word to the first, because a long word overwrites short ones behind it. */
void mmoe_words_lengthen(void *words, size_t count, uint8_t form) {
    const size_t width = bytes_of(form);
    uint32_t *to = words;
    if (form == MMOE_WHOLE_WORDS) return;
    if (form == MMOE_SAME_WORDS) {
        for (size_t i = 1; i < count; i++) to[i] = to[0];
        return;
    }
    for (size_t left = count; left;) {
        uint32_t some[SOME];
        const size_t n = left % SOME ? left % SOME : SOME;
        left -= n;
        lengthen((char *)words + left * width, n, width, some);
        if (are_decimals(form)) from_counts(some, n, power_of(form));
        memcpy(to + left, some, n * sizeof *some);
    }
}

/* ---- Offsets ---- */

uint8_t mmoe_offsets_shorten(int64_t *offsets, size_t count) {
    uint32_t *lengths = (void *)(offsets + 1);
    int64_t start = offsets[0];
    for (size_t i = 0; i < count; i++) {
        const int64_t end = offsets[i + 1];
        const uint32_t length = (uint32_t)(end - start);
        memcpy(lengths + i, &length, sizeof length);
        start = end;
    }
    const uint8_t form = mmoe_words_form(lengths, count);
    mmoe_words_shorten(lengths, count, form);
    return form;
}

size_t mmoe_offsets_size(uint8_t form, size_t count) {
    return sizeof(int64_t) + mmoe_words_size(form, count);
}

/* From the last to the first, as above. */
void mmoe_offsets_lengthen(int64_t *offsets, size_t count, uint8_t form) {
    uint32_t *lengths = (void *)(offsets + 1), length;
    int64_t end = offsets[0];
    mmoe_words_lengthen(lengths, count, form);
    for (size_t i = 0; i < count; i++) {
        memcpy(&length, lengths + i, sizeof length);
        end += length;
    }
    for (size_t i = count; i-- > 0;) {
        memcpy(&length, lengths + i, sizeof length);
        offsets[i + 1] = end;
        end -= length;
    }
}
