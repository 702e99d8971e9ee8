/* The ranks of the program: of mmoe, one. */
#ifndef MMOE_TOOLS_RANKS_H
#define MMOE_TOOLS_RANKS_H

#include "base/comm.h"

/* Those that this process is one of. */
mmoe_comm *cli_ranks(void);
void cli_set_ranks(mmoe_comm *ranks);

#endif
