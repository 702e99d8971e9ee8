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

/* Whether a character is not shown itself but changes where or how others are shown: a control, an
 * end of a line, an override of the direction of text. */
bool mmoe_utf8_is_control(uint32_t point);
/* Makes one line of a text that cannot disturb a terminal: each byte that is not UTF-8 becomes '?',
 * and each control character (as above) becomes `control`. */
void mmoe_utf8_plain(char *text, char control);

#endif
