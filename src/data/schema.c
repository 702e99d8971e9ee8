#include "data/schema.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "data/columns.h"
#include "mmoe/train.h"

typedef struct mmoe_schema schema;

/* What takes a column: a spec (sparse ones first, then dense ones), or one of these. */
enum { NOTHING = -1, LABEL = -2, WEIGHT = -3 };

typedef struct binding {
    const mmoe_feature_specs *specs;
    const char *const *columns;
    size_t n_columns;
    const char *file;
    mmoe_columns *index;
    int32_t *taker;   /* [n_columns] */
    int64_t *exact;   /* [specs] the column that bears the spec's name, or -1 */
    int32_t *matches; /* [specs] columns taken */
    int32_t *spec_of; /* [n_sparse] spec of a sparse column */
    int32_t *sharing; /* [n_sparse] sparse column whose table it uses, or -1 */
    int32_t n_sparse;
} binding;

static int32_t n_specs(const mmoe_feature_specs *s) { return s->n_sparse + s->n_dense; }
static const char *spec_name(const mmoe_feature_specs *s, int32_t i) {
    return i < s->n_sparse ? s->sparse[i].name : s->dense[i - s->n_sparse].name;
}

static const mmoe_encoder *spec_encoder(const mmoe_feature_specs *s, int32_t i) {
    return i < s->n_sparse ? s->sparse[i].encoder : s->dense[i - s->n_sparse].encoder;
}

static bool matches(const char *pattern, const char *name) {
    const char *star = strchr(pattern, '*');
    size_t before = (size_t)(star - pattern), after = strlen(star + 1), length = strlen(name);
    return length >= before + after && memcmp(pattern, name, before) == 0 &&
           strcmp(star + 1, name + length - after) == 0;
}

/* ---- Who takes which column ---- */

static mmoe_status take_labels(binding *b, const mmoe_label_column *labels, int32_t n_label,
                               mmoe_error *err) {
    for (int32_t i = 0; i < n_label; i++) {
        int64_t at = mmoe_columns_find(b->index, labels[i].name);
        if (at >= 0) b->taker[at] = LABEL;
    }
    int64_t at = b->specs->weight ? mmoe_columns_find(b->index, b->specs->weight) : -1;
    if (at < 0) return MMOE_OK;
    if (b->taker[at] == LABEL)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, b->specs->weight,
                            "the column is named as a label and as the weight");
    b->taker[at] = WEIGHT;
    return MMOE_OK;
}

static mmoe_status take_exact(binding *b, mmoe_error *err) {
    for (int32_t i = 0; i < n_specs(b->specs); i++) {
        const char *name = spec_name(b->specs, i), *star = strchr(name, '*');
        int64_t at = *name ? mmoe_columns_find(b->index, name) : -1;
        b->exact[i] = at;
        if (at < 0) {
            if (!star)
                return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, name,
                                    "the configuration names a column that is not there");
            if (strchr(star + 1, '*'))
                return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, name,
                                    "a pattern may have one '*' only");
            continue;
        }
        if (b->taker[at] == LABEL)
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, name,
                                "a label column cannot be a feature");
        if (b->taker[at] == WEIGHT)
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, name,
                                "the weight column cannot be a feature");
        if (b->taker[at] != NOTHING)
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, name,
                                "the configuration names the column twice");
        b->taker[at] = i;
        b->matches[i] = 1;
    }
    return MMOE_OK;
}

static void take_matches(binding *b, bool everything) {
    for (int32_t i = 0; i < n_specs(b->specs); i++) {
        const char *pattern = spec_name(b->specs, i);
        if (b->exact[i] >= 0 || (strcmp(pattern, "*") == 0) != everything) continue;
        for (size_t c = 0; c < b->n_columns; c++) {
            if (b->taker[c] != NOTHING || !*b->columns[c] || !matches(pattern, b->columns[c]))
                continue;
            b->taker[c] = i;
            b->matches[i]++;
        }
    }
}

static mmoe_status take_columns(binding *b, const mmoe_label_column *labels, int32_t n_label,
                                mmoe_error *err) {
    for (size_t c = 0; c < b->n_columns; c++) b->taker[c] = NOTHING;
    mmoe_status status = take_labels(b, labels, n_label, err);
    if (!status) status = take_exact(b, err);
    if (status) return status;
    take_matches(b, false);
    take_matches(b, true);
    for (int32_t i = 0; i < n_specs(b->specs); i++)
        if (!b->matches[i])
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, spec_name(b->specs, i),
                                "the pattern matches no column that is left");
    return MMOE_OK;
}

