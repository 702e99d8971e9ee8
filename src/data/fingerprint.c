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

/* A feature of a column of its own name has the number that it had when there were no others. */
static uint64_t hash_feature(uint64_t h, const char *name, const char *column) {
    h = hash_text(h, name);
    return column ? hash_text(h, column) : h;
}

/* As that of one column where there are no others. */
static uint64_t hash_id_feature(uint64_t h, const mmoe_sparse_column *c) {
    h = hash_feature(h, c->name, c->column);
    for (size_t i = 0; i < c->columns.count; i++) h = hash_text(h, c->columns.items[i]);
    return h;
}

/* What becomes of the elements is the model's. */
static uint64_t hash_list(uint64_t h, const mmoe_list_how *how) {
    h = hash_number(hash_number(h, how->separator), how->weight_separator);
    h = hash_number(hash_number(h, how->max_len), how->truncate);
    return how->brackets ? hash_number(h, how->brackets) : h;
}

static uint64_t hash_label(uint64_t h, const mmoe_label_column *label) {
    h = hash_number(hash_text(h, label->name), label->type);
    const mmoe_texts *gaps = &label->text.gaps;
    for (size_t i = 0; i < gaps->count; i++) h = hash_text(h, gaps->items[i]);
    return label->positive ? hash_text(hash_text(h, label->positive), label->negative) : h;
}

static uint64_t hash_gap(uint64_t h, const mmoe_dense_column *c) {
    const size_t width = (size_t)mmoe_encoder_width(c->encoder);
    h = mmoe_checksum_hash(h, c->gap.fill, width * sizeof(float));
    return c->indicator ? hash_number(h, c->indicator) : h;
}

uint64_t mmoe_schema_fingerprint(const struct mmoe_schema *s) {
    uint64_t h = hash_number(hash_number(s->n_sparse, s->n_dense), s->n_label);
    for (int32_t i = 0; i < s->n_sparse; i++)
        h = mmoe_encoder_hash(hash_id_feature(h, &s->sparse[i]),
                              s->tables[s->sparse[i].table].encoder);
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (s->sparse[i].list >= 0) h = hash_list(hash_number(h, i), &s->sparse[i].how);
    for (int32_t i = 0; i < s->n_dense; i++)
        h = mmoe_encoder_hash(hash_feature(h, s->dense[i].name, s->dense[i].column),
                              s->dense[i].encoder);
    for (int32_t i = 0; i < s->n_dense; i++)
        if (s->dense[i].gap.fill) h = hash_gap(hash_number(h, i), &s->dense[i]);
    for (int32_t i = 0; i < s->n_label; i++) h = hash_label(h, &s->labels[i]);
    h = hash_text(h, s->weight);
    return h ? h : 1;
}
