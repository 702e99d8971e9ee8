/* Reads a CSV file row by row, for the commands that look at a file before there is a schema. */
#ifndef MMOE_TOOLS_CSVFILE_H
#define MMOE_TOOLS_CSVFILE_H

#include "cli.h"

/* One row: `fields` [count] are valid during the call. Row 1 is the header. Returns CLI_OK to go
 * on; CSVFILE_ENOUGH to stop without an error; another status, its message printed, to stop. */
typedef int (*csvfile_row)(void *user, long long row, const char *const *fields, size_t count);
enum { CSVFILE_ENOUGH = -1 };

/* Prints the error: no such file, an unclosed quote, a row that has more or fewer fields than the
 * header, an empty file. A byte-order mark is passed over. */
int csvfile_read(const char *path, csvfile_row on_row, void *user);

#endif
