/* What a schema makes of a file's values, as one number. */
#include <string.h>

#include "base/checksum.h"
#include "data/schema.h"
#include "mmoe/train.h"

/* With the length, so that "ab" "c" is not "a" "bc". */
static uint64_t hash_text(uint64_t h, const char *text) {
    const uint64_t length = text ? strlen(text) : UINT64_MAX;
    h = mmoe_checksum_hash(h, &length, sizeof length);
    return text ? mmoe_checksum_hash(h, text, (size_t)length) : h;
}

static uint64_t hash_number(uint64_t h, int64_t number) {
    return mmoe_checksum_hash(h, &number, sizeof number);
}

static uint64_t hash_double(uint64_t h, double value) {
    return mmoe_checksum_hash(h, &value, sizeof value);
}

static uint64_t hash_sparse(uint64_t h, const mmoe_sparse_column *column, const mmoe_table *table) {
    h = hash_text(h, column->name);
    h = hash_number(h, table->rows);
    h = hash_number(h, table->oov_id);
    return hash_number(h, table->vocab ? (int64_t)mmoe_vocab_hash(table->vocab) : 0);
}

static uint64_t hash_dense(uint64_t h, const mmoe_dense_column *column) {
    h = hash_text(h, column->name);
    h = hash_number(h, column->transform);
    h = hash_double(h, column->shift);
    return hash_double(h, column->scale);
}

static uint64_t hash_label(uint64_t h, const mmoe_label_column *label) {
    h = hash_number(hash_text(h, label->name), label->type);
    return label->positive ? hash_text(hash_text(h, label->positive), label->negative) : h;
}

uint64_t mmoe_schema_fingerprint(const struct mmoe_schema *s) {
    uint64_t h = hash_number(hash_number(s->n_sparse, s->n_dense), s->n_label);
    for (int32_t i = 0; i < s->n_sparse; i++)
        h = hash_sparse(h, &s->sparse[i], &s->tables[s->sparse[i].table]);
    for (int32_t i = 0; i < s->n_dense; i++) h = hash_dense(h, &s->dense[i]);
    for (int32_t i = 0; i < s->n_label; i++) h = hash_label(h, &s->labels[i]);
    h = hash_text(h, s->weight);
    return h ? h : 1;
}
