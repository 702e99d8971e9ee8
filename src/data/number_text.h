/* How a column's texts write numbers. */
#ifndef MMOE_DATA_NUMBER_TEXT_H
#define MMOE_DATA_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "data/key.h"

enum { MMOE_MOST_GAPS = 64 };
typedef struct mmoe_number_text {
    char *strip;     /* bytes of a text that are no part of its number; NULL: none */
    char *decimal;   /* ",": what stands before the fraction; NULL: the point */
    mmoe_texts gaps; /* numbers and words that stand for a missing value, "*", of features alone,
                        being every text that is no finite number; absent: none does */
} mmoe_number_text;

/* Keys of a column kind whose structure has `member`; AGAIN: of the kinds behind the first of their
 * list. `list_` is sparse or dense. */
#define MMOE_GAPS_KEY(list_, in, type, member, again)                                              \
    {                                                                                              \
        .doc = {"features." list_ "[].gaps", "array", NULL,                                        \
                "up to 64 strings: numbers, which need no quotes, words of at most 64 bytes, *",   \
                "What counts as missing in this column, beside the words of data.missing: "        \
                "numbers that stand for none, as -999, in any spelling, of dates whole days, "     \
                "words, and with * every text that is no number, or no date, of which a warning "  \
                "has the count."},                                                                 \
        .kind = MMOE_KEY_TEXTS, .is_later = true, .is_again = again, .takes_numbers = true,        \
        .low = 1, .high = 64, .entry = "a number, a word of 1 to 64 bytes, or *",                  \
        .most = MMOE_MOST_GAPS, in(type, member.gaps)                                              \
    }
/* The same and two more. */
#define MMOE_NUMBER_TEXT_KEYS(list_, in, type, member, again, help_)                               \
    {.doc = {"features." list_ "[].strip", "string", NULL, "characters that are in no number",     \
             "Characters of a text that are passed over, as \"$,\" in \"$1,101.50\"; of both "     \
             "parentheses, a number between them is below 0." help_},                              \
     .kind = MMOE_KEY_TEXT,                                                                        \
     .is_later = true,                                                                             \
     .is_again = again,                                                                            \
     in(type, member.strip)},                                                                      \
        {.doc = {"features." list_ "[].decimal", "string", NULL, "\",\"",                          \
                 "What stands before a text's fraction in the place of the point, as in "          \
                 "\"1101,50\"." help_},                                                            \
         .kind = MMOE_KEY_TEXT,                                                                    \
         .is_later = true,                                                                         \
         .is_again = again,                                                                        \
         in(type, member.decimal)},                                                                \
        MMOE_GAPS_KEY(list_, in, type, member, again)

/* What is wrong with them, and with which of the keys; NULL: nothing. */
const char *mmoe_number_text_fault(const mmoe_number_text *t, const char **key);
/* The whole of text[0 .. length) as a number (base/text.h); below 0 between parentheses, where both
 * are stripped; of the letters that are, a unit's, all are there or none, and a point behind one is
 * the unit's. Texts that are longer than any number is written are none. */
bool mmoe_number_text_read(const mmoe_number_text *t, const char *text, size_t length, double *out);

/* Is the number one of the gaps? is_float: it has single precision, and so have they. */
bool mmoe_number_text_has(const mmoe_number_text *t, double value, bool is_float);
/* Is the text, blanks around it or not, the same as one? */
bool mmoe_number_text_has_word(const mmoe_number_text *t, const char *text, size_t length);
/* Does it name the text, as a word or as a number? */
bool mmoe_number_text_names(const mmoe_number_text *t, const char *text, size_t length);
/* Does every text that is no number stand for a missing one? */
bool mmoe_number_text_takes_all(const mmoe_number_text *t);
/* The gaps that are numbers, from the `index`-th on: the first of them, and in *index what stands
 * behind it; false: there is none. */
bool mmoe_number_text_gap(const mmoe_number_text *t, size_t *index, double *out);

#endif
