/* A configuration's schema, and one that has learned. */
#ifndef MMOE_DATA_SCHEMA_ADOPT_H
#define MMOE_DATA_SCHEMA_ADOPT_H

#include "data/schema.h"

/* What `wanted` makes of rows that `learned` has encoded: bound to its columns, with all that it
 * learned, and of `wanted` what is the model's (widths, sides, pooling, what a table begins with).
 * MMOE_E_CONFIG: the rows are of other features, labels or keys. `wanted->file` stands in errors.
 */
mmoe_status mmoe_schema_adopt(const mmoe_schema_wanted *wanted, const struct mmoe_schema *learned,
                              const mmoe_allocator *alloc, struct mmoe_schema **out,
                              mmoe_error *err);
/* The key at which feature `i` of ids differs, of two schemas that have as many, and labels do;
 * NULL: none. */
const char *mmoe_sparse_difference(const struct mmoe_schema *bound,
                                   const struct mmoe_schema *learned, int32_t i);
const char *mmoe_label_difference(const mmoe_label_column *bound, const mmoe_label_column *learned);
/* Gives a schema of the same features what is the model's of `bound`; false when memory is out. */
bool mmoe_schema_take_model_side(const struct mmoe_schema *bound, struct mmoe_schema *to);

#endif
