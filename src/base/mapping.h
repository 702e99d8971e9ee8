/* Memory that begins with bytes of a file. */
#ifndef MMOE_BASE_MAPPING_H
#define MMOE_BASE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mmoe_mapping {
    void *data; /* NULL: none */
    void *region;
    size_t length;
} mmoe_mapping;

/* Makes `size` bytes, the file's from `offset` on. Whole pages of the file are shared with all
 * processes that map them, until they are written to; the file is never changed. `data` has the
 * offset's place in a page. False when the system gives no such memory. */
bool mmoe_mapping_create(int fd, size_t offset, size_t size, mmoe_mapping *out);
void mmoe_mapping_free(mmoe_mapping *mapping);

#endif
