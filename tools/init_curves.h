/* Numbers whose effect on a label is no line. */
#ifndef MMOE_TOOLS_INIT_CURVES_H
#define MMOE_TOOLS_INIT_CURVES_H

#include "init_survey.h"

/* What a column of numbers explains of a label, by itself, as a part of its variance. */
typedef struct cli_curve {
    const cli_column *label; /* NULL: none has an effect that is plainly no line */
    double line, bins;       /* by a line, by the means of bins of it */
    size_t rows;             /* looked at */
} cli_curve;

/* Of the label where a line falls shortest. Where memory is out, none. */
cli_curve cli_find_curve(const cli_survey *s, const cli_column *c);

#endif
