#include "data/key.h"

#include <assert.h>
#include <string.h>

static const char between[] = " | ";

const char *mmoe_key_name(const mmoe_key *key) {
    const char *dot = strrchr(key->doc.path, '.');
    return dot ? dot + 1 : key->doc.path;
}

const char *mmoe_key_word_of(const char *words, int32_t index, size_t *length) {
    for (; index > 0; index--) {
        words = strstr(words, between);
        assert(words);
        words += strlen(between);
    }
    const char *end = strstr(words, between);
    *length = end ? (size_t)(end - words) : strlen(words);
    return words;
}

int32_t mmoe_key_word_index(const char *words, const char *word) {
    for (int32_t i = 0; words; i++) {
        const char *end = strstr(words, between);
        const size_t n = end ? (size_t)(end - words) : strlen(words);
        if (n == strlen(word) && memcmp(words, word, n) == 0) return i;
        words = end ? end + strlen(between) : NULL;
    }
    return -1;
}
