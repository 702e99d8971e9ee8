/* XXH64 of a text: the published function, so that another program finds the same number. */
#ifndef MMOE_BASE_TEXT_HASH_H
#define MMOE_BASE_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t mmoe_text_hash(const char *text, size_t length, uint64_t seed);

/* Of a text that comes in pieces. */
typedef struct mmoe_text_hasher {
    uint64_t state[11]; /* the library's own */
} mmoe_text_hasher;
void mmoe_text_hash_begin(mmoe_text_hasher *h, uint64_t seed);
void mmoe_text_hash_add(mmoe_text_hasher *h, const char *text, size_t length);
uint64_t mmoe_text_hash_end(const mmoe_text_hasher *h);

#endif
