/* Opening files that are no streams. */
#ifndef MMOE_BASE_REGULAR_FILE_H
#define MMOE_BASE_REGULAR_FILE_H

#include <sys/stat.h>

#include "mmoe/mmoe.h"

/* Opens a file to read it, at once: where a pipe stands in its place, nobody waits for its writer.
 * *file is to be closed; `about` (which may be NULL) is what it was then. MMOE_E_IO: there is none,
 * or it is a directory or another thing than a regular file; *file is -1, and errno has the reason.
 */
mmoe_status mmoe_open_regular(const char *path, int *file, struct stat *about, mmoe_error *err);

#endif
