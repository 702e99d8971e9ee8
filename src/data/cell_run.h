/* Cells of a column that are read at once. */
#ifndef MMOE_DATA_CELL_RUN_H
#define MMOE_DATA_CELL_RUN_H

#include "base/csv.h"

/* Of each text bytes can be read as mmoe_csv_rows has it. No cell that begins with a digit is
 * missing. */
typedef struct mmoe_cell_run {
    const mmoe_csv_field *cells; /* `stride` apart */
    size_t stride, count;
    const uint64_t *plain; /* [4] a bit for each byte that begins no missing cell */
    int64_t *texts;        /* of mmoe_note, to which texts are added that would be noted; NULL: none
                              has been, and the first may not be read so */
    /* [count], `step` apart, to be written: ids, or of numbers what `learn` gives, or `parse`. */
    size_t step;
    int32_t *ids;
    double *learned; /* NULL: inputs are wanted */
    float *inputs;
} mmoe_cell_run;

#endif
