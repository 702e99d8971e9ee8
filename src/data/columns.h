/* Names of a file's columns to their positions. */
#ifndef MMOE_DATA_COLUMNS_H
#define MMOE_DATA_COLUMNS_H

#include "base/alloc.h"

typedef struct mmoe_columns mmoe_columns;

/* `names` is not copied and must outlive the index. MMOE_E_FORMAT names a column that stands twice
 * (columns without a name may); `file` stands in the error. */
mmoe_status mmoe_columns_create(const char *const *names, size_t count, const char *file,
                                const mmoe_allocator *alloc, mmoe_columns **out, mmoe_error *err);
void mmoe_columns_free(mmoe_columns *columns);
/* -1: there is none. */
int64_t mmoe_columns_find(const mmoe_columns *columns, const char *name);

#endif
