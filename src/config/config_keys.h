/* The keys of a configuration: one table that reading, defaults, checks, writing and documentation
 * follow. */
#ifndef MMOE_CONFIG_CONFIG_KEYS_H
#define MMOE_CONFIG_CONFIG_KEYS_H

#include <jansson.h>

#include "config/config.h"
#include "config/config_choosers.h"
#include "data/column_kinds.h"
#include "data/key.h"

typedef struct mmoe_chooser {
    const char *path, *section; /* "model.name", "model." */
    const char *noun;           /* "model" */
    size_t offset;              /* of the enumerator in struct mmoe_config */
} mmoe_chooser;
extern const mmoe_chooser mmoe_choosers[MMOE_CHOOSERS];

/* An array of objects, each of them a scope. */
typedef struct mmoe_key_list {
    const char *path; /* "tasks" */
    mmoe_key_scope scope;
    const struct mmoe_key_list *base; /* whose keys its items take, too: of one structure; NULL */
    size_t items, count; /* offsets of the pointer and of the int32_t in struct mmoe_config */
    size_t size;         /* of one item */
    int32_t most;
    bool has_kinds; /* its items are columns, each with an encoder of a kind of this shape */
    mmoe_column_shape shape;
    size_t encoder; /* offset of that pointer in an item */
} mmoe_key_list;

#define MMOE_TASK_NAME "a letter or _, then letters, digits, _ and -; at most 64 bytes; not mean"

enum { MMOE_KEY_LISTS = 4, MMOE_PATH_SIZE = 256 };
extern const mmoe_key_list mmoe_key_lists[MMOE_KEY_LISTS];

/* Whether the key has a meaning beside the words that were chosen. */
bool mmoe_key_is_taken(const mmoe_key *key, const mmoe_config *config);

const mmoe_key *mmoe_key_at(size_t index);                   /* NULL past the last */
const mmoe_key_list *mmoe_key_list_of(mmoe_key_scope scope); /* NULL for MMOE_SCOPE_CONFIG */
/* The list whose items stand at "features.sequence[]"; NULL: none. */
const mmoe_key_list *mmoe_key_list_at(const char *pattern);
static inline bool mmoe_key_list_takes(const mmoe_key_list *list, const mmoe_key *key) {
    return key->scope == list->scope ||
           (list->base && key->scope == list->base->scope && !key->is_own);
}

/* Where an item of a list with kinds has its encoder. */
mmoe_encoder **mmoe_key_encoder(const mmoe_key_list *list, void *item);
/* The column kind whose key it is; NULL: it belongs to its scope. */
const mmoe_column_kind *mmoe_key_owner(const mmoe_key *key);
/* The structure of an item that the key's value stands in; NULL: the item is of another kind. */
void *mmoe_key_home(const mmoe_key *key, void *item);

/* Where an error is found; `name` is the configuration's. */
typedef struct mmoe_key_place {
    const char *name;
    mmoe_error *err;
} mmoe_key_place;

/* MMOE_E_CONFIG: "NAME: PATH: sentence", err->column being the path. */
mmoe_status mmoe_key_fail(const mmoe_key_place *place, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Checks a value and stores it in `scope`, its structure (mmoe_key_home). `path` names it in
 * errors.
 */
mmoe_status mmoe_key_store(const mmoe_key *key, const json_t *value, const mmoe_allocator *alloc,
                           void *scope, const mmoe_key_place *place, const char *path);
/* Stores the default, or what stands for an absent value. */
mmoe_status mmoe_key_store_default(const mmoe_key *key, const mmoe_allocator *alloc, void *scope);
/* Takes a text away, a default for one. */
void mmoe_key_clear(const mmoe_key *key, const mmoe_allocator *alloc, void *scope);
/* The word of an enumerator. */
const char *mmoe_key_word(const mmoe_key *key, int32_t value, int *length);
/* The stored value, *out being NULL when it is absent; MMOE_E_MEMORY. `config` gives the tasks'
 * names. */
mmoe_status mmoe_key_load(const mmoe_key *key, const void *scope, const mmoe_config *config,
                          json_t **out);

#endif
