#include "train/checkpoint_vocabs.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/schema_growth.h"
#include "file/schema_tensors.h"

/* ---- From the file ---- */

static const mmoe_container_tensor *find(void *file, const char *name) {
    return mmoe_container_find(file, name);
}

static mmoe_status fetch(mmoe_container *file, bool *any, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    *any = false;
    for (size_t i = 0; !status && i < mmoe_container_count(file); i++) {
        const char *name = mmoe_container_at(file, i)->name;
        if (strncmp(name, MMOE_VOCAB_PREFIX, strlen(MMOE_VOCAB_PREFIX)) != 0) continue;
        *any = true;
        if (!mmoe_container_at(file, i)->data) status = mmoe_container_fetch(file, i, err);
    }
    return status;
}

/* Rows of a table's vocabulary there, and whether keys are texts; 0: it has none. */
static int64_t find_rows(const mmoe_regrowth *r, const mmoe_container *file, const char *table,
                         bool *is_text) {
    const mmoe_allocator *a = &r->t->alloc;
    const size_t size = sizeof MMOE_VOCAB_PREFIX + strlen(table) + sizeof ".offsets";
    char *name = mmoe_alloc(a, size, 1);
    if (!name) return -1;
    snprintf(name, size, "%s%s.keys", MMOE_VOCAB_PREFIX, table);
    const mmoe_container_tensor *keys = mmoe_container_find(file, name);
    snprintf(name, size, "%s%s.offsets", MMOE_VOCAB_PREFIX, table);
    const mmoe_container_tensor *offsets = keys ? NULL : mmoe_container_find(file, name);
    mmoe_release(a, name);
    *is_text = offsets;
    if (keys) return keys->rank == 1 ? keys->shape[0] + 1 : 0;
    return offsets && offsets->rank == 1 ? offsets->shape[0] : 0;
}

/* One of them begins with the other; a model that has not grown begins it. */
static mmoe_status check_keys(const mmoe_regrowth *r, const mmoe_table *table,
                              const mmoe_vocab *read, const char *path, mmoe_error *err) {
    const mmoe_vocab *own = mmoe_encoder_vocab(table->encoder);
    const bool is_less = r->t->has_grown && mmoe_vocab_rows(read) < mmoe_vocab_rows(own);
    mmoe_error why;
    const mmoe_status status = is_less ? mmoe_vocab_check_growth(table->name, read, own, &why)
                                       : mmoe_vocab_check_growth(table->name, own, read, &why);
    return status ? mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                                 "the checkpoint is of another vocabulary: %s", why.message)
                  : MMOE_OK;
}

static mmoe_status read_table(mmoe_regrowth *r, mmoe_container *file, const char *path, int32_t i,
                              mmoe_error *err) {
    const struct mmoe_schema *s = r->t->model->schema;
    const mmoe_table *table = &s->tables[i];
    mmoe_tensor_finder finder = {find, file, path, &s->alloc};
    const mmoe_vocab_source source = mmoe_vocabs_of_tensors(&finder);
    mmoe_vocab_wanted wanted = {.table = i, .name = table->name};
    if (!mmoe_encoder_vocab(table->encoder)) return MMOE_OK;
    wanted.rows = find_rows(r, file, table->name, &wanted.is_text);
    if (wanted.rows < 0) return mmoe_fail_memory(err, strlen(table->name));
    const mmoe_status status = source.make(source.user, &wanted, &r->vocabs[i], err);
    return status ? status : check_keys(r, table, r->vocabs[i], path, err);
}

/* ---- From before the trainer grew ---- */

/* What the table knew then, where it knows more. */
static mmoe_status retreat_table(mmoe_regrowth *r, int32_t i, mmoe_error *err) {
    const struct mmoe_schema *s = r->t->model->schema;
    const mmoe_vocab *own = mmoe_encoder_vocab(s->tables[i].encoder);
    const mmoe_vocab_place began = r->t->began[i];
    const int64_t rows = own ? mmoe_vocab_rows(own) : 0;
    if (rows == began.rows) return MMOE_OK;
    const mmoe_status status = mmoe_vocab_copy(own, &s->alloc, &r->vocabs[i], err);
    if (!status) mmoe_vocab_retreat(r->vocabs[i], began);
    return status;
}

/* ---- To the trainer ---- */

/* Vocabularies change places with those of the schema. */
static void exchange(mmoe_regrowth *r) {
    struct mmoe_schema *s = r->t->model->schema;
    for (int32_t i = 0; i < s->n_table; i++) {
        mmoe_table *table = &s->tables[i];
        if (!r->vocabs[i]) continue;
        r->vocabs[i] = mmoe_encoder_exchange_vocab(table->encoder, r->vocabs[i]);
        table->rows = table->encoder->rows;
    }
}

static void finish(mmoe_regrowth *r) {
    for (int32_t i = 0; r->vocabs && i < r->t->model->schema->n_table; i++)
        mmoe_vocab_free(r->vocabs[i]);
    mmoe_release(&r->t->alloc, r->vocabs);
}

mmoe_status mmoe_regrowth_begin(mmoe_trainer *t, mmoe_container *file, const char *path,
                                mmoe_regrowth *out, mmoe_error *err) {
    const size_t n = (size_t)t->model->schema->n_table;
    mmoe_regrowth r = {.t = t};
    mmoe_status status = fetch(file, &r.is_grown, err);
    r.is_there = r.is_grown || t->has_grown;
    if (!status && r.is_there && t->ranks)
        status = mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                              "the checkpoint is of a trainer whose vocabularies had grown, and "
                              "several ranks do not take them");
    if (!status && !r.is_grown && t->has_grown && t->lost_began)
        status = mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, t->lost_began,
                              "the checkpoint is of a trainer that had not grown, and this one has "
                              "gone back to fewer values than it began with");
    if (!status && r.is_there) {
        r.vocabs = mmoe_alloc_zero(&t->alloc, n, sizeof *r.vocabs);
        if (!r.vocabs) status = mmoe_fail_memory(err, n * sizeof *r.vocabs);
        for (size_t i = 0; !status && i < n; i++)
            status = r.is_grown ? read_table(&r, file, path, (int32_t)i, err)
                                : retreat_table(&r, (int32_t)i, err);
        if (!status) {
            exchange(&r);
            status = mmoe_follow_begin(t, true, &r.sizes, err);
            if (status) exchange(&r);
        }
    }
    if (status)
        finish(&r);
    else
        *out = r;
    return status;
}

void mmoe_regrowth_end(mmoe_regrowth *r, bool back) {
    mmoe_trainer *t = r->t;
    if (!r->is_there) return;
    if (back) exchange(r);
    mmoe_follow_end(&r->sizes, back);
    finish(r);
    if (back) return;
    t->has_grown = r->is_grown;
    for (int32_t i = 0; i < t->model->schema->n_table; i++) {
        const mmoe_table *table = &t->model->schema->tables[i];
        if (!t->lost_began && table->rows < t->began[i].rows) t->lost_began = table->name;
    }
    t->schema_hash = mmoe_schema_fingerprint(t->model->schema);
}
