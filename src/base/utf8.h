/* One walk through UTF-8. */
#ifndef MMOE_BASE_UTF8_H
#define MMOE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that text[0 .. length) begins with, 1 to 4, and its code point where
 * `point` is not NULL; 0 where none begins: a stray or missing byte, a longer form than needed, a
 * surrogate, one above U+10FFFF, no text. */
size_t mmoe_utf8_next(const char *text, size_t length, uint32_t *point);
/* Is the whole text UTF-8? */
bool mmoe_utf8_is(const char *text, size_t length);
/* Does the byte continue a character? */
static inline bool mmoe_utf8_continues(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }
/* Bytes of text[0 .. length), at most `most`, that end with a whole character. */
size_t mmoe_utf8_cut(const char *text, size_t length, size_t most);
/* The same of a text that "%.*s" prints. */
int mmoe_utf8_fit(const char *text, size_t most);

/* Whether a character writes nothing, but changes where and how others are written: controls, ends
 * of lines, what overrides the direction of texts. */
bool mmoe_utf8_is_control(uint32_t point);
/* Puts '?' in the place of each byte that is no character's, and `control` in that of such a
 * character: what is left is one line, and changes no terminal. */
void mmoe_utf8_plain(char *text, char control);

#endif
