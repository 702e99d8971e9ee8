/* Hashes of a vocabulary's keys. */
#ifndef MMOE_DATA_VOCAB_HASH_H
#define MMOE_DATA_VOCAB_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

__extension__ typedef unsigned __int128 mmoe_vocab_wide;

static inline uint64_t mmoe_vocab_mix(uint64_t a, uint64_t b) {
    const mmoe_vocab_wide product = (mmoe_vocab_wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t mmoe_vocab_int_hash(int64_t value) {
    return (uint32_t)(mmoe_vocab_mix((uint64_t)value ^ 0x9E3779B97F4A7C15u, 0xD6E8FEB86659FD93u) >>
                      16);
}

/* Fewer than 8 bytes; parts of them overlap, so that no loop counts them. */
static inline uint64_t mmoe_vocab_short_word(const char *text, size_t length) {
    uint32_t first, last;
    if (length < 4)
        return length ? (uint64_t)(uint8_t)text[0] << 16 |
                            (uint64_t)(uint8_t)text[length / 2] << 8 | (uint8_t)text[length - 1]
                      : 0;
    memcpy(&first, text, sizeof first);
    memcpy(&last, text + length - sizeof last, sizeof last);
    return (uint64_t)first << 32 | last;
}

static inline uint32_t mmoe_vocab_text_hash(const char *text, size_t length) {
    uint64_t h = 0xA0761D6478BD642Fu ^ length, word;
    for (size_t i = 0; i + 8 < length; i += 8) {
        memcpy(&word, text + i, 8);
        h = mmoe_vocab_mix(h ^ word, 0xE7037ED1A0B428DBu);
    }
    if (length >= 8)
        memcpy(&word, text + length - 8, 8);
    else
        word = mmoe_vocab_short_word(text, length);
    return (uint32_t)(mmoe_vocab_mix(h ^ word, 0x8EBC6AF09C88C6E3u) >> 16);
}

#endif
