/* Bytes at a place of an open file. */
#ifndef MMOE_BASE_FILE_AT_H
#define MMOE_BASE_FILE_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads `size` bytes from `at` on, or those up to the file's end; *got: how many. False with errno.
 */
bool mmoe_read_at(int file, void *to, size_t size, int64_t at, size_t *got);
/* False with errno. */
bool mmoe_write_at(int file, const void *from, size_t size, int64_t at);

#endif
