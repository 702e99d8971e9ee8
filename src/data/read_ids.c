#include "data/read_ids.h"

#include "base/error.h"
#include "data/read_list.h"

typedef mmoe_id_place id_place;

static size_t n_id_of(const mmoe_id_rows *r) {
    return (size_t)(r->cells->schema->n_sparse - r->cells->schema->n_list);
}

/* ---- Of one id a row ---- */

static mmoe_status read_id(const mmoe_id_rows *r, size_t row, const id_place *p, int64_t at,
                           mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[p->feature];
    const mmoe_csv_field field = mmoe_csv_cell(r->rows, row, (size_t)at);
    mmoe_cell cell;
    const char *fault = mmoe_read_id_value(r, row, p, &field, &cell);
    if (fault)
        return mmoe_cell_fail(r->cells,
                              mmoe_cell_at(r->rows->first + (int64_t)row, c->name, c->column),
                              &field, fault, err);
    r->ids[row * n_id_of(r) + (size_t)p->feature] = cell.id;
    return MMOE_OK;
}

/* Those of row `k` and behind it that need no more than a look. */
static size_t read_known(const mmoe_id_rows *r, const id_place *p, int64_t at, size_t k) {
    const size_t n_id = n_id_of(r);
    const mmoe_cell_run run = {.step = n_id, .ids = r->ids + k * n_id + p->feature};
    return mmoe_cells_known_of(r->cells, p->encoder, (mmoe_csv_column){r->rows, (size_t)at, k}, run,
                               &r->notes[p->feature].texts);
}

/* That of all rows: what the column needs is in the cache from one row to the next. */
static mmoe_status read_column(const mmoe_id_rows *r, const id_place *p, int64_t at,
                               mmoe_error *err) {
    const size_t count = r->rows->count;
    mmoe_status status = MMOE_OK;
    for (size_t k = read_known(r, p, at, 0); !status && k < count;
         k++, k += read_known(r, p, at, k))
        status = read_id(r, k, p, at, err);
    return status;
}

/* One value of several columns. */
static mmoe_status read_cross(const mmoe_id_rows *r, size_t row, const id_place *p,
                              const int64_t *at, mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[p->feature];
    const mmoe_csv_field first = mmoe_csv_cell(r->rows, row, (size_t)*at);
    mmoe_part parts[MMOE_MOST_PARTS];
    mmoe_cell cell = {.state = MMOE_CELL_KNOWN};
    for (size_t k = 0; k < c->columns.count; k++) {
        const mmoe_csv_field f = mmoe_csv_cell(r->rows, row, (size_t)at[k]);
        parts[k] =
            mmoe_cell_is_missing(r->cells, &f) ? (mmoe_part){"", 0} : (mmoe_part){f.text, f.length};
    }
    const char *fault = p->encoder->kind->join(p->encoder, parts, c->columns.count, &cell);
    if (fault)
        return mmoe_cell_fail(r->cells, mmoe_cell_at(r->rows->first + (int64_t)row, c->name, NULL),
                              &first, fault, err);
    mmoe_note_add(&r->notes[p->feature], cell.state, r->placed + (int64_t)row);
    r->ids[row * n_id_of(r) + (size_t)p->feature] = cell.id;
    return MMOE_OK;
}

/* ---- Order ---- */

static bool is_list(const struct mmoe_schema *s, int32_t i) { return s->sparse[i].list >= 0; }

/* How many features read each table: [n_table], to be released; NULL when memory is out. */
static int32_t *count_readers(const struct mmoe_schema *s, const mmoe_allocator *alloc) {
    int32_t *readers = mmoe_alloc_zero(alloc, (size_t)s->n_table, sizeof *readers);
    for (int32_t i = 0; readers && i < s->n_sparse; i++) readers[s->sparse[i].table]++;
    return readers;
}

