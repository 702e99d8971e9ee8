/* Data sets from CSV files. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/utf8.h"
#include "data/columns.h"
#include "data/dataset.h"
#include "data/csv_fields.h"

typedef mmoe_csv_loader loader;

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

/* ---- Rows ---- */

static bool resize_values(loader *l, size_t from, size_t to, size_t size) {
    void *values = mmoe_resize(&l->alloc, l->values, from, to, (size_t)l->set->n_dense * size);
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
    if (!resize_values(l, (size_t)l->capacity, rows,
                       l->learning ? sizeof(double) : sizeof(float)) ||
        !resize_rows(l, rows))
        return mmoe_fail_memory(err, rows * 4 *
                                         (size_t)(l->set->n_sparse +
                                                  (l->learning ? 2 : 1) * l->set->n_dense +
                                                  l->set->n_label));
    l->capacity = (int64_t)rows;
    return MMOE_OK;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    loader *l = user;
    struct mmoe_dataset *set = l->set;
    mmoe_status status = set->rows == l->capacity ? grow(l, err) : MMOE_OK;
    const int64_t *at = l->field + set->n_sparse + set->n_dense;
    size_t r = (size_t)set->rows;
    if (!status) status = mmoe_csv_read_features(l, row, fields, err);
    for (int32_t i = 0; !status && i < set->n_label; i++, at++)
        status = mmoe_csv_read_label(l, i, row, *at < 0 ? NULL : &fields[*at],
                                     &l->labels_read[r * (size_t)set->n_label + (size_t)i], err);
    if (!status && *at >= 0)
        status = mmoe_csv_read_weight(l, row, &fields[*at], &l->weights[r], err);
    set->rows++;
    return status;
}

/* ---- The whole file ---- */

static void measure_column(mmoe_dense_column *c, int32_t pass, const double *values, size_t stride,
                           int64_t rows) {
    mmoe_encoder *e = c->encoder;
    if (mmoe_gap_is_open(&c->gap))
        mmoe_gap_measure(&c->gap, e, pass, values, stride, rows);
    else if (pass < e->kind->passes)
        e->kind->measure(e, pass, values, stride, rows);
}

/* All learned numbers, in runs of rows that stay in the cache while each column sees its own. */
static void measure_numbers(const loader *l) {
    enum { RUN = 1024 };
    const struct mmoe_schema *s = l->learned;
    const int64_t n = s->n_dense, rows = l->set->rows;
    int32_t passes = 0;
    for (int32_t i = 0; i < n; i++) {
        const mmoe_dense_column *c = &s->dense[i];
        if (c->encoder->kind->passes > passes) passes = c->encoder->kind->passes;
        if (mmoe_gap_is_open(&c->gap) && MMOE_GAP_PASSES > passes) passes = MMOE_GAP_PASSES;
    }
    for (int32_t pass = 0; pass < passes; pass++)
        for (int64_t first = 0; first < rows; first += RUN)
            for (int32_t i = 0; i < n; i++) {
                const double *values = (const double *)l->values + first * n + i;
                measure_column(&s->dense[i], pass, values, (size_t)n,
                               rows - first < RUN ? rows - first : RUN);
            }
}

/* A fault of a whole column. */
static mmoe_status fail_column(const loader *l, mmoe_field_place at, const char *fault,
                               mmoe_error *err) {
    if (!fault) return MMOE_OK;
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, (size_t)l->set->rows);
    if (!at.feature) return mmoe_fail_at(err, MMOE_E_DATA, l->path, 0, at.column, "%s", fault);
    return mmoe_fail_at(err, MMOE_E_DATA, l->path, 0, at.column, "%s (feature \"%.100s\")", fault,
                        at.feature);
}

static mmoe_status settle_encoder(const loader *l, mmoe_encoder *e, mmoe_field_place at,
                                  mmoe_error *err) {
    char room[MMOE_FAULT_SIZE], shown[MMOE_FEATURE_SIZE];
    int64_t figure = 0;
    const mmoe_status status =
        fail_column(l, at, e->kind->settle ? e->kind->settle(e, room) : NULL, err);
    const char *remark = !status && e->kind->remark ? e->kind->remark(e, room, &figure) : NULL;
    if (!remark) return status;
    const char *name = at.feature ? at.feature : at.column;
    return mmoe_warn(&l->set->warnings, (mmoe_warning){NULL, name, figure, 0}, err, "%s: %s",
                     mmoe_feature_show(name, at.feature ? at.column : NULL, shown), remark);
}

static mmoe_status settle_number(const loader *l, mmoe_dense_column *c, mmoe_error *err) {
    const mmoe_field_place at = mmoe_field_place_of(0, c->name, c->column);
    char room[MMOE_FAULT_SIZE];
    if (mmoe_gap_is_open(&c->gap) && !c->gap.rows)
        return fail_column(l, at, "every value is missing", err);
    const mmoe_status status = settle_encoder(l, c->encoder, at, err);
    return status ? status : fail_column(l, at, mmoe_gap_settle(&c->gap, c->encoder, room), err);
}

/* Of the feature that owns a table. */
static mmoe_field_place owner_of(const struct mmoe_schema *s, int32_t table) {
    const char *name = s->tables[table].name;
    int32_t i = 0;
    while (s->sparse[i].table != table || strcmp(s->sparse[i].name, name) != 0) i++;
    return mmoe_field_place_of(0, name, s->sparse[i].column);
}

