/* What is said of columns: the same of several that stand side by side once. */
#ifndef MMOE_TOOLS_INIT_SAID_H
#define MMOE_TOOLS_INIT_SAID_H

#include "init_dates.h"

typedef struct cli_said {
    const cli_column *first, *last; /* that the remark is of, yet to be said; NULL: there is none */
    char remark[CLI_REMARK_SIZE];
} cli_said;

/* A column's remark, "": none. */
void cli_said_add(cli_said *of, const cli_column *c, const char *remark);
/* Says what is yet to be said. */
void cli_said_flush(cli_said *of);

#endif
