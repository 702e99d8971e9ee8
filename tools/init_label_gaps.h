/* Values that stand for no label, "?" or -9. */
#ifndef MMOE_TOOLS_INIT_LABEL_GAPS_H
#define MMOE_TOOLS_INIT_LABEL_GAPS_H

#include "init_survey.h"

/* When all rows were read: what was set aside of labels' values is none of them, and of no sample
 * then, beside others: words beside two values or more; numbers beside two that are far from them,
 * or words. A single word beside ten numbers or more, that a tenth of the rows have at most, is
 * none, too. False: memory is out. */
bool cli_label_gaps_find(cli_survey *s);
/* `: 12 are "?", the first in row 7; 3 are "-9", ... ("gaps")`, or nothing; and the key. */
enum { CLI_SAID_LABEL_GAPS = 1000 };
const char *cli_say_label_gaps(const cli_column *c, char text[CLI_SAID_LABEL_GAPS]);
void cli_write_label_gaps(const cli_column *c, json_t *task);

#endif
