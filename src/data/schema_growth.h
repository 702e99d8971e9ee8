/* A schema and one that has grown from it. */
#ifndef MMOE_DATA_SCHEMA_GROWTH_H
#define MMOE_DATA_SCHEMA_GROWTH_H

#include "data/schema.h"

/* Does `grown` encode as `schema` does, but for values that this one does not know? Vocabularies
 * begin with the same values then, in the same order. MMOE_E_ARGUMENT names the feature, and the
 * first value that is another. */
mmoe_status mmoe_schema_check_growth(const struct mmoe_schema *schema,
                                     const struct mmoe_schema *grown, mmoe_error *err);
/* The same of one feature's vocabulary: it begins with the values of `v`. */
mmoe_status mmoe_vocab_check_growth(const char *name, const mmoe_vocab *v, const mmoe_vocab *grown,
                                    mmoe_error *err);
/* A copy of `grown`, of which all that is the model's is that of `schema`: widths, sides, pooling,
 * scales of labels. Its tables begin with no file's vectors. */
mmoe_status mmoe_schema_grow(const struct mmoe_schema *schema, const struct mmoe_schema *grown,
                             const mmoe_allocator *alloc, struct mmoe_schema **out,
                             mmoe_error *err);

#endif
