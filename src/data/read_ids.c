#include "data/read_ids.h"

#include "base/error.h"
#include "base/short_number.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/list_values.h"

/* One row of them. */
typedef struct id_row {
    const mmoe_cells *cells;
    int64_t row, placed;
    const mmoe_csv_field *fields;
    mmoe_note *notes;
    int32_t *ids; /* [n_id] */
    mmoe_list_store *lists;
    bool is_readable;
} id_row;

static id_row row_of(const mmoe_id_rows *r, size_t index) {
    const struct mmoe_schema *s = r->cells->schema;
    const mmoe_csv_rows row = mmoe_csv_row_of(r->rows, index);
    return (id_row){r->cells,   row.first,      r->placed + (int64_t)index,
                    row.fields, r->notes,       r->ids + index * (size_t)(s->n_sparse - s->n_list),
                    r->lists,   row.is_readable};
}

typedef struct mmoe_id_place id_place;

/* A cell, one of those that data.missing has being empty; its state is noted. */
static const char *read_value(const id_row *r, const id_place *p, const mmoe_csv_field *field,
                              mmoe_cell *out) {
    const bool missing = mmoe_cell_is_missing(r->cells, field);
    const mmoe_csv_field f = missing ? (mmoe_csv_field){"", 0} : *field;
    out->state = MMOE_CELL_KNOWN;
    const char *fault = mmoe_cell_read(r->cells, p->encoder, &f, out);
    if (!fault)
        mmoe_note_add(&r->notes[p->feature], out->state, r->placed);
    else if (out->state == MMOE_CELL_TOO_MANY && r->cells->is_of_column)
        *r->cells->is_of_column = true;
    return fault;
}

/* ---- Of one id a row ---- */

static mmoe_status read_id(const id_row *r, const id_place *p, const mmoe_csv_field *field,
                           mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[p->feature];
    mmoe_cell cell;
    const char *fault = read_value(r, p, field, &cell);
    if (fault)
        return mmoe_cell_fail(r->cells, mmoe_cell_at(r->row, c->name, c->column), field, fault,
                              err);
    r->ids[p->feature] = cell.id;
    return MMOE_OK;
}

/* That of all rows: what the column needs is in the cache from one row to the next. */
static mmoe_status read_column(const mmoe_id_rows *r, const id_place *p, int64_t at,
                               mmoe_error *err) {
    const struct mmoe_schema *s = r->cells->schema;
    const size_t n_id = (size_t)(s->n_sparse - s->n_list), columns = r->rows->columns,
                 count = r->rows->count;
    mmoe_status status = MMOE_OK;
    for (size_t k = 0; !status && k < count; k++) {
        const mmoe_cell_run run = {.cells = r->rows->fields + k * columns + at,
                                   .stride = columns,
                                   .count = count - k,
                                   .step = n_id,
                                   .ids = r->ids + k * n_id + p->feature};
        if (r->rows->is_readable)
            k += mmoe_cells_known(r->cells, p->encoder, run, &r->notes[p->feature].texts);
        if (k == count) break;
        const id_row row = row_of(r, k);
        status = read_id(&row, p, &row.fields[at], err);
    }
    return status;
}

