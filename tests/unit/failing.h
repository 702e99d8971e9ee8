/* An allocator that counts, checks that everything comes back, and fails its n-th allocation. */
#ifndef MMOE_TESTS_FAILING_H
#define MMOE_TESTS_FAILING_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mmoe/mmoe.h"

typedef struct failing {
    long calls;    /* allocations and changes of size so far */
    long fail_at;  /* the call that fails, from 1; 0: none */
    long live;     /* blocks not yet released */
    int and_after; /* 1: every later call fails, too */
} failing;

/* The size stands in front of a block, so that the old size that the library tells can be checked.
 */
enum { FAILING_HEAD = 64 };

static inline int failing_now(failing *f) {
    f->calls++;
    return f->fail_at && (f->and_after ? f->calls >= f->fail_at : f->calls == f->fail_at);
}

static inline void *failing_alloc(void *user, size_t size) {
    failing *f = user;
    char *block = failing_now(f) ? NULL : malloc(size + FAILING_HEAD);
    if (!block) return NULL;
    memcpy(block, &size, sizeof size);
    f->live++;
    return block + FAILING_HEAD;
}

static inline void failing_release(void *user, void *memory) {
    failing *f = user;
    if (!memory) return;
    f->live--;
    free((char *)memory - FAILING_HEAD);
}

static inline void *failing_resize(void *user, void *memory, size_t old_size, size_t new_size) {
    failing *f = user;
    size_t size;
    memcpy(&size, (char *)memory - FAILING_HEAD, sizeof size);
    ck_assert_msg(old_size == size || (old_size == 0 && size == 1),
                  "told an old size of %zu, not %zu", old_size, size);
    char *block = failing_now(f) ? NULL : malloc(new_size + FAILING_HEAD);
    if (!block) return NULL;
    memcpy(block, &new_size, sizeof new_size);
    memcpy(block + FAILING_HEAD, memory, size < new_size ? size : new_size);
    free((char *)memory - FAILING_HEAD);
    return block + FAILING_HEAD;
}

static inline mmoe_allocator failing_allocator(failing *f) {
    return (mmoe_allocator){f, failing_alloc, failing_resize, failing_release};
}

#endif
