#include "base/text_hash.h"

/* The header has the function whole: no library is linked. */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t mmoe_text_hash(const char *text, size_t length, uint64_t seed) {
    return XXH64(text, length, seed);
}

_Static_assert(sizeof(mmoe_text_hasher) == sizeof(XXH64_state_t), "the state stands in a hasher");

static XXH64_state_t *state_of(mmoe_text_hasher *h) { return (XXH64_state_t *)(void *)h->state; }

void mmoe_text_hash_begin(mmoe_text_hasher *h, uint64_t seed) { XXH64_reset(state_of(h), seed); }

void mmoe_text_hash_add(mmoe_text_hasher *h, const char *text, size_t length) {
    XXH64_update(state_of(h), text, length);
}

uint64_t mmoe_text_hash_end(const mmoe_text_hasher *h) {
    return XXH64_digest((const XXH64_state_t *)(const void *)h->state);
}
