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

typedef struct mmoe_mapping_wanted {
    size_t offset, size; /* bytes of the file */
    bool huge_pages;     /* the kernel is asked for such */
    bool late_pages;     /* each comes when it is first read; else all stand in memory */
} mmoe_mapping_wanted;

/* Whole pages of the file are shared with all processes that map them, until they are written to;
 * the file is never changed. `data` has the offset's place in a page. False when the system gives
 * no such memory, or the file is too short. */
bool mmoe_mapping_create(int fd, const mmoe_mapping_wanted *wanted, mmoe_mapping *out);
void mmoe_mapping_free(mmoe_mapping *mapping);

#endif
