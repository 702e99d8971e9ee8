/* What a linear model of all numbers leaves of a label, in the rows of the sample. */
#ifndef MMOE_TOOLS_INIT_RESIDUALS_H
#define MMOE_TOOLS_INIT_RESIDUALS_H

#include "init_survey.h"

typedef struct cli_residuals {
    double *values;           /* [rows of the sample] NaN: the row has no label */
    double freedom;           /* degrees that are left, rows less columns; 0: nothing was fitted */
    double unexplained;       /* 1 - R2, by the degrees that are left */
    const cli_column *two[2]; /* of the largest weights, by the columns' deviations; NULL: none */
} cli_residuals;

/* labels [rows]: NaN where there is none. Missing numbers of others are at their mean; columns that
 * are left out as leaks are none of them. Free it in
 * any case; false: memory is out. */
bool cli_residuals_find(const cli_survey *s, const double *labels, cli_residuals *out);
void cli_residuals_free(cli_residuals *r);

#endif
