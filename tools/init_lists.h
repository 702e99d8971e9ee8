/* Does a column hold lists, "a|b|c"? */
#ifndef MMOE_TOOLS_INIT_LISTS_H
#define MMOE_TOOLS_INIT_LISTS_H

#include "init_values.h"

/* What the cells would be if one separator stood between elements. */
typedef struct cli_list_counts {
    int64_t cells, elements;   /* cells of more than one element; elements of all cells */
    int64_t longest, shortest; /* elements of a cell of more than one */
    int64_t empty;             /* elements that are nothing */
    int64_t weighted;          /* that end with : and a weight */
    int64_t ids;               /* that are integers, or have digits among their letters */
    int64_t prose;             /* that read as parts of a sentence */
    cli_values values;         /* elements that differ, less their weights */
} cli_list_counts;

enum { CLI_LIST_SEPARATORS = 5 };
typedef struct cli_lists {
    cli_list_counts of[CLI_LIST_SEPARATORS]; /* the last: of commas in brackets, "['a', 'b']" */
    bool is_closed;                          /* the first cells have shown that there are none */
    int64_t cells, brackets;                 /* how many; of them those between [] or {} */
} cli_lists;

/* A cell, not empty. False: memory is out. */
bool cli_lists_add(cli_lists *lists, const char *text, size_t length);
void cli_lists_free(cli_lists *lists);

typedef struct cli_list_guess {
    char separator;
    bool is_weighted, is_bracketed;
    const cli_list_counts *counts;
} cli_list_guess;

/* False: the column, of so many cells that differ, holds none. */
bool cli_lists_guess(const cli_lists *lists, int64_t distinct, cli_list_guess *out);

#endif
