#include "ranks.h"

static mmoe_comm *started;

mmoe_comm *cli_ranks(void) { return started ? started : mmoe_comm_self(); }

void cli_set_ranks(mmoe_comm *ranks) { started = ranks; }

int cli_check_ranks_rows(const cli_rows *rows) {
    if (cli_ranks()->size == 1 || !cli_rows_have_input(rows)) return CLI_OK;
    return cli_usage("rows of standard input are one process's: several ranks read files");
}
