#include "base/stretch.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/file_at.h"

/* The stretch of a worker's last piece. Its next piece is mostly near, so the search for the
 * stretch begins there, and not at the first of what may be many. */
typedef struct cursor {
    size_t index, first; /* of the stretch, and of its first piece among all */
} cursor;

typedef struct stretch_run {
    const mmoe_stretch_work *work;
    char *buffers;     /* [workers, MMOE_PIECE]; NULL: no piece needs one */
    atomic_int reason; /* errno of the first failure; 0: there is none */
    atomic_bool cannot_read;
    cursor cursors[MMOE_MOST_WORKERS];
} stretch_run;

static size_t pieces_of(const mmoe_stretch *s) {
    return s->bytes ? (s->bytes - 1) / MMOE_PIECE + 1 : 1;
}

static bool read_piece(const mmoe_stretch *from, const mmoe_piece *p, void *to) {
    size_t got;
    if (!mmoe_read_at(from->file, to, p->size, from->place + (int64_t)p->first, &got)) return false;
    if (got < p->size) errno = ENODATA;
    return got == p->size;
}

static bool write_piece(const mmoe_stretch *to, const mmoe_piece *p) {
    if (!to->data) return mmoe_write_at(to->file, p->bytes, p->size, to->place + (int64_t)p->first);
    if (p->size && to->data + p->first != p->bytes) memcpy(to->data + p->first, p->bytes, p->size);
    return true;
}

/* Where a piece of a file is read to: at once to where it is wanted, if that is memory. */
static char *room_for(const stretch_run *r, const mmoe_piece *p, int worker) {
    const mmoe_stretch *to = r->work->to ? &r->work->to[p->index] : NULL;
    return to && to->data ? to->data + p->first : r->buffers + (size_t)worker * MMOE_PIECE;
}

static bool run_piece(stretch_run *r, mmoe_piece *p, int worker) {
    const mmoe_stretch_work *w = r->work;
    const mmoe_stretch *from = &w->from[p->index];
    char *room = from->data ? from->data + p->first : room_for(r, p, worker);
    p->bytes = room;
    if (!from->data && !read_piece(from, p, room)) {
        atomic_store(&r->cannot_read, true);
        return false;
    }
    if (w->look) w->look(w->context, p);
    return !w->to || write_piece(&w->to[p->index], p);
}

static const mmoe_stretch *go_to(cursor *c, const mmoe_stretch *all, size_t piece) {
    while (piece < c->first) c->first -= pieces_of(&all[--c->index]);
    while (piece >= c->first + pieces_of(&all[c->index])) c->first += pieces_of(&all[c->index++]);
    return &all[c->index];
}

static void run_task(void *context, int worker, int task) {
    stretch_run *r = context;
    cursor *c = &r->cursors[worker];
    if (atomic_load_explicit(&r->reason, memory_order_relaxed)) return;
    const mmoe_stretch *from = go_to(c, r->work->from, (size_t)task);
    mmoe_piece p = {.index = c->index, .first = ((size_t)task - c->first) * MMOE_PIECE};
    p.size = from->bytes - p.first < MMOE_PIECE ? from->bytes - p.first : MMOE_PIECE;
    if (run_piece(r, &p, worker)) return;
    const int reason = errno;
    int none = 0;
    atomic_compare_exchange_strong(&r->reason, &none, reason);
}

/* A piece goes through a buffer from a file to nowhere, or to another. */
static bool needs_buffers(const mmoe_stretch_work *w) {
    for (size_t i = 0; i < w->count; i++)
        if (!w->from[i].data && (!w->to || !w->to[i].data)) return true;
    return false;
}

mmoe_status mmoe_stretches_run(const mmoe_stretch_work *work, mmoe_pool *pool,
                               const mmoe_allocator *alloc) {
    const size_t workers = pool ? (size_t)mmoe_pool_workers(pool) : 1;
    assert(workers <= MMOE_MOST_WORKERS);
    stretch_run r = {.work = work};
    size_t pieces = 0;
    for (size_t i = 0; i < work->count; i++) pieces += pieces_of(&work->from[i]);
    if (needs_buffers(work)) {
        r.buffers = mmoe_alloc(alloc, workers, MMOE_PIECE);
        if (!r.buffers) return MMOE_E_MEMORY;
    }
    atomic_init(&r.reason, 0);
    atomic_init(&r.cannot_read, false);
    mmoe_pool_run_exact(pool, (int)pieces, run_task, &r);
    mmoe_release(alloc, r.buffers);
    if (work->cannot_read) *work->cannot_read = atomic_load(&r.cannot_read);
    errno = atomic_load(&r.reason);
    return errno ? MMOE_E_IO : MMOE_OK;
}
