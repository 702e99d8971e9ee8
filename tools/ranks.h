/* The ranks of the program: of mmoe, one. */
#ifndef MMOE_TOOLS_RANKS_H
#define MMOE_TOOLS_RANKS_H

#include "base/comm.h"
#include "data_files.h"

/* Those that this process is one of. */
mmoe_comm *cli_ranks(void);
void cli_set_ranks(mmoe_comm *ranks);
/* Wrong usage when several ranks, of which each reads the rows on its own, are given "-". */
int cli_check_ranks_rows(const cli_rows *rows);

#endif
