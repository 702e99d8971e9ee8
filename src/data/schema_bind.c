#include "data/schema.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "data/binding.h"
#include "mmoe/train.h"

typedef struct mmoe_schema schema;

/* ---- Specs ---- */

static const mmoe_encoder *spec_encoder(const mmoe_feature_specs *s, int32_t i) {
    return i < mmoe_id_specs(s) ? mmoe_id_spec(s, i)->encoder
                                : s->dense[i - mmoe_id_specs(s)].encoder;
}

static mmoe_status check_specs(const mmoe_binding *b, mmoe_error *err) {
    const mmoe_feature_specs *specs = b->specs;
    if (mmoe_all_specs(specs) == 0)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, NULL,
                            "the configuration names no feature");
    if (b->n_columns > INT32_MAX)
        return mmoe_fail_at(err, MMOE_E_FORMAT, b->file, 0, NULL, "%zu columns are too many",
                            b->n_columns);
    for (int32_t i = 0; i < mmoe_id_specs(specs); i++) {
        const mmoe_sparse_spec *s = mmoe_id_spec(specs, i);
        if (s->embed_dim < 0)
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->name,
                                "embed_dim is %d, not at least 1", (int)s->embed_dim);
    }
    for (int32_t i = 0; i < mmoe_all_specs(specs); i++) {
        const mmoe_encoder *e = spec_encoder(specs, i);
        const char *key, *fault;
        char room[MMOE_FAULT_SIZE];
        if (e->kind->check && (fault = e->kind->check(e, room, &key)))
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, mmoe_spec_name(specs, i), "%s: %s",
                                key, fault);
    }
    return MMOE_OK;
}

/* ---- Columns and tables ---- */

/* A copy of the spec's encoder that is ready to learn. */
static mmoe_status start_encoder(const mmoe_encoder *spec, const mmoe_allocator *alloc,
                                 mmoe_encoder **out, mmoe_error *err) {
    *out = mmoe_encoder_copy(spec, alloc);
    if (!*out) return mmoe_fail_memory(err, spec->kind->size);
    return spec->kind->start ? spec->kind->start(*out, err) : MMOE_OK;
}

static mmoe_sparse_column id_column(const mmoe_sparse_spec *spec, int32_t list) {
    mmoe_sparse_column c = {
        .table = -1, .side = spec->side, .padding = spec->padding_idx, .list = list};
    if (list < 0) return c;
    c.how = (mmoe_list_how){spec->separator ? *spec->separator : '\0',
                            spec->weight_separator ? *spec->weight_separator : '\0',
                            (int32_t)spec->max_len,
                            spec->truncate,
                            spec->pooling,
                            spec->brackets};
    return c;
}

/* The next sparse column, that of a spec. */
static mmoe_sparse_column *next_id_column(mmoe_binding *b, int32_t spec, schema *s) {
    mmoe_sparse_column *to = &s->sparse[s->n_sparse];
    b->spec_of[s->n_sparse++] = spec;
    *to = id_column(mmoe_id_spec(b->specs, spec),
                    mmoe_spec_is_sequence(b->specs, spec) ? s->n_list++ : -1);
    return to;
}

/* A feature of several columns, which is of ids. */
static mmoe_status add_several(mmoe_binding *b, int32_t spec, schema *s, mmoe_error *err) {
    const char *name = mmoe_spec_name(b->specs, spec);
    mmoe_sparse_column *to = next_id_column(b, spec, s);
    return mmoe_schema_text(s, name, &to->name)
               ? mmoe_taken_columns(b, spec, &s->alloc, &to->columns, err)
               : mmoe_fail_memory(err, strlen(name) + 1);
}

static mmoe_status add_column(mmoe_binding *b, int32_t spec, size_t c, schema *s, mmoe_error *err) {
    const size_t length = strlen(b->columns[c]);
    if (!mmoe_utf8_is(b->columns[c], length)) return mmoe_fail_column_name(b, c, err);
    const char *name =
        mmoe_spec_column(b->specs, spec) ? mmoe_spec_name(b->specs, spec) : b->columns[c];
    const char *column = strcmp(name, b->columns[c]) ? b->columns[c] : NULL;
    if (spec < mmoe_id_specs(b->specs)) {
        mmoe_sparse_column *to = next_id_column(b, spec, s);
        return mmoe_schema_text(s, name, &to->name) && mmoe_schema_text(s, column, &to->column)
                   ? MMOE_OK
                   : mmoe_fail_memory(err, length + 1);
    }
    const mmoe_dense_spec *d = &b->specs->dense[spec - mmoe_id_specs(b->specs)];
    mmoe_dense_column *to = &s->dense[s->n_dense++];
    *to = (mmoe_dense_column){
        .side = d->side, .gap = {.rule = d->missing}, .indicator = d->indicator};
    if (!mmoe_schema_text(s, name, &to->name) || !mmoe_schema_text(s, column, &to->column))
        return mmoe_fail_memory(err, length + 1);
    const mmoe_status status = start_encoder(d->encoder, &s->alloc, &to->encoder, err);
    return status ? status : mmoe_gap_start(&to->gap, to->encoder, err);
}

