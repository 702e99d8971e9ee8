/* The ids and lists of a file's rows. */
#ifndef MMOE_DATA_READ_IDS_H
#define MMOE_DATA_READ_IDS_H

#include "data/id_rows.h"

/* How many columns a feature reads. */
static inline size_t mmoe_sparse_cells(const mmoe_sparse_column *c) {
    return c->columns.items ? c->columns.count : 1;
}

/* Those that learn in a table are alone where they share it with none. False: memory is out. */
bool mmoe_id_order_make(const mmoe_cells *cells, const mmoe_allocator *alloc, mmoe_id_order *out);
/* All features of ids; `at`: where their columns stand in a row, those of a feature one behind
 * another. Of several rows, those that are alone are read first. MMOE_E_DATA, _MEMORY. */
mmoe_status mmoe_read_ids(const mmoe_id_rows *r, const int64_t *at, mmoe_error *err);

#endif
