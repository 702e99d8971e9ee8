/* A file that is written whole or not at all: a temporary one in the same folder, fsync, rename,
 * fsync of the folder. */
#ifndef MMOE_BASE_ATOMIC_FILE_H
#define MMOE_BASE_ATOMIC_FILE_H

#include "base/alloc.h"

typedef struct mmoe_atomic_file mmoe_atomic_file;

/* Makes the temporary file. A link at `path` stays one, and a file that is there keeps its
 * permissions. `path` must outlive the file. MMOE_E_IO (with the system's reason), _MEMORY. */
mmoe_status mmoe_atomic_file_open(const char *path, const mmoe_allocator *alloc,
                                  mmoe_atomic_file **out, mmoe_error *err);
mmoe_status mmoe_atomic_file_write(mmoe_atomic_file *file, const void *data, size_t size,
                                   mmoe_error *err);
/* Ends the file, and frees it: with `status` MMOE_OK it is synced and takes its name, else it is
 * removed. Returns `status`, or what went wrong here. */
mmoe_status mmoe_atomic_file_close(mmoe_atomic_file *file, mmoe_status status, mmoe_error *err);

#endif
