/* Data sets from CSV files. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/columns.h"
#include "data/dataset.h"
#include "data/label.h"
#include "data/learning.h"
#include "data/read_ids.h"

typedef struct loader {
    mmoe_allocator alloc;
    mmoe_cells cells;                 /* learning: fitting a schema */
    const mmoe_schema_wanted *wanted; /* that schema */
    struct mmoe_schema *learned;
    int label_mode; /* MMOE_LABELS_ */
    /* Where columns stand in the file, -1: they do not; one array. */
    int64_t *id_fields;                     /* as many a feature as it reads */
    int64_t *number_fields, *target_fields; /* [n_dense], [n_label + 1] the weight last */
    struct mmoe_dataset *set;
    mmoe_csv_passed passed;
    size_t lacking_room;   /* rows */
    bool is_blank;         /* the last fault was a cell that is missing */
    mmoe_error first_lack; /* of the first row that lacks a value */
    char **negatives;      /* [n_label] mmoe_label_cell.negative */
    int64_t capacity;
    int32_t *ids; /* [capacity, n_id], and so on as in the data set */
    mmoe_list_store lists;
    float *labels_read, *weights;
    void *values; /* [capacity, dense_width] floats; while learning [capacity, dense_span] doubles,
                     of learn */
} loader;

static const mmoe_reading *reading_of(const loader *l) {
    return l->cells.learning ? &l->wanted->specs->reading : &l->cells.schema->reading;
}

/* ---- Header ---- */

static mmoe_status find_column(const loader *l, const mmoe_columns *index, const char *name,
                               bool optional, int64_t *at, mmoe_error *err) {
    *at = mmoe_columns_find(index, name);
    if (*at >= 0 || optional) return MMOE_OK;
    return mmoe_fail_at(err, l->cells.learning ? MMOE_E_CONFIG : MMOE_E_FORMAT, l->cells.path, 0,
                        name, "the file has no such column");
}

/* A label or the weight. */
static mmoe_status find_target(const loader *l, const mmoe_columns *index, const char *name,
                               int64_t *at, mmoe_error *err) {
    *at = -1;
    if (!name || l->label_mode >= MMOE_LABELS_IGNORED) return MMOE_OK;
    return find_column(l, index, name, l->label_mode == MMOE_LABELS_OPTIONAL, at, err);
}

/* Those of a feature of ids. */
static mmoe_status find_several(const loader *l, const mmoe_columns *index,
                                const mmoe_sparse_column *c, int64_t *at, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    if (!c->columns.items)
        return find_column(l, index, mmoe_feature_column(c->name, c->column), false, at, err);
    for (size_t i = 0; !status && i < c->columns.count; i++)
        status = find_column(l, index, c->columns.items[i], false, at + i, err);
    return status;
}

static mmoe_status find_columns(const loader *l, const mmoe_columns *index, mmoe_error *err) {
    const struct mmoe_schema *s = l->cells.schema;
    int64_t *at = l->id_fields;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; at += mmoe_sparse_cells(&s->sparse[i++]))
        status = find_several(l, index, &s->sparse[i], at, err);
    for (int32_t i = 0; !status && i < s->n_dense; i++)
        status = find_column(l, index, mmoe_feature_column(s->dense[i].name, s->dense[i].column),
                             false, &l->number_fields[i], err);
    for (int32_t i = 0; !status && i < s->n_label; i++)
        status = find_target(l, index, s->labels[i].name, &l->target_fields[i], err);
    return status ? status : find_target(l, index, s->weight, &l->target_fields[s->n_label], err);
}

static mmoe_status make_fields(loader *l, mmoe_error *err) {
    const struct mmoe_schema *s = l->cells.schema;
    size_t n_id = 0;
    for (int32_t i = 0; i < s->n_sparse; i++) n_id += mmoe_sparse_cells(&s->sparse[i]);
    const size_t count = n_id + (size_t)s->n_dense + (size_t)s->n_label + 1;
    l->id_fields = mmoe_alloc(&l->alloc, count, sizeof *l->id_fields);
    if (!l->id_fields) return mmoe_fail_memory(err, count * sizeof *l->id_fields);
    l->number_fields = l->id_fields + n_id;
    l->target_fields = l->number_fields + s->n_dense;
    return MMOE_OK;
}

