/* Lists as other programs print them, "['a', 'b']": brackets round the cell, and blanks and quotes
 * round an element. */
#ifndef MMOE_BASE_BRACKETS_H
#define MMOE_BASE_BRACKETS_H

#include <stddef.h>

/* A cell without the blanks and the brackets round it, [], () or {}, if it has any. */
const char *mmoe_brackets_open(const char *text, size_t *length);
/* What is behind the element that begins at `at`: a separator, none of those within quotes, or
 * `end`, as where a quote is not closed. */
const char *mmoe_brackets_next(const char *at, const char *end, char separator);
/* An element without the blanks and the quotes, ' or ", round it, if it has any. */
const char *mmoe_brackets_unquote(const char *text, size_t *length);

#endif
