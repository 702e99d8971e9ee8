/* Data sets from CSV files. */
#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/text.h"
#include "data/columns.h"
#include "data/dataset.h"
#include "data/label.h"
#include "data/learning.h"
#include "data/list_cell.h"

typedef struct loader {
    mmoe_allocator alloc;
    const char *path;
    bool learning;                    /* fitting a schema; else reading with one that stands */
    const mmoe_schema_wanted *wanted; /* that schema */
    struct mmoe_schema *learned;
    const struct mmoe_schema *schema;
    int label_mode; /* MMOE_LABELS_ */
    int64_t *field; /* [n_sparse + n_dense + n_label + 1] where a column stands in the file, -1: it
                       does not; the weight last */
    struct mmoe_dataset *set;
    mmoe_csv_passed passed;
    char **negatives; /* [n_label] mmoe_label_cell.negative */
    int64_t capacity;
    int32_t *ids; /* [capacity, n_id], and so on as in the data set */
    mmoe_list_store lists;
    float *labels_read, *weights;
    void *values; /* [capacity, dense_width] floats; while learning [capacity, dense_span] doubles,
                     of learn */
} loader;

/* ---- Header ---- */

static mmoe_status find_column(const loader *l, const mmoe_columns *index, const char *name,
                               bool optional, int64_t *at, mmoe_error *err) {
    *at = mmoe_columns_find(index, name);
    if (*at >= 0 || optional) return MMOE_OK;
    return mmoe_fail_at(err, l->learning ? MMOE_E_CONFIG : MMOE_E_FORMAT, l->path, 0, name,
                        "the file has no such column");
}

/* A label or the weight. */
static mmoe_status find_target(const loader *l, const mmoe_columns *index, const char *name,
                               int64_t *at, mmoe_error *err) {
    *at = -1;
    if (!name || l->label_mode == MMOE_LABELS_IGNORED) return MMOE_OK;
    return find_column(l, index, name, l->label_mode == MMOE_LABELS_OPTIONAL, at, err);
}

static mmoe_status find_columns(const loader *l, const mmoe_columns *index, mmoe_error *err) {
    const struct mmoe_schema *s = l->schema;
    int64_t *at = l->field;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; i++)
        status = find_column(l, index, mmoe_feature_column(s->sparse[i].name, s->sparse[i].column),
                             false, at++, err);
    for (int32_t i = 0; !status && i < s->n_dense; i++)
        status = find_column(l, index, mmoe_feature_column(s->dense[i].name, s->dense[i].column),
                             false, at++, err);
    for (int32_t i = 0; !status && i < s->n_label; i++)
        status = find_target(l, index, s->labels[i].name, at++, err);
    return status ? status : find_target(l, index, s->weight, at, err);
}

static mmoe_status bind_header(loader *l, const char *const *names, size_t n, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    if (l->learning) {
        status = mmoe_schema_bind(l->wanted, names, n, &l->alloc, &l->learned, err);
        if (status) return status;
        l->schema = l->learned;
    }
    const struct mmoe_schema *s = l->schema;
    size_t wanted = (size_t)s->n_sparse + (size_t)s->n_dense + (size_t)s->n_label + 1;
    l->field = mmoe_alloc(&l->alloc, wanted, sizeof *l->field);
    l->set = mmoe_dataset_new(s, &l->alloc);
    l->negatives = mmoe_alloc_zero(&l->alloc, (size_t)s->n_label, sizeof *l->negatives);
    if (!l->field || !l->set || !l->negatives)
        return mmoe_fail_memory(err, wanted * sizeof *l->field + sizeof *l->set);
    l->set->first_row = 2; /* behind the header */
    l->lists.alloc = l->alloc;
    for (int32_t i = 0; i < s->n_sparse; i++)
        l->lists.is_weighed |= s->sparse[i].list >= 0 && s->sparse[i].how.weight_separator;
    mmoe_columns *index;
    if ((status = mmoe_columns_create(names, n, l->path, &l->alloc, &index, err))) return status;
    status = find_columns(l, index, err);
    mmoe_columns_free(index);
    return status;
}

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t n, mmoe_error *err) {
    loader *l = user;
    const char **names = mmoe_alloc(&l->alloc, n, sizeof *names);
    if (!names) return mmoe_fail_memory(err, n * sizeof *names);
    for (size_t i = 0; i < n; i++) names[i] = fields[i].text;
    mmoe_status status = bind_header(l, names, n, err);
    mmoe_release(&l->alloc, names);
    return status;
}

