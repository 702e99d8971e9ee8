/* Data sets from CSV files. */
#include <inttypes.h>

#include "base/error.h"
#include "data/csv_join.h"
#include "data/learning.h"
#include "data/rows.h"

typedef struct loader {
    mmoe_csv_file file;
    const mmoe_row_source *source;    /* NULL: a file */
    const mmoe_schema_wanted *wanted; /* learning: fitting a schema */
    struct mmoe_schema *learned;      /* that schema */
    struct mmoe_dataset *set;
    mmoe_csv_part *part; /* that rows are read into */
    mmoe_csv_parts parts;
} loader;

static const mmoe_reading *reading_of(const loader *l) {
    return l->file.learning ? &l->wanted->specs->reading : &l->file.schema->reading;
}

/* ---- Rows ---- */

static mmoe_status bind_header(loader *l, const char *const *names, size_t n, mmoe_error *err) {
    mmoe_csv_file *f = &l->file;
    mmoe_status status = MMOE_OK;
    if (f->learning) {
        status = mmoe_schema_bind(l->wanted, names, n, &f->alloc, &l->learned, err);
        f->schema = l->learned;
    }
    if (!status) status = mmoe_csv_file_find(f, names, n, err);
    if (status) return status;
    l->set = mmoe_dataset_new(f->schema, &f->alloc);
    l->part = mmoe_csv_part_new(f, f->schema);
    if (!l->set || !l->part) return mmoe_fail_memory(err, sizeof *l->set);
    l->set->first_row = l->source || reading_of(l)->header == MMOE_HEADER_NONE ? 1 : 2;
    return MMOE_OK;
}

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t n, mmoe_error *err) {
    loader *l = user;
    const char **names = mmoe_alloc(&l->file.alloc, n, sizeof *names);
    if (!names) return mmoe_fail_memory(err, n * sizeof *names);
    for (size_t i = 0; i < n; i++) names[i] = fields[i].text;
    mmoe_status status = bind_header(l, names, n, err);
    mmoe_release(&l->file.alloc, names);
    return status;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    return mmoe_csv_part_row(((loader *)user)->part, row, fields, err);
}

/* The header of a source that is no file. */
static mmoe_status on_columns(void *user, mmoe_row_column *columns, size_t n, mmoe_error *err) {
    loader *l = user;
    mmoe_csv_file *f = &l->file;
    const char **names = mmoe_alloc(&f->alloc, n, sizeof *names);
    f->are_lists = mmoe_alloc(&f->alloc, n, sizeof *f->are_lists);
    mmoe_status status = names && f->are_lists ? MMOE_OK : mmoe_fail_memory(err, n * sizeof *names);
    for (size_t i = 0; !status && i < n; i++) {
        names[i] = columns[i].name;
        f->are_lists[i] = columns[i].is_list;
    }
    if (!status) status = bind_header(l, names, n, err);
    if (!status) status = mmoe_row_columns_take(columns, f, err);
    mmoe_release(&f->alloc, names);
    return status;
}

static mmoe_status read_source(loader *l, mmoe_error *err) {
    const mmoe_row_handler handler = {l, on_columns, on_row};
    const mmoe_status status = l->source->read(l->source->user, &handler, err);
    mmoe_csv_part *part = l->part;
    if (status) return status;
    l->part = NULL;
    return mmoe_csv_parts_add(&l->parts, part, err);
}

static mmoe_status read_rows(loader *l, mmoe_error *err) {
    const mmoe_reading *reading = reading_of(l);
    mmoe_csv_passed passed;
    const mmoe_csv_handler handler = {
        .user = l,
        .header = on_header,
        .row = on_row,
        .lenient = reading->quotes == MMOE_QUOTES_LENIENT,
        .quotes_hint = "; \"data\": {\"quotes\": \"lenient\"} takes them as text",
        .passed = &passed,
        .separator = mmoe_reading_separator(reading),
        .headless = reading->header == MMOE_HEADER_NONE,
        .separator_hint = ", or \"data\": {\"separator\": ...}"};
    const mmoe_status status = mmoe_csv_read(l->file.path, &handler, &l->file.alloc, err);
    if (status) return status;
    mmoe_csv_part *part = l->part;
    part->passed = passed;
    l->part = NULL;
    return mmoe_csv_parts_add(&l->parts, part, err);
}

/* ---- Learning ---- */

/* The schema learns from the rows that stand, but for the numbers, which follow. */
static mmoe_status learn(loader *l, mmoe_error *err) {
    const size_t n = l->parts.count;
    mmoe_number_run *runs = mmoe_alloc(&l->file.alloc, n, sizeof *runs);
    if (!runs) return mmoe_fail_memory(err, n * sizeof *runs);
    for (size_t i = 0; i < n; i++)
        runs[i] = (mmoe_number_run){l->parts.items[i]->values, l->parts.items[i]->rows};
    const mmoe_learning learning = {l->file.path, l->set, l->learned, runs, n, l->parts.negatives};
    mmoe_status status = mmoe_learning_settle(&learning, err);
    if (!status) status = mmoe_learning_inputs(&learning, err);
    if (!status) mmoe_learning_labels(&learning);
    mmoe_release(&l->file.alloc, runs);
    return status;
}

/* ---- The whole file ---- */

