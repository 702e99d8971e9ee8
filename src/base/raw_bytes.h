/* The bytes of a file, or of standard input, as they stand there; the first can be looked at. */
#ifndef MMOE_BASE_RAW_BYTES_H
#define MMOE_BASE_RAW_BYTES_H

#include <stddef.h>

#include "mmoe/mmoe.h"

enum { MMOE_RAW_FIRST = 16 };

/* A regular file when it was opened; all 0 of anything else. */
typedef struct mmoe_file_state {
    int64_t bytes, seconds, nanoseconds; /* its size, and when it was written, since 1970 */
} mmoe_file_state;

typedef struct mmoe_raw_bytes {
    int file;
    const char *name; /* in errors */
    mmoe_file_state state;
    const int
        *stop; /* other than 0 ends reading, also while a pipe's writer is awaited; NULL: none */
    char first[MMOE_RAW_FIRST];
    size_t n_first, n_given; /* how many there are, and have been read */
    int64_t n_read;          /* of all, by the caller */
} mmoe_raw_bytes;

/* What errors call a file: "-" is standard input. */
const char *mmoe_raw_bytes_name(const char *path);
/* Of several files: "a.csv and 2 more". */
enum { MMOE_FILES_SIZE = 240 };
const char *mmoe_files_name(const char *first, size_t more, char room[MMOE_FILES_SIZE]);
/* "-" is standard input; `stop` may be NULL. MMOE_E_IO; _CANCELLED: `stop` says so. */
mmoe_status mmoe_raw_bytes_open(const char *path, const int *stop, mmoe_raw_bytes *out,
                                mmoe_error *err);
/* The next ones, *n of them: `size`, but at the end fewer, and then none. MMOE_E_IO, _CANCELLED. */
mmoe_status mmoe_raw_bytes_read(mmoe_raw_bytes *from, char *to, size_t size, size_t *n,
                                mmoe_error *err);
/* MMOE_E_IO: the file is not as it was when it was opened. */
mmoe_status mmoe_raw_bytes_check(const mmoe_raw_bytes *bytes, mmoe_error *err);
void mmoe_raw_bytes_close(mmoe_raw_bytes *bytes);

#endif
