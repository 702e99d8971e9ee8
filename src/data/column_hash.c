/* Ids that are any values, nothing being learned: "hash_bucket_size" rows that values share by
 * chance, row 1 + XXH64(text, "hash_seed") mod hash_bucket_size, and row 0 for a missing value.
 * The text of an integer is the one that it prints as, whatever it was written as. */
#include <stdio.h>
#include <string.h>

#include "base/missing.h"
#include "base/text.h"
#include "base/text_hash.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"

typedef struct hash_encoder {
    mmoe_encoder head;
    int64_t buckets;
    uint64_t seed;
} hash_encoder;

static const mmoe_key hash_keys[] = {
    OPTIONAL("features.sparse[].hash_bucket_size", IN_ID(hash_encoder, buckets), 0, 1, 2147483646,
             "Rows that values take by the hash of their text, XXH64, beside row 0 for a missing "
             "value: no vocabulary is learned or kept, and no value is unknown. Values of one row "
             "are one to the model: with ten rows a value, one value in ten shares its row."),
    INTEGER("features.sparse[].hash_seed", MMOE_KEY_UINT64, IN_ID(hash_encoder, seed), "0", 0,
            9007199254740991, "With hash_bucket_size: the seed of the hash."),
};

static const hash_encoder *hash_of(const mmoe_encoder *e) { return (const hash_encoder *)e; }

/* The rows stand once more in a model file. */
static const char *check_buckets(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                 const char **key) {
    const int64_t buckets = hash_of(e)->buckets;
    *key = "hash_bucket_size";
    if (buckets >= 1 && (!e->rows || e->rows == buckets + 1)) return NULL;
    snprintf(fault, MMOE_FAULT_SIZE, "%lld buckets are no table of %lld rows", (long long)buckets,
             (long long)e->rows);
    return fault;
}

static mmoe_status start_hash(mmoe_encoder *e, mmoe_error *err) {
    (void)err;
    e->rows = hash_of(e)->buckets + 1;
    return MMOE_OK;
}

static const char *find_bucket(const mmoe_encoder *e, const char *text, size_t length,
                               mmoe_cell *out) {
    const hash_encoder *h = hash_of(e);
    out->id = 1 + (int32_t)(mmoe_text_hash(text, length, h->seed) % (uint64_t)h->buckets);
    return NULL;
}

static const char *find_integer(const mmoe_encoder *e, int64_t value, mmoe_cell *out) {
    char text[MMOE_NUMBER_SIZE];
    return find_bucket(e, text, mmoe_format_integer(value, text), out);
}

static const char *parse_hash(const mmoe_encoder *e, const char *text, size_t length,
                              mmoe_cell *out) {
    int64_t integer;
    text = mmoe_trim_blanks(text, &length);
    if (mmoe_parse_printed(text, length, &integer)) return find_integer(e, integer, out);
    if (length > 0) return find_bucket(e, text, length, out);
    out->id = 0;
    out->state = MMOE_CELL_MISSING;
    return NULL;
}

/* A number that is no integer is the text that it prints as. */
static const char *take_hash(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                             mmoe_cell *out) {
    int64_t integer;
    char number[MMOE_SHOWN_SIZE];
    size_t length = 0;
    const char *text = "";
    if (type == MMOE_VALUE_TEXT) {
        text = mmoe_value_text(at, &length);
        return parse_hash(e, text, length, out);
    }
    const int kind = mmoe_value_integral(type, at, &integer);
    if (kind > 0) return find_integer(e, integer, out);
    if (kind != -2) text = mmoe_value_show(type, at, number);
    return parse_hash(e, text, strlen(text), out);
}

const mmoe_column_kind mmoe_column_hash = {
    .word = "hash",
    .shape = MMOE_SHAPE_ID,
    .is_total = true,
    .size = sizeof(hash_encoder),
    .keys = hash_keys,
    .n_key = sizeof hash_keys / sizeof *hash_keys,
    .is_decided = true,
    .check = check_buckets,
    .start = start_hash,
    .parse = parse_hash,
    .take = take_hash,
};
