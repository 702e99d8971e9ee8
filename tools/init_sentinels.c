#include "init_sentinels.h"

#include <math.h>

/* Words of nines; the codes of surveys for "refused" and "does not know", which end in 7 and 8; the
 * ends of integers; -200 and -999.25 are of sensors and of well logs, the last three of climate
 * models. */
const double cli_sentinel_values[CLI_SENTINELS] = {
    -2147483648, -999999, -99999,  -32768,   -9999.9,    -9999, -999.9, -999.25,   -999,  -200,
    -99.9,       -99,     -88,     -77,      -9,         -1,    9,      77,        88,    97,
    98,          99,      99.9,    99.99,    777,        888,   997,    998,       999,   999.9,
    999.99,      7777,    8888,    9997,     9998,       9999,  9999.9, 32767,     65535, 99999,
    99999.9,     999999,  9999999, 99999999, 2147483647, 1e20,  1e30,   9.96921e36};

int cli_sentinel_find(double value) {
    int low = 0, high = CLI_SENTINELS - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (cli_sentinel_values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return cli_sentinel_values[low] == value ? low : -1;
}

void cli_sentinels_add(cli_sentinels *s, double value) {
    const int k = cli_sentinel_find(value);
    if (k >= 0) {
        s->rows[k]++;
        return;
    }
    if (s->others++ == 0) s->lowest = s->highest = value;
    s->lowest = fmin(s->lowest, value);
    s->highest = fmax(s->highest, value);
}
