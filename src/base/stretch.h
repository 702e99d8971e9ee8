/* Long stretches of bytes, in memory or of files, that workers go through piece by piece: none is
 * ever copied to memory whole. */
#ifndef MMOE_BASE_STRETCH_H
#define MMOE_BASE_STRETCH_H

#include <stdbool.h>

#include "base/pool.h"

enum { MMOE_PIECE = 1 << 18 }; /* bytes; checkpoints have a checksum of each */

typedef struct mmoe_stretch {
    char *data;    /* NULL: they are of a file */
    int file;      /* open to be read, or to be written */
    int64_t place; /* of the first byte there */
    size_t bytes;
} mmoe_stretch;

/* Bytes [first, first + size) of stretch `index`. */
typedef struct mmoe_piece {
    size_t index, first, size;
    const void *bytes;
} mmoe_piece;

/* What is done to stretches, one after another or, with a pool, in parallel. */
typedef struct mmoe_stretch_work {
    const mmoe_stretch *from; /* [count] */
    const mmoe_stretch *to;   /* [count] as long as those, to which they are copied; NULL: they are
                                 not. Those that are the same memory are left alone */
    size_t count;
    /* Sees each piece, of an empty stretch one, from any worker; NULL: nobody does. */
    void (*look)(void *context, const mmoe_piece *piece);
    void *context;
    bool *cannot_read; /* told on MMOE_E_IO: it was `from` that failed, not `to`; NULL: it is not */
} mmoe_stretch_work;

/* MMOE_E_MEMORY; _IO, with errno: ENODATA where a file is shorter than was said. Nothing is said of
 * which bytes were copied then. */
mmoe_status mmoe_stretches_run(const mmoe_stretch_work *work, mmoe_pool *pool,
                               const mmoe_allocator *alloc);

#endif
