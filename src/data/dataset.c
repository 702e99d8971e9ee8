#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "loss/loss.h"
#include "base/text.h"
#include "data/encode.h"
#include "data/input.h"
#include "data/list_take.h"
#include "data/most_ids.h"

typedef struct mmoe_dataset dataset;

dataset *mmoe_dataset_new(const struct mmoe_schema *schema, const mmoe_allocator *alloc) {
    dataset *set = mmoe_alloc_zero(alloc, 1, sizeof *set);
    if (!set) return NULL;
    set->alloc = *alloc;
    set->warnings.alloc = *alloc;
    set->n_sparse = schema->n_sparse;
    set->n_id = schema->n_sparse - schema->n_list;
    set->n_dense = schema->n_dense;
    set->dense_width = schema->dense_width;
    set->n_label = schema->n_label;
    set->notes = mmoe_notes_create(schema, alloc);
    if (set->notes) return set;
    mmoe_dataset_free(set);
    return NULL;
}

void mmoe_dataset_free(dataset *set) {
    if (!set) return;
    mmoe_allocator a = set->alloc;
    mmoe_release_aligned(&a, set->ids);
    mmoe_release_aligned(&a, set->offsets);
    mmoe_release_aligned(&a, set->elements);
    mmoe_release_aligned(&a, set->element_weights);
    mmoe_release_aligned(&a, set->dense);
    mmoe_release_aligned(&a, set->labels);
    mmoe_release_aligned(&a, set->weights);
    mmoe_release(&a, set->most_id);
    mmoe_release(&a, set->lacking);
    for (size_t i = 0; i < set->n_kept; i++) mmoe_kept_finish(&set->kept[i], &a);
    mmoe_release(&a, set->kept);
    mmoe_notes_free(set->notes, set->n_sparse + set->n_dense, &a);
    mmoe_stored_free(set->stored);
    mmoe_places_finish(&set->places, &a);
    mmoe_warnings_finish(&set->warnings);
    mmoe_release(&a, set);
}

static mmoe_status find_most_ids(dataset *set, mmoe_error *err) {
    const mmoe_row_ids all = {.rows = set->rows,
                              .n_id = set->n_id,
                              .n_list = set->n_sparse - set->n_id,
                              .ids = set->ids,
                              .ends = set->offsets ? set->offsets + 1 : NULL,
                              .elements = set->elements};
    set->most_id = mmoe_alloc_zero(&set->alloc, (size_t)set->n_sparse, sizeof *set->most_id);
    if (!set->most_id) return mmoe_fail_memory(err, (size_t)set->n_sparse * sizeof *set->most_id);
    mmoe_most_ids_raise(&all, set->most_id);
    return MMOE_OK;
}

void mmoe_dataset_count_values(dataset *set) {
    for (int32_t i = 0; i < set->n_sparse + set->n_dense; i++)
        if (i < set->n_id || i >= set->n_sparse) set->notes[i].counts.values = set->rows;
}

mmoe_status mmoe_dataset_seal(dataset *set, const struct mmoe_schema *schema, mmoe_error *err) {
    set->schema_hash = mmoe_schema_fingerprint(schema);
    mmoe_dataset_count_values(set);
    return set->most_id ? MMOE_OK : find_most_ids(set, err);
}

mmoe_lists mmoe_dataset_lists(const dataset *set, int64_t first) {
    const int32_t count = set->n_sparse - set->n_id;
    if (!count) return (mmoe_lists){0};
    return (mmoe_lists){count, set->offsets + first * count, set->elements, set->element_weights,
                        (size_t)set->offsets[set->rows * count]};
}

const char *mmoe_label_fault(int type, double value) {
    if (type < 0 || type >= MMOE_TASK_TYPE_COUNT) return "is of no type of task";
    return mmoe_loss_kind_of((mmoe_task_type)type)->fault(value);
}

const char *mmoe_weight_fault(double value) {
    if (isfinite(value) && value < 0) return "is a weight less than 0";
    if (value > 0 && (float)value == 0)
        return "is too small for single precision: it would weigh nothing";
    return mmoe_number_fault(value);
}

