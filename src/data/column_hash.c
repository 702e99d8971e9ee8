/* Ids that are any values, nothing being learned: "hash_bucket_size" rows that values share by
 * chance, row 1 + XXH64(text, "hash_seed") mod hash_bucket_size, and row 0 for a missing value.
 * The text of an integer is the one that it prints as, whatever it was written as. The text of
 * several values is theirs with the byte 0x1F between them; one that is missing makes it missing.
 */
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
             "Number of rows, beside row 0 for a missing value. A value's row is the hash (XXH64) "
             "of its text: no vocabulary is learned or kept, and no value is unknown. The model "
             "cannot tell values with the same row apart: with ten rows for each value, one value "
             "in ten shares its row."),
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

static int32_t bucket_of(const hash_encoder *h, uint64_t hash) {
    return 1 + (int32_t)(hash % (uint64_t)h->buckets);
}

static const char *find_bucket(const mmoe_encoder *e, const char *text, size_t length,
                               mmoe_cell *out) {
    const hash_encoder *h = hash_of(e);
    out->id = bucket_of(h, mmoe_text_hash(text, length, h->seed));
    return NULL;
}

static const char *find_nothing(mmoe_cell *out) {
    out->id = 0;
    out->state = MMOE_CELL_MISSING;
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
    return length > 0 ? find_bucket(e, text, length, out) : find_nothing(out);
}

static const char *join_hash(const mmoe_encoder *e, const mmoe_part *parts, size_t count,
                             mmoe_cell *out) {
    const hash_encoder *h = hash_of(e);
    mmoe_text_hasher hasher;
    mmoe_text_hash_begin(&hasher, h->seed);
    for (size_t i = 0; i < count; i++) {
        char number[MMOE_NUMBER_SIZE];
        int64_t integer;
        size_t length = parts[i].length;
        const char *text = mmoe_trim_blanks(parts[i].text, &length);
        if (length == 0) return find_nothing(out);
        if (mmoe_parse_printed(text, length, &integer)) {
            length = mmoe_format_integer(integer, number);
            text = number;
        }
        if (i) mmoe_text_hash_add(&hasher, "\x1f", 1);
        mmoe_text_hash_add(&hasher, text, length);
    }
    out->id = bucket_of(h, mmoe_text_hash_end(&hasher));
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
    .join = join_hash,
};
