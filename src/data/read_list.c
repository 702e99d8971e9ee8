#include "data/read_list.h"

#include <string.h>

#include "base/csv_lines.h"
#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/list_values.h"
#include "data/most_ids.h"

typedef mmoe_id_place id_place;
typedef mmoe_list_window window;

static const mmoe_sparse_column *column_of(const mmoe_id_rows *r, const id_place *p) {
    return &r->cells->schema->sparse[p->feature];
}

/* ---- Memory ---- */

/* Elements of a row's lists for which no memory is asked for; places are written several at a time,
 * and so are ids. */
enum { FEW = 256, SLACK = MMOE_SCAN_SLACK, AT_ONCE = 16 };
_Static_assert((int)AT_ONCE <= (int)SLACK, "ids are copied so many at a time");

/* Arrays of a window for `n` elements, before counts [rows]. */
enum { ARRAYS = 7 };

typedef struct small_window {
    uint32_t words[ARRAYS * (FEW + SLACK) + 1];
} small_window;

/* False when memory is out. */
static bool widen(window *w, size_t words, const mmoe_allocator *a) {
    const size_t room = words + words / 4;
    if (words <= w->room) return true;
    mmoe_list_window_finish(w, a);
    w->memory = mmoe_alloc(a, room, sizeof(uint32_t));
    if (w->memory) w->room = room;
    return w->memory;
}

/* `small`: memory for few elements of one row; NULL: there is none. */
static mmoe_status make_window(window *w, const mmoe_id_rows *r, size_t elements,
                               small_window *small, mmoe_error *err) {
    const size_t room = elements + SLACK, all = ARRAYS * room + r->rows->count;
    const bool is_small = small && elements <= FEW;
    if (!is_small && !widen(w, all, &r->lists->alloc))
        return mmoe_fail_memory(err, all * sizeof(uint32_t));
    uint32_t *words = is_small ? small->words : w->memory;
    w->cuts.before = words;
    w->cuts.tails = words + room;
    w->cuts.ends = words + 2 * room;
    w->cuts.others[0] = words + 3 * room;
    w->cuts.others[1] = words + 4 * room;
    w->ids = (int32_t *)(words + 5 * room);
    w->weights = (float *)(void *)(words + 6 * room);
    w->counts = words + 7 * room;
    return MMOE_OK;
}

void mmoe_list_window_finish(window *w, const mmoe_allocator *a) {
    mmoe_release(a, w->memory);
    w->memory = NULL;
    w->room = 0;
}

/* ---- Cells ---- */

/* Bytes of a cell, as the window has them. */
typedef struct cell_place {
    uint32_t begin, end;
} cell_place;

/* What the places of a feature's cells count from: the first of them among the text, in whatever
 * order its columns are named. */
static const char *bytes_of(const mmoe_csv_rows *rows, const int64_t *at, size_t n_at) {
    static const char nothing[MMOE_CSV_READABLE + 1];
    const char *first = NULL;
    if (!rows->fields) return rows->bytes;
    for (size_t k = 0; k < rows->count && !first; k++)
        for (size_t i = 0; i < n_at; i++) {
            const mmoe_csv_field f = mmoe_csv_cell(rows, k, (size_t)at[i]);
            if (f.length && (!first || f.text < first)) first = f.text;
        }
    return first ? first : nothing;
}

static cell_place place_of(const window *w, const mmoe_csv_rows *rows, size_t row, int64_t at) {
    if (rows->fields) {
        const mmoe_csv_field f = rows->fields[row * rows->columns + (size_t)at];
        const uint32_t begin = f.length ? (uint32_t)(f.text - w->cuts.bytes) : 0;
        return (cell_place){begin, begin + (uint32_t)f.length};
    }
    const uint32_t *cut = rows->cuts + row * rows->stride + at;
    return (cell_place){cut[0] + 1, cut[1]};
}

static bool is_missing(const window *w, const mmoe_cells *c, cell_place at) {
    const mmoe_csv_field f = {w->cuts.bytes + at.begin, at.end - at.begin};
    return mmoe_cell_is_missing(c, &f);
}

/* As many as these cells may have at most. */
static size_t most_elements(const window *w, const mmoe_csv_rows *rows, int64_t at) {
    size_t most = 0;
    for (size_t k = 0; k < rows->count; k++) {
        const cell_place cell = place_of(w, rows, k, at);
        most += cell.end - cell.begin + 1;
    }
    return most;
}

