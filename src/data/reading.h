/* How a file's cells are read, whatever their columns are: which of them stand for nothing, what
 * quotes may do, what stands between cells, what names columns. */
#ifndef MMOE_DATA_READING_H
#define MMOE_DATA_READING_H

#include "base/alloc.h"
#include "base/missing.h"
#include "base/words.h"
#include "data/key.h"

#define MMOE_QUOTES(X) X(MMOE_QUOTES_STRICT, strict) X(MMOE_QUOTES_LENIENT, lenient)
typedef enum mmoe_quotes { MMOE_QUOTES(MMOE_ENUMERATOR) } mmoe_quotes;

#define MMOE_SEPARATORS(X)                                                                         \
    X(MMOE_SEPARATOR_COMMA, comma)                                                                 \
    X(MMOE_SEPARATOR_SEMICOLON, semicolon)                                                         \
    X(MMOE_SEPARATOR_TAB, tab)                                                                     \
    X(MMOE_SEPARATOR_BAR, bar)
typedef enum mmoe_separator { MMOE_SEPARATORS(MMOE_ENUMERATOR) } mmoe_separator;

#define MMOE_HEADERS(X) X(MMOE_HEADER_FIRST_ROW, first_row) X(MMOE_HEADER_NONE, none)
typedef enum mmoe_header { MMOE_HEADERS(MMOE_ENUMERATOR) } mmoe_header;

typedef struct mmoe_reading {
    mmoe_texts missing; /* items NULL: the usual words; an empty text is missing in any case */
    mmoe_quotes quotes;
    mmoe_separator separator;
    mmoe_header header;
    uint64_t plain[4]; /* a bit for each byte that begins no missing cell: most cells are told by
                          their first byte; zeros: it is not known */
} mmoe_reading;

/* Fills `plain`, when `missing` is whole. */
void mmoe_reading_prepare(mmoe_reading *r);
/* Is the text, blanks around it or not, empty or one of the words that stand for nothing? */
bool mmoe_reading_has_word(const mmoe_reading *r, const char *text, size_t length);
/* The same of a cell. */
static inline bool mmoe_reading_is_missing(const mmoe_reading *r, const char *text, size_t length) {
    const uint8_t first = length ? (uint8_t)*text : 0;
    return !(r->plain[first / 64] >> first % 64 & 1) && mmoe_reading_has_word(r, text, length);
}
/* Does no word for nothing begin with a digit? */
static inline bool mmoe_reading_has_digits(const mmoe_reading *r) {
    const uint64_t digits = (uint64_t)0x3FF << '0';
    return (r->plain[0] & digits) == digits;
}
/* The separator's character. */
char mmoe_reading_separator(const mmoe_reading *r);
/* A deep copy, prepared; false when memory is out, *to being empty then. */
bool mmoe_reading_copy(const mmoe_reading *from, const mmoe_allocator *alloc, mmoe_reading *to);
void mmoe_reading_finish(mmoe_reading *r, const mmoe_allocator *alloc);

#endif