/* ---- Fields ---- */

/* Where a field stands: the column, and where it is of another name, the feature. */
typedef struct field_place {
    int64_t row;
    const char *column, *feature;
} field_place;

static field_place place_of(int64_t row, const char *name, const char *column) {
    return (field_place){row, column ? column : name, column ? name : NULL};
}

static mmoe_status fail_field(const loader *l, field_place at, const mmoe_csv_field *f,
                              const char *fault, mmoe_error *err) {
    char shown[MMOE_SHOWN_SIZE];
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, f->length);
    const char *value = mmoe_text_show(f->text, f->length, shown);
    if (!at.feature)
        return mmoe_fail_at(err, MMOE_E_DATA, l->path, at.row, at.column, "%s %s", value, fault);
    return mmoe_fail_at(err, MMOE_E_DATA, l->path, at.row, at.column, "%s %s (feature \"%.100s\")",
                        value, fault, at.feature);
}

static bool is_missing(const loader *l, const mmoe_csv_field *f) {
    return mmoe_reading_is_missing(&l->schema->reading, f->text, f->length);
}

/* A cell of a feature; while learning its encoder may change. */
static const char *read_cell(const loader *l, mmoe_encoder *e, const mmoe_csv_field *f,
                             mmoe_cell *out) {
    return l->learning && e->kind->learn ? e->kind->learn(e, f->text, f->length, out)
                                         : e->kind->parse(e, f->text, f->length, out);
}

/* The cells of a dense feature, where the row's numbers are kept. */
static const char *read_number(const loader *l, const mmoe_dense_column *c, const mmoe_csv_field *f,
                               bool missing, mmoe_cell *cell) {
    const struct mmoe_schema *s = l->schema;
    const int64_t rows = l->set->rows;
    if (l->learning) {
        cell->learned = (double *)l->values + rows * s->dense_span + c->first_number;
        if (missing) *cell->learned = (double)NAN;
        return missing ? NULL : read_cell(l, c->encoder, f, cell);
    }
    cell->inputs = (float *)l->values + rows * s->dense_width + c->first;
    const char *fault = missing ? NULL : read_cell(l, c->encoder, f, cell);
    if (!fault) mmoe_dense_fill(c, cell->inputs, missing);
    return fault;
}

static mmoe_status read_numbers(const loader *l, int64_t row, const mmoe_csv_field *fields,
                                mmoe_error *err) {
    const struct mmoe_schema *s = l->schema;
    const int64_t *at = l->field + s->n_sparse;
    mmoe_cell cell;
    for (int32_t i = 0; i < s->n_dense; i++, at++) {
        const mmoe_dense_column *c = &s->dense[i];
        const bool missing = mmoe_gap_is_open(&c->gap) && is_missing(l, &fields[*at]);
        const char *fault = read_number(l, c, &fields[*at], missing, &cell);
        if (fault)
            return fail_field(l, place_of(row, c->name, c->column), &fields[*at], fault, err);
        if (missing) mmoe_note_add(&l->set->notes[s->n_sparse + i], MMOE_CELL_MISSING, row);
    }
    return MMOE_OK;
}

static mmoe_status read_id(loader *l, int32_t i, int64_t row, const mmoe_csv_field *field,
                           mmoe_error *err) {
    const mmoe_sparse_column *c = &l->schema->sparse[i];
    const mmoe_csv_field f = is_missing(l, field) ? (mmoe_csv_field){"", 0} : *field;
    mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
    const char *fault = read_cell(l, l->schema->tables[c->table].encoder, &f, &cell);
    if (fault) return fail_field(l, place_of(row, c->name, c->column), field, fault, err);
    mmoe_note_add(&l->set->notes[i], cell.state, row);
    l->ids[l->set->rows * l->set->n_id + i] = cell.id;
    return MMOE_OK;
}

