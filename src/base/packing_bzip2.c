/* bzip2, by its library. */
#include <bzlib.h>
#include <string.h>

#include "base/packing.h"

/* An archive that is being read, or none yet. */
typedef struct unpacker {
    const mmoe_allocator *alloc;
    bz_stream stream;
    bool is_begun;
} unpacker;

/* The first block's mark stands behind the header, or, where the text is empty, the end's. */
static bool is(const char *bytes, size_t n) {
    return n >= 10 && memcmp(bytes, "BZh", 3) == 0 && bytes[3] >= '1' && bytes[3] <= '9' &&
           (memcmp(bytes + 4, "1AY&SY", 6) == 0 || memcmp(bytes + 4, "\x17rE8P\x90", 6) == 0);
}

static void *allocate(void *alloc, int count, int size) {
    return mmoe_alloc(alloc, (size_t)count, (size_t)size);
}

static void release(void *alloc, void *memory) { mmoe_release(alloc, memory); }

static void *create(const mmoe_allocator *alloc) {
    unpacker *u = mmoe_alloc_zero(alloc, 1, sizeof *u);
    if (u) u->alloc = alloc;
    return u;
}

static void end(unpacker *u) {
    if (u->is_begun) BZ2_bzDecompressEnd(&u->stream);
    u->is_begun = false;
}

static bool begin(void *state) {
    unpacker *u = state;
    end(u);
    u->stream =
        (bz_stream){.bzalloc = allocate, .bzfree = release, .opaque = (void *)(uintptr_t)u->alloc};
    u->is_begun = BZ2_bzDecompressInit(&u->stream, 0, 0) == BZ_OK;
    return u->is_begun;
}

static mmoe_status step(void *state, mmoe_packing_step *s) {
    bz_stream *z = &((unpacker *)state)->stream;
    z->next_in = (char *)(uintptr_t)s->from;
    z->avail_in = s->n_from;
    z->next_out = s->to;
    z->avail_out = s->n_to;
    const int result = BZ2_bzDecompress(z);
    s->from = (const char *)z->next_in;
    s->n_from = z->avail_in;
    s->to = (char *)z->next_out;
    s->n_to = z->avail_out;
    s->has_ended = result == BZ_STREAM_END;
    if (s->has_ended || result == BZ_OK) return MMOE_OK;
    if (result == BZ_MEM_ERROR) return MMOE_E_MEMORY;
    s->why = result == BZ_DATA_ERROR ? "a block or its checksum is wrong" : "no bzip2";
    return MMOE_E_FORMAT;
}

static void finish(void *state) {
    unpacker *u = state;
    end(u);
    mmoe_release(u->alloc, u);
}

const mmoe_packing mmoe_packing_bzip2 = {"bzip2", is, create, begin, step, finish};
