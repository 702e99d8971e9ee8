#include "base/csv_blocks.h"

#include <string.h>

#include "base/error.h"

/* A block that is being read. */
typedef struct cutting {
    char *bytes; /* [room] */
    size_t used, room;
    size_t at;      /* how far it has been looked through */
    bool is_quoted; /* an odd number of quotes stands before */
    bool is_open;
} cutting;

/* Is the number of quotes odd? Most files have none, and memchr is the fastest to see that; else
 * one bit is kept of it, so that compilers look at many bytes at a time. */
static bool is_odd(const char *bytes, size_t n) {
    const char *quote = n ? memchr(bytes, '"', n) : NULL;
    uint8_t odd = 0;
    if (!quote) return false;
    for (const char *end = bytes + n; quote < end; quote++) odd ^= *quote == '"';
    return odd;
}

static bool make_room(const mmoe_csv_blocks *b, cutting *c, size_t room) {
    if (room <= c->room) return true;
    char *bytes = mmoe_resize(&b->alloc, c->bytes, c->room, room, 1);
    if (!bytes) return false;
    c->bytes = bytes;
    c->room = room;
    return true;
}

/* Room for `more` bytes, filled as far as the file goes. */
static mmoe_status read_more(mmoe_csv_blocks *b, cutting *c, size_t more, mmoe_error *err) {
    size_t n = 0;
    if (!make_room(b, c, c->used + more)) return mmoe_fail_memory(err, c->used + more);
    const mmoe_status status = mmoe_bytes_read(b->from, c->bytes + c->used, more, &n, err);
    c->used += n;
    b->has_ended = n < more;
    return status;
}

/* Looks on for the end of a row, which is at `at` then. A CR ends one unless an LF follows; behind
 * blanks, too, the LF is no line of its own, and who does not see the CR would take it for one. */
static bool find_end(cutting *c, bool has_ended) {
    for (; c->at < c->used; c->at++) {
        const char byte = c->bytes[c->at];
        if (byte == '"') c->is_quoted = !c->is_quoted;
        if (c->is_quoted || (byte != '\n' && byte != '\r')) continue;
        if (byte == '\r' && c->at + 1 == c->used && !has_ended) return false;
        if (byte == '\r' && c->at + 1 < c->used && memchr("\n \t", c->bytes[c->at + 1], 3))
            continue;
        c->at++;
        return true;
    }
    return false;
}

static mmoe_status cut(mmoe_csv_blocks *b, cutting *c, size_t size, mmoe_error *err) {
    enum { AHEAD = 64 * 1024, /* more than most rows */ LEAST = 1024 * 1024 };
    const size_t most = 8 * size > LEAST ? 8 * size : LEAST;
    mmoe_status status = MMOE_OK;
    if (!b->has_ended && c->used < size + AHEAD)
        status = read_more(b, c, size + AHEAD - c->used, err);
    c->at = size - 1 < c->used ? size - 1 : c->used;
    c->is_quoted = is_odd(c->bytes, c->at);
    bool is_found = false;
    while (!status && !(is_found = find_end(c, b->has_ended)) && !b->has_ended && c->used < most)
        status = read_more(b, c, c->used, err);
    c->is_open = !is_found && !b->has_ended;
    if (!is_found) c->at = c->used;
    return status;
}

/* Takes over what stands behind the block. */
static mmoe_status keep_rest(mmoe_csv_blocks *b, const cutting *c, mmoe_error *err) {
    const size_t n = c->used - c->at;
    if (n > b->rest_room) {
        char *rest = mmoe_resize(&b->alloc, b->rest, b->rest_room, n, 1);
        if (!rest) return mmoe_fail_memory(err, n);
        b->rest = rest;
        b->rest_room = n;
    }
    if (n) memcpy(b->rest, c->bytes + c->at, n);
    b->n_rest = n;
    return MMOE_OK;
}

static mmoe_status take_rest(mmoe_csv_blocks *b, cutting *c, mmoe_error *err) {
    const size_t n = b->n_rest;
    if (!make_room(b, c, n)) return mmoe_fail_memory(err, n);
    if (n) memcpy(c->bytes, b->rest, n);
    c->used = n;
    b->n_rest = 0;
    return MMOE_OK;
}

mmoe_status mmoe_csv_blocks_next(mmoe_csv_blocks *b, size_t size, mmoe_csv_block *out,
                                 mmoe_error *err) {
    cutting c = {.bytes = out->bytes, .room = out->room};
    mmoe_status status = take_rest(b, &c, err);
    if (!status) status = cut(b, &c, size, err);
    if (!status) status = keep_rest(b, &c, err);
    b->from->held = b->n_rest;
    *out = (mmoe_csv_block){c.bytes, status ? 0 : c.at, c.room, !status && c.is_open};
    return status;
}

void mmoe_csv_blocks_finish(mmoe_csv_blocks *b) {
    mmoe_release(&b->alloc, b->rest);
    b->rest = NULL;
    b->n_rest = b->rest_room = 0;
}
