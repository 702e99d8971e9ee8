/* A model file with narrow tables, compared with the one that it is made of. */
#ifndef MMOE_TOOLS_EXPORT_TABLES_H
#define MMOE_TOOLS_EXPORT_TABLES_H

#include "data_files.h"

typedef struct cli_table_export {
    const char *model, *type, *output;
    cli_rows data; /* to compare the two on; none: that is not done */
    int threads;
    int64_t skip_bad;
    bool json;
} cli_table_export;

int cli_export_tables(const cli_table_export *e);

#endif