static mmoe_status add_columns(mmoe_binding *b, int32_t spec, schema *s, mmoe_error *err) {
    if (mmoe_spec_columns(b->specs, spec)) return add_several(b, spec, s, err);
    bool exact = b->exact[spec] >= 0;
    size_t first = exact ? (size_t)b->exact[spec] : 0, end = exact ? first + 1 : b->n_columns;
    mmoe_status status = MMOE_OK;
    for (size_t c = first; !status && c < end; c++)
        if (exact || b->taker[c] == spec) status = add_column(b, spec, c, s, err);
    return status;
}

static int32_t find_sparse(const schema *s, const char *name) {
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (strcmp(s->sparse[i].name, name) == 0) return i;
    return -1;
}

/* The column whose table column i uses at last; -1 when the sharing runs in a circle. */
static int32_t owner_of(const mmoe_binding *b, int32_t i) {
    for (int32_t hops = 0; hops <= b->n_sparse; hops++) {
        if (b->sharing[i] < 0) return i;
        i = b->sharing[i];
    }
    return -1;
}

static mmoe_status find_sharing(mmoe_binding *b, const schema *s, mmoe_error *err) {
    b->n_sparse = s->n_sparse;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const char *with = mmoe_id_spec(b->specs, b->spec_of[i])->shared_with;
        bool by_pattern = b->exact[b->spec_of[i]] < 0;
        b->sharing[i] = -1;
        /* A pattern may name one of its own columns: that one owns the table. */
        if (!with || (by_pattern && strcmp(with, s->sparse[i].name) == 0)) continue;
        b->sharing[i] = find_sparse(s, with);
        if (b->sharing[i] < 0)
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->sparse[i].name,
                                "shared_with names \"%.100s\", which is no sparse column", with);
    }
    return MMOE_OK;
}

static mmoe_status check_sharing(const mmoe_binding *b, const schema *s, int32_t i, int32_t owner,
                                 mmoe_error *err) {
    if (owner < 0)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->sparse[i].name,
                            "shared_with runs in a circle: no column owns the table");
    const mmoe_sparse_spec *mine = mmoe_id_spec(b->specs, b->spec_of[i]),
                           *theirs = mmoe_id_spec(b->specs, b->spec_of[owner]);
    const char *key = mine->embed_dim && mine->embed_dim != theirs->embed_dim
                          ? "embed_dim"
                          : mmoe_encoder_difference(mine->encoder, theirs->encoder);
    if (!key && mmoe_sparse_parts(&s->sparse[i]) && !theirs->encoder->kind->join)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->sparse[i].name,
                            "a cross cannot share the table of \"%s\", whose rows are of one value",
                            s->sparse[owner].name);
    if (!key) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->sparse[i].name,
                        "shares the table of \"%.100s\", which has another %s",
                        s->sparse[owner].name, key);
}

static mmoe_status add_table(const mmoe_sparse_spec *spec, const char *name, schema *s,
                             mmoe_error *err) {
    mmoe_table *t = &s->tables[s->n_table++];
    *t = (mmoe_table){
        .dim = spec->embed_dim, .padding = spec->padding_idx, .is_frozen = spec->trainable < 0};
    if (!mmoe_schema_text(s, name, &t->name) ||
        !mmoe_schema_text(s, spec->pretrained, &t->pretrained))
        return mmoe_fail_memory(err, strlen(name) + 1);
    const mmoe_status status = start_encoder(spec->encoder, &s->alloc, &t->encoder, err);
    if (!status) t->rows = t->encoder->rows;
    return status;
}

void mmoe_table_settle(mmoe_table *table) {
    table->rows = table->encoder->rows;
    if (!table->dim && !table->pretrained)
        table->dim = (int32_t)floor(6 * pow((double)table->rows, 0.25));
}

static mmoe_status add_tables(mmoe_binding *b, schema *s, mmoe_error *err) {
    mmoe_status status = find_sharing(b, s, err);
    if (status) return status;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        if (b->sharing[i] >= 0) continue;
        s->sparse[i].table = s->n_table;
        if ((status = add_table(mmoe_id_spec(b->specs, b->spec_of[i]), s->sparse[i].name, s, err)))
            return status;
    }
    for (int32_t i = 0; i < s->n_sparse; i++) {
        int32_t owner = owner_of(b, i);
        if ((status = check_sharing(b, s, i, owner, err))) return status;
        s->sparse[i].table = s->sparse[owner].table;
    }
    return MMOE_OK;
}

