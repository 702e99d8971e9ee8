/* A model without the values that rows seldom or never have. */
#ifndef MMOE_TOOLS_IMPORT_SHRINK_H
#define MMOE_TOOLS_IMPORT_SHRINK_H

#include "data_files.h"
#include "meta.h"

typedef struct cli_shrinking {
    const char *model, *output;
    int64_t least; /* times that a value must stand in the rows; 0: nothing shrinks */
    cli_rows data;
    int64_t threads, skip_bad;
    const cli_meta *meta; /* beside what the model has */
} cli_shrinking;

int cli_shrink(const cli_shrinking *s);

#endif
