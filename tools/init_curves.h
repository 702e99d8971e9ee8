/* Numbers whose effect on a label is no line, or none of their order. */
#ifndef MMOE_TOOLS_INIT_CURVES_H
#define MMOE_TOOLS_INIT_CURVES_H

#include "init_survey.h"

/* What a column of numbers explains of a label, by itself, as a part of its variance. */
struct cli_curve {
    const cli_column *label; /* NULL: none has an effect that is plainly no line */
    double line, bins;       /* by a line, by the means of bins of it */
    size_t rows;             /* looked at */
    const cli_column *named; /* the label that its integers tell of as names do; NULL: none */
    double f;                /* F of their means beyond those of bins */
};

/* Of each column of numbers, for the label where a line falls shortest: s->curves. False: memory is
 * out. */
bool cli_find_curves(cli_survey *s);
/* As it was found. */
const cli_curve *cli_curve_of(const cli_survey *s, const cli_column *c);

#endif