/* An empty cell is an empty list. */
static mmoe_status cut_cells(window *w, const mmoe_id_rows *r, const id_place *p, int64_t at,
                             small_window *small, mmoe_error *err) {
    const mmoe_csv_rows *rows = r->rows;
    const mmoe_list_how how = column_of(r, p)->how;
    const mmoe_status status = make_window(w, r, most_elements(w, rows, at), small, err);
    if (status) return status;
    if (!how.weight_separator) w->cuts.ends = w->cuts.tails;
    for (size_t k = 0; k < rows->count; k++) {
        const cell_place cell = place_of(w, rows, k, at);
        bool is_cut = false;
        w->counts[k] = 0;
        if (is_missing(w, r->cells, cell)) continue;
        const size_t n =
            mmoe_list_cut(&w->cuts, r->cells->scanner, &how, cell.begin, cell.end, &is_cut);
        if (is_cut) mmoe_note_cut(&r->notes[p->feature], r->placed + (int64_t)k);
        w->counts[k] = (uint32_t)n;
    }
    return MMOE_OK;
}

/* One element a column; an empty cell is none, so a list has no gaps. */
static void gather_row(window *w, const mmoe_id_rows *r, const id_place *p, const int64_t *at,
                       size_t k) {
    const mmoe_sparse_column *c = column_of(r, p);
    size_t count = 0, place = 0;
    for (size_t i = 0; i < c->columns.count; i++)
        count += !is_missing(w, r->cells, place_of(w, r->rows, k, at[i]));
    const mmoe_list_span kept = mmoe_list_kept(&c->how, 0, count);
    w->counts[k] = (uint32_t)(kept.end - kept.begin);
    if (w->counts[k] < count) mmoe_note_cut(&r->notes[p->feature], r->placed + (int64_t)k);
    for (size_t i = 0; place < kept.end; i++) {
        const cell_place cell = place_of(w, r->rows, k, at[i]);
        if (is_missing(w, r->cells, cell) || place++ < kept.begin) continue;
        w->cuts.before[w->cuts.n] = cell.begin - 1;
        w->cuts.tails[w->cuts.n++] = cell.end;
    }
}

static mmoe_status gather_cells(window *w, const mmoe_id_rows *r, const id_place *p,
                                const int64_t *at, small_window *small, mmoe_error *err) {
    const size_t rows = r->rows->count, n = column_of(r, p)->columns.count;
    const mmoe_status status = make_window(w, r, rows * n, small, err);
    if (status) return status;
    w->cuts.ends = w->cuts.tails;
    for (size_t k = 0; k < rows; k++) gather_row(w, r, p, at, k);
    return MMOE_OK;
}

/* ---- Values ---- */

static const char *read_weight(const mmoe_csv_field *weight, float *out) {
    double value = 1;
    *out = 1;
    if (!weight->text) return NULL;
    if (!mmoe_parse_double(weight->text, weight->length, &value))
        return "has a weight that is not a number";
    if (value > 0 && (float)value == 0)
        return "has a weight that is too small for single precision";
    if (mmoe_weight_fault(value)) return "has a weight that is not a number of at least 0";
    if (value > (double)MMOE_MOST_WEIGHT) return "has a weight of more than 1e18";
    *out = (float)value;
    return NULL;
}

static mmoe_csv_field value_of(const window *w, size_t k) {
    const uint32_t begin = w->cuts.before[k] + 1;
    return (mmoe_csv_field){w->cuts.bytes + begin, w->cuts.ends[k] - begin};
}

/* The row that has element k, which does not stand before the last that was asked for. */
static size_t row_of(window *w, size_t k) {
    while (k >= w->end + w->counts[w->row]) w->end += w->counts[w->row++];
    return w->row;
}

/* Ids from *k on up to `end`, or the first at fault. `cell` has the fault's text. */
static const char *read_values(window *w, const mmoe_id_rows *r, const id_place *p, size_t *k,
                               size_t end, mmoe_cell *cell) {
    for (;; ++*k) {
        const mmoe_cell_run run = {
            .cells = {w->cuts.bytes, w->cuts.before + *k, w->cuts.ends + *k, 1, end - *k},
            .step = 1,
            .is_first = *k == 0,
            .ids = w->ids + *k};
        *k += mmoe_cells_known(r->cells, p->encoder, run, &r->notes[p->feature].texts);
        if (*k == end) return NULL;
        const mmoe_csv_field value = value_of(w, *k);
        const char *fault = mmoe_read_id_value(r, row_of(w, *k), p, &value, cell);
        if (fault) return fault;
        w->ids[*k] = cell->id;
    }
}

/* The weight of element k; without one its value ends where its weight would. */
static const char *weight_of(const window *w, size_t k, float *out) {
    const bool has_weight = w->cuts.tails[k] > w->cuts.ends[k];
    const mmoe_csv_field weight = {has_weight ? w->cuts.bytes + w->cuts.ends[k] + 1 : NULL,
                                   has_weight ? w->cuts.tails[k] - w->cuts.ends[k] - 1 : 0};
    return read_weight(&weight, out);
}

