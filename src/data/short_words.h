/* 32-bit words in as few bytes each as all of them fit into: 1, 2 or 4; where they are all the
 * same, one word stands for them. For files that nobody else reads. */
#ifndef MMOE_DATA_SHORT_WORDS_H
#define MMOE_DATA_SHORT_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum { MMOE_SAME_WORDS = 0 };

/* How many bytes each takes; MMOE_SAME_WORDS: one stands for all. */
uint8_t mmoe_words_width(const void *words, size_t count);
/* Bytes of so many words of a width. */
size_t mmoe_words_size(uint8_t width, size_t count);
/* Makes words short, and long again, where they stand. */
void mmoe_words_shorten(void *words, size_t count, uint8_t width);
void mmoe_words_lengthen(void *words, size_t count, uint8_t width);

#endif
