/* The words of data.separator. */
#ifndef MMOE_TOOLS_SEPARATORS_H
#define MMOE_TOOLS_SEPARATORS_H

/* "semicolon" of ';'; NULL: a comma, which needs no word. */
const char *cli_separator_word(char separator);
/* ';' of "semicolon"; a comma of any other, and of NULL. */
char cli_separator_of(const char *word);

#endif
