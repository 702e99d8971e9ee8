/* 32-bit words in fewer bytes, for files that nobody else reads. Words that are all the same are
 * one; others have 1, 2 or 4 bytes, as many as all of them fit into. What does not fit into 2 may
 * be numbers of single precision with few decimals, as texts have them: each is a count of tenths,
 * hundredths and so on, which has 1 or 2. */
#ifndef MMOE_DATA_SHORT_WORDS_H
#define MMOE_DATA_SHORT_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a word; of decimals 16 times (how many, and 1) more. */
enum { MMOE_SAME_WORDS = 0, MMOE_WHOLE_WORDS = 4, MMOE_DECIMALS = 16, MMOE_MOST_DECIMALS = 6 };

/* The form in which they are shortest. */
uint8_t mmoe_words_form(const void *words, size_t count);
/* Bytes of so many words in a form. */
size_t mmoe_words_size(uint8_t form, size_t count);
/* Makes words short, and long again, where they stand. */
void mmoe_words_shorten(void *words, size_t count, uint8_t form);
void mmoe_words_lengthen(void *words, size_t count, uint8_t form);

/* The same of offsets [count + 1] that ascend, each by less than 2^32: the first, and then by how
 * much, as words. */
uint8_t mmoe_offsets_shorten(int64_t *offsets, size_t count);
size_t mmoe_offsets_size(uint8_t form, size_t count);
void mmoe_offsets_lengthen(int64_t *offsets, size_t count, uint8_t form);

#endif
