/* The usual words for a value that is not there. */
#ifndef MMOE_BASE_MISSING_H
#define MMOE_BASE_MISSING_H

#include <stdbool.h>
#include <string.h>

#define MMOE_MISSING_WORDS(X)                                                                      \
    X("NA") X("N/A") X("nan") X("NaN") X("null") X("NULL") X("None") X("\\N")

/* Is text[0 .. length), not empty, the whole word? */
static inline bool mmoe_is_word(const char *word, const char *text, size_t length) {
    return *word == *text && strncmp(word, text, length) == 0 && !word[length];
}

/* Cuts the blanks, spaces and tabs, around a text off. */
static inline const char *mmoe_trim_blanks(const char *text, size_t *length) {
    while (*length && (*text == ' ' || *text == '\t')) {
        text++;
        --*length;
    }
    while (*length && (text[*length - 1] == ' ' || text[*length - 1] == '\t')) --*length;
    return text;
}

/* Empty, of blanks alone, or one of the words, blanks around it or not. */
static inline bool mmoe_is_usual_missing(const char *text, size_t length) {
#define MMOE_IS_WORD(word) || mmoe_is_word(word, text, length)
    text = mmoe_trim_blanks(text, &length);
    return length == 0 MMOE_MISSING_WORDS(MMOE_IS_WORD);
#undef MMOE_IS_WORD
}

#endif
