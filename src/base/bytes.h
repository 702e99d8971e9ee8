/* What stands in a file of text, in its order: the file's bytes, or where it is packed (packing.h)
 * what they hold; what tells is how it begins, not its name. */
#ifndef MMOE_BASE_BYTES_H
#define MMOE_BASE_BYTES_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/raw_bytes.h"
#include "mmoe/train.h"

struct mmoe_unpacking;

typedef struct mmoe_bytes {
    const char *name; /* in errors: the path, or "standard input" */
    mmoe_raw_bytes raw;
    struct mmoe_unpacking *unpacking; /* NULL: the file is not packed */
    const mmoe_watcher *watcher;      /* told at each read; NULL: none */
    int64_t rows;                     /* for the watcher */
    size_t held;                      /* of what was given, by a reader who is not yet there */
    char last;                        /* of the bytes that were given */
} mmoe_bytes;

/* "-" is standard input. Once *stop is other than 0, this and later reads end with
 * MMOE_E_CANCELLED. `stop` and `alloc` may be NULL. MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_bytes_open(const char *path, const int *stop, const mmoe_allocator *alloc,
                            mmoe_bytes *out, mmoe_error *err);
/* Tells from now on, at each read, how far that is, */
void mmoe_bytes_watch(mmoe_bytes *from, const mmoe_watcher *watcher);
/* and now, when so many rows have come of it. */
void mmoe_bytes_count(mmoe_bytes *from, int64_t rows);
/* How far that is, and of what: for who reads in another thread than the watcher's. */
int64_t mmoe_bytes_given(const mmoe_bytes *from);
void mmoe_bytes_tell(const mmoe_bytes *from, const mmoe_watcher *watcher, int64_t rows,
                     int64_t given);
/* The next ones, *n of them: `size`, but at the end fewer, and then none. MMOE_E_IO, where at the
 * end the file is another than it was at the beginning, too; _MEMORY; _FORMAT: the file is packed,
 * but damaged, cut off or packed twice; _CANCELLED. */
mmoe_status mmoe_bytes_read(mmoe_bytes *from, char *to, size_t size, size_t *n, mmoe_error *err);
/* About how much of all it has given, but for what is held, at most 1; 0: nobody knows. */
double mmoe_bytes_share(const mmoe_bytes *from);
/* At the end of a pipe's text: does its last line lack an end, as where who writes it was ended? A
 * file that is there tells its size, and an archive its end. */
bool mmoe_bytes_may_be_cut(const mmoe_bytes *from);
void mmoe_bytes_close(mmoe_bytes *bytes);

#endif
