#include "ranks.h"

static mmoe_comm *started;

mmoe_comm *cli_ranks(void) { return started ? started : mmoe_comm_self(); }

void cli_set_ranks(mmoe_comm *ranks) { started = ranks; }
