/* An allocator over another: it counts what it has given, so that an object made by it knows its
 * bytes. From any thread. */
#ifndef MMOE_BASE_TALLY_H
#define MMOE_BASE_TALLY_H

#include <stdbool.h>

#include "mmoe/mmoe.h"

/* Makes *out over `inner`; false: memory is out. It goes with the last of its blocks, but not
 * before its maker has ended it: when the object stands, or has failed to. */
bool mmoe_tally_begin(const mmoe_allocator *inner, mmoe_allocator *out);
void mmoe_tally_end(const mmoe_allocator *tally);
/* Bytes that the inner allocator was asked for, and that are held: its own, too. */
size_t mmoe_tally_bytes(const mmoe_allocator *tally);
/* Large blocks ask for no huge pages from now on. */
void mmoe_tally_refuse_huge_pages(const mmoe_allocator *tally);

/* For base/alloc.c: the inner allocator; NULL: `a` is no tally. */
const mmoe_allocator *mmoe_tally_inner(const mmoe_allocator *a);
bool mmoe_tally_refuses_huge_pages(const mmoe_allocator *tally);
/* Takes a block of the inner allocator over, of mmoe_tally_size(size) bytes, as one of `size`. */
size_t mmoe_tally_size(size_t size);
void *mmoe_tally_note(const mmoe_allocator *tally, void *block, size_t size);

#endif