static const char *element_weight(const mmoe_element *e, float *out) {
    double value = 1;
    *out = 1;
    if (e->weight && !mmoe_parse_double(e->weight, e->weight_length, &value))
        return "has a weight that is not a number";
    if (mmoe_weight_fault(value)) return "has a weight that is not a number of at least 0";
    *out = (float)value;
    return NULL;
}

static mmoe_status read_element(loader *l, int32_t i, int64_t row, const mmoe_element *e,
                                mmoe_error *err) {
    const mmoe_sparse_column *c = &l->schema->sparse[i];
    const mmoe_csv_field field = {(char *)(uintptr_t)e->text, e->length},
                         f = is_missing(l, &field) ? (mmoe_csv_field){"", 0} : field;
    mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
    float weight;
    const char *fault = read_cell(l, l->schema->tables[c->table].encoder, &f, &cell);
    if (!fault) fault = element_weight(e, &weight);
    if (fault) return fail_field(l, place_of(row, c->name, c->column), &field, fault, err);
    mmoe_note_add(&l->set->notes[i], cell.state, row);
    l->set->notes[i].elements++;
    return mmoe_list_store_add(&l->lists, cell.id, weight) ? MMOE_OK
                                                           : mmoe_fail_memory(err, e->length);
}

/* An empty cell is an empty list. */
static mmoe_status read_list(loader *l, int32_t i, int64_t row, const mmoe_csv_field *field,
                             mmoe_error *err) {
    const mmoe_list_how *how = &l->schema->sparse[i].how;
    mmoe_status status = MMOE_OK;
    if (!is_missing(l, field)) {
        mmoe_list_walk walk = mmoe_list_walk_begin(how, field->text, field->length);
        if (walk.is_cut) mmoe_note_cut(&l->set->notes[i], row);
        for (mmoe_element e; !status && mmoe_list_walk_next(&walk, &e);)
            status = read_element(l, i, row, &e, err);
    }
    if (status) return status;
    return mmoe_list_store_end(&l->lists) ? MMOE_OK : mmoe_fail_memory(err, sizeof(int64_t));
}

static mmoe_status read_features(loader *l, int64_t row, const mmoe_csv_field *fields,
                                 mmoe_error *err) {
    const struct mmoe_schema *s = l->schema;
    const int64_t *at = l->field;
    for (int32_t i = 0; i < s->n_sparse; i++, at++) {
        const mmoe_status status = s->sparse[i].list < 0 ? read_id(l, i, row, &fields[*at], err)
                                                         : read_list(l, i, row, &fields[*at], err);
        if (status) return status;
    }
    return read_numbers(l, row, fields, err);
}

static mmoe_status read_label(const loader *l, int32_t i, int64_t row, const mmoe_csv_field *f,
                              float *out, mmoe_error *err) {
    const mmoe_label_column *column = &l->schema->labels[i];
    char room[MMOE_LABEL_FAULT_SIZE];
    const char *fault = NULL;
    *out = NAN;
    if (f)
        fault = mmoe_label_read(&(mmoe_label_cell){column, &l->alloc, &l->negatives[i], f->text,
                                                   f->length, is_missing(l, f)},
                                room, out);
    if (fault == mmoe_label_no_memory) return mmoe_fail_memory(err, f->length + 1);
    if (fault) return fail_field(l, place_of(row, column->name, NULL), f, fault, err);
    if (isnan(*out)) l->set->any_missing_label = 1;
    return MMOE_OK;
}

static mmoe_status read_weight(const loader *l, int64_t row, const mmoe_csv_field *f, float *out,
                               mmoe_error *err) {
    double value;
    const char *fault = mmoe_parse_double(f->text, f->length, &value) ? mmoe_weight_fault(value)
                                                                      : "is not a number";
    if (fault) return fail_field(l, place_of(row, l->schema->weight, NULL), f, fault, err);
    *out = (float)value;
    return MMOE_OK;
}

/* ---- Rows ---- */

/* Bytes of a row's numbers. */
static size_t values_size(const loader *l) {
    return l->learning ? (size_t)l->schema->dense_span * sizeof(double)
                       : (size_t)l->schema->dense_width * sizeof(float);
}

