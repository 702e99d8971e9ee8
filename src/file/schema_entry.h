/* One object of a schema's JSON, and what may be wrong with its values. */
#ifndef MMOE_FILE_SCHEMA_ENTRY_H
#define MMOE_FILE_SCHEMA_ENTRY_H

#include <jansson.h>

#include "data/schema.h"

/* The vocabulary that a table has by its schema. */
typedef struct mmoe_vocab_wanted {
    int32_t table; /* its number */
    const char *name;
    bool is_text; /* of its keys; else they are integers */
    int64_t rows;
} mmoe_vocab_wanted;

/* Where vocabularies come from. */
typedef struct mmoe_vocab_source {
    mmoe_status (*make)(void *user, const mmoe_vocab_wanted *wanted, mmoe_vocab **out,
                        mmoe_error *err);
    void *user;
} mmoe_vocab_source;

typedef struct mmoe_schema_reader {
    const char *file;
    mmoe_error *err;
    mmoe_allocator alloc;
    struct mmoe_schema *schema;
    mmoe_vocab_source vocabs;
} mmoe_schema_reader;

/* An object of the tree; `at` is its place, "tables[3]". */
typedef struct mmoe_entry {
    const mmoe_schema_reader *r;
    const json_t *json;
    char at[40];
    int32_t index; /* in its array */
    size_t n_keys; /* that it may have */
} mmoe_entry;

/* A finite number as a string, in the shortest text that gives it back; false: it is none. */
json_t *mmoe_double_to_json(double value);
bool mmoe_double_from_json(const json_t *value, double *out);

/* MMOE_E_FORMAT: "schema: AT.KEY: sentence". */
__attribute__((format(printf, 3, 4))) mmoe_status
mmoe_entry_fail(const mmoe_entry *e, const char *key, const char *format, ...);
/* A copy of a text without zero bytes. */
mmoe_status mmoe_entry_text(const mmoe_entry *e, const char *key, char **out);
/* At most `most` texts that are not empty, in *out, which is absent before. */
mmoe_status mmoe_entry_texts(const mmoe_entry *e, const char *key, int32_t most, mmoe_texts *out);
mmoe_status mmoe_entry_integer(const mmoe_entry *e, const char *key, int64_t low, int64_t high,
                               int64_t *out);
mmoe_status mmoe_entry_double(const mmoe_entry *e, const char *key, double *out);
/* The index of one of `words`. */
mmoe_status mmoe_entry_word(const mmoe_entry *e, const char *key, const char *const *words,
                            int32_t n_words, int32_t *out);

#endif
