/* A 64-bit checksum against accidents, not against forgers. Any change within 8 aligned bytes of
 * one part is noticed for certain, others but for one chance in 2^64 or so.
 *
 * hash(seed, data), with P = 0x9e3779b97f4a7c15, words of 8 little-endian bytes and arithmetic
 * modulo 2^64: four lanes begin at seed + P, seed + 2P, seed + 3P, seed + 4P; data, filled up with
 * zero bytes to a multiple of 32, are taken in blocks of four words, and each lane becomes
 * rotate_left(lane ^ word, 27) * P. Then r = number of bytes; for each lane r = rotate_left(r ^
 * lane, 27) * P; at last r ^= r >> 32, r *= P, r ^= r >> 32. A file's checksum is the sum over its
 * parts (tensors by name, metadata by key) of hash(hash(0, name), data), so the parts may stand in
 * any order. */
#ifndef MMOE_BASE_CHECKSUM_H
#define MMOE_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t mmoe_checksum_hash(uint64_t seed, const void *data, size_t size);
uint64_t mmoe_checksum_part(const char *name, const void *data, size_t size);

/* As files have it: 16 hexadecimal digits. */
enum { MMOE_CHECKSUM_SIZE = 16 + 1 };
void mmoe_checksum_print(uint64_t sum, char out[MMOE_CHECKSUM_SIZE]);

/* The same of a part that comes in pieces, each but the last of a multiple of 32 bytes. */
typedef struct mmoe_checksum {
    uint64_t lanes[4];
    size_t size;
} mmoe_checksum;
mmoe_checksum mmoe_checksum_begin(const char *name);
mmoe_checksum mmoe_checksum_seeded(uint64_t seed); /* of hash(seed, data) */
void mmoe_checksum_add(mmoe_checksum *sum, const void *data, size_t size);
uint64_t mmoe_checksum_end(const mmoe_checksum *sum);

#endif
