#include "init_days.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The first days of calendars and of SQL Server's, Excel's and Unix's counts, and the last ones of
 * SQL Server's and of pandas' nanoseconds. */
const cli_no_day cli_no_days[CLI_NO_DAYS] = {
    {1, 1, 1, -719162},    {1753, 1, 1, -79257},  {1899, 12, 30, -25569}, {1899, 12, 31, -25568},
    {1900, 1, 1, -25567},  {1901, 1, 1, -25202},  {1970, 1, 1, 0},        {2079, 6, 6, 39968},
    {2099, 12, 31, 47481}, {2262, 4, 11, 106751}, {2999, 12, 31, 376199}, {9999, 12, 31, 2932896}};

enum { LEAST_ROWS = 5, MANY_ROWS = 10 };

bool cli_days_add(cli_days *d, double days, const char *text) {
    if (!d->date && !(d->date = strdup(text))) return false;
    for (int k = 0; k < CLI_NO_DAYS; k++)
        if (cli_no_days[k].days == days) {
            d->rows[k]++;
            return true;
        }
    if (d->others++ == 0) d->lowest = d->highest = days;
    d->lowest = fmin(d->lowest, days);
    d->highest = fmax(d->highest, days);
    return true;
}

bool cli_days_add_strange(cli_days *d, int64_t row, const char *text, bool is_nothing) {
    if (!d->first) {
        d->row = row;
        d->first = strdup(text);
    }
    d->strange++;
    d->same += d->first && strcmp(d->first, text) == 0;
    d->nothing += is_nothing;
    return d->first;
}

void cli_days_free(cli_days *d) {
    free(d->date);
    free(d->first);
}

bool cli_days_have_none(const cli_days *d, int k, int64_t distinct) {
    const double days = cli_no_days[k].days, range = d->highest - d->lowest,
                 distance = days < d->lowest ? d->lowest - days : days - d->highest;
    const int64_t rows = d->rows[k];
    if (rows < LEAST_ROWS || !d->others || distance <= 0) return false;
    const bool is_spike = 100 * rows >= d->others && rows * distinct >= MANY_ROWS * d->others;
    return is_spike || (range > 0 && distance >= 2 * range);
}
