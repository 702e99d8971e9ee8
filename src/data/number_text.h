/* How a column's texts write numbers. */
#ifndef MMOE_DATA_NUMBER_TEXT_H
#define MMOE_DATA_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mmoe_number_text {
    char *strip;   /* bytes of a text that are no part of its number; NULL: none */
    char *decimal; /* ",": what stands before the fraction; NULL: the point */
} mmoe_number_text;

/* What is wrong with them, and with which of the keys "strip" and "decimal"; NULL: nothing. */
const char *mmoe_number_text_fault(const mmoe_number_text *t, const char **key);
/* The whole of text[0 .. length) as a number (base/text.h); below 0 between parentheses, where both
 * are stripped; of the letters that are, a unit's, all are there or none. Texts that are longer
 * than any number is written are none. */
bool mmoe_number_text_read(const mmoe_number_text *t, const char *text, size_t length, double *out);

#endif
