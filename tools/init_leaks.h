/* Does a column give a label away? */
#ifndef MMOE_TOOLS_INIT_LEAKS_H
#define MMOE_TOOLS_INIT_LEAKS_H

#include "init_survey.h"

/* What a label is, in every row of the survey's sample that has one. */
typedef enum cli_leak_kind {
    CLI_LEAK_NONE,
    CLI_LEAK_ALONE, /* what the column says: itself, its negation, another scale, other words */
    CLI_LEAK_SUM,   /* the column + other */
    CLI_LEAK_LESS,  /* the column - other */
    CLI_LEAK_FROM,  /* other - the column */
    CLI_LEAK_TOTAL  /* the column less all other labels */
} cli_leak_kind;

typedef struct cli_leak {
    cli_leak_kind kind;
    const cli_column *label, *other; /* `other` of _SUM, _LESS and _FROM */
    size_t rows;                     /* that show it */
} cli_leak;

cli_leak cli_find_leak(const cli_survey *s, const cli_column *c);
/* Of a column of some values, more than a leak's two: the label of two classes that each of them
 * has one of, NULL for none, and the rows that show it. */
const cli_column *cli_find_given_label(const cli_survey *s, const cli_column *c, size_t *rows);
/* The label of numbers that a line of the column gives all but exactly, NULL for none; 1 - R2, and
 * the rows it is of. */
const cli_column *cli_find_line(const cli_survey *s, const cli_column *c, double *unexplained,
                                size_t *rows);
/* The label of two classes that the column's numbers have in order all but exactly, NULL for none;
 * the area under its ROC curve, and the rows it is of. */
const cli_column *cli_find_order(const cli_survey *s, const cli_column *c, double *area,
                                 size_t *rows);

#endif
