/* Who takes rows as they are read, so that they need not all stand in memory. */
#ifndef MMOE_DATA_ROW_SINK_H
#define MMOE_DATA_ROW_SINK_H

#include "data/dataset.h"

/* What becomes of rows that a sink has had from a schema that was yet to settle. */
typedef struct mmoe_row_settling {
    const struct mmoe_schema *schema; /* as it has settled */
    const int32_t *const *become;     /* [n_table] of mmoe_csv_ids_become; NULL: all ids stay */
    bool ids_wait;                    /* to be seen once more */
    bool numbers_wait;                /* rows had none */
    void *user;
    /* Rows from the sink's row `first` on: all of them, in their order, so many at a time as the
     * sink likes. Ids, where these wait, become those of the schema; inputs [rows, dense_width],
     * where numbers do, are written; what is noted of ids comes to notes [n_sparse]. MMOE_E_IO,
     * _MEMORY. */
    mmoe_status (*place)(void *user, int64_t first, const struct mmoe_dataset *rows,
                         mmoe_error *err);
} mmoe_row_settling;

typedef struct mmoe_row_sink {
    void *user;
    const char *folder; /* on whose file system numbers and labels wait for the schema to settle */
    /* Once, before the rows: the schema that encodes them, which stays; it may be yet to settle. */
    mmoe_status (*begin)(void *user, const struct mmoe_schema *schema, mmoe_error *err);
    /* Rows that stand behind those before; they are the caller's. They are sealed, unless their
     * schema is yet to settle: then ids are those of `learn`, and numbers that wait are not there.
     */
    mmoe_status (*take)(void *user, const struct mmoe_dataset *rows, mmoe_error *err);
    /* Then, behind all of them: it has settled. */
    mmoe_status (*settle)(void *user, const mmoe_row_settling *how, mmoe_error *err);
} mmoe_row_sink;

#endif
