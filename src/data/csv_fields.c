#include "data/csv_fields.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/label.h"

typedef mmoe_csv_loader loader;

static mmoe_status fail_field(const loader *l, mmoe_field_place at, const mmoe_csv_field *f,
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

static mmoe_status read_id(loader *l, int32_t i, int64_t row, const mmoe_csv_field *field,
                           mmoe_error *err) {
    const mmoe_sparse_column *c = &l->schema->sparse[i];
    const mmoe_csv_field f = is_missing(l, field) ? (mmoe_csv_field){"", 0} : *field;
    mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
    const char *fault = read_cell(l, l->schema->tables[c->table].encoder, &f, &cell);
    if (fault)
        return fail_field(l, mmoe_field_place_of(row, c->name, c->column), field, fault, err);
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
    if (fault)
        return fail_field(l, mmoe_field_place_of(row, c->name, c->column), &field, fault, err);
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

mmoe_status mmoe_csv_read_features(loader *l, int64_t row, const mmoe_csv_field *fields,
                                   mmoe_error *err) {
    const struct mmoe_schema *s = l->schema;
    const int64_t *at = l->field;
    const int64_t first = l->set->rows * s->n_dense;
    mmoe_cell cell;
    for (int32_t i = 0; i < s->n_sparse; i++, at++) {
        const mmoe_status status = s->sparse[i].list < 0 ? read_id(l, i, row, &fields[*at], err)
                                                         : read_list(l, i, row, &fields[*at], err);
        if (status) return status;
    }
    for (int32_t i = 0; i < s->n_dense; i++, at++) {
        const mmoe_dense_column *c = &s->dense[i];
        const bool gap = mmoe_gap_is_open(&c->gap) && is_missing(l, &fields[*at]);
        const char *fault = NULL;
        if (gap) {
            cell.learned = (double)NAN;
            if (c->gap.fill) cell.input = *c->gap.fill;
            mmoe_note_add(&l->set->notes[s->n_sparse + i], MMOE_CELL_MISSING, row);
        } else {
            fault = read_cell(l, c->encoder, &fields[*at], &cell);
        }
        if (fault)
            return fail_field(l, mmoe_field_place_of(row, c->name, c->column), &fields[*at], fault,
                              err);
        if (l->learning)
            ((double *)l->values)[first + i] = cell.learned;
        else
            ((float *)l->values)[first + i] = cell.input;
    }
    return MMOE_OK;
}

mmoe_status mmoe_csv_read_label(const loader *l, int32_t i, int64_t row, const mmoe_csv_field *f,
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
    if (fault) return fail_field(l, mmoe_field_place_of(row, column->name, NULL), f, fault, err);
    if (isnan(*out)) l->set->any_missing_label = 1;
    return MMOE_OK;
}

mmoe_status mmoe_csv_read_weight(const loader *l, int64_t row, const mmoe_csv_field *f, float *out,
                                 mmoe_error *err) {
    double value;
    const char *fault = mmoe_parse_double(f->text, f->length, &value) ? mmoe_weight_fault(value)
                                                                      : "is not a number";
    if (fault)
        return fail_field(l, mmoe_field_place_of(row, l->schema->weight, NULL), f, fault, err);
    *out = (float)value;
    return MMOE_OK;
}
