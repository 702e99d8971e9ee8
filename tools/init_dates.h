/* Columns of dates, for the rules of init_features.c. */
#ifndef MMOE_TOOLS_INIT_DATES_H
#define MMOE_TOOLS_INIT_DATES_H

#include "init_survey.h"

enum { CLI_REMARK_SIZE = 700 };

/* All are, in one order of numbers that a feature reads. */
bool cli_is_date(const cli_survey *s, const cli_column *c);
void cli_say_date(const cli_survey *s, const cli_column *c, char remark[CLI_REMARK_SIZE]);
void cli_write_date(const cli_survey *s, const cli_column *c, json_t *features);
/* Nearly all are, in whatever order. */
bool cli_is_like_date(const cli_survey *s, const cli_column *c);
void cli_say_like_date(const cli_survey *s, const cli_column *c, char remark[CLI_REMARK_SIZE]);

#endif
