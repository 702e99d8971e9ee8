#include "file/schema_tensors.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

static const char prefix[] = MMOE_VOCAB_PREFIX;

/* "vocab.NAME.WHAT"; NULL when memory is out. */
static char *vocab_name(const mmoe_allocator *alloc, const char *table, const char *what) {
    size_t size = strlen(prefix) + strlen(table) + 1 + strlen(what) + 1;
    char *name = mmoe_alloc(alloc, size, 1);
    if (name) snprintf(name, size, "%s%s.%s", prefix, table, what);
    return name;
}

/* ---- To a file ---- */

mmoe_status mmoe_schema_tensors_open(mmoe_schema_tensors *t, const struct mmoe_schema *schema,
                                     size_t more, mmoe_error *err) {
    const size_t n = more + 2 * (size_t)schema->n_table;
    t->items = mmoe_alloc(t->alloc, n, sizeof *t->items);
    t->owned = mmoe_alloc(t->alloc, more + 5 * (size_t)schema->n_table, sizeof *t->owned);
    return t->items && t->owned ? MMOE_OK : mmoe_fail_memory(err, n * sizeof *t->items);
}

void mmoe_schema_tensors_finish(mmoe_schema_tensors *t) {
    for (size_t i = 0; i < t->n_owned; i++) mmoe_release(t->alloc, t->owned[i]);
    mmoe_release(t->alloc, t->owned);
    mmoe_release(t->alloc, t->items);
}

void *mmoe_schema_tensors_own(mmoe_schema_tensors *t, void *memory) {
    if (memory) t->owned[t->n_owned++] = memory;
    return memory;
}

static void add_key_vector(mmoe_schema_tensors *t, const char *name, mmoe_dtype dtype, int64_t n,
                           const void *data, size_t bytes) {
    t->items[t->count++] = (mmoe_container_tensor){
        .name = name, .dtype = dtype, .rank = 1, .shape = {n}, .data = data, .bytes = bytes};
}

static mmoe_status add_int_keys(mmoe_schema_tensors *t, const mmoe_table *table, mmoe_error *err) {
    const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
    int64_t n = mmoe_vocab_rows(vocab) - 1;
    char *name = mmoe_schema_tensors_own(t, vocab_name(t->alloc, table->name, "keys"));
    int64_t *keys = mmoe_schema_tensors_own(t, mmoe_alloc(t->alloc, (size_t)n, sizeof *keys));
    if (!name || !keys) return mmoe_fail_memory(err, (size_t)n * sizeof *keys);
    for (int64_t i = 0; i < n; i++) keys[i] = mmoe_vocab_int_key(vocab, i + 1);
    add_key_vector(t, name, MMOE_I64, n, keys, (size_t)n * sizeof *keys);
    return MMOE_OK;
}

static mmoe_status add_text_offsets(mmoe_schema_tensors *t, const mmoe_table *table,
                                    mmoe_error *err) {
    const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
    int64_t n = mmoe_vocab_rows(vocab);
    char *name = mmoe_schema_tensors_own(t, vocab_name(t->alloc, table->name, "offsets"));
    int64_t *offsets = mmoe_schema_tensors_own(t, mmoe_alloc(t->alloc, (size_t)n, sizeof *offsets));
    if (!name || !offsets) return mmoe_fail_memory(err, (size_t)n * sizeof *offsets);
    offsets[0] = 0;
    for (int64_t i = 1; i < n; i++) {
        size_t length;
        mmoe_vocab_text_key(vocab, i, &length);
        offsets[i] = offsets[i - 1] + (int64_t)length;
    }
    add_key_vector(t, name, MMOE_I64, n, offsets, (size_t)n * sizeof *offsets);
    return MMOE_OK;
}

static mmoe_status add_text_bytes(mmoe_schema_tensors *t, const mmoe_table *table,
                                  mmoe_error *err) {
    const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
    size_t size = 0, length;
    int64_t rows = mmoe_vocab_rows(vocab);
    for (int64_t i = 1; i < rows; i++) {
        mmoe_vocab_text_key(vocab, i, &length);
        size += length;
    }
    char *name = mmoe_schema_tensors_own(t, vocab_name(t->alloc, table->name, "bytes"));
    char *bytes = mmoe_schema_tensors_own(t, mmoe_alloc(t->alloc, size, 1));
    if (!name || !bytes) return mmoe_fail_memory(err, size);
    add_key_vector(t, name, MMOE_U8, (int64_t)size, bytes, size);
    for (int64_t i = 1; i < rows; i++, bytes += length) {
        const char *key = mmoe_vocab_text_key(vocab, i, &length);
        if (length) memcpy(bytes, key, length);
    }
    return MMOE_OK;
}

