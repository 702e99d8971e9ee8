#include "data/csv_file.h"

#include <stdio.h>

#include "base/error.h"
#include "data/columns.h"
#include "data/read_ids.h"
#include "data/texts.h"
#include "mmoe/train.h"

static mmoe_status find_column(const mmoe_csv_file *f, const mmoe_columns *index, const char *name,
                               bool optional, int64_t *at, mmoe_error *err) {
    *at = mmoe_columns_find(index, name);
    if (*at >= 0 || optional) return MMOE_OK;
    if (f->first)
        return mmoe_fail_at(err, MMOE_E_FORMAT, f->path, 0, name,
                            "the file has no such column, and %s, whose rows come before, has one",
                            f->first->path);
    return mmoe_fail_at(err, f->wanted ? MMOE_E_CONFIG : MMOE_E_FORMAT, f->path, 0, name,
                        "the %s has no such column", f->are_lists ? "stream" : "file");
}

/* Label `i`, or behind the labels the weight. What the first file lacks no other file has. */
static mmoe_status find_target(const mmoe_csv_file *f, const mmoe_columns *index, int32_t i,
                               mmoe_error *err) {
    const struct mmoe_schema *s = f->schema;
    const char *name = i < s->n_label ? s->labels[i].name : s->weight;
    const bool optional = f->label_mode == MMOE_LABELS_OPTIONAL;
    f->target_fields[i] = -1;
    if (!name || f->label_mode >= MMOE_LABELS_IGNORED) return MMOE_OK;
    if (f->first && f->first->target_fields[i] < 0) return MMOE_OK;
    return find_column(f, index, name, optional && !f->first, &f->target_fields[i], err);
}

/* Those of a feature of ids. */
static mmoe_status find_several(const mmoe_csv_file *f, const mmoe_columns *index,
                                const mmoe_sparse_column *c, int64_t *at, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    if (!c->columns.items)
        return find_column(f, index, mmoe_feature_column(c->name, c->column), false, at, err);
    for (size_t i = 0; !status && i < c->columns.count; i++)
        status = find_column(f, index, c->columns.items[i], false, at + i, err);
    return status;
}

static mmoe_status find_columns(const mmoe_csv_file *f, const mmoe_columns *index,
                                mmoe_error *err) {
    const struct mmoe_schema *s = f->schema;
    int64_t *at = f->id_fields;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; at += mmoe_sparse_cells(&s->sparse[i++]))
        status = find_several(f, index, &s->sparse[i], at, err);
    for (int32_t i = 0; !status && i < s->n_dense; i++)
        status = find_column(f, index, mmoe_feature_column(s->dense[i].name, s->dense[i].column),
                             false, &f->number_fields[i], err);
    for (int32_t i = 0; !status && i <= s->n_label; i++) status = find_target(f, index, i, err);
    for (size_t i = 0; !status && i < f->n_keep; i++)
        status = find_column(f, index, f->keep[i], false, &f->keep_fields[i], err);
    return status;
}

static mmoe_status make_fields(mmoe_csv_file *f, mmoe_error *err) {
    const struct mmoe_schema *s = f->schema;
    size_t n_id = 0;
    for (int32_t i = 0; i < s->n_sparse; i++) n_id += mmoe_sparse_cells(&s->sparse[i]);
    while (f->keep && f->keep[f->n_keep]) f->n_keep++;
    const size_t count = n_id + (size_t)s->n_dense + (size_t)s->n_label + 1 + f->n_keep;
    f->id_fields = mmoe_alloc(&f->alloc, count, sizeof *f->id_fields);
    if (!f->id_fields) return mmoe_fail_memory(err, count * sizeof *f->id_fields);
    f->number_fields = f->id_fields + n_id;
    f->target_fields = f->number_fields + s->n_dense;
    f->keep_fields = f->target_fields + s->n_label + 1;
    return MMOE_OK;
}

static const char *const *names_of(const mmoe_csv_file *f) {
    return (const char *const *)f->names.items;
}

mmoe_status mmoe_csv_file_name(mmoe_csv_file *f, const mmoe_csv_field *fields, size_t n,
                               mmoe_error *err) {
    bool ok = mmoe_texts_start(&f->names, n, &f->alloc);
    for (size_t i = 0; ok && i < n; i++)
        ok = mmoe_texts_add(&f->names, fields[i].text, fields[i].length, &f->alloc);
    return ok ? MMOE_OK : mmoe_fail_memory(err, n * sizeof(char *));
}

