/* XXH64 of a text: the published function, so that another program finds the same number. */
#ifndef MMOE_BASE_TEXT_HASH_H
#define MMOE_BASE_TEXT_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t mmoe_text_hash(const char *text, size_t length, uint64_t seed);

#endif
