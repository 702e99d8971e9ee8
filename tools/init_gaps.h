/* What stands for nothing among a column's numbers: texts that are none, and numbers that people
 * write where there is none. */
#ifndef MMOE_TOOLS_INIT_GAPS_H
#define MMOE_TOOLS_INIT_GAPS_H

#include <jansson.h>

#include "init_survey.h"

/* When all rows were read: columns' sentinels are found, and are no numbers of the sample then, nor
 * bounds. One is far from all other numbers: twice their range; or it is the one number below 0, of
 * a column of ten and more values, and of -1 more rows than of another value. 5 rows have it. Of
 * labels such are none, when init_label_gaps.h has found what else is none. */
void cli_gaps_find(cli_survey *s);
/* Of a column that has such, or cli_column_has_texts: '12 are no numbers, the first "1200 - 1450"
 * in row 17; 30 are -999, apart from the others, 0 to 57', else nothing; and the key that says so.
 */
enum { CLI_SAID_GAPS = 300 };
const char *cli_say_gaps(const cli_column *c, char text[CLI_SAID_GAPS]);
void cli_write_gaps(const cli_column *c, json_t *json);

#endif
