/* The ids and lists of a file's rows. */
#ifndef MMOE_DATA_READ_IDS_H
#define MMOE_DATA_READ_IDS_H

#include "data/cells.h"
#include "data/list_cell.h"
#include "data/notes.h"

/* Features, and where their columns begin among those of all: `n_alone` whose ids do not depend on
 * what other features of a row are, then the others; one array. */
typedef struct mmoe_id_order {
    int32_t n_alone;
    struct mmoe_id_place {
        int32_t feature;
        size_t at;
        mmoe_encoder *encoder; /* its table's */
    } * places;                /* [n_sparse] */
} mmoe_id_order;

typedef struct mmoe_id_rows {
    const mmoe_cells *cells;
    const mmoe_csv_rows *rows;
    int64_t placed; /* the first of them, as notes count rows */
    const mmoe_id_order *order;
    mmoe_note *notes; /* [n_sparse] */
    int32_t *ids;     /* [count, n_id], to be written */
    mmoe_list_store *lists;
} mmoe_id_rows;

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