static void place_id(mmoe_note *note, const int32_t *become, int64_t row, int32_t *id) {
    if (*id && !become[*id]) mmoe_note_add(note, MMOE_CELL_UNKNOWN, row);
    *id = become[*id];
}

/* Learned ids as rows of the settled tables; a value that has none of its own is unknown. */
static void place_ids(const loader *l) {
    const struct mmoe_dataset *set = l->set;
    const struct mmoe_schema *s = l->learned;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const mmoe_encoder *e = s->tables[s->sparse[i].table].encoder;
        const int32_t *become = e->kind->become ? e->kind->become(e) : NULL;
        const int32_t list = s->sparse[i].list;
        for (int64_t r = 0; become && r < set->rows; r++) {
            const int64_t at = r * s->n_list + list;
            int32_t *id = l->ids + r * set->n_id + i, *end = id + 1;
            if (list >= 0) {
                id = l->lists.ids + (at ? l->lists.ends[at - 1] : 0);
                end = l->lists.ids + l->lists.ends[at];
            }
            for (; id < end; id++) place_id(&set->notes[i], become, set->first_row + r, id);
        }
    }
}

static mmoe_status finish_learning(loader *l, mmoe_error *err) {
    struct mmoe_schema *s = l->learned;
    mmoe_status status = MMOE_OK;
    measure_numbers(l);
    for (int32_t i = 0; !status && i < s->n_dense; i++)
        status = settle_number(l, &s->dense[i], err);
    for (int32_t i = 0; !status && i < s->n_table; i++) {
        status = settle_encoder(l, s->tables[i].encoder, owner_of(s, i), err);
        mmoe_table_settle(&s->tables[i]);
    }
    if (status) return status;
    place_ids(l);
    for (int32_t i = 0; i < s->n_table; i++) mmoe_encoder_forget(s->tables[i].encoder);
    return MMOE_OK;
}

/* Learned numbers as the model's inputs; NULL when memory is out. */
static float *finish_numbers(const loader *l) {
    const mmoe_dense_column *columns = l->schema->dense;
    const size_t n = (size_t)l->set->n_dense, rows = (size_t)l->set->rows;
    float *to = mmoe_alloc_aligned(&l->alloc, rows, n * sizeof *to), *out = to;
    const double *from = l->values;
    for (size_t r = 0; to && r < rows; r++)
        for (size_t c = 0; c < n; c++, from++, to++) {
            const mmoe_encoder *e = columns[c].encoder;
            *to = isnan(*from) ? *columns[c].gap.fill : e->kind->finish(e, *from);
            assert(isfinite(*to));
        }
    return out;
}

/* Moves an array into memory of its own size that is aligned, and in large pages where it is large:
 * training reads rows in random order. Releases the one that grew. */
static void *settle(loader *l, void *grown, size_t count, size_t size) {
    void *to = mmoe_alloc_aligned(&l->alloc, count, size);
    if (to && count * size > 0) memcpy(to, grown, count * size);
    mmoe_release(&l->alloc, grown);
    return to;
}

/* What a file tells of its labels: their transforms, means, which heads may begin with, and second
 * texts; one that is not UTF-8 has no place in a model's file, so other files may tell their own.
 */
static void learn_labels(loader *l) {
    const struct mmoe_dataset *set = l->set;
    for (int32_t i = 0; i < set->n_label; i++) {
        mmoe_label_column *label = &l->learned->labels[i];
        const mmoe_label_run run = {set->rows, set->labels + i, set->weights, (size_t)set->n_label};
        mmoe_label_scale_fit(&label->scale, &run);
        label->has_mean = mmoe_label_mean(&label->scale, &run, &label->mean);
        char *negative = l->negatives[i];
        if (!negative || !mmoe_utf8_is(negative, strlen(negative))) continue;
        label->negative = negative;
        l->negatives[i] = NULL;
    }
}

static mmoe_status finish_set(loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const size_t rows = (size_t)set->rows;
    set->ids = settle(l, l->ids, rows, (size_t)set->n_id * sizeof *set->ids);
    if (l->learning) {
        set->dense = finish_numbers(l);
        mmoe_release(&l->alloc, l->values);
    } else {
        set->dense = settle(l, l->values, rows, (size_t)set->n_dense * sizeof *set->dense);
    }
    set->labels = settle(l, l->labels_read, rows, (size_t)set->n_label * sizeof *set->labels);
    const bool weighted = l->weights != NULL;
    if (weighted) set->weights = settle(l, l->weights, rows, sizeof *set->weights);
    l->ids = NULL;
    l->values = NULL;
    l->labels_read = l->weights = NULL;
    const bool has_lists =
        set->n_sparse == set->n_id ||
        mmoe_list_store_move(&l->lists, &set->offsets, &set->elements, &set->element_weights);
    if (!set->ids || !set->dense || !set->labels || !has_lists || (weighted && !set->weights))
        return mmoe_fail_memory(err, rows * 4 *
                                         (size_t)(set->n_sparse + set->n_dense + set->n_label + 1));
    if (l->learning) learn_labels(l);
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
        .passed = &l->passed};
    mmoe_status status = mmoe_csv_read(l->path, &handler, &l->alloc, err);
    if (!status && l->set->rows == 0 && l->label_mode == MMOE_LABELS_REQUIRED)
        status =
            mmoe_fail_at(err, MMOE_E_FORMAT, l->path, 0, NULL, "the file has a header but no rows");
    if (!status) status = warn_of_file(l, err);
    if (!status && l->learning) status = finish_learning(l, err);
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
