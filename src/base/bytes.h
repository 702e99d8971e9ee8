/* The bytes of a file, in their order. */
#ifndef MMOE_BASE_BYTES_H
#define MMOE_BASE_BYTES_H

#include <stddef.h>

#include "mmoe/mmoe.h"

typedef struct mmoe_bytes {
    int file;
    const char *name; /* in errors */
} mmoe_bytes;

/* MMOE_E_IO. */
mmoe_status mmoe_bytes_open(const char *path, mmoe_bytes *out, mmoe_error *err);
/* The next ones, *n of them: `size`, but at the end fewer, and then none. MMOE_E_IO. */
mmoe_status mmoe_bytes_read(mmoe_bytes *from, char *to, size_t size, size_t *n, mmoe_error *err);
void mmoe_bytes_close(mmoe_bytes *bytes);

#endif
