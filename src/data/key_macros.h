/* Rows of tables of keys. */
#ifndef MMOE_DATA_KEY_MACROS_H
#define MMOE_DATA_KEY_MACROS_H

#include "base/words.h"
#include "data/key.h"

/* Bounds and words stand once: the text that documents them is made of, or read as, the values that
 * are checked. */
#define INTEGER(path_, kind_, place, default_, low_, high_, help_)                                 \
    {                                                                                              \
        .doc = {path_, "integer", default_, #low_ " to " #high_, help_}, .kind = kind_, place,     \
        .low = low_, .high = high_                                                                 \
    }
#define OPTIONAL(path_, place, absent_, low_, high_, help_)                                        \
    {                                                                                              \
        .doc = {path_, "integer", NULL, #low_ " to " #high_, help_}, .kind = MMOE_KEY_INT64,       \
        place, .low = low_, .high = high_, .absent = absent_                                       \
    }
#define NUMBER(path_, place, default_, open, low_, high_, close, help_)                            \
    {                                                                                              \
        .doc = {path_, "number", default_, "in " open #low_ ", " #high_ close, help_},             \
        .kind = MMOE_KEY_FLOAT, place, .low = low_, .high = high_, .above = open[0] == '(',        \
        .below = close[0] == ')'                                                                   \
    }
#define PAIR(path_, place, default_, open, low_, high_, close, help_)                              \
    {                                                                                              \
        .doc = {path_, "array", default_, "two numbers in " open #low_ ", " #high_ close, help_},  \
        .kind = MMOE_KEY_PAIR, place, .low = low_, .high = high_, .above = open[0] == '(',         \
        .below = close[0] == ')', .entry = "in " open #low_ ", " #high_ close, .least = 2,         \
        .most = 2                                                                                  \
    }
#define LAYERS(path_, place, default_, least_, most_, low_, high_, help_)                          \
    {                                                                                              \
        .doc = {path_, "array", default_, #least_ " to " #most_ " layers of " #low_ " to " #high_, \
                help_},                                                                            \
        .kind = MMOE_KEY_LAYERS, place, .low = low_, .high = high_, .entry = #low_ " to " #high_,  \
        .least = least_, .most = most_                                                             \
    }
#define BOOLEAN(path_, place, default_, help_)                                                     \
    { .doc = {path_, "boolean", default_, "true | false", help_}, .kind = MMOE_KEY_BOOL, place }
#define WORD(path_, place, default_, first_, words, help_)                                         \
    {                                                                                              \
        .doc = {path_, "string", default_, words, help_}, .kind = MMOE_KEY_WORD, place,            \
        .first = first_                                                                            \
    }
/* An X-macro's words, the first enumerator being 0. */
#define WORDS(path_, place, default_, list, help_)                                                 \
    { .doc = {path_, "string", default_, MMOE_WORDS(list), help_}, .kind = MMOE_KEY_WORD, place }
#define TEXT(path_, place, required_, allowed_, help_)                                             \
    {                                                                                              \
        .doc = {path_, "string", NULL, allowed_, help_}, .kind = MMOE_KEY_TEXT, place,             \
        .required = required_                                                                      \
    }
#define NUMBERS(path_, place, least_, most_, low_, high_, help_)                                   \
    {                                                                                              \
        .doc = {path_, "array", NULL, #least_ " to " #most_ " numbers in [" #low_ ", " #high_ "]", \
                help_},                                                                            \
        .kind = MMOE_KEY_NUMBERS, place, .low = low_, .high = high_,                               \
        .entry = "in [" #low_ ", " #high_ "]", .least = least_, .most = most_                      \
    }
#define TEXTS(path_, place, default_, most_, allowed_, help_)                                      \
    {                                                                                              \
        .doc = {path_, "array", default_, "up to " #most_ " strings: " allowed_, help_},           \
        .kind = MMOE_KEY_TEXTS, place, .high = 64, .entry = allowed_, .most = most_                \
    }
/* Names of columns, which may be of any length. */
#define NAMES(path_, place, least_, most_, allowed_, help_)                                        \
    {                                                                                              \
        .doc = {path_, "array", NULL, #least_ " to " #most_ " strings: " allowed_, help_},         \
        .kind = MMOE_KEY_TEXTS, place, .low = 1, .high = 1 << 20, .entry = allowed_,               \
        .least = least_, .most = most_                                                             \
    }
/* An X-macro's words, the first enumerator being 0, or a number. */
#define CHOICE(path_, place, default_, list, low_, high_, help_)                                   \
    {                                                                                              \
        .doc = {path_, "string or number", default_,                                               \
                &(list(MMOE_OR_WORD) " | a number in [" #low_ ", " #high_ "]")[3], help_},         \
        .kind = MMOE_KEY_CHOICE, place, .low = low_, .high = high_, .most = 0 list(MMOE_ONE_WORD)  \
    }
/* A key that its column kind has got since files of it were written. */
#define LATER(place) place, .is_later = true
/* A key that stands in the place of others. */
#define INSTEAD(others, place) place, .instead = others
/* A key that objects which take the others of its list do not take. */
#define OWN(place) place, .is_own = true
/* A value of a column kind's structure. */
#define IN_ID(type, member) .scope = MMOE_SCOPE_SPARSE, .offset = offsetof(type, member)
#define IN_NUMBER(type, member) .scope = MMOE_SCOPE_DENSE, .offset = offsetof(type, member)
/* What a kind has learned, by its name in schema files. */
#define FITTED(name, kind_, type, member)                                                          \
    { .doc = {.path = name}, .kind = kind_, .offset = offsetof(type, member) }

#endif