static bool resize_values(loader *l, size_t from, size_t to) {
    void *values = mmoe_resize(&l->alloc, l->values, from, to, values_size(l));
    if (values) l->values = values;
    return values;
}

/* Gives the other arrays room for `rows` rows; false when one of them could not be moved. */
static bool resize_rows(loader *l, size_t rows) {
    const struct mmoe_dataset *set = l->set;
    size_t from = (size_t)l->capacity;
    int32_t *ids = mmoe_resize(&l->alloc, l->ids, from, rows, (size_t)set->n_id * sizeof *ids);
    if (ids) l->ids = ids;
    float *labels =
        mmoe_resize(&l->alloc, l->labels_read, from, rows, (size_t)set->n_label * sizeof *labels);
    if (labels) l->labels_read = labels;
    if (l->field[set->n_sparse + set->n_dense + set->n_label] < 0) return ids && labels;
    float *weights = mmoe_resize(&l->alloc, l->weights, from, rows, sizeof *weights);
    if (weights) l->weights = weights;
    return ids && labels && weights;
}

static mmoe_status grow(loader *l, mmoe_error *err) {
    size_t rows = (size_t)(l->capacity + l->capacity / 2 + 1024);
    if (!resize_values(l, (size_t)l->capacity, rows) || !resize_rows(l, rows))
        return mmoe_fail_memory(
            err, rows * (4 * (size_t)(l->set->n_sparse + l->set->n_label) + values_size(l)));
    l->capacity = (int64_t)rows;
    return MMOE_OK;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    loader *l = user;
    struct mmoe_dataset *set = l->set;
    mmoe_status status = set->rows == l->capacity ? grow(l, err) : MMOE_OK;
    const int64_t *at = l->field + set->n_sparse + set->n_dense;
    size_t r = (size_t)set->rows;
    if (!status) status = read_features(l, row, fields, err);
    for (int32_t i = 0; !status && i < set->n_label; i++, at++)
        status = read_label(l, i, row, *at < 0 ? NULL : &fields[*at],
                            &l->labels_read[r * (size_t)set->n_label + (size_t)i], err);
    if (!status && *at >= 0) status = read_weight(l, row, &fields[*at], &l->weights[r], err);
    set->rows++;
    return status;
}

/* ---- The whole file ---- */

/* Moves an array into memory of its own size that is aligned, and in large pages where it is large:
 * training reads rows in random order. Releases the one that grew. */
static void *settle(loader *l, void *grown, size_t count, size_t size) {
    void *to = mmoe_alloc_aligned(&l->alloc, count, size);
    if (to && count * size > 0) memcpy(to, grown, count * size);
    mmoe_release(&l->alloc, grown);
    return to;
}

static mmoe_learning learning_of(const loader *l) {
    return (mmoe_learning){l->path, l->set, l->learned, l->ids, &l->lists, l->values, l->negatives};
}

static mmoe_status finish_set(loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const size_t rows = (size_t)set->rows;
    set->ids = settle(l, l->ids, rows, (size_t)set->n_id * sizeof *set->ids);
    const mmoe_learning learning = learning_of(l);
    if (l->learning) {
        set->dense = mmoe_learning_inputs(&learning);
        mmoe_release(&l->alloc, l->values);
    } else {
        set->dense = settle(l, l->values, rows, (size_t)set->dense_width * sizeof *set->dense);
    }
    set->labels = settle(l, l->labels_read, rows, (size_t)set->n_label * sizeof *set->labels);
    const bool weighted = l->weights != NULL;
    if (weighted) set->weights = settle(l, l->weights, rows, sizeof *set->weights);
    l->ids = NULL;
    l->values = NULL;
    l->labels_read = l->weights = NULL;
    const bool has_lists =
        mmoe_list_store_move(&l->lists, &set->offsets, &set->elements, &set->element_weights);
    if (!set->ids || !set->dense || !set->labels || !has_lists || (weighted && !set->weights))
        return mmoe_fail_memory(
            err, rows * 4 * (size_t)(set->n_sparse + set->dense_width + set->n_label + 1));
    if (l->learning) mmoe_learning_labels(&learning);
    const mmoe_status status = mmoe_dataset_seal(set, l->schema, err);
    if (status || !l->learning) return status;
    return mmoe_dataset_warn_of_constants(set, l->schema, err);
}

