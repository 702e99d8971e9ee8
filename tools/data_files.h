/* Files of rows that are named on a command line, or in the file of a sweep. */
#ifndef MMOE_TOOLS_DATA_FILES_H
#define MMOE_TOOLS_DATA_FILES_H

#include "cli.h"

/* Begins as zeros. */
typedef struct cli_rows {
    char **paths; /* [count] in the order of their rows; "-" is standard input */
    size_t count;
    char *name; /* of all of them, in messages; NULL: there is none */
} cli_rows;

/* Adds a file; where none has this name and it is a pattern, those that are like it, sorted. Prints
 * the error, behind `where`: none is, or one is there already, maybe by another name. */
int cli_rows_add(cli_rows *rows, const char *where, const char *text);
void cli_rows_free(cli_rows *rows);

bool cli_is_folder(const char *path);
/* The first that is a folder; NULL: none is. */
const char *cli_rows_folder(const cli_rows *rows);
bool cli_rows_have_input(const cli_rows *rows);
/* The first that is standard input or no file, such as a pipe: it is read once; NULL: none is. */
const char *cli_rows_stream(const cli_rows *rows);

#endif