/* Weights of at most MMOE_CELLS_AT_ONCE elements. */
static const char *read_some_weights(const window *w, const mmoe_csv_scanner *scanner, size_t *k,
                                     size_t count) {
    const mmoe_csv_cells cells = {w->cuts.bytes, w->cuts.ends + *k, w->cuts.tails + *k, 1, count};
    double values[MMOE_CELLS_AT_ONCE];
    const uint64_t good = scanner->decimals(&cells, values);
    const char *fault = NULL;
    for (size_t i = 0; !fault && i < count; i++, *k += !fault) {
        if (good >> i & 1)
            w->weights[*k] = (float)values[i];
        else
            fault = weight_of(w, *k, &w->weights[*k]);
    }
    return fault;
}

/* Likewise of the weights that elements have, given or 1. */
static const char *read_weights(const window *w, const mmoe_id_rows *r, const id_place *p,
                                size_t *k, size_t end) {
    enum { MOST = MMOE_CELLS_AT_ONCE };
    const char *fault = NULL;
    const bool are_given = column_of(r, p)->how.weight_separator;
    for (; !are_given && *k < end; ++*k) w->weights[*k] = 1;
    while (!fault && *k < end)
        fault = read_some_weights(w, r->cells->scanner, k, end - *k < MOST ? end - *k : MOST);
    return fault;
}

/* The column of a row's element; NULL: the feature's name. */
static const char *name_of(const window *w, const mmoe_id_rows *r, const id_place *p,
                           const int64_t *at, const char *value) {
    const mmoe_sparse_column *c = column_of(r, p);
    const char *name = c->column;
    for (size_t i = 0; i < c->columns.count; i++) {
        const cell_place cell = place_of(w, r->rows, w->row, at[i]);
        if (cell.begin < cell.end && w->cuts.bytes + cell.begin == value)
            name = c->columns.items[i];
    }
    return name;
}

/* Of one row values and weights in pieces: so many are looked at before a fault is told. */
static mmoe_status read_elements(window *w, const mmoe_id_rows *r, const id_place *p,
                                 const int64_t *at, mmoe_error *err) {
    const size_t most = r->rows->count > 1 ? w->cuts.n : 64;
    mmoe_cell cell;
    for (size_t from = 0, end; from < w->cuts.n; from = end) {
        end = w->cuts.n - from < most ? w->cuts.n : from + most;
        size_t good = from, weighed = from;
        const char *fault = read_values(w, r, p, &good, end, &cell), *wrong = NULL;
        if (r->lists->is_weighed) wrong = read_weights(w, r, p, &weighed, good);
        if (wrong) fault = wrong;
        if (!fault) continue;
        const mmoe_csv_field value = value_of(w, wrong ? weighed : good);
        const int64_t row = r->rows->first + (int64_t)row_of(w, wrong ? weighed : good);
        return mmoe_cell_fail(
            r->cells, mmoe_cell_at(row, column_of(r, p)->name, name_of(w, r, p, at, value.text)),
            &value, fault, err);
    }
    r->notes[p->feature].counts.values += (int64_t)w->cuts.n;
    mmoe_most_id_raise(w->ids, w->cuts.n, &r->most[p->feature]);
    return MMOE_OK;
}

/* ---- Lists ---- */

static mmoe_status read_window(window *w, const mmoe_id_rows *r, const id_place *p,
                               const int64_t *at, small_window *small, mmoe_error *err) {
    const size_t several = column_of(r, p)->columns.count;
    *w = (window){.memory = w->memory,
                  .room = w->room,
                  .cuts = {.bytes = bytes_of(r->rows, at, several ? several : 1)}};
    const mmoe_status status =
        several ? gather_cells(w, r, p, at, small, err) : cut_cells(w, r, p, *at, small, err);
    return status ? status : read_elements(w, r, p, at, err);
}

mmoe_status mmoe_list_window_read(window *w, const mmoe_id_rows *r, const id_place *p,
                                  const int64_t *at, mmoe_error *err) {
    return read_window(w, r, p, at, NULL, err);
}

/* So many at a time that most lists need it once. */
static void copy_words(void *to, const void *from, size_t n) {
    for (size_t i = 0; i < n; i += AT_ONCE)
        memcpy((uint32_t *)to + i, (const uint32_t *)from + i, AT_ONCE * sizeof(uint32_t));
}