mmoe_status mmoe_schema_tensors_add_keys(mmoe_schema_tensors *t, const struct mmoe_schema *schema,
                                         mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < schema->n_table && !status; i++) {
        const mmoe_table *table = &schema->tables[i];
        const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
        if (vocab)
            status = mmoe_vocab_is_int(vocab) ? add_int_keys(t, table, err)
                                              : add_text_offsets(t, table, err);
    }
    return status;
}

mmoe_status mmoe_schema_tensors_add_bytes(mmoe_schema_tensors *t, const struct mmoe_schema *schema,
                                          mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < schema->n_table && !status; i++) {
        const mmoe_table *table = &schema->tables[i];
        const mmoe_vocab *vocab = mmoe_encoder_vocab(table->encoder);
        if (vocab && !mmoe_vocab_is_int(vocab)) status = add_text_bytes(t, table, err);
    }
    return status;
}

/* ---- From a file ---- */

/* A tensor vocab.TABLE.WHAT. */
typedef struct vocab_vector {
    const char *table, *what;
    mmoe_dtype dtype;
    int64_t count; /* -1: any number */
} vocab_vector;

static mmoe_status take_vocab(mmoe_tensor_finder *r, const vocab_vector *v,
                              const mmoe_container_tensor **out, mmoe_error *err) {
    char *name = vocab_name(r->alloc, v->table, v->what);
    if (!name) return mmoe_fail_memory(err, strlen(v->table));
    mmoe_status status = MMOE_OK;
    const mmoe_container_tensor *t = *out = r->find(r->user, name);
    if (!t)
        status = mmoe_fail_format(err, r->path, "tensor \"%.120s\" is missing", name);
    else if (t->dtype != v->dtype || t->rank != 1 || (v->count >= 0 && t->shape[0] != v->count))
        status = mmoe_fail_format(
            err, r->path,
            "tensor \"%.120s\": its type or its shape is not that of its table's vocabulary", name);
    mmoe_release(r->alloc, name);
    return status;
}

/* Of an mmoe_vocab_source. */
static mmoe_status read_vocab(void *user, const mmoe_vocab_wanted *wanted, mmoe_vocab **out,
                              mmoe_error *err) {
    mmoe_tensor_finder *r = user;
    const char *name = wanted->name;
    const int64_t rows = wanted->rows;
    const bool is_string = wanted->is_text;
    if (rows < 1)
        return mmoe_fail_format(err, r->path, "table \"%.120s\": a vocabulary has at least one row",
                                name);
    const mmoe_container_tensor *keys = NULL, *bytes = NULL;
    const vocab_vector offsets = {name, "offsets", MMOE_I64, rows},
                       texts = {name, "bytes", MMOE_U8, -1},
                       numbers = {name, "keys", MMOE_I64, rows - 1};
    mmoe_status status = take_vocab(r, is_string ? &offsets : &numbers, &keys, err);
    if (!status && is_string) status = take_vocab(r, &texts, &bytes, err);
    if (status) return status;
    mmoe_error inner = {0};
    status = is_string ? mmoe_vocab_from_texts(&(mmoe_packed_texts){bytes->data, bytes->bytes,
                                                                    keys->data, (size_t)rows - 1},
                                               r->alloc, out, &inner)
                       : mmoe_vocab_from_ints(keys->data, (size_t)rows - 1, r->alloc, out, &inner);
    if (status == MMOE_E_FORMAT)
        return mmoe_fail_format(err, r->path, "the vocabulary of \"%.120s\": %.300s", name,
                                inner.message);
    if (status && err) *err = inner;
    return status;
}

mmoe_vocab_source mmoe_vocabs_of_tensors(mmoe_tensor_finder *from) {
    return (mmoe_vocab_source){read_vocab, from};
}
