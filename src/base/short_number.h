/* Numbers of few characters, which most cells are: read eight characters at a time. */
#ifndef MMOE_BASE_SHORT_NUMBER_H
#define MMOE_BASE_SHORT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MMOE_SHORT_NUMBER = 8 };

/* Four bytes, the first the lowest: compilers see one load in it. */
static inline uint32_t mmoe_four_bytes(const char *text) {
    const uint8_t *b = (const uint8_t *)text;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* 1 to 8 bytes behind as many '0' as make them 8, the first in the lowest byte. Parts of them
 * overlap, so that no loop counts them. */
static inline uint64_t mmoe_eight_bytes(const char *text, size_t length) {
    const unsigned missing = 8 * (8 - (unsigned)length);
    uint64_t first, last;
    if (length < 4) {
        first = (uint8_t)text[0] | (uint64_t)(uint8_t)text[length / 2] << 8 * (length / 2);
        last = (uint64_t)(uint8_t)text[length - 1] << 56;
    } else {
        first = mmoe_four_bytes(text);
        last = (uint64_t)mmoe_four_bytes(text + length - 4) << 32;
    }
    const uint64_t zeros = missing ? (uint64_t)0x3030303030303030 >> (64 - missing) : 0;
    return first << missing | last | zeros;
}

static inline uint64_t mmoe_eight_at(const char *text) {
    return mmoe_four_bytes(text) | (uint64_t)mmoe_four_bytes(text + 4) << 32;
}

/* The same where eight bytes can be read, whatever stands behind the text. */
static inline uint64_t mmoe_eight_readable(const char *text, size_t length) {
    const uint64_t zeros = 0x3030303030303030;
    return mmoe_eight_at(text) << (64 - 8 * length) | zeros >> 4 * length >> 4 * length;
}

/* The number that eight digits are; false: they are none. */
static inline bool mmoe_eight_digits(uint64_t w, uint64_t *out) {
    const uint64_t high = 0xF0F0F0F0F0F0F0F0, zeros = 0x3030303030303030;
    if (((w & high) ^ zeros) | (((w + 0x0606060606060606) & high) ^ zeros)) return false;
    /* Neighbours at a time: digits to pairs, these to fours, these to all eight. */
    w = (w & 0x0F0F0F0F0F0F0F0F) * (256 * 10 + 1) >> 8;
    w = (w & 0x00FF00FF00FF00FF) * (65536 * 100 + 1) >> 16;
    *out = (w & 0x0000FFFF0000FFFF) * (((uint64_t)10000 << 32) + 1) >> 32;
    return true;
}

/* 1 to 8 digits and nothing else. */
static inline bool mmoe_short_integer(const char *text, size_t length, int64_t *out) {
    uint64_t value;
    if (length - 1 >= MMOE_SHORT_NUMBER ||
        !mmoe_eight_digits(mmoe_eight_bytes(text, length), &value))
        return false;
    *out = (int64_t)value;
    return true;
}

/* The same of one that an integer prints as: "0", "7", "70", not "07". */
static inline bool mmoe_short_printed(const char *text, size_t length, int64_t *out) {
    return mmoe_short_integer(text, length, out) && (*text != '0' || length == 1);
}

/* Likewise where eight bytes can be read. */
static inline bool mmoe_readable_printed(const char *text, size_t length, int64_t *out) {
    uint64_t value;
    if (length - 1 >= MMOE_SHORT_NUMBER || ((*text == '0') & (length > 1)) ||
        !mmoe_eight_digits(mmoe_eight_readable(text, length), &value))
        return false;
    *out = (int64_t)value;
    return true;
}

/* 128 in each byte of `w` that is the character; right up to the first of them. */
static inline uint64_t mmoe_bytes_that_are(uint64_t w, char character) {
    const uint64_t ones = 0x0101010101010101, x = w ^ ones * (uint8_t)character;
    return (x - ones) & ~x & 128 * ones;
}

/* Where the character stands in eight bytes, which can be read; NULL: nowhere. */
static inline const char *mmoe_find_in_eight(const char *text, char character) {
    const uint64_t found = mmoe_bytes_that_are(mmoe_eight_at(text), character);
    return found ? text + __builtin_ctzll(found) / 8 : NULL;
}

/* The one byte of `w` that is a point, taken out: those before it move up, and '0' comes in front.
 * *fraction: how many stand behind it. No point: nothing is done. */
static inline uint64_t mmoe_without_point(uint64_t w, unsigned *fraction) {
    const uint64_t found = mmoe_bytes_that_are(w, '.');
    *fraction = 0;
    if (!found) return w;
    const uint64_t point = (found & -found) >> 7; /* 1 in its byte */
    const unsigned at = (unsigned)__builtin_ctzll(point) / 8;
    *fraction = 7 - at;
    return (w & ~(point * 256 - 1)) | (w & (point - 1)) << 8 | '0';
}

/* 1 to 8 characters, digits with a point among them or not, as digits / 10^fraction. */
static inline bool mmoe_short_decimal(const char *text, size_t length, uint64_t *digits,
                                      unsigned *fraction) {
    if (length - 1 >= MMOE_SHORT_NUMBER) return false;
    const uint64_t w = mmoe_without_point(mmoe_eight_bytes(text, length), fraction);
    return mmoe_eight_digits(w, digits) && (length > 1 || *text != '.');
}

#endif
