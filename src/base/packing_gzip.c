/* gzip (RFC 1952), by zlib. */
#include <string.h>
#include <zlib.h>

#include "base/packing.h"

static bool is(const char *bytes, size_t n) { return n >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0; }

static void *allocate(void *alloc, unsigned count, unsigned size) {
    return mmoe_alloc(alloc, count, size);
}

static void release(void *alloc, void *memory) { mmoe_release(alloc, memory); }

static void *create(const mmoe_allocator *alloc) {
    enum { GZIP_ALONE = 16 };
    z_stream *z = mmoe_alloc_zero(alloc, 1, sizeof *z);
    if (!z) return NULL;
    z->zalloc = allocate;
    z->zfree = release;
    z->opaque = (void *)(uintptr_t)alloc;
    if (inflateInit2(z, MAX_WBITS + GZIP_ALONE) == Z_OK) return z;
    mmoe_release(alloc, z);
    return NULL;
}

static bool begin(void *state) { return inflateReset(state) == Z_OK; }

static mmoe_status step(void *state, mmoe_packing_step *s) {
    z_stream *z = state;
    z->next_in = (Bytef *)(uintptr_t)s->from;
    z->avail_in = s->n_from;
    z->next_out = (Bytef *)s->to;
    z->avail_out = s->n_to;
    const int result = inflate(z, Z_NO_FLUSH);
    s->from = (const char *)z->next_in;
    s->n_from = z->avail_in;
    s->to = (char *)z->next_out;
    s->n_to = z->avail_out;
    s->has_ended = result == Z_STREAM_END;
    if (s->has_ended || result == Z_OK || result == Z_BUF_ERROR) return MMOE_OK;
    if (result == Z_MEM_ERROR) return MMOE_E_MEMORY;
    s->why = z->msg ? z->msg : "no gzip";
    return MMOE_E_FORMAT;
}

static void finish(void *state) {
    z_stream *z = state;
    const mmoe_allocator *alloc = z->opaque;
    inflateEnd(z);
    mmoe_release(alloc, z);
}

const mmoe_packing mmoe_packing_gzip = {"gzip", is, create, begin, step, finish};
