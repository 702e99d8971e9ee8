/* Features that tell nothing: those that are the same in all rows, of rows that come one set after
 * another. */
#ifndef MMOE_DATA_CONSTANTS_H
#define MMOE_DATA_CONSTANTS_H

#include "data/dataset.h"

/* Begins as {.alloc = ...}. */
typedef struct mmoe_constants {
    mmoe_allocator alloc;
    struct mmoe_dataset *first; /* of the first row alone; NULL: none was seen */
    int64_t rows;               /* whose ids were seen */
    bool *vary;   /* [n_sparse + n_dense] a row's value was another than the first one's */
    bool *longer; /* [n_sparse] lists of which one had more than one element */
} mmoe_constants;

/* More rows, encoded by `schema`: their ids and lists, their inputs, or both. MMOE_E_MEMORY. */
mmoe_status mmoe_constants_see_ids(mmoe_constants *c, const struct mmoe_schema *schema,
                                   const struct mmoe_dataset *rows, mmoe_error *err);
mmoe_status mmoe_constants_see_inputs(mmoe_constants *c, const struct mmoe_schema *schema,
                                      const struct mmoe_dataset *rows, mmoe_error *err);
mmoe_status mmoe_constants_see(mmoe_constants *c, const struct mmoe_schema *schema,
                               const struct mmoe_dataset *rows, mmoe_error *err);
/* Warns, in the name of `to`, of each feature that is the same in all rows, of which there are at
 * least two, and of lists that are all single elements. MMOE_E_MEMORY. */
mmoe_status mmoe_constants_warn(const mmoe_constants *c, const struct mmoe_schema *schema,
                                struct mmoe_dataset *to, mmoe_error *err);
void mmoe_constants_finish(mmoe_constants *c);

#endif
