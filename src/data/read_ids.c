#include "data/read_ids.h"

#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/list_values.h"

/* A cell, one of those that data.missing has being empty; its state is noted. */
static const char *read_value(const mmoe_id_row *r, int32_t i, const mmoe_csv_field *field,
                              mmoe_cell *out) {
    const struct mmoe_schema *s = r->cells->schema;
    const bool missing = mmoe_cell_is_missing(r->cells, field);
    const mmoe_csv_field f = missing ? (mmoe_csv_field){"", 0} : *field;
    out->state = MMOE_CELL_KNOWN;
    const char *fault = mmoe_cell_read(r->cells, s->tables[s->sparse[i].table].encoder, &f, out);
    if (!fault) mmoe_note_add(&r->notes[i], out->state, r->placed);
    return fault;
}

static mmoe_status read_id(const mmoe_id_row *r, int32_t i, const mmoe_csv_field *field,
                           mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[i];
    mmoe_cell cell;
    const char *fault = read_value(r, i, field, &cell);
    if (fault)
        return mmoe_cell_fail(r->cells, mmoe_cell_at(r->row, c->name, c->column), field, fault,
                              err);
    r->ids[i] = cell.id;
    return MMOE_OK;
}

/* One value of several columns. */
static mmoe_status read_cross(const mmoe_id_row *r, int32_t i, const int64_t *at, mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[i];
    const mmoe_encoder *e = r->cells->schema->tables[c->table].encoder;
    mmoe_part parts[MMOE_MOST_PARTS];
    mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
    for (size_t k = 0; k < c->columns.count; k++) {
        const mmoe_csv_field *f = &r->fields[at[k]];
        parts[k] = mmoe_cell_is_missing(r->cells, f) ? (mmoe_part){"", 0}
                                                     : (mmoe_part){f->text, f->length};
    }
    const char *fault = e->kind->join(e, parts, c->columns.count, &cell);
    if (fault)
        return mmoe_cell_fail(r->cells, mmoe_cell_at(r->row, c->name, NULL), &r->fields[*at], fault,
                              err);
    mmoe_note_add(&r->notes[i], cell.state, r->placed);
    r->ids[i] = cell.id;
    return MMOE_OK;
}

/* ---- Lists ---- */

static const char *element_weight(const mmoe_element *e, float *out) {
    double value;
    *out = 1;
    if (!e->weight) return NULL;
    if (!mmoe_parse_double(e->weight, e->weight_length, &value))
        return "has a weight that is not a number";
    if (mmoe_weight_fault(value)) return "has a weight that is not a number of at least 0";
    if (value > (double)MMOE_MOST_WEIGHT) return "has a weight of more than 1e18";
    *out = (float)value;
    return NULL;
}

/* `column`: its own where there are several. */
static mmoe_status read_element(const mmoe_id_row *r, int32_t i, const char *column,
                                const mmoe_element *e, mmoe_error *err) {
    const mmoe_csv_field field = {e->text, e->length};
    mmoe_cell cell;
    float weight;
    const char *fault = read_value(r, i, &field, &cell);
    if (!fault) fault = element_weight(e, &weight);
    if (fault) {
        const char *name = r->cells->schema->sparse[i].name;
        return mmoe_cell_fail(r->cells, mmoe_cell_at(r->row, name, column), &field, fault, err);
    }
    r->notes[i].counts.values++;
    return mmoe_list_store_add(r->lists, cell.id, weight) ? MMOE_OK
                                                          : mmoe_fail_memory(err, e->length);
}

/* An empty cell is an empty list. */
static mmoe_status read_cell(const mmoe_id_row *r, int32_t i, int64_t at, mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[i];
    const mmoe_csv_field *field = &r->fields[at];
    const bool is_list = r->cells->are_lists && r->cells->are_lists[at];
    mmoe_list_how how = c->how;
    size_t length = field->length;
    mmoe_status status = MMOE_OK;
    if (is_list ? length == 0 : mmoe_cell_is_missing(r->cells, field)) return MMOE_OK;
    if (is_list) { /* behind the last element, too, is a zero byte */
        how.separator = '\0';
        length--;
    }
    mmoe_list_walk walk = mmoe_list_walk_begin(&how, field->text, length);
    if (walk.is_cut) mmoe_note_cut(&r->notes[i], r->placed);
    for (mmoe_element e; !status && mmoe_list_walk_next(&walk, &e);)
        status = read_element(r, i, c->column, &e, err);
    return status;
}

/* One element a column; an empty cell is none, so a list has no gaps. */
static mmoe_status read_cells(const mmoe_id_row *r, int32_t i, const int64_t *at, mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[i];
    size_t count = 0, place = 0;
    for (size_t k = 0; k < c->columns.count; k++)
        count += !mmoe_cell_is_missing(r->cells, &r->fields[at[k]]);
    const mmoe_list_span kept = mmoe_list_kept(&c->how, 0, count);
    if (kept.end - kept.begin < count) mmoe_note_cut(&r->notes[i], r->placed);
    mmoe_status status = MMOE_OK;
    for (size_t k = 0; !status && place < kept.end; k++) {
        const mmoe_csv_field *f = &r->fields[at[k]];
        if (mmoe_cell_is_missing(r->cells, f) || place++ < kept.begin) continue;
        const mmoe_element e = {.text = f->text, .length = f->length};
        status = read_element(r, i, c->columns.items[k], &e, err);
    }
    return status;
}

static mmoe_status read_list(const mmoe_id_row *r, int32_t i, const int64_t *at, mmoe_error *err) {
    const bool several = r->cells->schema->sparse[i].columns.items;
    const mmoe_status status = several ? read_cells(r, i, at, err) : read_cell(r, i, *at, err);
    if (status) return status;
    return mmoe_list_store_end(r->lists) ? MMOE_OK : mmoe_fail_memory(err, sizeof(int64_t));
}

mmoe_status mmoe_read_ids(const mmoe_id_row *r, const int64_t *at, mmoe_error *err) {
    const struct mmoe_schema *s = r->cells->schema;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; i++) {
        if (s->sparse[i].list >= 0)
            status = read_list(r, i, at, err);
        else if (mmoe_sparse_parts(&s->sparse[i]))
            status = read_cross(r, i, at, err);
        else
            status = read_id(r, i, &r->fields[*at], err);
        at += mmoe_sparse_cells(&s->sparse[i]);
    }
    return status;
}
