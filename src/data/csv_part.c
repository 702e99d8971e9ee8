#include "data/csv_part.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/label.h"
#include "data/read_list.h"

static size_t n_id_of(const mmoe_csv_part *p) {
    return (size_t)(p->cells.schema->n_sparse - p->cells.schema->n_list);
}

static bool begin_kept(mmoe_csv_part *p) {
    const mmoe_csv_file *f = p->file;
    p->kept = mmoe_alloc_zero(&f->alloc, f->n_keep, sizeof *p->kept);
    bool good = p->kept;
    for (size_t i = 0; good && i < f->n_keep; i++)
        good = !mmoe_kept_begin(&p->kept[i], f->keep[i], &f->alloc, NULL);
    return good;
}

mmoe_csv_part *mmoe_csv_part_new(const mmoe_csv_file *file, const struct mmoe_schema *s) {
    const mmoe_allocator *a = &file->alloc;
    mmoe_csv_part *p = mmoe_alloc_zero(a, 1, sizeof *p);
    if (!p) return NULL;
    p->file = file;
    p->cells = (mmoe_cells){file->path, s, file->wanted};
    p->cells.growing = file->growing;
    p->cells.scanner = mmoe_csv_scanner_best();
    p->cells.is_of_column = &p->is_of_column;
    if (file->label_mode == MMOE_ROWS_TO_SCORE) p->cells.is_blank = &p->is_blank;
    p->cells.are_lists = file->are_lists;
    p->learns_numbers = file->wanted && !mmoe_schema_numbers_stand(s);
    p->lists.alloc = *a;
    p->lists.is_weighed = mmoe_schema_weighs_lists(s);
    p->notes = mmoe_alloc_zero(a, (size_t)s->n_sparse + (size_t)s->n_dense, sizeof *p->notes);
    p->most_ids = mmoe_alloc_zero(a, (size_t)s->n_sparse, sizeof *p->most_ids);
    p->negatives = mmoe_alloc_zero(a, (size_t)s->n_label, sizeof *p->negatives);
    p->told = mmoe_alloc_zero(a, (size_t)s->n_label, sizeof *p->told);
    p->windows = mmoe_alloc_zero(a, (size_t)s->n_list, sizeof *p->windows);
    const bool has_order = mmoe_id_order_make(&p->cells, a, &p->order);
    if (begin_kept(p) && has_order && p->notes && p->most_ids && p->negatives && p->told &&
        p->windows)
        return p;
    mmoe_csv_part_free(p);
    return NULL;
}

void mmoe_csv_part_end(mmoe_csv_part *p) {
    for (int32_t i = 0; p->windows && i < p->cells.schema->n_list; i++)
        mmoe_list_window_finish(&p->windows[i], &p->file->alloc);
    mmoe_release(&p->file->alloc, p->windows);
    p->windows = NULL;
}

void mmoe_csv_part_free(mmoe_csv_part *p) {
    if (!p) return;
    const mmoe_allocator *a = &p->file->alloc;
    mmoe_csv_part_end(p);
    for (int32_t i = 0; p->negatives && i < p->file->schema->n_label; i++)
        mmoe_release(a, p->negatives[i]);
    for (size_t i = 0; p->kept && i < p->file->n_keep; i++) mmoe_kept_finish(&p->kept[i], a);
    mmoe_release(a, p->kept);
    mmoe_release(a, p->negatives);
    mmoe_release(a, p->told);
    mmoe_release(a, p->bad.rows);
    mmoe_release(a, p->order.places);
    mmoe_release(a, p->notes);
    mmoe_release(a, p->most_ids);
    mmoe_release(a, p->ids);
    mmoe_release(a, p->values);
    mmoe_release(a, p->labels);
    mmoe_release(a, p->weights);
    mmoe_release(a, p->lacking);
    mmoe_list_store_finish(&p->lists);
    mmoe_release(a, p);
}

