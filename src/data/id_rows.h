/* Rows of a file whose ids and lists are read, and what of each feature. */
#ifndef MMOE_DATA_ID_ROWS_H
#define MMOE_DATA_ID_ROWS_H

#include "base/csv_scan.h"
#include "data/cells.h"
#include "data/list_cell.h"
#include "data/notes.h"

/* The orders in which features are read. First come the `n_alone` features of one id a row that do
 * not depend on other features of the row, and are read column by column; then all others. Behind
 * them stand all features once more, in their own order. */
typedef struct mmoe_id_order {
    int32_t n_alone;
    struct mmoe_id_place {
        int32_t feature;
        size_t at;             /* where its columns begin among those of all features */
        mmoe_encoder *encoder; /* its table's */
        bool is_alone;         /* does not depend on other features; lists, too */
    } * places;                /* [2 n_sparse] */
} mmoe_id_order;
typedef struct mmoe_id_place mmoe_id_place;

typedef struct mmoe_id_rows {
    const mmoe_cells *cells;
    const mmoe_csv_rows *rows;
    int64_t placed; /* the first of them, as notes count rows */
    const mmoe_id_order *order;
    mmoe_note *notes; /* [n_sparse] */
    int32_t *ids;     /* [count, n_id], to be written */
    mmoe_list_store *lists;
    int32_t *most; /* [n_sparse] of lists the largest ids, raised by what is read */
    struct mmoe_list_window *windows; /* [n_list] (read_list.h), where there are several rows */
} mmoe_id_rows;

/* A cell of row `row`, or of a list an element, one of those that data.missing has being empty; its
 * state is noted. NULL, or what is wrong with it. */
const char *mmoe_read_id_value(const mmoe_id_rows *rows, size_t row, const mmoe_id_place *place,
                               const mmoe_csv_field *value, mmoe_cell *out);

#endif
