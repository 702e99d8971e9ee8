#include "separators.h"

#include <stddef.h>
#include <string.h>

static const struct {
    char character;
    const char *word;
} separators[] = {{';', "semicolon"}, {'\t', "tab"}, {'|', "bar"}};
enum { COUNT = sizeof separators / sizeof *separators };

const char *cli_separator_word(char separator) {
    for (size_t i = 0; i < COUNT; i++)
        if (separators[i].character == separator) return separators[i].word;
    return NULL;
}

char cli_separator_of(const char *word) {
    for (size_t i = 0; word && i < COUNT; i++)
        if (strcmp(separators[i].word, word) == 0) return separators[i].character;
    return ',';
}
