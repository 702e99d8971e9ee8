/* Which of 64 bytes are a character. */
#ifndef MMOE_BASE_MARKS_H
#define MMOE_BASE_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/short_number.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { MMOE_MARKS = 64 };

/* Bit i is byte i's; all 64 can be read, those from `length` on are not asked for. */
static inline uint64_t mmoe_marks_of(const char *at, size_t length, char character) {
    uint64_t marks = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi8(character);
    for (int i = 0; i < 4; i++) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
        marks |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, wanted)) << 16 * i;
    }
#else
    for (size_t i = 0; i < MMOE_MARKS && i < length; i += 8) {
        const uint64_t found = mmoe_bytes_that_are(mmoe_eight_at(at + i), character) >> 7;
        marks |= (found * 0x0102040810204080 >> 56) << i;
    }
#endif
    return length < MMOE_MARKS ? marks & (((uint64_t)1 << length) - 1) : marks;
}

#endif
