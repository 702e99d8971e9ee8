#include "failing.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef union block_head {
    size_t size;
    max_align_t align;
} block_head;

/* Behind every block, for libraries that sanitizers do not see. */
static const char canary[8] = "canary!";

static bool failing_now(failing *f) {
    if (f->paused) return false;
    const long call = ++f->calls;
    if (!f->fail_at || !(f->and_after ? call >= f->fail_at : call == f->fail_at)) return false;
    f->refused++;
    return true;
}

static void *new_block(failing *f, size_t size) {
    block_head *head = malloc(sizeof *head + size + sizeof canary);
    if (!head) return NULL;
    head->size = size;
    memset(head + 1, 0xa5, size);
    memcpy((char *)(head + 1) + size, canary, sizeof canary);
    f->live++;
    f->bytes += size;
    return head + 1;
}

static void *failing_alloc(void *user, size_t size) {
    return failing_now(user) ? NULL : new_block(user, size);
}

static void failing_release(void *user, void *memory) {
    failing *f = user;
    if (!memory) return;
    block_head *head = (block_head *)memory - 1;
    if (memcmp((char *)memory + head->size, canary, sizeof canary) != 0)
        ck_abort_msg("written behind a block of %zu bytes", head->size);
    f->live--;
    f->bytes -= head->size;
    free(head);
}

/* Always moves, so that an old pointer that is still in use shows. */
static void *failing_resize(void *user, void *memory, size_t old_size, size_t new_size) {
    failing *f = user;
    if (!memory) return failing_alloc(f, new_size);
    const size_t size = ((block_head *)memory - 1)->size;
    if (old_size != size && !(old_size == 0 && size == 1))
        ck_abort_msg("told an old size of %zu, not %zu", old_size, size);
    const bool passes = f->may_shrink && new_size <= size;
    void *moved = passes ? new_block(f, new_size) : failing_alloc(f, new_size);
    if (!moved) return NULL;
    memcpy(moved, memory, size < new_size ? size : new_size);
    failing_release(f, memory);
    return moved;
}

mmoe_allocator failing_allocator(failing *f) {
    return (mmoe_allocator){f, failing_alloc, failing_resize, failing_release};
}

static failing *of_jansson;

static void *failing_json_alloc(size_t size) { return failing_alloc(of_jansson, size); }
static void failing_json_release(void *memory) { failing_release(of_jansson, memory); }

void failing_json(failing *f) {
    of_jansson = f;
    if (f)
        json_set_alloc_funcs(failing_json_alloc, failing_json_release);
    else
        json_set_alloc_funcs(malloc, free);
}

/* Sanitizers and emulators see every seventh call fail behind the first ones: where
 * memory is lost, every call that fails tells it without them. */
#if defined(EMULATED)
enum { EACH = 16, BEYOND = 7 };
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { EACH = 48, BEYOND = 7 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { EACH = 48, BEYOND = 7 };
#else
enum { EACH = 0, BEYOND = 1 };
#endif
#else
enum { EACH = 0, BEYOND = 1 };
#endif

bool failing_tries_each(void) { return BEYOND == 1; }

bool failing_next(failing *f) {
    if (f->fail_at && !f->refused) {
        f->fail_at = 0;
        return false;
    }
    const long stride = f->stride > 1 || f->fail_at < EACH ? f->stride : BEYOND;
    f->fail_at += stride && f->fail_at ? stride : 1;
    f->calls = 0;
    f->refused = 0;
    return true;
}

void failing_check(const failing *f, mmoe_status status, const mmoe_error *err) {
    const mmoe_status wanted = f->refused ? MMOE_E_MEMORY : MMOE_OK;
    if (status != wanted || err->code != status)
        ck_abort_msg("call %ld fails: status %d, not %d: %s", f->fail_at, status, wanted,
                     err->message);
}