/* ---- Specs ---- */

static mmoe_status check_specs(const binding *b, mmoe_error *err) {
    const mmoe_feature_specs *specs = b->specs;
    if (n_specs(specs) == 0)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, NULL,
                            "the configuration names no feature");
    if (b->n_columns > INT32_MAX)
        return mmoe_fail_at(err, MMOE_E_FORMAT, b->file, 0, NULL, "%zu columns are too many",
                            b->n_columns);
    for (int32_t i = 0; i < specs->n_sparse; i++) {
        const mmoe_sparse_spec *s = &specs->sparse[i];
        if (s->embed_dim < 0)
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->name,
                                "embed_dim is %d, not at least 1", (int)s->embed_dim);
    }
    for (int32_t i = 0; i < n_specs(specs); i++) {
        const mmoe_encoder *e = spec_encoder(specs, i);
        const char *key, *fault;
        char room[MMOE_FAULT_SIZE];
        if (e->kind->check && (fault = e->kind->check(e, room, &key)))
            return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, spec_name(specs, i), "%s: %s", key,
                                fault);
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

static mmoe_status add_column(binding *b, int32_t spec, size_t c, schema *s, mmoe_error *err) {
    const size_t length = strlen(b->columns[c]);
    if (!mmoe_utf8_is(b->columns[c], length))
        return mmoe_fail_at(err, MMOE_E_FORMAT, b->file, b->file ? 1 : 0, NULL,
                            "the name of column %zu is not UTF-8", c + 1);
    char *name = mmoe_copy_text(&s->alloc, b->columns[c], length);
    if (!name) return mmoe_fail_memory(err, length + 1);
    if (spec < b->specs->n_sparse) {
        b->spec_of[s->n_sparse] = spec;
        s->sparse[s->n_sparse++] = (mmoe_sparse_column){name, -1, b->specs->sparse[spec].side};
        return MMOE_OK;
    }
    const mmoe_dense_spec *d = &b->specs->dense[spec - b->specs->n_sparse];
    mmoe_dense_column *column = &s->dense[s->n_dense++];
    *column = (mmoe_dense_column){name, d->side, NULL};
    return start_encoder(d->encoder, &s->alloc, &column->encoder, err);
}

static mmoe_status add_columns(binding *b, int32_t spec, schema *s, mmoe_error *err) {
    bool exact = b->exact[spec] >= 0;
    size_t first = exact ? (size_t)b->exact[spec] : 0, end = exact ? first + 1 : b->n_columns;
    mmoe_status status = MMOE_OK;
    for (size_t c = first; !status && c < end; c++)
        if (b->taker[c] == spec) status = add_column(b, spec, c, s, err);
    return status;
}

static int32_t find_sparse(const schema *s, const char *name) {
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (strcmp(s->sparse[i].name, name) == 0) return i;
    return -1;
}

/* The column whose table column i uses at last; -1 when the sharing runs in a circle. */
static int32_t owner_of(const binding *b, int32_t i) {
    for (int32_t hops = 0; hops <= b->n_sparse; hops++) {
        if (b->sharing[i] < 0) return i;
        i = b->sharing[i];
    }
    return -1;
}

static mmoe_status find_sharing(binding *b, const schema *s, mmoe_error *err) {
    b->n_sparse = s->n_sparse;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const char *with = b->specs->sparse[b->spec_of[i]].shared_with;
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

static mmoe_status check_sharing(const binding *b, const schema *s, int32_t i, int32_t owner,
                                 mmoe_error *err) {
    if (owner < 0)
        return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->sparse[i].name,
                            "shared_with runs in a circle: no column owns the table");
    const mmoe_sparse_spec *mine = &b->specs->sparse[b->spec_of[i]],
                           *theirs = &b->specs->sparse[b->spec_of[owner]];
    const char *key = mine->embed_dim && mine->embed_dim != theirs->embed_dim
                          ? "embed_dim"
                          : mmoe_encoder_difference(mine->encoder, theirs->encoder);
    if (!key) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_CONFIG, b->file, 0, s->sparse[i].name,
                        "shares the table of \"%.100s\", which has another %s",
                        s->sparse[owner].name, key);
}

static mmoe_status add_table(const mmoe_sparse_spec *spec, const char *name, schema *s,
                             mmoe_error *err) {
    mmoe_table *t = &s->tables[s->n_table++];
    *t = (mmoe_table){NULL, 0, spec->embed_dim, NULL};
    t->name = mmoe_copy_text(&s->alloc, name, strlen(name));
    if (!t->name) return mmoe_fail_memory(err, strlen(name) + 1);
    const mmoe_status status = start_encoder(spec->encoder, &s->alloc, &t->encoder, err);
    if (!status) t->rows = t->encoder->rows;
    return status;
}