mmoe_status mmoe_csv_part_know(mmoe_csv_part *p, char *const *negatives, mmoe_error *err) {
    for (int32_t i = 0; i < p->cells.schema->n_label; i++) {
        if (!negatives[i]) continue;
        const size_t length = strlen(negatives[i]);
        p->negatives[i] = mmoe_copy_text(&p->file->alloc, negatives[i], length);
        if (!p->negatives[i]) return mmoe_fail_memory(err, length + 1);
    }
    return MMOE_OK;
}

/* ---- Memory from part to part ---- */

static void trade(void *a, void *b) {
    void *first, *second;
    memcpy(&first, a, sizeof first);
    memcpy(&second, b, sizeof second);
    memcpy(a, &second, sizeof second);
    memcpy(b, &first, sizeof first);
}

/* Do the part's numbers stay with it? */
static bool keeps_numbers(const mmoe_csv_part *p) { return p->learns_numbers && !p->is_spilled; }

/* Room for what stays with the part before. False: memory is out, and there is none. */
static bool make_own(mmoe_csv_part *p, const mmoe_csv_part *before) {
    const mmoe_allocator *a = &p->file->alloc;
    const size_t capacity = (size_t)before->capacity;
    bool good = true;
    if (keeps_numbers(before))
        good = (p->values = mmoe_alloc(a, capacity, mmoe_csv_part_values_size(p)));
    for (size_t i = 0; good && i < p->file->n_keep; i++)
        good = (p->kept[i].values = mmoe_alloc(a, capacity, sizeof *p->kept[i].values));
    if (good) return true;
    mmoe_release(a, p->values);
    p->values = NULL;
    for (size_t i = 0; i < p->file->n_keep; i++) {
        mmoe_release(a, p->kept[i].values);
        p->kept[i].values = NULL;
    }
    return false;
}

void mmoe_csv_part_inherit(mmoe_csv_part *p, mmoe_csv_part *from) {
    if (!from->is_taken || !from->capacity || p->capacity || p->file != from->file ||
        !make_own(p, from))
        return;
    if (!keeps_numbers(from)) trade(&p->values, &from->values);
    trade(&p->ids, &from->ids);
    trade(&p->labels, &from->labels);
    trade(&p->weights, &from->weights);
    p->capacity = from->capacity;
    from->capacity = 0;
    const mmoe_list_store lists = p->lists;
    p->lists = from->lists;
    p->lists.lists = p->lists.elements = 0;
    from->lists = lists;
}

void mmoe_csv_part_give_back(mmoe_csv_part *p) {
    const mmoe_allocator *a = &p->file->alloc;
    mmoe_release(a, p->ids);
    mmoe_release(a, p->labels);
    mmoe_release(a, p->weights);
    mmoe_list_store_finish(&p->lists);
    p->ids = NULL;
    p->labels = p->weights = NULL;
    p->capacity = 0;
    if (keeps_numbers(p)) return;
    mmoe_release(a, p->values);
    p->values = NULL;
}

void mmoe_csv_part_forget_kept(mmoe_csv_part *p) {
    for (size_t i = 0; i < p->file->n_keep; i++) {
        mmoe_kept_finish(&p->kept[i], &p->file->alloc);
        p->kept[i] = (mmoe_kept){NULL};
    }
}

void mmoe_csv_part_forget(mmoe_csv_part *p) {
    mmoe_csv_part_give_back(p);
    mmoe_release(&p->file->alloc, p->values);
    p->values = NULL;
    mmoe_csv_part_forget_kept(p);
}

/* ---- Fields ---- */

