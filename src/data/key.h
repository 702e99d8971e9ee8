/* A key of a configuration or of a schema file: its name, type, place, bounds, default and help.
 * Reading, writing, checks, documentation and tests loop over tables of these. */
#ifndef MMOE_DATA_KEY_H
#define MMOE_DATA_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "mmoe/train.h"

/* The array of the configuration that a key's object stands in. */
typedef enum mmoe_key_scope {
    MMOE_SCOPE_CONFIG,
    MMOE_SCOPE_SPARSE,
    MMOE_SCOPE_SEQUENCE,
    MMOE_SCOPE_DENSE,
    MMOE_SCOPE_TASK
} mmoe_key_scope;

typedef enum mmoe_key_kind {
    MMOE_KEY_INT32,
    MMOE_KEY_INT64,
    MMOE_KEY_UINT64,
    MMOE_KEY_FLOAT,
    MMOE_KEY_BOOL,
    MMOE_KEY_TRISTATE, /* int8_t: 1, -1 for false, 0 where it is not given */
    MMOE_KEY_WORD,     /* one of doc.allowed, "a | b | c"; an enumeration in that order */
    MMOE_KEY_TEXT,     /* char *, NULL when absent */
    MMOE_KEY_TASK,     /* a task's name or "mean"; resolved when all tasks are known */
    MMOE_KEY_LAYERS,   /* dims of an mmoe_mlp_config */
    MMOE_KEY_PAIR,     /* float[2] */
    MMOE_KEY_NUMBERS,  /* mmoe_numbers */
    MMOE_KEY_TEXTS,    /* mmoe_texts */
    MMOE_KEY_CHOICE,   /* mmoe_choice: the first `most` of doc.allowed are words; the same */
    /* Of schema files alone: what a column kind has learned. */
    MMOE_KEY_DOUBLE,    /* any finite one, to the bit */
    MMOE_KEY_VOCABULARY /* mmoe_vocab *, its keys standing in tensors */
} mmoe_key_kind;

/* An array of finite numbers; its memory is its owner's. */
typedef struct mmoe_numbers {
    double *items;
    size_t count;
} mmoe_numbers;

/* An array of texts; all memory is its owner's. */
typedef struct mmoe_texts {
    char **items; /* NULL: it is absent */
    size_t count;
} mmoe_texts;

/* A word, or a number in its place. */
typedef struct mmoe_choice {
    int32_t word; /* its enumerator; -1: the number */
    double number;
} mmoe_choice;

typedef struct mmoe_key {
    mmoe_config_key doc; /* of a schema file's key the path alone */
    mmoe_key_scope scope;
    mmoe_key_kind kind;
    uint32_t takers; /* values of the chooser's key that take this one, a bit 1 << enumerator each;
                        0: all */
    int chooser;     /* an mmoe_chooser_kind */
    size_t offset;   /* of the value in its structure: its scope's, or its column kind's */
    bool required;
    bool takes_numbers;  /* of MMOE_KEY_TEXTS: a number is its text */
    bool is_own;         /* lists of objects that take their base's keys do not take this one */
    bool is_again;       /* of a path that another column kind has, and documents */
    bool is_later;       /* than files of its column kind: a schema has it where it is given */
    bool may_differ;     /* a run that is continued may have another value than it began with */
    double low, high;    /* bounds of the value, or of each entry of an array; bytes of texts */
    bool above, below;   /* low, high itself is not allowed */
    const char *entry;   /* what an entry of an array may be */
    int32_t least, most; /* entries of an array; words of a choice */
    int32_t first;       /* enumerator of the first word */
    int64_t absent;      /* what stands for an integer or word without default that is not given */
    const char *zero;    /* of MMOE_KEY_INT32: the word that stands for 0 */
    const char *instead; /* texts of its object, by their names with blanks between them, in whose
                            place it stands: beside it they are errors, and have no default */
} mmoe_key;

/* The name of a key within its object: the last word of its path. */
const char *mmoe_key_name(const mmoe_key *key);
/* Word `index` of "a | b | c", not terminated. */
const char *mmoe_key_word_of(const char *words, int32_t index, size_t *length);
/* Its index; -1: it is none of them. */
int32_t mmoe_key_word_index(const char *words, const char *word);

#endif