/* ---- From memory ---- */

static mmoe_status fail_value(mmoe_error *err, size_t row, const char *column, double value,
                              const char *fault) {
    char text[MMOE_NUMBER_SIZE];
    mmoe_format_double(value, text);
    return mmoe_fail_at(err, MMOE_E_DATA, NULL, (int64_t)row + 1, column, "%s %s", text, fault);
}

/* Raw values, and what is encoded column by column. */
static mmoe_status encode_columns(dataset *set, const struct mmoe_schema *schema,
                                  const mmoe_batch *batch, mmoe_error *err) {
    static const char call[] = "mmoe_dataset_create";
    const size_t n_id = batch->sparse_columns ? (size_t)set->n_id : 0;
    const size_t n_dense = batch->dense_columns ? (size_t)set->n_dense : 0,
                 width = (size_t)set->dense_width;
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < n_id; i++) {
        const mmoe_sparse_column *c = &schema->sparse[i];
        const mmoe_values v = {schema->tables[c->table].encoder,
                               c->name,
                               &batch->sparse_columns[i],
                               0,
                               batch->rows,
                               &schema->reading,
                               &set->notes[i],
                               .parts = mmoe_sparse_parts(c)};
        status = mmoe_values_check(&v, call, err);
        if (!status) status = mmoe_encode_ids(&v, set->ids + i, n_id, err);
    }
    for (size_t i = 0; !status && i < n_dense; i++) {
        const mmoe_values v = {schema->dense[i].encoder,
                               schema->dense[i].name,
                               &batch->dense_columns[i],
                               0,
                               batch->rows,
                               &schema->reading,
                               &set->notes[(size_t)set->n_sparse + i],
                               &schema->dense[i]};
        status = mmoe_values_check(&v, call, err);
        if (!status)
            status = mmoe_encode_numbers(&v, set->dense + schema->dense[i].first, width, err);
    }
    return status;
}

static mmoe_status take_lists(dataset *set, const struct mmoe_schema *schema,
                              const mmoe_batch *batch, mmoe_error *err) {
    mmoe_list_store store = {.alloc = set->alloc};
    const mmoe_list_source from = {schema, batch, set->notes};
    mmoe_status status = mmoe_list_take(&from, &store, err);
    if (!status &&
        !mmoe_list_store_move(&store, &set->offsets, &set->elements, &set->element_weights))
        status = mmoe_fail_memory(err, store.elements * sizeof(int32_t));
    mmoe_list_store_finish(&store);
    return status;
}

static mmoe_status copy_features(dataset *set, const struct mmoe_schema *schema,
                                 const mmoe_batch *batch, size_t row, mmoe_error *err) {
    for (size_t i = 0; !batch->sparse_columns && i < (size_t)set->n_id; i++) {
        const mmoe_encoder *e = schema->tables[schema->sparse[i].table].encoder;
        int32_t id = batch->ids[row * batch->id_stride + i], known = mmoe_encoder_row(e, id);
        if (known < 0)
            return mmoe_fail_at(err, MMOE_E_DATA, NULL, (int64_t)row + 1, schema->sparse[i].name,
                                "%d is outside of the table's rows 0 to %lld", (int)id,
                                (long long)e->rows - 1);
        set->ids[row * (size_t)set->n_id + i] = known;
    }
    for (size_t i = 0; !batch->dense_columns && i < (size_t)set->dense_width; i++) {
        float value = batch->dense[row * batch->dense_stride + i];
        if (!isfinite(value))
            return fail_value(err, row, mmoe_dense_at(schema, (int32_t)i)->name, (double)value,
                              "is not finite");
        set->dense[row * (size_t)set->dense_width + i] = value;
    }
    return MMOE_OK;
}

typedef struct given_targets {
    const float *labels, *weights;
} given_targets;

static mmoe_status fail_label(mmoe_error *err, size_t row, const mmoe_label_column *label,
                              double value, const char *fault) {
    char text[256];
    snprintf(text, sizeof text, "%s (task \"%.100s\")", fault, label->task);
    return fail_value(err, row, label->name, value, text);
}

