#include "init_sentinels.h"

#include <math.h>

const double cli_sentinel_values[CLI_SENTINELS] = {-1, -9, -99, -999, -9999, -99999,
                                                   9,  99, 999, 9999, 99999, 999999};

void cli_sentinels_add(cli_sentinels *s, double value) {
    for (int k = 0; value == floor(value) && k < CLI_SENTINELS; k++)
        if (value == cli_sentinel_values[k]) {
            s->rows[k]++;
            return;
        }
    if (s->others++ == 0) s->lowest = s->highest = value;
    s->lowest = fmin(s->lowest, value);
    s->highest = fmax(s->highest, value);
}
