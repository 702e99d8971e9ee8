#include "base/tally.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

typedef struct tally {
    mmoe_allocator inner;
    atomic_size_t bytes, users; /* users: blocks and the maker */
    bool refuses_huge_pages;
} tally;

/* In front of each block: its size, and what keeps it aligned. */
enum { HEAD = _Alignof(max_align_t) };
_Static_assert(HEAD >= sizeof(size_t), "a size has room");

static void leave(tally *t) {
    const mmoe_allocator inner = t->inner;
    if (atomic_fetch_sub(&t->users, 1) == 1) inner.release(inner.user, t);
}

size_t mmoe_tally_size(size_t size) { return size + HEAD; }

static size_t size_of(const void *memory) {
    size_t size;
    memcpy(&size, (const char *)memory - HEAD, sizeof size);
    return size;
}

static void *begin_block(tally *t, char *block, size_t size) {
    memcpy(block, &size, sizeof size);
    atomic_fetch_add(&t->bytes, size + HEAD);
    return block + HEAD;
}

void *mmoe_tally_note(const mmoe_allocator *a, void *block, size_t size) {
    tally *t = a->user;
    atomic_fetch_add(&t->users, 1);
    return begin_block(t, block, size);
}

static void *take(void *user, size_t size) {
    tally *t = user;
    void *block = t->inner.alloc(t->inner.user, size + HEAD);
    if (!block) return NULL;
    atomic_fetch_add(&t->users, 1);
    return begin_block(t, block, size);
}

static void *resize(void *user, void *memory, size_t old_size, size_t new_size) {
    tally *t = user;
    if (!memory) return take(user, new_size);
    const size_t size = size_of(memory);
    (void)old_size; /* it is told as it was asked for */
    char *block =
        t->inner.resize(t->inner.user, (char *)memory - HEAD, size + HEAD, new_size + HEAD);
    if (!block) return NULL;
    atomic_fetch_sub(&t->bytes, size + HEAD);
    return begin_block(t, block, new_size);
}

static void give_back(void *user, void *memory) {
    tally *t = user;
    if (!memory) return;
    atomic_fetch_sub(&t->bytes, size_of(memory) + HEAD);
    t->inner.release(t->inner.user, (char *)memory - HEAD);
    leave(t);
}

bool mmoe_tally_begin(const mmoe_allocator *inner, mmoe_allocator *out) {
    tally *t = inner->alloc(inner->user, sizeof *t);
    if (!t) return false;
    t->inner = *inner;
    t->refuses_huge_pages = false;
    atomic_init(&t->bytes, sizeof *t);
    atomic_init(&t->users, 1);
    *out = (mmoe_allocator){t, take, resize, give_back};
    return true;
}

void mmoe_tally_end(const mmoe_allocator *a) { leave(a->user); }

size_t mmoe_tally_bytes(const mmoe_allocator *a) {
    const tally *t = a->user;
    return atomic_load(&t->bytes);
}

void mmoe_tally_refuse_huge_pages(const mmoe_allocator *a) {
    tally *t = a->user;
    t->refuses_huge_pages = true;
}

bool mmoe_tally_refuses_huge_pages(const mmoe_allocator *a) {
    const tally *t = a->user;
    return t->refuses_huge_pages;
}

const mmoe_allocator *mmoe_tally_inner(const mmoe_allocator *a) {
    const tally *t = a->alloc == take ? a->user : NULL;
    return t ? &t->inner : NULL;
}
