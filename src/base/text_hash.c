#include "base/text_hash.h"

/* The header has the function whole: no library is linked. */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t mmoe_text_hash(const char *text, size_t length, uint64_t seed) {
    return XXH64(text, length, seed);
}