mmoe_status mmoe_csv_file_bind(const mmoe_csv_file *f, struct mmoe_schema **out, mmoe_error *err) {
    const mmoe_csv_file *first = f->first ? f->first : f;
    return mmoe_schema_bind(f->wanted, names_of(first), first->names.count, &f->alloc, out, err);
}

mmoe_status mmoe_csv_file_find(mmoe_csv_file *f, mmoe_error *err) {
    mmoe_columns *index;
    const char *row_of_names = f->are_lists ? NULL : f->path;
    mmoe_status status = make_fields(f, err);
    if (!status)
        status =
            mmoe_columns_create(names_of(f), f->names.count, row_of_names, &f->alloc, &index, err);
    if (status) return status;
    status = find_columns(f, index, err);
    mmoe_columns_free(index);
    return status;
}

/* Columns of one of two files that the other has not, and of them the first few names. */
static mmoe_status warn_of_others(const mmoe_csv_file *of, const mmoe_csv_file *other,
                                  mmoe_warnings *list, mmoe_error *err) {
    char names[400] = "";
    size_t count = 0, used = 0;
    mmoe_columns *index;
    mmoe_status status = mmoe_columns_create(names_of(other), other->names.count, other->path,
                                             &of->alloc, &index, err);
    if (status) return status;
    for (size_t i = 0; i < of->names.count; i++) {
        const char *name = of->names.items[i];
        if (!*name || mmoe_columns_find(index, name) >= 0) continue;
        const size_t left = sizeof names - used,
                     n = (size_t)snprintf(names + used, left, "%s\"%s\"", count++ ? ", " : "",
                                          name);
        used += n < left ? n : left - 1;
    }
    mmoe_columns_free(index);
    if (!count) return MMOE_OK;
    return mmoe_warn(list, (mmoe_warning){NULL, NULL, (int64_t)count, 0, of->path}, err,
                     "%zu column%s of %s %s not in %s (%s), and not read", count,
                     count == 1 ? "" : "s", of->path, count == 1 ? "is" : "are", other->path,
                     names);
}

mmoe_status mmoe_csv_file_compare(const mmoe_csv_file *f, mmoe_warnings *list, mmoe_error *err) {
    const mmoe_status status = warn_of_others(f, f->first, list, err);
    return status ? status : warn_of_others(f->first, f, list, err);
}

/* A file behind another may begin with a byte-order mark. */
static bool is_name(const char *name, size_t i, mmoe_csv_field cell) {
    const size_t n = strlen(name), more = cell.length - n;
    if (cell.length < n || memcmp(cell.text + more, name, n) != 0) return false;
    return !more || (i == 0 && more == 3 && memcmp(cell.text, "\xef\xbb\xbf", 3) == 0);
}

static bool is_header(const mmoe_csv_file *f, const mmoe_csv_rows *rows, size_t k) {
    size_t i = f->names.count;
    while (i > 0 && is_name(f->names.items[i - 1], i - 1, mmoe_csv_cell(rows, k, i - 1))) i--;
    return i == 0;
}

/* The first row from `k` on whose last cell is as long as the last name; looks at no text. */
static size_t find_as_long(const mmoe_csv_file *f, const mmoe_csv_rows *rows, size_t k) {
    const size_t last = rows->columns - 1;
    if (rows->fields || last == 0) return k;
    const uint32_t n = (uint32_t)strlen(f->names.items[last]),
                   *cut = rows->cuts + k * rows->stride + last;
    for (; k < rows->count && cut[1] - cut[0] - 1 != n; k++) cut += rows->stride;
    return k;
}

size_t mmoe_csv_file_find_header(const mmoe_csv_file *f, const mmoe_csv_rows *rows, size_t k) {
    if (f->are_lists || f->schema->reading.header == MMOE_HEADER_NONE) return rows->count;
    while ((k = find_as_long(f, rows, k)) < rows->count && !is_header(f, rows, k)) k++;
    return k;
}

void mmoe_csv_file_finish(mmoe_csv_file *f) {
    mmoe_texts_finish(&f->names, &f->alloc);
    mmoe_release(&f->alloc, f->id_fields);
    mmoe_release(&f->alloc, f->are_lists);
}