/* The cells of a dense feature, where the row's numbers are kept. */
static const char *read_number(const mmoe_csv_part *p, const mmoe_dense_column *c, int64_t r,
                               const mmoe_csv_field *f, bool missing, mmoe_cell *cell) {
    const struct mmoe_schema *s = p->cells.schema;
    if (p->learns_numbers) {
        cell->learned = (double *)p->values + r * s->dense_span + c->first_number;
        const char *fault = missing ? NULL : mmoe_cell_read(&p->cells, c->encoder, f, cell);
        const bool is_gap = mmoe_dense_pardons(c, cell, fault);
        if (missing || is_gap) *cell->learned = (double)NAN;
        return is_gap ? NULL : fault;
    }
    cell->inputs = (float *)p->values + r * s->dense_width + c->first;
    const char *fault =
        missing ? NULL : c->encoder->kind->parse(c->encoder, f->text, f->length, cell);
    if (mmoe_dense_pardons(c, cell, fault)) fault = NULL;
    if (!fault) mmoe_dense_fill(c, cell->inputs, cell->state != MMOE_CELL_KNOWN);
    return fault;
}

/* Each column's reader below takes the rows that stand behind the part's. */

/* Those of row `k` and behind it that need no more than a look. */
static size_t read_known(const mmoe_csv_part *p, int32_t i, const mmoe_csv_rows *rows, size_t k) {
    const struct mmoe_schema *s = p->cells.schema;
    const mmoe_dense_column *c = &s->dense[i];
    const size_t r = (size_t)p->rows + k;
    mmoe_cell_run run = {.step = (size_t)(p->learns_numbers ? s->dense_span : s->dense_width)};
    if (c->indicator && !p->learns_numbers) return 0;
    if (p->learns_numbers)
        run.learned = (double *)p->values + r * run.step + c->first_number;
    else
        run.inputs = (float *)p->values + r * run.step + c->first;
    const mmoe_csv_column at = {rows, (size_t)p->file->number_fields[i], k};
    return mmoe_cells_known_of(&p->cells, c->encoder, at, run, NULL);
}

static mmoe_status read_numbers(const mmoe_csv_part *p, int32_t i, const mmoe_csv_rows *rows,
                                mmoe_error *err) {
    const struct mmoe_schema *s = p->cells.schema;
    const mmoe_dense_column *c = &s->dense[i];
    const bool is_open = mmoe_gap_is_open(&c->gap);
    for (size_t k = read_known(p, i, rows, 0); k < rows->count;
         k++, k += read_known(p, i, rows, k)) {
        const mmoe_csv_field f = mmoe_csv_cell(rows, k, (size_t)p->file->number_fields[i]);
        const int64_t r = p->rows + (int64_t)k;
        const bool missing = is_open && mmoe_cell_is_missing(&p->cells, &f);
        mmoe_cell cell; /* has the fault's text */
        cell.state = missing ? MMOE_CELL_MISSING : MMOE_CELL_KNOWN;
        const char *fault = read_number(p, c, r, &f, missing, &cell);
        if (fault)
            return mmoe_cell_fail(&p->cells,
                                  mmoe_cell_at(rows->first + (int64_t)k, c->name, c->column), &f,
                                  fault, err);
        mmoe_note_add(&p->notes[s->n_sparse + i], cell.state, r + 1);
        mmoe_note_text(&p->notes[s->n_sparse + i], cell.state, f.text, f.length);
    }
    return MMOE_OK;
}

static mmoe_status read_features(mmoe_csv_part *p, const mmoe_csv_rows *rows, mmoe_error *err) {
    const mmoe_id_rows ids = {&p->cells, rows,        p->rows + 1,
                              &p->order, p->notes,    p->ids + (size_t)p->rows * n_id_of(p),
                              &p->lists, p->most_ids, p->windows};
    mmoe_status status = mmoe_read_ids(&ids, p->file->id_fields, err);
    for (int32_t i = 0; !status && i < p->cells.schema->n_dense; i++)
        status = read_numbers(p, i, rows, err);
    return status;
}

static mmoe_status read_label(const mmoe_csv_part *p, int32_t i, int64_t row,
                              const mmoe_csv_field *f, float *out, mmoe_error *err) {
    const mmoe_label_column *column = &p->cells.schema->labels[i];
    char room[MMOE_LABEL_FAULT_SIZE];
    const mmoe_label_cell cell = {column,  &p->file->alloc, &p->negatives[i],
                                  f->text, f->length,       mmoe_cell_is_missing(&p->cells, f)};
    const char *fault = mmoe_label_read(&cell, room, out);
    if (fault == mmoe_label_no_memory) return mmoe_fail_memory(err, f->length + 1);
    if (fault)
        return mmoe_cell_fail(&p->cells, mmoe_cell_at(row, column->name, NULL), f, fault, err);
    return MMOE_OK;
}

