/* What the values of a data set's sparse columns were, for people and for programs. */
#ifndef MMOE_TOOLS_COLUMNS_H
#define MMOE_TOOLS_COLUMNS_H

#include <jansson.h>

#include "cli.h"

/* The warnings of rows that a standing schema has read, and a remark for each other column that has
 * missing or unknown values. */
void cli_remark_columns(const char *file, const mmoe_dataset *data);
/* [{"name", "missing", "unknown"}], of all sparse columns. */
json_t *cli_columns_json(const mmoe_dataset *data);

#endif