mmoe_status mmoe_list_window_put(window *w, size_t row, mmoe_list_store *s, mmoe_error *err) {
    const size_t n = w->counts[row];
    if (!mmoe_list_store_reserve(s, n + AT_ONCE))
        return mmoe_fail_memory(err, (n + AT_ONCE) * sizeof *s->ids);
    copy_words(s->ids + s->elements, w->ids + w->put, n);
    if (s->is_weighed) copy_words(s->weights + s->elements, w->weights + w->put, n);
    w->put += n;
    s->elements += n;
    return mmoe_list_store_end(s) ? MMOE_OK : mmoe_fail_memory(err, sizeof(int64_t));
}

/* ---- Rows of which no more can be read than they have ---- */

static mmoe_status add_element(const mmoe_id_rows *r, size_t row, const id_place *p,
                               const char *column, const mmoe_element *e, mmoe_error *err) {
    mmoe_cell cell;
    float weight = 1;
    const char *fault = mmoe_read_id_value(r, row, p, &e->value, &cell);
    if (!fault && r->lists->is_weighed) fault = read_weight(&e->weight, &weight);
    if (fault)
        return mmoe_cell_fail(
            r->cells, mmoe_cell_at(r->rows->first + (int64_t)row, column_of(r, p)->name, column),
            &e->value, fault, err);
    r->notes[p->feature].counts.values++;
    if (cell.id > r->most[p->feature]) r->most[p->feature] = cell.id;
    if (mmoe_list_store_add(r->lists, cell.id, weight)) return MMOE_OK;
    return mmoe_fail_memory(err, sizeof *r->lists->ids);
}

static mmoe_status walk_cell(const mmoe_id_rows *r, size_t row, const id_place *p, int64_t at,
                             mmoe_error *err) {
    const mmoe_sparse_column *c = column_of(r, p);
    const bool is_list = r->cells->are_lists && r->cells->are_lists[at];
    mmoe_list_how how = c->how;
    mmoe_csv_field cell = mmoe_csv_cell(r->rows, row, (size_t)at);
    mmoe_status status = MMOE_OK;
    if (is_list ? cell.length == 0 : mmoe_cell_is_missing(r->cells, &cell)) return MMOE_OK;
    if (is_list) { /* behind the last element, too, is a zero byte */
        how.separator = '\0';
        how.brackets = false;
        cell.length--;
    }
    mmoe_list_walk walk = mmoe_list_walk_begin(&how, cell);
    if (walk.is_cut) mmoe_note_cut(&r->notes[p->feature], r->placed + (int64_t)row);
    for (mmoe_element e; !status && mmoe_list_walk_next(&walk, &e);)
        status = add_element(r, row, p, c->column, &e, err);
    return status;
}

static mmoe_status walk_cells(const mmoe_id_rows *r, size_t row, const id_place *p,
                              const int64_t *at, mmoe_error *err) {
    const mmoe_sparse_column *c = column_of(r, p);
    size_t count = 0, place = 0;
    for (size_t i = 0; i < c->columns.count; i++) {
        const mmoe_csv_field f = mmoe_csv_cell(r->rows, row, (size_t)at[i]);
        count += !mmoe_cell_is_missing(r->cells, &f);
    }
    const mmoe_list_span kept = mmoe_list_kept(&c->how, 0, count);
    if (kept.end - kept.begin < count)
        mmoe_note_cut(&r->notes[p->feature], r->placed + (int64_t)row);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && place < kept.end; i++) {
        const mmoe_element e = {.value = mmoe_csv_cell(r->rows, row, (size_t)at[i])};
        if (mmoe_cell_is_missing(r->cells, &e.value) || place++ < kept.begin) continue;
        status = add_element(r, row, p, c->columns.items[i], &e, err);
    }
    return status;
}

static mmoe_status walk_list(const mmoe_id_rows *r, size_t row, const id_place *p,
                             const int64_t *at, mmoe_error *err) {
    const mmoe_status status = column_of(r, p)->columns.items ? walk_cells(r, row, p, at, err)
                                                              : walk_cell(r, row, p, *at, err);
    if (status) return status;
    return mmoe_list_store_end(r->lists) ? MMOE_OK : mmoe_fail_memory(err, sizeof(int64_t));
}

mmoe_status mmoe_read_list(const mmoe_id_rows *r, size_t row, const id_place *p, const int64_t *at,
                           mmoe_error *err) {
    if (!r->rows->is_readable) return walk_list(r, row, p, at, err);
    const mmoe_csv_rows cut = mmoe_csv_row_of(r->rows, row);
    mmoe_id_rows one = *r;
    small_window small;
    window w = {NULL};
    one.rows = &cut;
    one.placed += (int64_t)row;
    mmoe_status status = read_window(&w, &one, p, at, &small, err);
    if (!status) status = mmoe_list_window_put(&w, 0, r->lists, err);
    mmoe_list_window_finish(&w, &r->lists->alloc);
    return status;
}