static mmoe_status copy_targets(dataset *set, const struct mmoe_schema *schema,
                                const given_targets *given, size_t row, mmoe_error *err) {
    for (size_t i = 0; i < (size_t)set->n_label; i++) {
        float value = given->labels[row * (size_t)set->n_label + i];
        const mmoe_label_column *label = &schema->labels[i];
        const char *fault = isnan(value) ? NULL : mmoe_label_fault((int)label->type, (double)value);
        if (!fault) fault = mmoe_label_scale_fault(label->scale.transform, (double)value);
        if (fault) return fail_label(err, row, label, (double)value, fault);
        if (isnan(value)) set->any_missing_label = 1;
        set->labels[row * (size_t)set->n_label + i] = value;
    }
    if (!given->weights) return MMOE_OK;
    const char *fault = mmoe_weight_fault((double)given->weights[row]);
    if (fault)
        return fail_value(err, row, schema->weight ? schema->weight : "weight",
                          (double)given->weights[row], fault);
    set->weights[row] = given->weights[row];
    return MMOE_OK;
}

static mmoe_status check_arguments(const struct mmoe_schema *schema, const mmoe_batch *batch,
                                   const float *labels, mmoe_error *err) {
    if (batch->rows == 0)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "a data set needs at least one row");
    if ((batch->sparse_count || batch->dense_count) &&
        (batch->sparse_count != (size_t)schema->n_sparse ||
         batch->dense_count != (size_t)schema->n_dense))
        return mmoe_fail(
            err, MMOE_E_ARGUMENT,
            "batch.sparse_count and dense_count are %zu and %zu; the schema has %d and "
            "%d columns",
            batch->sparse_count, batch->dense_count, (int)schema->n_sparse, (int)schema->n_dense);
    const int32_t n_id = schema->n_sparse - schema->n_list;
    const bool ids = n_id && !batch->sparse_columns,
               dense = schema->n_dense && !batch->dense_columns;
    if (ids && !batch->ids)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "batch.ids is NULL, but the schema has sparse columns");
    if (ids && batch->id_stride < (size_t)n_id)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "batch.id_stride is %zu, less than the %d sparse columns",
                         batch->id_stride, (int)n_id);
    if (dense && !batch->dense)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "batch.dense is NULL, but the schema has dense columns");
    if (dense && batch->dense_stride < (size_t)schema->dense_width)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "batch.dense_stride is %zu, less than the %d %sdense columns",
                         batch->dense_stride, (int)schema->dense_width,
                         schema->dense_width == schema->n_dense ? "" : "inputs of the ");
    if (schema->n_label && !labels)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "labels is NULL, but the schema has labels");
    return MMOE_OK;
}

/* Of a batch by the schema's numbers. */
static mmoe_status create_numbered(const mmoe_schema *schema, const mmoe_batch *batch,
                                   const given_targets *targets, const mmoe_allocator *alloc,
                                   mmoe_dataset **out, mmoe_error *err) {
    const float *weights = targets->weights;
    const mmoe_allocator a = *alloc;
    mmoe_status status = check_arguments(schema, batch, targets->labels, err);
    if (status) return status;
    dataset *set = mmoe_dataset_new(schema, &a);
    if (!set) return mmoe_fail_memory(err, sizeof *set);
    set->rows = (int64_t)batch->rows;
    set->places.first_row = 1;
    set->ids = mmoe_alloc_aligned(&a, batch->rows, (size_t)set->n_id * sizeof *set->ids);
    set->dense = mmoe_alloc_aligned(&a, batch->rows, (size_t)set->dense_width * sizeof *set->dense);
    set->labels = mmoe_alloc_aligned(&a, batch->rows, (size_t)set->n_label * sizeof *set->labels);
    if (weights) set->weights = mmoe_alloc_aligned(&a, batch->rows, sizeof *set->weights);
    if (!set->ids || !set->dense || !set->labels || (weights && !set->weights))
        status = mmoe_fail_memory(
            err, batch->rows * 4 *
                     ((size_t)set->n_sparse + (size_t)set->dense_width + (size_t)set->n_label + 1));
    if (!status) status = encode_columns(set, schema, batch, err);
    if (!status) status = take_lists(set, schema, batch, err);
    for (size_t row = 0; !status && row < batch->rows; row++) {
        status = copy_features(set, schema, batch, row, err);
        if (!status) status = copy_targets(set, schema, targets, row, err);
    }
    if (!status) status = mmoe_dataset_seal(set, schema, err);
    const mmoe_noted noted = {set->notes, schema, set->rows, &set->places};
    if (!status) status = mmoe_notes_warn_read(&noted, &set->warnings, err);
    if (status)
        mmoe_dataset_free(set);
    else
        *out = set;
    return status;
}

