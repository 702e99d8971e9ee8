/* Who takes rows as they are read, so that they need not all stand in memory. */
#ifndef MMOE_DATA_ROW_SINK_H
#define MMOE_DATA_ROW_SINK_H

#include "data/dataset.h"

typedef struct mmoe_row_sink {
    void *user;
    const char *folder; /* on whose file system rows wait whose schema is yet to settle */
    /* Once, before the rows: the schema that encoded them, which has settled and stays. */
    mmoe_status (*begin)(void *user, const struct mmoe_schema *schema, mmoe_error *err);
    /* Rows that stand behind those before, sealed; they are the caller's. */
    mmoe_status (*take)(void *user, const struct mmoe_dataset *rows, mmoe_error *err);
} mmoe_row_sink;

#endif