/* Are 0 and 1 labels that stand for themselves? */
static bool takes_bits(const mmoe_csv_part *p, const mmoe_label_column *c) {
    bool good = !c->positive && mmoe_reading_has_digits(&p->cells.schema->reading);
    for (int bit = 0; good && bit < 2; bit++)
        good = !mmoe_label_fault((int)c->type, bit) &&
               !mmoe_number_text_has(&c->text, bit, false) &&
               !mmoe_label_scale_fault(c->scale.transform, bit);
    return good;
}

static mmoe_status read_labels(mmoe_csv_part *p, int32_t i, const mmoe_csv_rows *rows,
                               mmoe_error *err) {
    const int64_t at = p->file->target_fields[i];
    const size_t n_label = (size_t)p->cells.schema->n_label;
    const bool has_bits = takes_bits(p, &p->cells.schema->labels[i]);
    float *label = p->labels + (size_t)p->rows * n_label + i;
    mmoe_status status = MMOE_OK;
    for (size_t k = 0; !status && k < rows->count; k++, label += n_label) {
        *label = NAN;
        if (at >= 0) {
            const mmoe_csv_field f = mmoe_csv_cell(rows, k, (size_t)at);
            if (has_bits && f.length == 1 && (*f.text == '0' || *f.text == '1')) {
                *label = (float)(*f.text - '0');
                continue;
            }
            status = read_label(p, i, rows->first + (int64_t)k, &f, label, err);
        }
        p->any_missing_label |= isnan(*label) != 0;
    }
    return status;
}

static mmoe_status read_weights(const mmoe_csv_part *p, const mmoe_csv_rows *rows,
                                mmoe_error *err) {
    const int64_t at = p->file->target_fields[p->cells.schema->n_label];
    for (size_t k = 0; at >= 0 && k < rows->count; k++) {
        const mmoe_csv_field f = mmoe_csv_cell(rows, k, (size_t)at);
        double value;
        const char *fault = mmoe_parse_double(f.text, f.length, &value) ? mmoe_weight_fault(value)
                                                                        : "is not a number";
        if (fault)
            return mmoe_cell_fail(
                &p->cells, mmoe_cell_at(rows->first + (int64_t)k, p->cells.schema->weight, NULL),
                &f, fault, err);
        p->weights[(size_t)p->rows + k] = (float)value;
    }
    return MMOE_OK;
}

static mmoe_status read_kept(const mmoe_csv_part *p, size_t i, const mmoe_csv_rows *rows,
                             mmoe_error *err) {
    int32_t *value = p->kept[i].values + p->rows;
    mmoe_status status = MMOE_OK;
    for (size_t k = 0; !status && k < rows->count; k++, value++) {
        const mmoe_csv_field f = mmoe_csv_cell(rows, k, (size_t)p->file->keep_fields[i]);
        const size_t length = mmoe_cell_is_missing(&p->cells, &f) ? 0 : f.length;
        status = mmoe_vocab_add(p->kept[i].vocab, f.text, length, value, err);
    }
    return status;
}

/* ---- Rows ---- */

