#include "base/checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define P 0x9e3779b97f4a7c15u

enum { LANES = 4, BLOCK = LANES * 8 };

static uint64_t step(uint64_t h, uint64_t word) {
    h ^= word;
    return (h << 27 | h >> 37) * P;
}

static void take_block(uint64_t lanes[LANES], const unsigned char *block) {
    uint64_t words[LANES];
    memcpy(words, block, sizeof words);
    for (int i = 0; i < LANES; i++) lanes[i] = step(lanes[i], words[i]);
}

mmoe_checksum mmoe_checksum_seeded(uint64_t seed) {
    return (mmoe_checksum){{seed + P, seed + 2 * P, seed + 3 * P, seed + 4 * P}, 0};
}

void mmoe_checksum_add(mmoe_checksum *c, const void *data, size_t size) {
    uint64_t lanes[LANES];
    const unsigned char *at = data;
    size_t rest = size;
    memcpy(lanes, c->lanes, sizeof lanes); /* in registers */
    for (; rest >= BLOCK; rest -= BLOCK, at += BLOCK) take_block(lanes, at);
    if (rest) {
        unsigned char last[BLOCK] = {0};
        memcpy(last, at, rest);
        take_block(lanes, last);
    }
    memcpy(c->lanes, lanes, sizeof lanes);
    c->size += size;
}

uint64_t mmoe_checksum_end(const mmoe_checksum *c) {
    uint64_t r = c->size;
    for (int i = 0; i < LANES; i++) r = step(r, c->lanes[i]);
    r = (r ^ r >> 32) * P;
    return r ^ r >> 32;
}

uint64_t mmoe_checksum_hash(uint64_t seed, const void *data, size_t size) {
    mmoe_checksum c = mmoe_checksum_seeded(seed);
    mmoe_checksum_add(&c, data, size);
    return mmoe_checksum_end(&c);
}

mmoe_checksum mmoe_checksum_begin(const char *name) {
    return mmoe_checksum_seeded(mmoe_checksum_hash(0, name, strlen(name)));
}

uint64_t mmoe_checksum_part(const char *name, const void *data, size_t size) {
    mmoe_checksum c = mmoe_checksum_begin(name);
    mmoe_checksum_add(&c, data, size);
    return mmoe_checksum_end(&c);
}

void mmoe_checksum_print(uint64_t sum, char out[MMOE_CHECKSUM_SIZE]) {
    snprintf(out, MMOE_CHECKSUM_SIZE, "%016" PRIx64, sum);
}
