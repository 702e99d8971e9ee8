/* The configuration of a command line. */
#ifndef MMOE_TOOLS_RUN_CONFIG_H
#define MMOE_TOOLS_RUN_CONFIG_H

#include "cli.h"

/* The file's, with `set`, texts KEY=VALUE, applied. The caller frees *out, which is as it was
 * behind a file that cannot be read. */
int cli_read_config(const char *path, const cli_list *set, mmoe_config **out);

#endif
