/* What becomes of vocabularies when a model grows or shrinks. */
#ifndef MMOE_TOOLS_GROWTH_H
#define MMOE_TOOLS_GROWTH_H

#include "cli.h"

/* A note a table of how many of its values are new, and one of the tables that do not grow. */
void cli_say_growth(const mmoe_model *before, const mmoe_model *after);
/* A table, on standard output, of the values that each vocabulary had and has. */
void cli_print_shrinkage(const mmoe_model *before, const mmoe_model *after);

#endif
