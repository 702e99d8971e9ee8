/* Days that people, or machines, write where there is none, as 1900-01-01, and values among dates
 * that are none. */
#ifndef MMOE_TOOLS_INIT_DAYS_H
#define MMOE_TOOLS_INIT_DAYS_H

#include <stdbool.h>
#include <stdint.h>

enum { CLI_NO_DAYS = 12 };
typedef struct cli_no_day {
    int year, month, day;
    double days; /* since 1970-01-01 */
} cli_no_day;
extern const cli_no_day cli_no_days[CLI_NO_DAYS];

/* What a column has of them. */
typedef struct cli_days {
    int64_t rows[CLI_NO_DAYS]; /* that have each of these */
    int64_t others;            /* that have another date */
    double lowest, highest;    /* of the others */
    char *date;                /* the first date */
    int64_t strange;           /* values that are no dates */
    int64_t nothing, same;     /* of them words for nothing; those that are as the first */
    int64_t row;               /* of the first */
    char *first;
} cli_days;

/* A date of the column. False, as below: memory is out. */
bool cli_days_add(cli_days *d, double days, const char *text);
/* A value that is none. */
bool cli_days_add_strange(cli_days *d, int64_t row, const char *text, bool is_nothing);
void cli_days_free(cli_days *d);
/* Is this one a day that stands for nothing, the dates being `distinct` texts: 5 rows and more have
 * it, and it is farther from all others than twice their range, or stands before or behind them in
 * a hundredth of the rows, and ten times as many as another date on average? */
bool cli_days_have_none(const cli_days *d, int k, int64_t distinct);

#endif