static void find_places(const mmoe_cells *cells, const int32_t *readers, id_place *out) {
    const struct mmoe_schema *s = cells->schema;
    const bool learns = cells->learning || cells->growing;
    size_t at = 0;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const mmoe_sparse_column *c = &s->sparse[i];
        const bool shares = learns && readers[c->table] > 1;
        out[i] = (id_place){i, at, s->tables[c->table].encoder,
                            !shares && (is_list(s, i) || !mmoe_sparse_parts(c))};
        at += mmoe_sparse_cells(c);
    }
}

/* Copies the places of features that are read column by column, or of the others; returns the end.
 */
static id_place *copy_places(const struct mmoe_schema *s, const id_place *all, bool by_column,
                             id_place *to) {
    for (int32_t i = 0; i < s->n_sparse; i++)
        if ((all[i].is_alone && !is_list(s, i)) == by_column) *to++ = all[i];
    return to;
}

bool mmoe_id_order_make(const mmoe_cells *cells, const mmoe_allocator *alloc, mmoe_id_order *out) {
    const struct mmoe_schema *s = cells->schema;
    id_place *places = mmoe_alloc(alloc, 2 * (size_t)s->n_sparse, sizeof *places);
    int32_t *readers = count_readers(s, alloc);
    const bool made = places && readers;
    *out = (mmoe_id_order){0, places};
    if (made) {
        id_place *all = places + s->n_sparse;
        find_places(cells, readers, all);
        id_place *others = copy_places(s, all, true, places);
        out->n_alone = (int32_t)(others - places);
        copy_places(s, all, false, others);
    }
    mmoe_release(alloc, readers);
    return made;
}

/* ---- Rows ---- */

static mmoe_status read_feature(const mmoe_id_rows *r, size_t row, const id_place *p,
                                const int64_t *at, mmoe_error *err) {
    const mmoe_sparse_column *c = &r->cells->schema->sparse[p->feature];
    if (c->list >= 0) return mmoe_read_list(r, row, p, at, err);
    return mmoe_sparse_parts(c) ? read_cross(r, row, p, at, err) : read_id(r, row, p, *at, err);
}

/* In the order of the features. */
static mmoe_status read_row(const mmoe_id_rows *r, const int64_t *at, mmoe_error *err) {
    const int32_t n = r->cells->schema->n_sparse;
    const id_place *p = r->order->places + n;
    mmoe_status status = MMOE_OK;
    for (const id_place *end = p + n; !status && p < end; p++)
        status = read_feature(r, 0, p, at + p->at, err);
    return status;
}

/* What is not alone, row by row; lists that are have been read, and go to their places. */
static mmoe_status read_others(const mmoe_id_rows *r, const int64_t *at, mmoe_error *err) {
    mmoe_list_window *lists = r->windows;
    const struct mmoe_schema *s = r->cells->schema;
    const id_place *others = r->order->places + r->order->n_alone,
                   *end = r->order->places + s->n_sparse;
    mmoe_status status = MMOE_OK;
    for (const id_place *p = others; !status && p < end; p++)
        if (is_list(s, p->feature) && p->is_alone)
            status =
                mmoe_list_window_read(&lists[s->sparse[p->feature].list], r, p, at + p->at, err);
    for (size_t k = 0; !status && others < end && k < r->rows->count; k++)
        for (const id_place *p = others; !status && p < end; p++)
            status =
                is_list(s, p->feature) && p->is_alone
                    ? mmoe_list_window_put(&lists[s->sparse[p->feature].list], k, r->lists, err)
                    : read_feature(r, k, p, at + p->at, err);
    return status;
}

mmoe_status mmoe_read_ids(const mmoe_id_rows *r, const int64_t *at, mmoe_error *err) {
    const id_place *first = r->order->places, *others = first + r->order->n_alone;
    mmoe_status status = MMOE_OK;
    if (r->rows->count == 1) return read_row(r, at, err);
    for (const id_place *p = first; !status && p < others; p++)
        status = read_column(r, p, at[p->at], err);
    return status ? status : read_others(r, at, err);
}
