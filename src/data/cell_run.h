/* Cells of a column that are read at once. */
#ifndef MMOE_DATA_CELL_RUN_H
#define MMOE_DATA_CELL_RUN_H

#include "base/csv.h"

/* Eight bytes of each text can be read, however short it is. */
typedef struct mmoe_cell_run {
    const mmoe_csv_field *cells; /* `stride` apart */
    size_t stride, count;
    int32_t *ids; /* [count], `id_stride` apart, to be written */
    size_t id_stride;
} mmoe_cell_run;

#endif
