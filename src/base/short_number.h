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

/* The digits' values are what differs from '0'. */
#define MMOE_ZEROS ((uint64_t)0x3030303030303030)

/* 0 where eight bytes are values of digits. */
static inline uint64_t mmoe_no_digits(uint64_t d) {
    return ((d + 0x7676767676767676) | d) & 0x8080808080808080;
}

/* The number that they are: neighbours at a time, digits to pairs, these to fours, these to all
 * eight. */
static inline uint64_t mmoe_of_digits(uint64_t d) {
    d = d * (256 * 10 + 1) >> 8;
    d = (d & 0x00FF00FF00FF00FF) * (65536 * 100 + 1) >> 16;
    return (d & 0x0000FFFF0000FFFF) * (((uint64_t)10000 << 32) + 1) >> 32;
}

/* 1 to 8 digits and nothing else. */
static inline bool mmoe_short_integer(const char *text, size_t length, int64_t *out) {
    if (length - 1 >= MMOE_SHORT_NUMBER) return false;
    const uint64_t d = mmoe_eight_bytes(text, length) ^ MMOE_ZEROS;
    if (mmoe_no_digits(d)) return false;
    *out = (int64_t)mmoe_of_digits(d);
    return true;
}

/* The same of one that an integer prints as: "0", "7", "70", not "07". */
static inline bool mmoe_short_printed(const char *text, size_t length, int64_t *out) {
    return mmoe_short_integer(text, length, out) && (*text != '0' || length == 1);
}

/* The first byte of digits' values that is a point's, taken out: those before it move up, and 0
 * comes in front. *fraction: how many stand behind it. No point: nothing is done. */
static inline uint64_t mmoe_without_point(uint64_t d, unsigned *fraction) {
    const uint64_t ones = 0x0101010101010101, x = d ^ ones * ('.' ^ '0'),
                   found = (x - ones) & ~x & 128 * ones;
    *fraction = 0;
    if (!found) return d;
    const uint64_t point = (found & -found) >> 7; /* 1 in its byte */
    *fraction = 7 - (unsigned)__builtin_ctzll(point) / 8;
    return (d & ~(point * 256 - 1)) | (d & (point - 1)) << 8;
}

/* 1 to 8 characters, digits with a point among them or not, as digits / 10^fraction. */
static inline bool mmoe_short_decimal(const char *text, size_t length, uint64_t *digits,
                                      unsigned *fraction) {
    if (length - 1 >= MMOE_SHORT_NUMBER) return false;
    const uint64_t d = mmoe_without_point(mmoe_eight_bytes(text, length) ^ MMOE_ZEROS, fraction);
    *digits = mmoe_of_digits(d);
    return !mmoe_no_digits(d) && (length > 1 || *text != '.');
}

#endif
