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

/* Of the number of quotes one bit is kept, so that compilers look at many bytes at a time. */
static bool is_odd(const char *bytes, size_t n) {
    uint8_t odd = 0;
    for (size_t i = 0; i < n; i++) odd ^= bytes[i] == '"';
    return odd;
}

/* Room for `more` bytes, filled as far as the file goes. */
static mmoe_status read_more(mmoe_csv_blocks *b, cutting *c, size_t more, mmoe_error *err) {
    const size_t room = c->used + more;
    size_t n = 0;
    char *bytes = mmoe_resize(&b->alloc, c->bytes, c->room, room, 1);
    if (!bytes) return mmoe_fail_memory(err, room);
    c->bytes = bytes;
    c->room = room;
    const mmoe_status status = mmoe_bytes_read(b->from, bytes + c->used, more, &n, err);
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
    if (n == 0) return MMOE_OK;
    b->rest = mmoe_alloc(&b->alloc, n, 1);
    if (!b->rest) return mmoe_fail_memory(err, n);
    memcpy(b->rest, c->bytes + c->at, n);
    b->n_rest = n;
    return MMOE_OK;
}

mmoe_status mmoe_csv_blocks_next(mmoe_csv_blocks *b, size_t size, mmoe_csv_block *out,
                                 mmoe_error *err) {
    cutting c = {.bytes = b->rest, .used = b->n_rest, .room = b->n_rest};
    b->rest = NULL;
    b->n_rest = 0;
    mmoe_status status = cut(b, &c, size, err);
    if (!status) status = keep_rest(b, &c, err);
    b->from->held = b->n_rest;
    if (status)
        mmoe_release(&b->alloc, c.bytes);
    else
        *out = (mmoe_csv_block){c.bytes, c.at, c.is_open};
    return status;
}

void mmoe_csv_blocks_finish(mmoe_csv_blocks *b) {
    mmoe_release(&b->alloc, b->rest);
    b->rest = NULL;
    b->n_rest = 0;
}
