/* The ids and lists of a file's rows. */
#ifndef MMOE_DATA_READ_IDS_H
#define MMOE_DATA_READ_IDS_H

#include "data/cells.h"
#include "data/list_cell.h"
#include "data/notes.h"

/* One row. */
typedef struct mmoe_id_row {
    const mmoe_cells *cells;
    int64_t row;    /* its number, in errors */
    int64_t placed; /* as notes count it */
    const mmoe_csv_field *fields;
    mmoe_note *notes; /* [n_sparse] */
    int32_t *ids;     /* [n_id], to be written */
    mmoe_list_store *lists;
} mmoe_id_row;

/* How many columns a feature reads. */
static inline size_t mmoe_sparse_cells(const mmoe_sparse_column *c) {
    return c->columns.items ? c->columns.count : 1;
}

/* All features of ids; `at`: where their columns stand in the row, those of a feature one behind
 * another. MMOE_E_DATA, _MEMORY. */
mmoe_status mmoe_read_ids(const mmoe_id_row *r, const int64_t *at, mmoe_error *err);

#endif