void mmoe_table_settle(mmoe_table *table) {
    table->rows = table->encoder->rows;
    if (!table->dim) table->dim = (int32_t)floor(6 * pow((double)table->rows, 0.25));
}

static mmoe_status add_tables(binding *b, schema *s, mmoe_error *err) {
    mmoe_status status = find_sharing(b, s, err);
    if (status) return status;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        if (b->sharing[i] >= 0) continue;
        s->sparse[i].table = s->n_table;
        if ((status = add_table(&b->specs->sparse[b->spec_of[i]], s->sparse[i].name, s, err)))
            return status;
    }
    for (int32_t i = 0; i < s->n_sparse; i++) {
        int32_t owner = owner_of(b, i);
        if ((status = check_sharing(b, s, i, owner, err))) return status;
        s->sparse[i].table = s->sparse[owner].table;
    }
    return MMOE_OK;
}

static bool copy_name(const schema *s, const char *from, char **to) {
    *to = from ? mmoe_copy_text(&s->alloc, from, strlen(from)) : NULL;
    return !from || *to;
}

static bool copy_label(const schema *s, const mmoe_label_column *from, mmoe_label_column *to) {
    *to = *from;
    to->name = to->task = to->positive = to->negative = NULL;
    return copy_name(s, from->name, &to->name) && copy_name(s, from->task, &to->task) &&
           copy_name(s, from->positive, &to->positive) &&
           copy_name(s, from->negative, &to->negative);
}

static mmoe_status add_labels(const mmoe_label_column *labels, int32_t n_label, const char *weight,
                              schema *s, mmoe_error *err) {
    for (int32_t i = 0; i < n_label; i++) {
        mmoe_label_column *l = &s->labels[s->n_label++];
        if (!copy_label(s, &labels[i], l))
            return mmoe_fail_memory(err, strlen(labels[i].name) + strlen(labels[i].task) + 2);
    }
    if (!weight) return MMOE_OK;
    s->weight = mmoe_copy_text(&s->alloc, weight, strlen(weight));
    return s->weight ? MMOE_OK : mmoe_fail_memory(err, strlen(weight) + 1);
}

/* An empty schema with room for columns and labels. */
static schema *new_schema(const mmoe_allocator *a, size_t n_table, size_t n_sparse, size_t n_dense,
                          size_t n_label) {
    schema *s = mmoe_alloc_zero(a, 1, sizeof *s);
    if (!s) return NULL;
    s->alloc = *a;
    s->tables = mmoe_alloc_zero(a, n_table, sizeof *s->tables);
    s->sparse = mmoe_alloc_zero(a, n_sparse, sizeof *s->sparse);
    s->dense = mmoe_alloc_zero(a, n_dense, sizeof *s->dense);
    s->labels = mmoe_alloc_zero(a, n_label, sizeof *s->labels);
    if (s->tables && s->sparse && s->dense && s->labels) return s;
    mmoe_schema_free(s);
    return NULL;
}

static mmoe_status build(binding *b, const mmoe_label_column *labels, int32_t n_label,
                         const mmoe_allocator *a, schema **out, mmoe_error *err) {
    size_t n_sparse = 0, n_dense = 0;
    for (int32_t i = 0; i < n_specs(b->specs); i++)
        *(i < b->specs->n_sparse ? &n_sparse : &n_dense) += (size_t)b->matches[i];
    b->spec_of = mmoe_alloc(a, n_sparse, sizeof *b->spec_of);
    b->sharing = mmoe_alloc(a, n_sparse, sizeof *b->sharing);
    schema *s = b->spec_of && b->sharing
                    ? new_schema(a, n_sparse, n_sparse, n_dense, (size_t)n_label)
                    : NULL;
    if (!s)
        return mmoe_fail_memory(err, sizeof *s +
                                         n_sparse * (sizeof *s->tables + sizeof *s->sparse) +
                                         n_dense * sizeof *s->dense);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < n_specs(b->specs); i++) status = add_columns(b, i, s, err);
    if (!status) status = add_tables(b, s, err);
    if (!status) status = add_labels(labels, n_label, b->specs->weight, s, err);
    if (!status && !mmoe_reading_copy(&b->specs->reading, a, &s->reading))
        status = mmoe_fail_memory(err, b->specs->reading.missing.count * sizeof(char *));
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
    binding b = {.specs = specs, .columns = columns, .n_columns = n_columns, .file = file};
    size_t count = (size_t)n_specs(specs);
    mmoe_status status = check_specs(&b, err);
    if (!status) status = mmoe_columns_create(columns, n_columns, file, &a, &b.index, err);
    if (status) return status;
    b.taker = mmoe_alloc(&a, n_columns, sizeof *b.taker);
    b.exact = mmoe_alloc(&a, count, sizeof *b.exact);
    b.matches = mmoe_alloc_zero(&a, count, sizeof *b.matches);
    if (!b.taker || !b.exact || !b.matches)
        status = mmoe_fail_memory(err, n_columns * sizeof *b.taker +
                                           count * (sizeof *b.exact + sizeof *b.matches));
    if (!status) status = take_columns(&b, labels, n_label, err);
    if (!status) status = build(&b, labels, n_label, &a, out, err);
    mmoe_columns_free(b.index);
    mmoe_release(&a, b.taker);
    mmoe_release(&a, b.exact);
    mmoe_release(&a, b.matches);
    mmoe_release(&a, b.spec_of);
    mmoe_release(&a, b.sharing);
    return status;
}