static mmoe_status add_labels(const mmoe_label_column *labels, int32_t n_label, const char *weight,
                              schema *s, mmoe_error *err) {
    for (int32_t i = 0; i < n_label; i++) {
        mmoe_label_column *l = &s->labels[s->n_label++];
        if (!mmoe_schema_label(s, &labels[i], l))
            return mmoe_fail_memory(err, strlen(labels[i].name) + strlen(labels[i].task) + 2);
    }
    if (!weight) return MMOE_OK;
    s->weight = mmoe_copy_text(&s->alloc, weight, strlen(weight));
    return s->weight ? MMOE_OK : mmoe_fail_memory(err, strlen(weight) + 1);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of features are columns' names or a spec's own: no two are the same, and none is a label's
 * or the weight's. */
static mmoe_status check_names(const mmoe_binding *b, const mmoe_label_column *labels,
                               int32_t n_label, const schema *s, mmoe_error *err) {
    const size_t n = (size_t)s->n_sparse + (size_t)s->n_dense;
    const char **names = mmoe_alloc(&s->alloc, n, sizeof *names), *fault = NULL, *name = NULL;
    if (!names) return mmoe_fail_memory(err, n * sizeof *names);
    for (int32_t i = 0; i < s->n_sparse; i++) names[i] = s->sparse[i].name;
    for (int32_t i = 0; i < s->n_dense; i++) names[s->n_sparse + i] = s->dense[i].name;
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 1; !fault && i < n; i++) {
        name = names[i];
        if (strcmp(name, names[i - 1]) == 0) fault = "two features have this name";
    }
    for (int32_t i = 0; !fault && i <= n_label; i++) {
        name = i < n_label ? labels[i].name : b->specs->weight;
        if (name && bsearch(&name, names, n, sizeof *names, by_text))
            fault = i < n_label ? "a feature has the name of a label column"
                                : "a feature has the name of the weight column";
    }
    const mmoe_status status =
        fault ? mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, name, "%s", fault) : MMOE_OK;
    mmoe_release(&s->alloc, names);
    return status;
}

static mmoe_status build(mmoe_binding *b, const mmoe_label_column *labels, int32_t n_label,
                         const mmoe_allocator *a, schema **out, mmoe_error *err) {
    size_t n_sparse = 0, n_dense = 0;
    for (int32_t i = 0; i < mmoe_all_specs(b->specs); i++)
        *(i < mmoe_id_specs(b->specs) ? &n_sparse : &n_dense) += (size_t)b->matches[i];
    b->spec_of = mmoe_alloc(a, n_sparse, sizeof *b->spec_of);
    b->sharing = mmoe_alloc(a, n_sparse, sizeof *b->sharing);
    schema *s = b->spec_of && b->sharing
                    ? mmoe_schema_new(a, n_sparse, n_sparse, n_dense, (size_t)n_label)
                    : NULL;
    if (!s)
        return mmoe_fail_memory(err, sizeof *s +
                                         n_sparse * (sizeof *s->tables + sizeof *s->sparse) +
                                         n_dense * sizeof *s->dense);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < mmoe_all_specs(b->specs); i++)
        status = add_columns(b, i, s, err);
    if (!status) status = check_names(b, labels, n_label, s, err);
    if (!status) status = add_tables(b, s, err);
    if (!status) status = add_labels(labels, n_label, b->specs->weight, s, err);
    if (!status && !mmoe_reading_copy(&b->specs->reading, a, &s->reading))
        status = mmoe_fail_memory(err, b->specs->reading.missing.count * sizeof(char *));
    if (!status) status = mmoe_schema_lay(s, err);
    if (status)
        mmoe_schema_free(s);
    else
        *out = s;
    return status;
}

mmoe_status mmoe_schema_bind(const mmoe_schema_wanted *wanted, const char *const *columns,
                             size_t n_columns, const mmoe_allocator *alloc, schema **out,
                             mmoe_error *err) {
    const mmoe_feature_specs *specs = wanted->specs;
    const mmoe_label_column *labels = wanted->labels;
    const int32_t n_label = wanted->n_label;
    const char *file = wanted->file;
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_binding b = {.specs = specs, .columns = columns, .n_columns = n_columns, .file = file};
    size_t count = (size_t)mmoe_all_specs(specs);
    mmoe_status status = check_specs(&b, err);
    if (!status) status = mmoe_columns_create(columns, n_columns, file, &a, &b.index, err);
    if (status) return status;
    b.taker = mmoe_alloc(&a, n_columns, sizeof *b.taker);
    b.named = mmoe_alloc_zero(&a, n_columns, sizeof *b.named);
    b.exact = mmoe_alloc(&a, count, sizeof *b.exact);
    b.matches = mmoe_alloc_zero(&a, count, sizeof *b.matches);
    if (!b.taker || !b.named || !b.exact || !b.matches)
        status = mmoe_fail_memory(err, n_columns * (sizeof *b.taker + sizeof *b.named) +
                                           count * (sizeof *b.exact + sizeof *b.matches));
    if (!status) status = mmoe_take_columns(&b, labels, n_label, err);
    if (!status) status = build(&b, labels, n_label, &a, out, err);
    mmoe_columns_free(b.index);
    mmoe_release(&a, b.taker);
    mmoe_release(&a, b.named);
    mmoe_release(&a, b.exact);
    mmoe_release(&a, b.matches);
    mmoe_release(&a, b.spec_of);
    mmoe_release(&a, b.sharing);
    return status;
}
