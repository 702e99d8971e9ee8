#include "init_names.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const ids[] = {"id",       "ids",        "uid",         "pid",     "uuid",
                                  "user",     "item",       "zip",         "code",    "zipcode",
                                  "postcode", "postalcode", "categorical", "category"};
static const char *const keys[] = {"key", "index", "idx",    "number", "no",
                                   "nr",  "row",   "serial", "seq",    "sequence"};
static const char *const histories[] = {"hist",   "history", "seq",     "sequence", "clicked",
                                        "viewed", "bought",  "visited", "watched",  "played"};
/* What stands before "id" without a mark between: "userid". */
static const char *const things[] = {"user",   "item",  "movie", "product", "customer", "client",
                                     "author", "video", "shop",  "store",   "host",     "page",
                                     "site",   "app",   "ad",    "device",  "session",  "order"};

static bool is_among(const char *const *words, size_t count, const char *word, size_t length) {
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == length && strncasecmp(words[i], word, length) == 0) return true;
    return false;
}

/* Words end at marks, and where a small letter stands before a capital one; numbers at the end, and
 * marks before them, are none. */
static const char *last_word(const char *name, size_t *length) {
    const char *end = name + strlen(name);
    while (end > name && !isalpha((unsigned char)end[-1])) end--;
    const char *at = end;
    while (at > name && isalnum((unsigned char)at[-1]) &&
           !(at < end && isupper((unsigned char)*at) && islower((unsigned char)at[-1])))
        at--;
    *length = (size_t)(end - at);
    return at;
}

/* As in Criteo's and Avazu's files, "C14". */
static bool is_numbered_category(const char *name) {
    return *name == 'C' && isdigit((unsigned char)name[1]) && !name[1 + strspn(name + 1, DIGITS)];
}

static bool is_field_number(const char *name) {
    return strspn(name, DIGITS) >= 3 && !name[strspn(name, DIGITS "_")];
}

bool cli_name_is_id(const char *name) {
    size_t length;
    const char *word = last_word(name, &length);
    if (is_field_number(name) || is_numbered_category(name)) return true;
    if (is_among(ids, COUNT(ids), word, length)) return true;
    return length > 2 && strncasecmp(word + length - 2, "id", 2) == 0 &&
           is_among(things, COUNT(things), word, length - 2);
}

bool cli_name_is_history(const char *name) {
    size_t length;
    const char *word = last_word(name, &length);
    return is_among(histories, COUNT(histories), word, length);
}

bool cli_name_is_key(const char *name) {
    size_t length;
    const char *word = last_word(name, &length);
    return cli_name_is_id(name) || is_among(keys, COUNT(keys), word, length);
}
