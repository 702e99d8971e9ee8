/* Lists as other programs print them, "['a', 'b']": brackets round the cell, and blanks and quotes
 * round an element. */
#ifndef MMOE_BASE_BRACKETS_H
#define MMOE_BASE_BRACKETS_H

#include <stddef.h>

/* A cell without surrounding blanks and brackets, which may be [], () or {}. */
const char *mmoe_brackets_open(const char *text, size_t *length);
/* The end of the element that begins at `at`: the next separator that is not within quotes, or
 * `end`. A quote that is not closed reaches to `end`. */
const char *mmoe_brackets_next(const char *at, const char *end, char separator);
/* An element without surrounding blanks and quotes, which may be ' or ". */
const char *mmoe_brackets_unquote(const char *text, size_t *length);

#endif