mmoe_status mmoe_dataset_create(const mmoe_schema *schema, const mmoe_batch *batch,
                                const float *labels, const float *weights,
                                const mmoe_allocator *alloc, mmoe_dataset **out, mmoe_error *err) {
    static const char call[] = "mmoe_dataset_create";
    if (!schema || !batch || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "schema, batch or out is NULL");
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    const given_targets targets = {labels, weights};
    if (!batch->input) return create_numbered(schema, batch, &targets, &a, out, err);
    mmoe_numbered_batch numbered;
    mmoe_status status = mmoe_input_number(schema, batch, call, &a, &numbered, err);
    if (status) return status;
    status = create_numbered(schema, &numbered.batch, &targets, &a, out, err);
    mmoe_release(&a, numbered.columns);
    return status;
}

/* ---- Reading ---- */

int64_t mmoe_dataset_rows(const mmoe_dataset *set) { return set ? set->rows : 0; }

int64_t mmoe_dataset_place(const mmoe_dataset *set, int64_t row, const char **file) {
    const bool is_one = set && row >= 0 && row < set->rows;
    const mmoe_place at = is_one ? mmoe_places_find(&set->places, row + 1) : (mmoe_place){NULL, 0};
    if (file) *file = at.file;
    return at.row;
}

const mmoe_warning *mmoe_dataset_warning(const mmoe_dataset *set, size_t index) {
    return set && index < set->warnings.count ? &set->warnings.items[index] : NULL;
}

const mmoe_column_counts *mmoe_dataset_column(const mmoe_dataset *set, size_t index) {
    const size_t n = set ? (size_t)set->n_sparse + (size_t)set->n_dense : 0;
    size_t begin = 0, end = n;
    while (begin < end) { /* the first note up to which more than `index` have names */
        const size_t middle = begin + (end - begin) / 2;
        if ((size_t)set->notes[middle].named > index)
            end = middle;
        else
            begin = middle + 1;
    }
    return begin < n ? &set->notes[begin].counts : NULL;
}

mmoe_status mmoe_dataset_batch(const mmoe_dataset *set, int64_t first, size_t rows, mmoe_batch *out,
                               mmoe_error *err) {
    if (!set || !out) return mmoe_fail(err, MMOE_E_ARGUMENT, "dataset or out is NULL");
    if (set->stored) return mmoe_fail(err, MMOE_E_ARGUMENT, "the rows are streamed");
    if (first < 0 || first > set->rows || rows > (uint64_t)(set->rows - first))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "rows %lld and %zu more are not among the %lld rows",
                         (long long)first, rows, (long long)set->rows);
    size_t n_id = (size_t)set->n_id, width = (size_t)set->dense_width;
    *out = (mmoe_batch){.rows = rows,
                        .ids = n_id ? set->ids + (size_t)first * n_id : NULL,
                        .id_stride = n_id,
                        .dense = width ? set->dense + (size_t)first * width : NULL,
                        .dense_stride = width,
                        .sparse_count = (size_t)set->n_sparse,
                        .dense_count = (size_t)set->n_dense,
                        .lists = mmoe_dataset_lists(set, first)};
    return MMOE_OK;
}

float mmoe_dataset_label(const mmoe_dataset *set, int64_t row, int32_t task) {
    if (!set || set->stored || row < 0 || row >= set->rows || task < 0 || task >= set->n_label)
        return NAN;
    return set->labels[(size_t)row * (size_t)set->n_label + (size_t)task];
}

