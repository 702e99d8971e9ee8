#include "base/reserve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* In front of each block, with its size: whole cache lines. */
enum { HEAD = 64, LARGE = 1 << 16 };

static void *take(void *user, size_t size) {
    mmoe_reserve *r = user;
    const size_t whole = size + HEAD;
    char *block;
    if (whole < LARGE) {
        block = calloc(1, whole);
    } else {
        block = mmap(NULL, whole, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (block == MAP_FAILED) block = NULL;
    }
    if (!block) {
        if (!r->refused) r->refused = r->bytes + (int64_t)size;
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    r->bytes += (int64_t)size;
    return block + HEAD;
}

static size_t size_of(const void *memory) {
    size_t size;
    memcpy(&size, (const char *)memory - HEAD, sizeof size);
    return size;
}

static void give_back(void *user, void *memory) {
    mmoe_reserve *r = user;
    char *block = (char *)memory - HEAD;
    const size_t size = size_of(memory);
    r->bytes -= (int64_t)size;
    if (size + HEAD < LARGE)
        free(block);
    else
        munmap(block, size + HEAD);
}

static void *resize(void *user, void *memory, size_t old_size, size_t new_size) {
    void *grown = take(user, new_size);
    if (!grown) return NULL;
    memcpy(grown, memory, old_size < new_size ? old_size : new_size);
    give_back(user, memory);
    return grown;
}

mmoe_allocator mmoe_reserve_allocator(mmoe_reserve *reserve) {
    return (mmoe_allocator){reserve, take, resize, give_back};
}

bool mmoe_is_reserve(const mmoe_allocator *a) { return a->alloc == take; }