/* ---- Copying and freeing ---- */

static mmoe_status copy_into(const schema *from, schema *s, mmoe_error *err) {
    bool ok = copy_name(s, from->weight, &s->weight) &&
              mmoe_reading_copy(&from->reading, &s->alloc, &s->reading);
    for (; ok && s->n_sparse < from->n_sparse; s->n_sparse++) {
        s->sparse[s->n_sparse] = from->sparse[s->n_sparse];
        ok = copy_name(s, from->sparse[s->n_sparse].name, &s->sparse[s->n_sparse].name);
    }
    for (; ok && s->n_dense < from->n_dense; s->n_dense++) {
        mmoe_dense_column *d = &s->dense[s->n_dense];
        const mmoe_dense_column *source = &from->dense[s->n_dense];
        *d = (mmoe_dense_column){NULL, source->side, NULL};
        ok = copy_name(s, source->name, &d->name) &&
             (d->encoder = mmoe_encoder_copy(source->encoder, &s->alloc));
    }
    for (; ok && s->n_label < from->n_label; s->n_label++)
        ok = copy_label(s, &from->labels[s->n_label], &s->labels[s->n_label]);
    for (; ok && s->n_table < from->n_table; s->n_table++) {
        mmoe_table *t = &s->tables[s->n_table];
        const mmoe_table *source = &from->tables[s->n_table];
        *t = (mmoe_table){NULL, source->rows, source->dim, NULL};
        ok = copy_name(s, source->name, &t->name) &&
             (t->encoder = mmoe_encoder_copy(source->encoder, &s->alloc));
    }
    return ok ? MMOE_OK : mmoe_fail_memory(err, sizeof *s);
}

mmoe_status mmoe_schema_copy(const schema *source, const mmoe_allocator *alloc, schema **out,
                             mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    schema *s = new_schema(&a, (size_t)source->n_table, (size_t)source->n_sparse,
                           (size_t)source->n_dense, (size_t)source->n_label);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    mmoe_status status = copy_into(source, s, err);
    if (status)
        mmoe_schema_free(s);
    else
        *out = s;
    return status;
}

void mmoe_schema_free(schema *s) {
    if (!s) return;
    mmoe_allocator a = s->alloc;
    for (int32_t i = 0; i < s->n_table; i++) {
        mmoe_release(&a, s->tables[i].name);
        mmoe_encoder_free(s->tables[i].encoder);
    }
    for (int32_t i = 0; i < s->n_sparse; i++) mmoe_release(&a, s->sparse[i].name);
    for (int32_t i = 0; i < s->n_dense; i++) {
        mmoe_release(&a, s->dense[i].name);
        mmoe_encoder_free(s->dense[i].encoder);
    }
    for (int32_t i = 0; i < s->n_label; i++) {
        mmoe_release(&a, s->labels[i].name);
        mmoe_release(&a, s->labels[i].task);
        mmoe_release(&a, s->labels[i].positive);
        mmoe_release(&a, s->labels[i].negative);
    }
    mmoe_release(&a, s->tables);
    mmoe_release(&a, s->sparse);
    mmoe_release(&a, s->dense);
    mmoe_release(&a, s->labels);
    mmoe_release(&a, s->weight);
    mmoe_reading_finish(&s->reading, &a);
    mmoe_release(&a, s);
}
