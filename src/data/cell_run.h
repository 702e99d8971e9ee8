/* Cells of a column that are read at once. */
#ifndef MMOE_DATA_CELL_RUN_H
#define MMOE_DATA_CELL_RUN_H

#include "base/csv_scan.h"

/* No cell that begins with a digit is missing. */
typedef struct mmoe_cell_run {
    mmoe_csv_cells cells;
    const mmoe_csv_scanner *scanner;
    const uint64_t *plain; /* [4] a bit for each byte that begins no missing cell */
    int64_t *texts;        /* of mmoe_note, to which texts are added that would be noted; NULL: none
                              has been, and the first may not be read so */
    bool is_first;         /* no cell of the column stands before them, that was of another kind */
    /* [count], `step` apart, to be written: ids, or of numbers what `learn` gives, or `parse`. */
    size_t step;
    int32_t *ids;
    double *learned; /* NULL: inputs are wanted */
    float *inputs;
} mmoe_cell_run;

/* Cells that are looked at next where `done` of them were: few behind one of another kind, for more
 * of these may come. */
static inline mmoe_csv_cells mmoe_cell_run_next(const mmoe_cell_run *r, size_t done) {
    enum { FEW = 8 };
    const bool are_many = done || r->is_first;
    return mmoe_csv_cells_from(&r->cells, done, are_many ? MMOE_CELLS_AT_ONCE : FEW);
}

#endif