/* What was passed over, in words. */
static mmoe_status warn_of_file(const loader *l, mmoe_error *err) {
    char text[MMOE_PASSED_SIZE];
    mmoe_warning w = {NULL};
    mmoe_status status = MMOE_OK;
    for (int i = 0; !status && mmoe_csv_passed_text(&l->passed, i, text, &w.count, &w.row); i++)
        status = mmoe_warn(&l->set->warnings, w, err, "%s", text);
    return status;
}

static mmoe_status warn_of_columns(const loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    return l->learning
               ? mmoe_notes_warn_learned(set->notes, l->schema, set->rows, &set->warnings, err)
               : mmoe_notes_warn_read(set->notes, l->schema, set->rows, &set->warnings, err);
}

static mmoe_status load(loader *l, struct mmoe_dataset **out, mmoe_error *err) {
    const mmoe_reading *reading = l->learning ? &l->wanted->specs->reading : &l->schema->reading;
    const mmoe_csv_handler handler = {
        .user = l,
        .header = on_header,
        .row = on_row,
        .lenient = reading->quotes == MMOE_QUOTES_LENIENT,
        .quotes_hint = "; \"data\": {\"quotes\": \"lenient\"} takes them as text",
        .passed = &l->passed,
        .separator = mmoe_reading_separator(reading),
        .headless = reading->header == MMOE_HEADER_NONE,
        .separator_hint = ", or \"data\": {\"separator\": ...}"};
    mmoe_status status = mmoe_csv_read(l->path, &handler, &l->alloc, err);
    if (!status && l->set->rows == 0 && l->label_mode == MMOE_LABELS_REQUIRED)
        status =
            mmoe_fail_at(err, MMOE_E_FORMAT, l->path, 0, NULL, "the file has a header but no rows");
    if (!status) status = warn_of_file(l, err);
    if (!status && l->learning) {
        const mmoe_learning learning = learning_of(l);
        status = mmoe_learning_settle(&learning, err);
    }
    if (!status) status = finish_set(l, err);
    if (!status) status = warn_of_columns(l, err);
    if (!status) {
        *out = l->set;
    } else {
        mmoe_release(&l->alloc, l->ids);
        mmoe_release(&l->alloc, l->values);
        mmoe_release(&l->alloc, l->labels_read);
        mmoe_release(&l->alloc, l->weights);
        mmoe_list_store_finish(&l->lists);
        mmoe_dataset_free(l->set);
    }
    mmoe_release(&l->alloc, l->field);
    for (int32_t i = 0; l->negatives && i < l->schema->n_label; i++)
        mmoe_release(&l->alloc, l->negatives[i]);
    mmoe_release(&l->alloc, l->negatives);
    return status;
}

mmoe_status mmoe_dataset_fit(const mmoe_schema_wanted *wanted, const mmoe_allocator *alloc,
                             struct mmoe_schema **schema, struct mmoe_dataset **out,
                             mmoe_error *err) {
    loader l = {.alloc = mmoe_allocator_or_default(alloc),
                .path = wanted->file,
                .learning = true,
                .wanted = wanted};
    mmoe_status status = load(&l, out, err);
    if (status)
        mmoe_schema_free(l.learned);
    else
        *schema = l.learned;
    return status;
}

mmoe_status mmoe_dataset_read_csv(const mmoe_schema *schema, const char *path, int labels,
                                  const mmoe_allocator *alloc, mmoe_dataset **out,
                                  mmoe_error *err) {
    if (!schema || !path || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "schema, path or out is NULL");
    if (labels < MMOE_LABELS_REQUIRED || labels > MMOE_LABELS_IGNORED)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "labels is %d, none of MMOE_LABELS_REQUIRED, _OPTIONAL and _IGNORED",
                         labels);
    if (mmoe_allocator_check(alloc, "mmoe_dataset_read_csv", err)) return MMOE_E_ARGUMENT;
    loader l = {.alloc = mmoe_allocator_or_default(alloc),
                .path = path,
                .schema = schema,
                .label_mode = labels};
    return load(&l, out, err);
}
