/* The bytes of a CSV file in blocks that end where rows do, so that each is parsed by itself
 * (mmoe_csv_handler.form).
 *
 * A row ends with the first line end behind which an even number of quotes stands. Of a file whose
 * quotes are strict that is true as far as any reader comes: an odd quote before is malformed. A
 * lenient file has quotes that are text, and no such blocks. */
#ifndef MMOE_BASE_CSV_BLOCKS_H
#define MMOE_BASE_CSV_BLOCKS_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/bytes.h"

/* Begins as {.alloc, .from}. */
typedef struct mmoe_csv_blocks {
    mmoe_allocator alloc;
    mmoe_bytes *from;
    char *rest; /* [n_rest] that were read behind the last block */
    size_t n_rest, rest_room;
    bool has_ended; /* the file has, behind the rest */
} mmoe_csv_blocks;

typedef struct mmoe_csv_block {
    char *bytes; /* [room] the caller's to release */
    size_t length, room;
    bool is_open; /* no row ends in eight times `size`, nor in a megabyte: behind an odd quote none
                     may at all. Reading goes on in sequence, mmoe_csv_read_on */
} mmoe_csv_block;

/* The next block: whole rows, the fewest that have `size` bytes, or those that are left; of no
 * length where none is. It takes the memory that *out has, of a block that is needed no more;
 * zeros: none. MMOE_E_IO, _MEMORY: *out has its memory yet. */
mmoe_status mmoe_csv_blocks_next(mmoe_csv_blocks *blocks, size_t size, mmoe_csv_block *out,
                                 mmoe_error *err);
/* Is nothing left? */
static inline bool mmoe_csv_blocks_end(const mmoe_csv_blocks *b) {
    return b->has_ended && !b->n_rest;
}
void mmoe_csv_blocks_finish(mmoe_csv_blocks *blocks);

#endif