mmoe_status mmoe_dataset_add_kept(dataset *set, const mmoe_kept *kept, mmoe_error *err) {
    mmoe_kept *list =
        mmoe_resize(&set->alloc, set->kept, set->n_kept, set->n_kept + 1, sizeof *list);
    if (!list) return mmoe_fail_memory(err, (set->n_kept + 1) * sizeof *list);
    list[set->n_kept++] = *kept;
    set->kept = list;
    return MMOE_OK;
}

const mmoe_kept *mmoe_dataset_kept(const dataset *set, const char *column) {
    for (size_t i = 0; i < set->n_kept; i++)
        if (strcmp(set->kept[i].name, column) == 0) return &set->kept[i];
    return NULL;
}

const char *mmoe_dataset_kept_column(const mmoe_dataset *set, size_t index) {
    return set && index < set->n_kept ? set->kept[index].name : NULL;
}

static int by_row(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int mmoe_dataset_lacks(const mmoe_dataset *set, int64_t row) {
    return set && set->n_lacking &&
           bsearch(&row, set->lacking, (size_t)set->n_lacking, sizeof row, by_row);
}

float mmoe_dataset_weight(const mmoe_dataset *set, int64_t row) {
    if (!set || set->stored || row < 0 || row >= set->rows) return NAN;
    return set->weights ? set->weights[row] : 1;
}

/* ---- For those who run it ---- */

mmoe_rows mmoe_dataset_rows_of(const dataset *set, int64_t first, int32_t rows,
                               const uint32_t *index) {
    mmoe_rows r = {.rows = rows,
                   .index = index,
                   .id_stride = (size_t)set->n_id,
                   .dense_stride = (size_t)set->dense_width,
                   .label_stride = (size_t)set->n_label};
    r.ids = set->ids + first * set->n_id;
    r.lists = mmoe_dataset_lists(set, first);
    r.dense = set->dense + first * set->dense_width;
    r.labels = set->labels + first * set->n_label;
    r.weights = set->weights ? set->weights + first : NULL;
    r.complete = !set->weights && !set->any_missing_label;
    return r;
}

mmoe_status mmoe_dataset_check(const dataset *set, const struct mmoe_schema *s,
                               uint64_t fingerprint, mmoe_error *err) {
    if (set->rows < 1) return mmoe_fail(err, MMOE_E_ARGUMENT, "the data set has no rows");
    if (set->n_sparse != s->n_sparse || set->n_dense != s->n_dense || set->n_label != s->n_label)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "the data set has %d sparse columns, %d dense columns and %d labels; the "
                         "model wants %d, %d and %d",
                         set->n_sparse, set->n_dense, set->n_label, s->n_sparse, s->n_dense,
                         s->n_label);
    for (int32_t c = 0; c < set->n_sparse; c++)
        if (set->most_id[c] >= s->tables[s->sparse[c].table].rows)
            return mmoe_fail_at(
                err, MMOE_E_ARGUMENT, NULL, 0, s->sparse[c].name,
                "the data set has row number %d, which is outside the model's table",
                (int)set->most_id[c]);
    if (set->schema_hash == fingerprint) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "the data set is of another schema: its columns, vocabularies or transforms "
                     "are not the model's; read it with the model's schema");
}

void mmoe_dataset_list_elements(const mmoe_dataset *d, double *out) {
    const int32_t lists = d->n_sparse - d->n_id;
    for (int32_t i = 0; d->stored && i < lists; i++)
        out[i] = (double)d->stored->apart[i] / (double)d->rows;
    if (d->stored) return;
    for (int32_t i = 0; i < lists; i++) out[i] = 0;
    for (int64_t r = 0; r < d->rows; r++)
        for (int32_t i = 0; i < lists; i++) {
            const int64_t *at = d->offsets + r * lists + i, count = at[1] - at[0];
            if (count != 1 || d->element_weights) out[i] += (double)count;
        }
    for (int32_t i = 0; i < lists && d->rows; i++) out[i] /= (double)d->rows;
}
