/* 32-bit words in fewer bytes, for files that only this process reads. All words of a call get the
 * shortest form that they all fit into:
 *   one word, if they are all the same;
 *   1, 2 or 4 bytes each, by the largest;
 *   1 or 2 bytes each, if they are floats with few decimals, as texts have them: each is a count of
 *   tenths, hundredths and so on. */
#ifndef MMOE_DATA_SHORT_WORDS_H
#define MMOE_DATA_SHORT_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* A form: the bytes of each word, and for floats 16 (d + 1) more, d being their number of decimals.
 */
enum { MMOE_SAME_WORDS = 0, MMOE_WHOLE_WORDS = 4, MMOE_DECIMALS = 16, MMOE_MOST_DECIMALS = 6 };

/* The form in which they are shortest. */
uint8_t mmoe_words_form(const void *words, size_t count);
/* Bytes of so many words in a form. */
size_t mmoe_words_size(uint8_t form, size_t count);
/* Makes words short, and long again, where they stand. */
void mmoe_words_shorten(void *words, size_t count, uint8_t form);
void mmoe_words_lengthen(void *words, size_t count, uint8_t form);

/* The same for ascending offsets [count + 1] whose differences are below 2^32: the first offset
 * stays as it is, and the differences are the words. `shorten` returns their form. */
uint8_t mmoe_offsets_shorten(int64_t *offsets, size_t count);
size_t mmoe_offsets_size(uint8_t form, size_t count);
void mmoe_offsets_lengthen(int64_t *offsets, size_t count, uint8_t form);

#endif
