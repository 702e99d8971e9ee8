#include "base/unpacking.h"

#include <string.h>

#include "base/background.h"
#include "base/error.h"

/* Bytes that are unpacked while as many are read, and of the file that are read at a time. */
enum { ROOM = 4 << 20, PACKED = 256 << 10 };

typedef struct buffer {
    char *bytes; /* [ROOM] */
    size_t used;
} buffer;

struct mmoe_unpacking {
    mmoe_allocator alloc;
    const mmoe_packing *kind;
    mmoe_background *thread;
    /* The reader's. */
    buffer *front;         /* NULL: nothing was asked yet */
    size_t given;          /* of the front's bytes */
    bool is_last;          /* the front is */
    int64_t taken, before; /* bytes of the file, for all up to the front's end, and to its begin */
    /* The thread's, unless it rests. */
    buffer buffers[2], *back;
    mmoe_raw_bytes from;
    void *state;
    char *packed; /* [PACKED], of which those from `at` to `end` are yet to be unpacked */
    size_t at, end;
    bool is_read;    /* the file, to its end */
    bool is_within;  /* an archive */
    bool has_looked; /* at the first bytes that stand in it */
    bool has_ended;
    mmoe_status status; /* of what follows the buffers */
    mmoe_error err;
};

/* ---- The thread ---- */

/* Behind what is yet to be unpacked. */
static mmoe_status read_more(mmoe_unpacking *u) {
    const size_t left = u->end - u->at;
    size_t n = 0;
    memmove(u->packed, u->packed + u->at, left);
    u->at = 0;
    const mmoe_status status =
        mmoe_raw_bytes_read(&u->from, u->packed + left, PACKED - left, &n, &u->err);
    u->end = left + n;
    u->is_read = n < PACKED - left;
    return status;
}

/* Between archives, of which the file is one or more. */
static mmoe_status begin_archive(mmoe_unpacking *u) {
    const size_t left = u->end - u->at;
    u->has_ended = left == 0;
    if (u->has_ended) return MMOE_OK;
    if (!u->kind->is(u->packed + u->at, left))
        return mmoe_fail_format(&u->err, u->from.name,
                                "something else follows what %s has packed: the file is damaged",
                                u->kind->word);
    if (!u->kind->begin(u->state)) return mmoe_fail_memory(&u->err, 0);
    u->is_within = true;
    return MMOE_OK;
}

static mmoe_status unpack_more(mmoe_unpacking *u) {
    buffer *b = u->back;
    const uint32_t left = (uint32_t)(u->end - u->at), room = (uint32_t)(ROOM - b->used);
    mmoe_packing_step s = {u->packed + u->at, left, b->bytes + b->used, room};
    const mmoe_status status = u->kind->step(u->state, &s);
    u->at += left - s.n_from;
    b->used += room - s.n_to;
    u->is_within = !s.has_ended;
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(&u->err, 0);
    if (status)
        return mmoe_fail_format(&u->err, u->from.name, "what %s has packed %s: %s", u->kind->word,
                                s.is_sound ? "is not read" : "is damaged", s.why);
    if (u->is_within && u->is_read && s.n_from == left && s.n_to == room)
        return mmoe_fail_format(&u->err, u->from.name,
                                "the file is cut off: what %s has packed does not end",
                                u->kind->word);
    return MMOE_OK;
}

/* At the first bytes that stand in the file. */
static mmoe_status look(mmoe_unpacking *u) {
    const mmoe_packing *again = mmoe_packing_of(u->back->bytes, u->back->used);
    u->has_looked = true;
    if (!again) return MMOE_OK;
    return mmoe_fail_format(&u->err, u->from.name,
                            "packed twice, by %s and by %s before: unpack it once", u->kind->word,
                            again->word);
}

static void fill(void *context) {
    mmoe_unpacking *u = context;
    u->back->used = 0;
    while (!u->status && !u->has_ended && u->back->used < ROOM) {
        if (!u->is_read && u->end - u->at < MMOE_PACKING_FIRST) u->status = read_more(u);
        if (u->status) return;
        u->status = u->is_within ? unpack_more(u) : begin_archive(u);
    }
    if (!u->status && !u->has_looked) u->status = look(u);
}

/* ---- The reader ---- */

/* The buffer that the thread has filled becomes the front, and the other one is filled. */
static mmoe_status turn(mmoe_unpacking *u, mmoe_error *err) {
    if (!u->front) mmoe_background_start(u->thread);
    mmoe_background_wait(u->thread);
    if (u->status && err) *err = u->err;
    if (u->status) return u->status;
    u->front = u->back;
    u->given = 0;
    u->before = u->taken;
    u->taken = u->from.n_read - (int64_t)(u->end - u->at);
    u->is_last = u->has_ended;
    u->back = u->front == u->buffers ? u->buffers + 1 : u->buffers;
    if (!u->is_last) mmoe_background_start(u->thread);
    return MMOE_OK;
}

mmoe_status mmoe_unpacking_read(mmoe_unpacking *u, char *to, size_t size, size_t *n,
                                mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (*n = 0; !status && *n < size;) {
        const size_t left = u->front ? u->front->used - u->given : 0,
                     more = left < size - *n ? left : size - *n;
        if (left == 0 && u->is_last) break;
        if (left == 0) {
            status = turn(u, err);
            continue;
        }
        memcpy(to + *n, u->front->bytes + u->given, more);
        u->given += more;
        *n += more;
    }
    return status;
}

int64_t mmoe_unpacking_taken(const mmoe_unpacking *u) { return u->taken; }

double mmoe_unpacking_used(const mmoe_unpacking *u, size_t held) {
    const double bytes = (double)(u->taken - u->before);
    if (!u->front || !u->front->used) return (double)u->taken;
    return (double)u->before + bytes * ((double)u->given - (double)held) / (double)u->front->used;
}

/* ---- Life ---- */

static mmoe_status make(mmoe_unpacking *u, mmoe_error *err) {
    const mmoe_allocator *a = &u->alloc;
    u->packed = mmoe_alloc(a, PACKED, 1);
    for (int i = 0; i < 2; i++) u->buffers[i].bytes = mmoe_alloc(a, ROOM, 1);
    if (!u->packed || !u->buffers[0].bytes || !u->buffers[1].bytes)
        return mmoe_fail_memory(err, PACKED + 2 * ROOM);
    u->back = u->buffers;
    u->state = u->kind->create(a);
    if (!u->state) return mmoe_fail_memory(err, 0);
    return mmoe_background_create(fill, u, a, &u->thread, err);
}

mmoe_status mmoe_unpacking_create(const mmoe_packing *kind, mmoe_raw_bytes from,
                                  const mmoe_allocator *alloc, mmoe_unpacking **out,
                                  mmoe_error *err) {
    mmoe_unpacking *u = mmoe_alloc_zero(alloc, 1, sizeof *u);
    if (!u) {
        mmoe_raw_bytes_close(&from);
        return mmoe_fail_memory(err, sizeof *u);
    }
    u->alloc = *alloc;
    u->kind = kind;
    u->from = from;
    const mmoe_status status = make(u, err);
    if (status)
        mmoe_unpacking_free(u);
    else
        *out = u;
    return status;
}

void mmoe_unpacking_free(mmoe_unpacking *u) {
    const mmoe_allocator a = u->alloc;
    mmoe_background_free(u->thread);
    if (u->state) u->kind->free(u->state);
    for (int i = 0; i < 2; i++) mmoe_release(&a, u->buffers[i].bytes);
    mmoe_release(&a, u->packed);
    mmoe_raw_bytes_close(&u->from);
    mmoe_release(&a, u);
}
