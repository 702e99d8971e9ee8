/* The lists of a caller's batch, encoded or raw, as a data set keeps them. */
#ifndef MMOE_DATA_LIST_TAKE_H
#define MMOE_DATA_LIST_TAKE_H

#include "data/list_cell.h"
#include "data/notes.h"

typedef struct mmoe_list_source {
    const struct mmoe_schema *schema;
    const mmoe_batch *batch;
    mmoe_note *notes; /* [n_sparse] */
} mmoe_list_source;

/* Adds the lists of all rows to a store that is empty but for its allocator. MMOE_E_ARGUMENT,
 * _DATA, _MEMORY. */
mmoe_status mmoe_list_take(const mmoe_list_source *from, mmoe_list_store *to, mmoe_error *err);

#endif
