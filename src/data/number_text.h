/* How a column's texts write numbers. */
#ifndef MMOE_DATA_NUMBER_TEXT_H
#define MMOE_DATA_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mmoe_number_text {
    char *strip;   /* bytes of a text that are no part of its number; NULL: none */
    char *decimal; /* ",": what stands before the fraction; NULL: the point */
} mmoe_number_text;

/* The two keys of a column kind whose structure has `member`; AGAIN: of the kinds behind the first
 * of their list. `list_` is sparse or dense. */
#define MMOE_NUMBER_TEXT_KEYS(list_, in, type, member, again, help_)                               \
    {.doc = {"features." list_ "[].strip", "string", NULL, "characters that are in no number",     \
             "Characters of a text that are passed over, as \"$,\" in \"$1,101.50\"; of both "     \
             "parentheses, a number between them is below 0." help_},                              \
     .kind = MMOE_KEY_TEXT,                                                                        \
     .is_later = true,                                                                             \
     .is_again = again,                                                                            \
     in(type, member.strip)},                                                                      \
    {                                                                                              \
        .doc = {"features." list_ "[].decimal", "string", NULL, "\",\"",                           \
                "What stands before a text's fraction in the place of the point, as in "           \
                "\"1101,50\"." help_},                                                             \
        .kind = MMOE_KEY_TEXT, .is_later = true, .is_again = again, in(type, member.decimal)       \
    }

/* What is wrong with them, and with which of the keys "strip" and "decimal"; NULL: nothing. */
const char *mmoe_number_text_fault(const mmoe_number_text *t, const char **key);
/* The whole of text[0 .. length) as a number (base/text.h); below 0 between parentheses, where both
 * are stripped; of the letters that are, a unit's, all are there or none, and a point behind one is
 * the unit's. Texts that are longer than any number is written are none. */
bool mmoe_number_text_read(const mmoe_number_text *t, const char *text, size_t length, double *out);

#endif
