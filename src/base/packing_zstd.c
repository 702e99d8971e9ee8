/* Zstandard (RFC 8878), by its library, whose memory is its own: what takes an allocator is no part
 * of its stable interface. */
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/packing.h"

/* A frame, or one to be skipped, which pzstd's files begin with. */
static bool is(const char *bytes, size_t n) {
    return n >= 4 && (memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0 ||
                      ((bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0));
}

static void *create(const mmoe_allocator *alloc) {
    (void)alloc;
    return ZSTD_createDCtx();
}

static bool begin(void *state) {
    return !ZSTD_isError(ZSTD_DCtx_reset(state, ZSTD_reset_session_only));
}

static mmoe_status step(void *state, mmoe_packing_step *s) {
    ZSTD_inBuffer in = {s->from, s->n_from, 0};
    ZSTD_outBuffer out = {s->to, s->n_to, 0};
    const size_t result = ZSTD_decompressStream(state, &out, &in);
    s->from += in.pos;
    s->n_from -= (uint32_t)in.pos;
    s->to += out.pos;
    s->n_to -= (uint32_t)out.pos;
    s->has_ended = result == 0;
    if (!ZSTD_isError(result)) return MMOE_OK;
    s->why = ZSTD_getErrorName(result);
    s->is_sound = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge;
    if (s->is_sound) s->why = "its window is of more than 128 MB (--long), unpack it first";
    return MMOE_E_FORMAT;
}

static void finish(void *state) { ZSTD_freeDCtx(state); }

const mmoe_packing mmoe_packing_zstd = {"zstd", is, create, begin, step, finish};
