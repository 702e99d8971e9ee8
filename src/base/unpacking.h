/* What stands in a packed file, unpacked by a thread ahead of whoever reads it. */
#ifndef MMOE_BASE_UNPACKING_H
#define MMOE_BASE_UNPACKING_H

#include "base/packing.h"
#include "base/raw_bytes.h"

typedef struct mmoe_unpacking mmoe_unpacking;

/* `from`, of which nothing has been read, is closed by mmoe_unpacking_free, and here only on
 * failure. MMOE_E_MEMORY; MMOE_E_IO: the system gave no thread. */
mmoe_status mmoe_unpacking_create(const mmoe_packing *kind, mmoe_raw_bytes from,
                                  const mmoe_allocator *alloc, mmoe_unpacking **out,
                                  mmoe_error *err);
/* The next bytes, *n of them: `size`, but at the end fewer, and then none. MMOE_E_FORMAT, with the
 * file: an archive is damaged or cut off, what stands in it is packed again, something else follows
 * it; _IO, _MEMORY. */
mmoe_status mmoe_unpacking_read(mmoe_unpacking *u, char *to, size_t size, size_t *n,
                                mmoe_error *err);
/* Bytes of the file for what was read, and for as much as stands ready with it. */
int64_t mmoe_unpacking_taken(const mmoe_unpacking *u);
/* About how many of them for what was read but the last `held` bytes. */
double mmoe_unpacking_used(const mmoe_unpacking *u, size_t held);
void mmoe_unpacking_free(mmoe_unpacking *u);

#endif
