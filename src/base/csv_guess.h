/* What a file is by its first bytes, where it is no CSV with commas. */
#ifndef MMOE_BASE_CSV_GUESS_H
#define MMOE_BASE_CSV_GUESS_H

#include <stddef.h>

/* What the file looks like that is no text in UTF-8 ("compressed by gzip: unpack it first"); NULL:
 * nothing known. */
const char *mmoe_csv_foreign(const char *bytes, size_t length);
/* Excel's first line "sep=;", in letters of any case, which is no record: its bytes, the newline
 * among them, and the separator; 0: there is none. */
size_t mmoe_csv_sep_line(const char *bytes, size_t length, char *separator);
/* What seems to separate the fields of the first line, which has no comma: ; or | or a tab; 0:
 * nothing does. */
char mmoe_csv_other_separator(const char *bytes, size_t length);

#endif