/* One value of several columns. */
static mmoe_status read_cross(const id_row *r, int32_t i, const int64_t *at, mmoe_error *err) {
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

static const char *element_weight(const mmoe_element *e, bool is_readable, float *out) {
    double value = 1;
    *out = 1;
    if (!e->weight.text) return NULL;
    if (is_readable && mmoe_readable_decimal(e->weight.text, e->weight.length, &value)) {
        *out = (float)value;
        return NULL;
    }
    if (!mmoe_parse_double(e->weight.text, e->weight.length, &value))
        return "has a weight that is not a number";
    if (mmoe_weight_fault(value)) return "has a weight that is not a number of at least 0";
    if (value > (double)MMOE_MOST_WEIGHT) return "has a weight of more than 1e18";
    *out = (float)value;
    return NULL;
}

/* Writes ids; returns how many elements have one. `cell` has the fault's text. */
static size_t read_values(const id_row *r, const id_place *p, const mmoe_element *e, size_t n,
                          mmoe_cell *cell, const char **fault) {
    enum { STRIDE = sizeof *e / sizeof e->value };
    int32_t *ids = r->lists->ids + r->lists->elements;
    for (size_t k = 0; k < n; k++) {
        const mmoe_cell_run run = {
            .cells = &e[k].value, .stride = STRIDE, .count = n - k, .step = 1, .ids = ids + k};
        if (r->is_readable)
            k += mmoe_cells_known(r->cells, p->encoder, run, &r->notes[p->feature].texts);
        if (k == n) break;
        *fault = read_value(r, p, &e[k].value, cell);
        if (*fault) return k;
        ids[k] = cell->id;
    }
    return n;
}

/* Those of the first *n elements, where each has one, given or 1; *n falls to the first at fault.
 */
static const char *read_weights(const id_row *r, int32_t i, const mmoe_element *e, size_t *n) {
    float *weights = r->lists->weights + r->lists->elements;
    const char *fault = NULL;
    if (!r->cells->schema->sparse[i].how.weight_separator) {
        for (size_t k = 0; k < *n; k++) weights[k] = 1;
        return NULL;
    }
    for (size_t k = 0; !fault && k < *n; k++) {
        fault = element_weight(&e[k], r->is_readable, &weights[k]);
        if (fault) *n = k;
    }
    return fault;
}

/* `column`: its own where there are several. */
static mmoe_status read_elements(const id_row *r, const id_place *p, const char *column,
                                 const mmoe_element *e, size_t n, mmoe_error *err) {
    mmoe_list_store *lists = r->lists;
    const char *fault = NULL, *wrong = NULL;
    if (!mmoe_list_store_reserve(lists, n)) return mmoe_fail_memory(err, n * sizeof *lists->ids);
    mmoe_cell cell;
    size_t good = read_values(r, p, e, n, &cell, &fault);
    if (lists->is_weighed) wrong = read_weights(r, p->feature, e, &good);
    if (wrong) fault = wrong;
    if (fault)
        return mmoe_cell_fail(
            r->cells, mmoe_cell_at(r->row, r->cells->schema->sparse[p->feature].name, column),
            &e[good].value, fault, err);
    r->notes[p->feature].counts.values += (int64_t)n;
    lists->elements += n;
    return MMOE_OK;
}

/* An empty cell is an empty list. */
static mmoe_status read_cell(const id_row *r, const id_place *p, int64_t at, mmoe_error *err) {
    enum { AT_ONCE = 64 }; /* elements */
    const mmoe_sparse_column *c = &r->cells->schema->sparse[p->feature];
    const mmoe_csv_field *field = &r->fields[at];
    const bool is_list = r->cells->are_lists && r->cells->are_lists[at];
    mmoe_list_how how = c->how;
    mmoe_csv_field cell = *field;
    mmoe_status status = MMOE_OK;
    if (is_list ? cell.length == 0 : mmoe_cell_is_missing(r->cells, field)) return MMOE_OK;
    if (is_list) { /* behind the last element, too, is a zero byte */
        how.separator = '\0';
        cell.length--;
    }
    mmoe_list_walk walk = mmoe_list_walk_begin(&how, cell, r->is_readable);
    if (walk.is_cut) mmoe_note_cut(&r->notes[p->feature], r->placed);
    mmoe_element elements[AT_ONCE];
    for (size_t n; !status && (n = mmoe_list_walk_next(&walk, elements, AT_ONCE));)
        status = read_elements(r, p, c->column, elements, n, err);
    return status;
}

/* One element a column; an empty cell is none, so a list has no gaps. */
static mmoe_status read_cells(const id_row *r, const id_place *p, const int64_t *at,
                              mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[p->feature];
    size_t count = 0, place = 0;
    for (size_t k = 0; k < c->columns.count; k++)
        count += !mmoe_cell_is_missing(r->cells, &r->fields[at[k]]);
    const mmoe_list_span kept = mmoe_list_kept(&c->how, 0, count);
    if (kept.end - kept.begin < count) mmoe_note_cut(&r->notes[p->feature], r->placed);
    mmoe_status status = MMOE_OK;
    for (size_t k = 0; !status && place < kept.end; k++) {
        const mmoe_csv_field *f = &r->fields[at[k]];
        if (mmoe_cell_is_missing(r->cells, f) || place++ < kept.begin) continue;
        const mmoe_element e = {.value = *f};
        status = read_elements(r, p, c->columns.items[k], &e, 1, err);
    }
    return status;
}

static mmoe_status read_list(const id_row *r, const id_place *p, const int64_t *at,
                             mmoe_error *err) {
    const bool several = r->cells->schema->sparse[p->feature].columns.items;
    const mmoe_status status = several ? read_cells(r, p, at, err) : read_cell(r, p, *at, err);
    if (status) return status;
    return mmoe_list_store_end(r->lists) ? MMOE_OK : mmoe_fail_memory(err, sizeof(int64_t));
}

/* ---- Rows ---- */

static mmoe_status read_feature(const id_row *r, const id_place *p, const int64_t *at,
                                mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[p->feature];
    if (c->list >= 0) return read_list(r, p, at, err);
    return mmoe_sparse_parts(c) ? read_cross(r, p->feature, at, err)
                                : read_id(r, p, &r->fields[*at], err);
}

static bool is_alone(const mmoe_cells *cells, int32_t i) {
    const struct mmoe_schema *s = cells->schema;
    int32_t sharing = 0;
    for (int32_t k = 0; (cells->learning || cells->growing) && k < s->n_sparse; k++)
        sharing += s->sparse[k].table == s->sparse[i].table;
    return s->sparse[i].list < 0 && !mmoe_sparse_parts(&s->sparse[i]) && sharing < 2;
}

static id_place place_of(const struct mmoe_schema *s, int32_t i, size_t at) {
    return (id_place){i, at, s->tables[s->sparse[i].table].encoder};
}

bool mmoe_id_order_make(const mmoe_cells *cells, const mmoe_allocator *alloc, mmoe_id_order *out) {
    const struct mmoe_schema *s = cells->schema;
    id_place *to = mmoe_alloc(alloc, (size_t)s->n_sparse, sizeof *to);
    *out = (mmoe_id_order){0, to};
    for (int alone = 1; to && alone >= 0; alone--) {
        size_t at = 0;
        for (int32_t i = 0; i < s->n_sparse; i++) {
            if (is_alone(cells, i) == alone) *to++ = place_of(s, i, at);
            at += mmoe_sparse_cells(&s->sparse[i]);
        }
        if (alone) out->n_alone = (int32_t)(to - out->places);
    }
    return out->places;
}

/* In the order of the features. */
static mmoe_status read_row(const id_row *r, const int64_t *at, mmoe_error *err) {
    const struct mmoe_schema *s = r->cells->schema;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; i++) {
        const id_place p = place_of(s, i, 0);
        status = read_feature(r, &p, at, err);
        at += mmoe_sparse_cells(&s->sparse[i]);
    }
    return status;
}

mmoe_status mmoe_read_ids(const mmoe_id_rows *r, const int64_t *at, mmoe_error *err) {
    const id_place *first = r->order->places, *others = first + r->order->n_alone,
                   *end = first + r->cells->schema->n_sparse;
    mmoe_status status = MMOE_OK;
    if (r->rows->count == 1) {
        const id_row row = row_of(r, 0);
        return read_row(&row, at, err);
    }
    for (const id_place *p = first; !status && p < others; p++)
        status = read_column(r, p, at[p->at], err);
    for (size_t k = 0; !status && others < end && k < r->rows->count; k++) {
        const id_row row = row_of(r, k);
        for (const id_place *p = others; !status && p < end; p++)
            status = read_feature(&row, p, at + p->at, err);
    }
    return status;
}
