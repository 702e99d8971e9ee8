/* Words of enumerations stand once, in a list beside the enumeration, which is made of it where it
 * is ours: #define LIST(X) X(ENUMERATOR, word) X(ENUMERATOR, word). */
#ifndef MMOE_BASE_WORDS_H
#define MMOE_BASE_WORDS_H

/* enum { LIST(MMOE_ENUMERATOR) } */
#define MMOE_ENUMERATOR(enumerator, word) enumerator,
/* static const char *const words[] = {LIST(MMOE_WORD)}; words[ENUMERATOR] is "word" */
#define MMOE_WORD(enumerator, word) [enumerator] = #word,
/* "word | word": what configurations allow, in the list's order */
#define MMOE_OR_WORD(enumerator, word) " | " #word
#define MMOE_WORDS(list) &(list(MMOE_OR_WORD))[3]
/* 0 LIST(MMOE_ONE_WORD): how many */
#define MMOE_ONE_WORD(enumerator, word) +1

#endif
