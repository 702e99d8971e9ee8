/* The keys of a configuration: one table that reading, defaults, checks, writing and documentation
 * follow. */
#ifndef MMOE_CONFIG_CONFIG_KEYS_H
#define MMOE_CONFIG_CONFIG_KEYS_H

#include <jansson.h>

#include "config/config.h"

/* The structure that a key's value stands in. */
typedef enum mmoe_key_scope {
    MMOE_SCOPE_CONFIG,
    MMOE_SCOPE_SPARSE,
    MMOE_SCOPE_DENSE,
    MMOE_SCOPE_TASK
} mmoe_key_scope;

typedef enum mmoe_key_kind {
    MMOE_KEY_INT32,
    MMOE_KEY_INT64,
    MMOE_KEY_UINT64,
    MMOE_KEY_FLOAT,
    MMOE_KEY_BOOL,
    MMOE_KEY_WORD,   /* one of doc.allowed, "a | b | c"; an enumeration in that order */
    MMOE_KEY_TEXT,   /* char *, NULL when absent */
    MMOE_KEY_TASK,   /* a task's name or "mean"; resolved when all tasks are known */
    MMOE_KEY_LAYERS, /* dims of an mmoe_mlp_config */
    MMOE_KEY_PAIR    /* float[2] */
} mmoe_key_kind;

/* A key whose word decides which keys of a section there are. */
typedef enum mmoe_chooser_kind {
    MMOE_CHOOSER_MODEL,
    MMOE_CHOOSER_EMBEDDING_INIT,
    MMOE_CHOOSER_METHOD,
    MMOE_CHOOSER_SCHEDULER,
    MMOE_CHOOSERS
} mmoe_chooser_kind;

typedef struct mmoe_chooser {
    const char *path, *section; /* "model.name", "model." */
    const char *noun;           /* "model" */
    size_t offset;              /* of the enumerator in struct mmoe_config */
} mmoe_chooser;
extern const mmoe_chooser mmoe_choosers[MMOE_CHOOSERS];

typedef struct mmoe_key {
    mmoe_config_key doc;
    mmoe_key_scope scope;
    mmoe_key_kind kind;
    uint32_t takers; /* values of the chooser's key that take this one, a bit 1 << enumerator each;
                        0: all */
    mmoe_chooser_kind chooser;
    size_t offset; /* of the value in its scope's structure */
    bool required;
    double low, high;    /* bounds of the value, or of each entry of an array */
    bool above, below;   /* low, high itself is not allowed */
    const char *entry;   /* what an entry of an array may be */
    int32_t least, most; /* entries of an array */
    int32_t first;       /* enumerator of the first word */
    int64_t absent;      /* what stands for an integer or word without default that is not given */
} mmoe_key;

/* An array of objects, each of them a scope. */
typedef struct mmoe_key_list {
    const char *path; /* "tasks" */
    mmoe_key_scope scope;
    size_t items, count; /* offsets of the pointer and of the int32_t in struct mmoe_config */
    size_t size;         /* of one item */
    int32_t most;
} mmoe_key_list;

#define MMOE_TASK_NAME "a letter or _, then letters, digits, _ and -; at most 64 bytes; not mean"

enum { MMOE_KEY_LISTS = 3, MMOE_PATH_SIZE = 256 };
extern const mmoe_key_list mmoe_key_lists[MMOE_KEY_LISTS];

/* Whether the key has a meaning beside the words that were chosen. */
bool mmoe_key_is_taken(const mmoe_key *key, const mmoe_config *config);

const mmoe_key *mmoe_key_at(size_t index);                   /* NULL past the last */
const mmoe_key_list *mmoe_key_list_of(mmoe_key_scope scope); /* NULL for MMOE_SCOPE_CONFIG */

/* Where an error is found; `name` is the configuration's. */
typedef struct mmoe_key_place {
    const char *name;
    mmoe_error *err;
} mmoe_key_place;

/* MMOE_E_CONFIG: "NAME: PATH: sentence", err->column being the path. */
mmoe_status mmoe_key_fail(const mmoe_key_place *place, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Checks a value and stores it in `scope`, the structure of key->scope. `path` names it in errors.
 */
mmoe_status mmoe_key_store(const mmoe_key *key, const json_t *value, const mmoe_allocator *alloc,
                           void *scope, const mmoe_key_place *place, const char *path);
/* Stores the default, or what stands for an absent value. */
mmoe_status mmoe_key_store_default(const mmoe_key *key, const mmoe_allocator *alloc, void *scope);
/* The word of an enumerator. */
const char *mmoe_key_word(const mmoe_key *key, int32_t value, int *length);
/* The stored value, *out being NULL when it is absent; MMOE_E_MEMORY. `config` gives the tasks'
 * names. */
mmoe_status mmoe_key_load(const mmoe_key *key, const void *scope, const mmoe_config *config,
                          json_t **out);

#endif