/* Gives the arrays room for `rows` rows; false when one of them could not be moved. */
static bool resize_rows(mmoe_csv_part *p, size_t rows) {
    const mmoe_allocator *a = &p->file->alloc;
    const size_t from = (size_t)p->capacity, n_label = (size_t)p->cells.schema->n_label;
    void *values = mmoe_resize(a, p->values, from, rows, mmoe_csv_part_values_size(p));
    if (values) p->values = values;
    int32_t *ids = mmoe_resize(a, p->ids, from, rows, n_id_of(p) * sizeof *ids);
    if (ids) p->ids = ids;
    float *labels = mmoe_resize(a, p->labels, from, rows, n_label * sizeof *labels);
    if (labels) p->labels = labels;
    bool good = values && ids && labels;
    for (size_t i = 0; i < p->file->n_keep; i++) {
        int32_t *kept = mmoe_resize(a, p->kept[i].values, from, rows, sizeof *kept);
        if (kept) p->kept[i].values = kept;
        good = good && kept;
    }
    if (!mmoe_csv_file_is_weighted(p->file)) return good;
    float *weights = mmoe_resize(a, p->weights, from, rows, sizeof *weights);
    if (weights) p->weights = weights;
    return good && weights;
}

static mmoe_status grow(mmoe_csv_part *p, size_t more, mmoe_error *err) {
    const struct mmoe_schema *s = p->cells.schema;
    const size_t rows = (size_t)(p->capacity + p->capacity / 2 + 1024) + more;
    if (!resize_rows(p, rows))
        return mmoe_fail_memory(
            err, rows * (4 * (size_t)(s->n_sparse + s->n_label) + mmoe_csv_part_values_size(p)));
    p->capacity = (int64_t)rows;
    return MMOE_OK;
}

/* A row that has no scores, behind the part's, of which nothing is kept but that. */
static mmoe_status keep_place(mmoe_csv_part *p, mmoe_error *err) {
    const struct mmoe_schema *s = p->cells.schema;
    const size_t r = (size_t)p->rows, n = p->n_lacking, ids = n_id_of(p),
                 width = (size_t)s->dense_width;
    if (n == p->lacking_room) {
        const size_t room = 2 * n + 64;
        int64_t *lacking = mmoe_resize(&p->file->alloc, p->lacking, n, room, sizeof *lacking);
        if (!lacking) return mmoe_fail_memory(err, room * sizeof *lacking);
        p->lacking = lacking;
        p->lacking_room = room;
    }
    p->lacking[p->n_lacking++] = p->rows;
    memset(p->ids + r * ids, 0, ids * sizeof *p->ids);
    memset((float *)p->values + r * width, 0, width * sizeof(float));
    p->finds_list_ids = true; /* those of the row may have been read */
    while (p->lists.lists < (r + 1) * (size_t)s->n_list)
        if (!mmoe_list_store_end(&p->lists)) return mmoe_fail_memory(err, sizeof(int64_t));
    return MMOE_OK;
}

static void note_blank(mmoe_csv_part *p, const mmoe_error *fault) {
    if (p->n_blank++) return;
    p->first_lack = *fault;
    p->first_blank = p->rows;
}

static mmoe_status note_bad(mmoe_csv_part *p, const mmoe_error *fault, mmoe_error *err) {
    return mmoe_csv_bad_add(&p->bad, fault, &p->file->alloc, err);
}

static void note_headers(mmoe_csv_part *p, const mmoe_csv_rows *rows) {
    size_t k = mmoe_csv_file_find_header(p->file, rows, 0);
    for (; k < rows->count; k = mmoe_csv_file_find_header(p->file, rows, k + 1))
        if (!p->n_header++) p->first_header = p->rows + (int64_t)k;
}

static mmoe_status read_row_to_score(mmoe_csv_part *p, const mmoe_csv_rows *row, mmoe_error *err) {
    mmoe_error fault = {0};
    p->is_blank = false;
    mmoe_status status = read_features(p, row, &fault);
    const bool has_fault = status == MMOE_E_DATA && (p->is_blank || p->bad.is_on);
    if (has_fault && p->is_blank)
        note_blank(p, &fault);
    else if (has_fault)
        status = note_bad(p, &fault, err);
    else if (status && err)
        *err = fault;
    return has_fault && (p->is_blank || !status) ? keep_place(p, err) : status;
}

