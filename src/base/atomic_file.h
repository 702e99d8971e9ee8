/* A file that is written whole or not at all, the one way in which library and program write files
 * that someone reads: to a file without a name where the system has such files (nothing is left of
 * a process that is killed), else to one of a temporary name; fsync, link or rename, fsync of the
 * folder. */
#ifndef MMOE_BASE_ATOMIC_FILE_H
#define MMOE_BASE_ATOMIC_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "base/alloc.h"

typedef struct mmoe_atomic_file mmoe_atomic_file;

/* Makes the temporary file, and removes those of killed processes for this path. A link at `path`
 * stays one, the file behind it being written or made, and a file that is there keeps its
 * permissions. `path` must outlive the file. MMOE_E_IO (with the system's
 * reason; also where the file that is there could not be replaced), _MEMORY; errno, too, has the
 * reason of this and of the next two. */
mmoe_status mmoe_atomic_file_open(const char *path, const mmoe_allocator *alloc,
                                  mmoe_atomic_file **out, mmoe_error *err);
mmoe_status mmoe_atomic_file_write(mmoe_atomic_file *file, const void *data, size_t size,
                                   mmoe_error *err);
/* Ends the file, and frees it: with `status` MMOE_OK it is synced and takes its name, else it is
 * removed. Returns `status`, or what went wrong here. */
mmoe_status mmoe_atomic_file_close(mmoe_atomic_file *file, mmoe_status status, mmoe_error *err);

/* The file that `path` stands for, behind links, which need not be there. False with errno. */
bool mmoe_atomic_file_target(const char *path, char target[PATH_MAX]);
/* The descriptor of this process that `path` names, as /dev/stdout and /dev/fd/3 do; -1: none. */
int mmoe_atomic_file_own(const char *path);

/* What mmoe_atomic_file_write writes to; belongs to the file. */
int mmoe_atomic_file_descriptor(const mmoe_atomic_file *file);
/* What a program that a signal ends has to unlink; NULL: nothing. */
const char *mmoe_atomic_file_temporary(const mmoe_atomic_file *file);

#endif
