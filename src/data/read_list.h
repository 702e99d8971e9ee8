/* The lists of a file's rows: cells are cut into elements, many at once, and these are read as one
 * column. */
#ifndef MMOE_DATA_READ_LIST_H
#define MMOE_DATA_READ_LIST_H

#include "data/id_rows.h"

/* Lists of rows of one feature; begins as zeros. Its memory serves those of further rows. */
typedef struct mmoe_list_window {
    void *memory; /* [room] words that it has of its own; NULL: none */
    size_t room;
    mmoe_list_cuts cuts;
    uint32_t *counts; /* [rows] elements of each */
    int32_t *ids;     /* [cuts.n] */
    float *weights;   /* [cuts.n], where any are kept */
    size_t row, end;  /* elements from those of row `row` on, up to `end`, were looked at */
    size_t put;       /* so many have gone to a store */
} mmoe_list_window;

/* The lists of all rows, which are readable, in the place of those before. `at`: of the feature's
 * columns. MMOE_E_DATA, _MEMORY. */
mmoe_status mmoe_list_window_read(mmoe_list_window *window, const mmoe_id_rows *rows,
                                  const mmoe_id_place *place, const int64_t *at, mmoe_error *err);
/* The list of row `row`, that behind the one before, goes to the store. MMOE_E_MEMORY. */
mmoe_status mmoe_list_window_put(mmoe_list_window *window, size_t row, mmoe_list_store *store,
                                 mmoe_error *err);
void mmoe_list_window_finish(mmoe_list_window *window, const mmoe_allocator *alloc);

/* The list of one row. MMOE_E_DATA, _MEMORY. */
mmoe_status mmoe_read_list(const mmoe_id_rows *rows, size_t row, const mmoe_id_place *place,
                           const int64_t *at, mmoe_error *err);

#endif
