/* What tables share whose rows are no floats, and are served alone. */
#ifndef MMOE_TABLE_NARROW_H
#define MMOE_TABLE_NARROW_H

#include "table/table.h"

/* Memory of rows of `width` elements of `size` bytes: `have`, or, where that is NULL, zeros.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_narrow_rows(const mmoe_embedding *t, int32_t width, size_t size, void **have,
                             mmoe_error *err);
/* As a table kind has it. */
void mmoe_narrow_gather(const mmoe_table_read *reads, int32_t count, const mmoe_looked_up *m);

#endif
