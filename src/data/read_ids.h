/* The ids and lists of a file's rows. */
#ifndef MMOE_DATA_READ_IDS_H
#define MMOE_DATA_READ_IDS_H

#include "data/cells.h"
#include "data/list_cell.h"
#include "data/notes.h"

typedef struct mmoe_id_rows {
    const mmoe_cells *cells;
    const mmoe_csv_rows *rows;
    int64_t placed;    /* the first of them, as notes count rows */
    const bool *alone; /* [n_sparse] of mmoe_find_alone */
    mmoe_note *notes;  /* [n_sparse] */
    int32_t *ids;      /* [count, n_id], to be written */
    mmoe_list_store *lists;
} mmoe_id_rows;

/* How many columns a feature reads. */
static inline size_t mmoe_sparse_cells(const mmoe_sparse_column *c) {
    return c->columns.items ? c->columns.count : 1;
}

/* Tells the features whose ids do not depend on what other features of a row are: those that learn
 * in a table share it with none. */
void mmoe_find_alone(const mmoe_cells *cells, bool *alone);
/* All features of ids; `at`: where their columns stand in a row, those of a feature one behind
 * another. Of several rows, those that are alone are read first. MMOE_E_DATA, _MEMORY. */
mmoe_status mmoe_read_ids(const mmoe_id_rows *r, const int64_t *at, mmoe_error *err);

#endif