static mmoe_status bind_header(loader *l, const char *const *names, size_t n, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    if (l->cells.learning) {
        status = mmoe_schema_bind(l->wanted, names, n, &l->alloc, &l->learned, err);
        if (status) return status;
        l->cells.schema = l->learned;
    }
    const struct mmoe_schema *s = l->cells.schema;
    if ((status = make_fields(l, err))) return status;
    l->set = mmoe_dataset_new(s, &l->alloc);
    l->negatives = mmoe_alloc_zero(&l->alloc, (size_t)s->n_label, sizeof *l->negatives);
    if (!l->set || !l->negatives) return mmoe_fail_memory(err, sizeof *l->set);
    l->set->first_row = reading_of(l)->header == MMOE_HEADER_NONE ? 1 : 2;
    l->lists.alloc = l->alloc;
    for (int32_t i = 0; i < s->n_sparse; i++)
        l->lists.is_weighed |= s->sparse[i].list >= 0 && s->sparse[i].how.weight_separator;
    mmoe_columns *index;
    if ((status = mmoe_columns_create(names, n, l->cells.path, &l->alloc, &index, err)))
        return status;
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

/* The cells of a dense feature, where the row's numbers are kept. */
static const char *read_number(const loader *l, const mmoe_dense_column *c, const mmoe_csv_field *f,
                               bool missing, mmoe_cell *cell) {
    const struct mmoe_schema *s = l->cells.schema;
    const int64_t rows = l->set->rows;
    if (l->cells.learning) {
        cell->learned = (double *)l->values + rows * s->dense_span + c->first_number;
        if (missing) *cell->learned = (double)NAN;
        return missing ? NULL : mmoe_cell_read(&l->cells, c->encoder, f, cell);
    }
    cell->inputs = (float *)l->values + rows * s->dense_width + c->first;
    const char *fault = missing ? NULL : mmoe_cell_read(&l->cells, c->encoder, f, cell);
    if (!fault) mmoe_dense_fill(c, cell->inputs, missing);
    return fault;
}

static mmoe_status read_numbers(const loader *l, int64_t row, const mmoe_csv_field *fields,
                                mmoe_error *err) {
    const struct mmoe_schema *s = l->cells.schema;
    const int64_t *at = l->number_fields;
    mmoe_cell cell;
    for (int32_t i = 0; i < s->n_dense; i++, at++) {
        const mmoe_dense_column *c = &s->dense[i];
        const bool missing =
            mmoe_gap_is_open(&c->gap) && mmoe_cell_is_missing(&l->cells, &fields[*at]);
        const char *fault = read_number(l, c, &fields[*at], missing, &cell);
        if (fault)
            return mmoe_cell_fail(&l->cells, mmoe_cell_at(row, c->name, c->column), &fields[*at],
                                  fault, err);
        if (missing) mmoe_note_add(&l->set->notes[s->n_sparse + i], MMOE_CELL_MISSING, row);
    }
    return MMOE_OK;
}

static mmoe_status read_features(loader *l, int64_t row, const mmoe_csv_field *fields,
                                 mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const mmoe_id_row ids = {&l->cells, row, fields, set->notes, l->ids + set->rows * set->n_id,
                             &l->lists};
    const mmoe_status status = mmoe_read_ids(&ids, l->id_fields, err);
    return status ? status : read_numbers(l, row, fields, err);
}

static mmoe_status read_label(const loader *l, int32_t i, int64_t row, const mmoe_csv_field *f,
                              float *out, mmoe_error *err) {
    const mmoe_label_column *column = &l->cells.schema->labels[i];
    char room[MMOE_LABEL_FAULT_SIZE];
    const char *fault = NULL;
    *out = NAN;
    if (f)
        fault = mmoe_label_read(&(mmoe_label_cell){column, &l->alloc, &l->negatives[i], f->text,
                                                   f->length, mmoe_cell_is_missing(&l->cells, f)},
                                room, out);
    if (fault == mmoe_label_no_memory) return mmoe_fail_memory(err, f->length + 1);
    if (fault)
        return mmoe_cell_fail(&l->cells, mmoe_cell_at(row, column->name, NULL), f, fault, err);
    if (isnan(*out)) l->set->any_missing_label = 1;
    return MMOE_OK;
}

static mmoe_status read_weight(const loader *l, int64_t row, const mmoe_csv_field *f, float *out,
                               mmoe_error *err) {
    double value;
    const char *fault = mmoe_parse_double(f->text, f->length, &value) ? mmoe_weight_fault(value)
                                                                      : "is not a number";
    if (fault)
        return mmoe_cell_fail(&l->cells, mmoe_cell_at(row, l->cells.schema->weight, NULL), f, fault,
                              err);
    *out = (float)value;
    return MMOE_OK;
}

/* ---- Rows ---- */

/* Bytes of a row's numbers. */
static size_t values_size(const loader *l) {
    return l->cells.learning ? (size_t)l->cells.schema->dense_span * sizeof(double)
                             : (size_t)l->cells.schema->dense_width * sizeof(float);
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
    if (l->target_fields[set->n_label] < 0) return ids && labels;
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

/* Of a row to score that lacks a value nothing is kept but that. */
static mmoe_status keep_lacking(loader *l, const mmoe_error *fault, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const size_t r = (size_t)set->rows, n = (size_t)set->n_lacking, ids = (size_t)set->n_id,
                 width = (size_t)set->dense_width;
    if (n == l->lacking_room) {
        const size_t room = 2 * n + 64;
        int64_t *lacking = mmoe_resize(&l->alloc, set->lacking, n, room, sizeof *lacking);
        if (!lacking) return mmoe_fail_memory(err, room * sizeof *lacking);
        set->lacking = lacking;
        l->lacking_room = room;
    }
    if (!n) l->first_lack = *fault;
    set->lacking[set->n_lacking++] = set->rows;
    memset(l->ids + r * ids, 0, ids * sizeof *l->ids);
    memset((float *)l->values + r * width, 0, width * sizeof(float));
    while (l->lists.lists < (r + 1) * (size_t)l->cells.schema->n_list)
        if (!mmoe_list_store_end(&l->lists)) return mmoe_fail_memory(err, sizeof(int64_t));
    return MMOE_OK;
}

static mmoe_status read_row_to_score(loader *l, int64_t row, const mmoe_csv_field *fields,
                                     mmoe_error *err) {
    mmoe_error fault = {0};
    l->is_blank = false;
    const mmoe_status status = read_features(l, row, fields, &fault);
    if (status == MMOE_E_DATA && l->is_blank) return keep_lacking(l, &fault, err);
    if (status && err) *err = fault;
    return status;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    loader *l = user;
    struct mmoe_dataset *set = l->set;
    mmoe_status status = set->rows == l->capacity ? grow(l, err) : MMOE_OK;
    const int64_t *at = l->target_fields;
    size_t r = (size_t)set->rows;
    if (!status)
        status = l->label_mode == MMOE_ROWS_TO_SCORE ? read_row_to_score(l, row, fields, err)
                                                     : read_features(l, row, fields, err);
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
    return (mmoe_learning){l->cells.path, l->set,    l->learned,  l->ids,
                           &l->lists,     l->values, l->negatives};
}

static mmoe_status finish_set(loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const size_t rows = (size_t)set->rows;
    set->ids = settle(l, l->ids, rows, (size_t)set->n_id * sizeof *set->ids);
    const mmoe_learning learning = learning_of(l);
    if (l->cells.learning) {
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
    if (l->cells.learning) mmoe_learning_labels(&learning);
    const mmoe_status status = mmoe_dataset_seal(set, l->cells.schema, err);
    if (status || !l->cells.learning) return status;
    return mmoe_dataset_warn_of_constants(set, l->cells.schema, err);
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
    return l->cells.learning
               ? mmoe_notes_warn_learned(set->notes, l->cells.schema, set->rows, &set->warnings,
                                         err)
               : mmoe_notes_warn_read(set->notes, l->cells.schema, set->rows, &set->warnings, err);
}

static mmoe_status warn_of_lacking(const loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    if (!set->n_lacking) return MMOE_OK;
    return mmoe_warn(&set->warnings,
                     (mmoe_warning){NULL, l->first_lack.column, set->n_lacking, l->first_lack.row},
                     err,
                     "%" PRId64 " of %" PRId64 " rows lack a value that a feature must have, the "
                     "first is row %" PRId64 " (column \"%s\"): they have no scores; \"missing\" "
                     "of a dense feature says what stands for one",
                     set->n_lacking, set->rows, l->first_lack.row, l->first_lack.column);
}

static mmoe_status load(loader *l, struct mmoe_dataset **out, mmoe_error *err) {
    const mmoe_reading *reading = reading_of(l);
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
    mmoe_status status = mmoe_csv_read(l->cells.path, &handler, &l->alloc, err);
    if (!status && l->set->rows == 0 && l->label_mode == MMOE_LABELS_REQUIRED)
        status = mmoe_fail_at(err, MMOE_E_FORMAT, l->cells.path, 0, NULL,
                              "the file has a header but no rows");
    if (!status) status = warn_of_file(l, err);
    if (!status && l->cells.learning) {
        const mmoe_learning learning = learning_of(l);
        status = mmoe_learning_settle(&learning, err);
    }
    if (!status) status = finish_set(l, err);
    if (!status) status = warn_of_columns(l, err);
    if (!status) status = warn_of_lacking(l, err);
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
    mmoe_release(&l->alloc, l->id_fields);
    for (int32_t i = 0; l->negatives && i < l->cells.schema->n_label; i++)
        mmoe_release(&l->alloc, l->negatives[i]);
    mmoe_release(&l->alloc, l->negatives);
    return status;
}

mmoe_status mmoe_dataset_fit(const mmoe_schema_wanted *wanted, const mmoe_allocator *alloc,
                             struct mmoe_schema **schema, struct mmoe_dataset **out,
                             mmoe_error *err) {
    loader l = {.alloc = mmoe_allocator_or_default(alloc),
                .cells = {.path = wanted->file, .learning = true},
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
    if (labels < MMOE_LABELS_REQUIRED || labels > MMOE_ROWS_TO_SCORE)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "labels is %d, none of MMOE_LABELS_REQUIRED, _OPTIONAL, _IGNORED and "
                         "MMOE_ROWS_TO_SCORE",
                         labels);
    if (mmoe_allocator_check(alloc, "mmoe_dataset_read_csv", err)) return MMOE_E_ARGUMENT;
    loader l = {.alloc = mmoe_allocator_or_default(alloc),
                .cells = {path, schema, false},
                .label_mode = labels};
    if (labels == MMOE_ROWS_TO_SCORE) l.cells.is_blank = &l.is_blank;
    return load(&l, out, err);
}