static mmoe_status read_rows(mmoe_csv_part *p, const mmoe_csv_rows *rows, mmoe_error *err) {
    mmoe_status status = p->file->label_mode == MMOE_ROWS_TO_SCORE ? read_row_to_score(p, rows, err)
                                                                   : read_features(p, rows, err);
    for (int32_t i = 0; !status && i < p->cells.schema->n_label; i++)
        status = read_labels(p, i, rows, err);
    if (!status) status = read_weights(p, rows, err);
    for (size_t i = 0; !status && i < p->file->n_keep; i++) status = read_kept(p, i, rows, err);
    if (!status) note_headers(p, rows);
    return status;
}

bool mmoe_csv_part_skip(void *part, int64_t row) {
    return mmoe_csv_bad_has(&((mmoe_csv_part *)part)->bad, row);
}

/* A row to score whose fields are not as many as the header's. */
static mmoe_status add_place(mmoe_csv_part *p, mmoe_error *err) {
    const size_t n_label = (size_t)p->cells.schema->n_label;
    mmoe_status status = p->rows < p->capacity ? MMOE_OK : grow(p, 1, err);
    if (!status) status = keep_place(p, err);
    if (status) return status;
    for (size_t i = 0; i < n_label; i++) p->labels[(size_t)p->rows * n_label + i] = NAN;
    for (size_t i = 0; i < p->file->n_keep; i++) p->kept[i].values[p->rows] = 0;
    p->any_missing_label |= n_label > 0;
    p->rows++;
    return MMOE_OK;
}

mmoe_status mmoe_csv_part_fault(void *part, const mmoe_error *fault, mmoe_error *err) {
    mmoe_csv_part *p = part;
    const mmoe_status status = note_bad(p, fault, err);
    return status || !p->bad.are_kept ? status : add_place(p, err);
}

/* Whether a row is at fault must not be said by one that is left out: of all that such a row may
 * have taught, the other text of a label alone does that. */
static void forget_texts(mmoe_csv_part *p) {
    for (int32_t i = 0; i < p->cells.schema->n_label; i++) {
        if (p->negatives[i] == p->told[i]) continue;
        mmoe_release(&p->file->alloc, p->negatives[i]);
        p->negatives[i] = NULL;
    }
}

static void note_texts(mmoe_csv_part *p) {
    const size_t n = (size_t)p->cells.schema->n_label;
    if (n) memcpy(p->told, p->negatives, n * sizeof *p->told);
}

static mmoe_status leave_out(mmoe_csv_part *p, const mmoe_error *fault, mmoe_error *err) {
    const mmoe_status status = note_bad(p, fault, err);
    forget_texts(p);
    if (!status && p->rows == 0) p->bad.is_first = p->bad.may_be_first;
    return status;
}

static mmoe_status read_one_by_one(mmoe_csv_part *p, const mmoe_csv_rows *rows, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t k = 0; !status && k < rows->count; k++) {
        const mmoe_csv_rows row = mmoe_csv_row_of(rows, k);
        mmoe_error fault;
        p->is_of_column = false;
        note_texts(p);
        status = read_rows(p, &row, &fault);
        if (status == MMOE_E_DATA && p->bad.is_on && !p->bad.are_kept && !p->is_of_column)
            status = leave_out(p, &fault, err);
        else if (status && err)
            *err = fault;
        p->rows++;
    }
    return status;
}

/* Columns at a time. Where a fault ends reading, rows are read again one by one for the first that
 * has one; where it need not, they come one by one. */
mmoe_status mmoe_csv_part_rows(void *part, const mmoe_csv_rows *rows, mmoe_error *err) {
    mmoe_csv_part *p = part;
    const bool by_column = rows->count > 1 && p->file->label_mode != MMOE_ROWS_TO_SCORE;
    mmoe_status status = MMOE_OK;
    if (p->rows + (int64_t)rows->count > p->capacity) status = grow(p, rows->count, err);
    note_texts(p);
    if (!status && by_column) status = read_rows(p, rows, err);
    if (status == MMOE_E_DATA) forget_texts(p);
    if (status == MMOE_E_DATA || (!status && !by_column)) return read_one_by_one(p, rows, err);
    p->rows += (int64_t)rows->count;
    return status;
}
