/* The schema of packed rows, in a file of the folder. */
#ifndef MMOE_FILE_PACKED_SCHEMA_H
#define MMOE_FILE_PACKED_SCHEMA_H

#include "file/packed.h"

/* A data set of a schema whose rows are to be stored: columns, and no rows. `keep`: names of
 * mmoe_packed_begin_kept. MMOE_E_MEMORY. */
mmoe_status mmoe_packed_new_set(const struct mmoe_schema *schema, const char *const *keep,
                                const mmoe_allocator *alloc, struct mmoe_dataset **out,
                                mmoe_error *err);

/* The name of the schema's file when part `part` was written, and whether a text is such a name. */
enum { MMOE_SCHEMA_NAME_SIZE = 40 };
void mmoe_packed_schema_name(int32_t part, char out[MMOE_SCHEMA_NAME_SIZE]);
bool mmoe_packed_is_schema_name(const char *name);

/* `path` is that of the file. MMOE_E_IO, _MEMORY; and of reading _FORMAT. */
mmoe_status mmoe_packed_write_schema(const char *path, const struct mmoe_schema *schema,
                                     const mmoe_allocator *alloc, mmoe_error *err);
mmoe_status mmoe_packed_read_schema(const char *path, const mmoe_allocator *alloc,
                                    struct mmoe_schema **out, mmoe_error *err);

#endif