/* What was passed over, in words. */
static mmoe_status warn_of_file(const loader *l, mmoe_error *err) {
    const mmoe_csv_passed passed = mmoe_csv_join_passed(&l->parts);
    char text[MMOE_PASSED_SIZE];
    mmoe_warning w = {NULL};
    mmoe_status status = MMOE_OK;
    for (int i = 0; !status && mmoe_csv_passed_text(&passed, i, text, &w.count, &w.row); i++)
        status = mmoe_warn(&l->set->warnings, w, err, "%s", text);
    return status;
}

static mmoe_status warn_of_columns(const loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    return l->file.learning
               ? mmoe_notes_warn_learned(set->notes, l->file.schema, set->rows, &set->warnings, err)
               : mmoe_notes_warn_read(set->notes, l->file.schema, set->rows, &set->warnings, err);
}

static mmoe_status warn_of_lacking(const loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    size_t i = 0;
    if (!set->n_lacking) return MMOE_OK;
    while (!l->parts.items[i]->n_lacking) i++;
    const mmoe_csv_part *part = l->parts.items[i];
    const char *column = part->first_lack.column;
    const int64_t row = part->first_lack.row + part->before;
    return mmoe_warn(&set->warnings, (mmoe_warning){NULL, column, set->n_lacking, row}, err,
                     "%" PRId64 " of %" PRId64 " rows lack a value that a feature must have, the "
                     "first is row %" PRId64 " (column \"%s\"): they have no scores; \"missing\" "
                     "of a dense feature says what stands for one",
                     set->n_lacking, set->rows, row, column);
}

static mmoe_status make_set(loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const mmoe_csv_file *f = &l->file;
    mmoe_status status = MMOE_OK;
    if (l->parts.rows == 0 && f->label_mode == MMOE_LABELS_REQUIRED)
        return mmoe_fail_at(err, MMOE_E_FORMAT, f->path, 0, NULL, "%s",
                            l->source ? l->source->nothing : "the file has a header but no rows");
    status = warn_of_file(l, err);
    if (!status) status = mmoe_csv_join(&l->parts, set, err);
    if (!status && f->learning) status = learn(l, err);
    if (!status) status = mmoe_dataset_seal(set, f->schema, err);
    if (!status && f->learning) status = mmoe_dataset_warn_of_constants(set, f->schema, err);
    if (!status) status = warn_of_columns(l, err);
    return status ? status : warn_of_lacking(l, err);
}

static mmoe_status load(loader *l, struct mmoe_dataset **out, mmoe_error *err) {
    mmoe_status status = l->source ? read_source(l, err) : read_rows(l, err);
    if (!status) status = make_set(l, err);
    if (status)
        mmoe_dataset_free(l->set);
    else
        *out = l->set;
    mmoe_csv_part_free(l->part);
    mmoe_csv_parts_finish(&l->parts);
    mmoe_csv_file_finish(&l->file);
    return status;
}

static mmoe_status fit(loader *l, struct mmoe_schema **schema, struct mmoe_dataset **out,
                       mmoe_error *err) {
    const mmoe_status status = load(l, out, err);
    if (status)
        mmoe_schema_free(l->learned);
    else
        *schema = l->learned;
    return status;
}

mmoe_status mmoe_dataset_fit(const mmoe_schema_wanted *wanted, const mmoe_allocator *alloc,
                             struct mmoe_schema **schema, struct mmoe_dataset **out,
                             mmoe_error *err) {
    loader l = {
        .file = {.alloc = mmoe_allocator_or_default(alloc), .path = wanted->file, .learning = true},
        .wanted = wanted};
    return fit(&l, schema, out, err);
}

mmoe_status mmoe_rows_fit(const mmoe_row_source *source, const mmoe_schema_wanted *wanted,
                          const mmoe_allocator *alloc, struct mmoe_schema **schema,
                          struct mmoe_dataset **out, mmoe_error *err) {
    loader l = {
        .file = {.alloc = mmoe_allocator_or_default(alloc), .path = source->name, .learning = true},
        .source = source,
        .wanted = wanted};
    return fit(&l, schema, out, err);
}

mmoe_status mmoe_label_mode_check(int labels, mmoe_error *err) {
    if (labels >= MMOE_LABELS_REQUIRED && labels <= MMOE_ROWS_TO_SCORE) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "labels is %d, none of MMOE_LABELS_REQUIRED, _OPTIONAL, _IGNORED and "
                     "MMOE_ROWS_TO_SCORE",
                     labels);
}

mmoe_status mmoe_dataset_read_csv(const mmoe_schema *schema, const char *path, int labels,
                                  const mmoe_allocator *alloc, mmoe_dataset **out,
                                  mmoe_error *err) {
    if (!schema || !path || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "schema, path or out is NULL");
    if (mmoe_label_mode_check(labels, err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, "mmoe_dataset_read_csv", err)) return MMOE_E_ARGUMENT;
    loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                         .path = path,
                         .schema = schema,
                         .label_mode = labels}};
    return load(&l, out, err);
}

mmoe_status mmoe_rows_read(const mmoe_row_source *source, const struct mmoe_schema *schema,
                           int labels, const mmoe_allocator *alloc, struct mmoe_dataset **out,
                           mmoe_error *err) {
    loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                         .path = source->name,
                         .schema = schema,
                         .label_mode = labels},
                .source = source};
    return load(&l, out, err);
}
