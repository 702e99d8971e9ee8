#include "data/csv_join.h"

#include <string.h>

#include "base/error.h"
#include "data/csv_settle.h"
#include "data/label.h"
#include "data/most_ids.h"

/* ---- Adding ---- */

bool mmoe_csv_parts_agree(const mmoe_csv_parts *all, const mmoe_csv_part *p) {
    for (int32_t i = 0; all->negatives && i < p->file->schema->n_label; i++)
        if (all->negatives[i] && p->negatives[i] &&
            !mmoe_label_is_same(p->negatives[i], all->negatives[i]))
            return false;
    return true;
}

static void count_passed(mmoe_csv_parts *all, const mmoe_csv_part *p) {
    mmoe_csv_passed *to = &all->passed;
    if (!to->blank_lines && p->passed.blank_lines) {
        to->blank_behind = p->passed.blank_behind + p->before;
        all->first_blank = p->file->path;
    }
    to->blank_lines += p->passed.blank_lines;
    to->commas += p->passed.commas;
}

static void count_lacking(mmoe_csv_parts *all, const mmoe_csv_part *p) {
    if (!all->n_lacking && p->n_blank) {
        all->first_lack = p->first_lack;
        all->first_lacking = all->rows + p->first_blank;
    }
    all->n_lacking += p->n_blank;
}

static void count_headers(mmoe_csv_parts *all, const mmoe_csv_part *p) {
    if (!all->n_header) all->first_header = all->rows + p->first_header;
    all->n_header += p->n_header;
}

/* The first part that tells a label's other text tells it for all. */
static mmoe_status take_negatives(mmoe_csv_parts *all, mmoe_csv_part *p, mmoe_error *err) {
    const size_t n = (size_t)p->file->schema->n_label;
    if (!all->negatives)
        all->negatives = mmoe_alloc_zero(&p->file->alloc, n, sizeof *all->negatives);
    if (!all->negatives) return mmoe_fail_memory(err, n * sizeof *all->negatives);
    for (size_t i = 0; i < n; i++) {
        if (all->negatives[i]) continue;
        all->negatives[i] = p->negatives[i];
        p->negatives[i] = NULL;
    }
    return MMOE_OK;
}

static size_t left_out(const mmoe_csv_part *p) { return p->bad.are_kept ? 0 : p->bad.count; }

/* Rows behind one that is left out have the numbers that follow its own. */
static mmoe_status count_bad(mmoe_csv_parts *all, const mmoe_csv_part *p, mmoe_error *err) {
    const mmoe_csv_bad *bad = &p->bad;
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < left_out(p); i++) {
        const int64_t number = bad->rows[i] + p->before,
                      in_part = number - all->places->first_row - all->before - (int64_t)i;
        status =
            mmoe_places_go_on(all->places, all->rows + in_part, number + 1, &p->file->alloc, err);
    }
    if (!all->n_bad) all->first_bad = bad->first;
    all->n_bad += (int64_t)bad->count;
    return status;
}

mmoe_status mmoe_csv_parts_count(mmoe_csv_parts *all, mmoe_csv_part *p, mmoe_error *err) {
    all->file = p->file;
    count_passed(all, p);
    count_lacking(all, p);
    count_headers(all, p);
    const mmoe_status status = count_bad(all, p, err);
    all->rows += p->rows;
    all->before += p->rows + (int64_t)left_out(p);
    return status ? status : take_negatives(all, p, err);
}

mmoe_status mmoe_csv_parts_add(mmoe_csv_parts *all, mmoe_csv_part *p, mmoe_error *err) {
    if (all->count == all->room) {
        const size_t room = 2 * all->room + 16;
        mmoe_csv_part **items =
            mmoe_resize(&p->file->alloc, all->items, all->room, room, sizeof *items);
        if (!items) {
            mmoe_csv_part_free(p);
            return mmoe_fail_memory(err, room * sizeof *items);
        }
        all->items = items;
        all->room = room;
    }
    all->items[all->count++] = p;
    return mmoe_csv_parts_count(all, p, err);
}

void mmoe_csv_parts_finish(mmoe_csv_parts *all) {
    const mmoe_csv_file *file = all->file;
    if (!file) return;
    for (int32_t i = 0; all->negatives && i < file->schema->n_label; i++)
        mmoe_release(&file->alloc, all->negatives[i]);
    mmoe_release(&file->alloc, all->negatives);
    for (size_t i = 0; i < all->count; i++) mmoe_csv_part_free(all->items[i]);
    mmoe_release(&file->alloc, all->items);
    *all = (mmoe_csv_parts){0};
}

/* ---- Columns beside them ---- */

/* The values of a part, behind those of `before` rows. */
static mmoe_status join_values(mmoe_kept *to, int64_t before, const mmoe_csv_part *p, size_t column,
                               mmoe_error *err) {
    const mmoe_allocator *a = &p->file->alloc;
    const mmoe_kept *from = &p->kept[column];
    int32_t *rows;
    const mmoe_status status = mmoe_kept_merge(to->vocab, from, a, &rows, err);
    if (status) return status;
    for (int64_t r = 0; r < p->rows; r++) to->values[before + r] = rows[from->values[r]];
    mmoe_release(a, rows);
    return MMOE_OK;
}

static mmoe_status join_column(mmoe_csv_part *const *parts, size_t count, size_t column,
                               mmoe_kept *to, mmoe_error *err) {
    const mmoe_csv_file *f = parts[0]->file;
    int64_t rows = 0, before = 0;
    for (size_t i = 0; i < count; i++) rows += parts[i]->rows;
    mmoe_status status = mmoe_kept_begin(to, f->keep[column], &f->alloc, err);
    if (status) return status;
    to->values = mmoe_alloc(&f->alloc, (size_t)rows, sizeof *to->values);
    if (!to->values) return mmoe_fail_memory(err, (size_t)rows * sizeof *to->values);
    for (size_t i = 0; !status && i < count; before += parts[i++]->rows)
        status = join_values(to, before, parts[i], column, err);
    return status ? status : mmoe_vocab_finish(to->vocab, err);
}

static mmoe_status join_kept(mmoe_csv_part *const *parts, size_t count, struct mmoe_dataset *set,
                             mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < parts[0]->file->n_keep; i++) {
        mmoe_kept kept = {NULL};
        status = join_column(parts, count, i, &kept, err);
        if (!status) status = mmoe_dataset_add_kept(set, &kept, err);
        if (status) mmoe_kept_finish(&kept, &set->alloc);
    }
    return status;
}

/* ---- What was noted ---- */

static mmoe_status join_lacking(mmoe_csv_part *const *parts, size_t count, struct mmoe_dataset *set,
                                mmoe_error *err) {
    size_t n = 0;
    int64_t rows = 0;
    for (size_t i = 0; i < count; i++) n += parts[i]->n_lacking;
    if (n == 0) return MMOE_OK;
    set->lacking = mmoe_alloc(&set->alloc, n, sizeof *set->lacking);
    if (!set->lacking) return mmoe_fail_memory(err, n * sizeof *set->lacking);
    for (size_t i = 0; i < count; i++) {
        const mmoe_csv_part *p = parts[i];
        for (size_t k = 0; k < p->n_lacking; k++)
            set->lacking[set->n_lacking++] = rows + p->lacking[k];
        rows += p->rows;
    }
    return MMOE_OK;
}

static mmoe_status join_most_ids(mmoe_csv_part *const *parts, size_t count,
                                 struct mmoe_dataset *set, mmoe_error *err) {
    const size_t n = (size_t)set->n_sparse;
    set->most_id = mmoe_alloc_zero(&set->alloc, n, sizeof *set->most_id);
    if (!set->most_id) return mmoe_fail_memory(err, n * sizeof *set->most_id);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < n; c++)
            if (parts[i]->most_ids[c] > set->most_id[c]) set->most_id[c] = parts[i]->most_ids[c];
    return MMOE_OK;
}

/* What was noted of a part's rows. */
static void join_notes(struct mmoe_dataset *set, const mmoe_csv_part *p) {
    for (int32_t n = 0; n < set->n_sparse + set->n_dense; n++)
        mmoe_note_join(&set->notes[n], &p->notes[n], (int64_t)p->first_row);
    set->any_missing_label |= p->any_missing_label;
}

mmoe_status mmoe_csv_join(mmoe_csv_part *const *parts, size_t count, struct mmoe_dataset *set,
                          mmoe_error *err) {
    mmoe_status status = join_lacking(parts, count, set, err);
    if (!status) status = join_kept(parts, count, set, err);
    if (!status) status = join_most_ids(parts, count, set, err);
    for (size_t i = 0; !status && i < count; i++) join_notes(set, parts[i]);
    return status;
}

/* ---- The end of learning ---- */

typedef struct settling {
    mmoe_csv_part *const *parts;
    const struct mmoe_dataset *set;
    const int32_t **become; /* NULL: ids stay */
} settling;

static void place_ids(const settling *s, mmoe_csv_part *p) {
    const struct mmoe_dataset *set = s->set;
    const mmoe_csv_ids ids = {p->rows, set->ids + p->first_row * (size_t)set->n_id,
                              set->offsets ? set->offsets + p->first_list + 1 : NULL, set->elements,
                              (int64_t)p->first_element};
    const mmoe_row_ids rows = {
        ids.rows, set->n_id, set->n_sparse - set->n_id, ids.ids, ids.ends, ids.elements, ids.first};
    mmoe_csv_ids_place(&ids, p->file->schema, s->become, p->notes);
    if (set->n_sparse) memset(p->most_ids, 0, (size_t)set->n_sparse * sizeof *p->most_ids);
    mmoe_most_ids_raise(&rows, p->most_ids);
}

static void settle_part(void *context, int worker, int index) {
    const settling *s = context;
    const struct mmoe_dataset *set = s->set;
    mmoe_csv_part *p = s->parts[index];
    const size_t at = p->first_row;
    (void)worker;
    if (s->become) place_ids(s, p);
    if (!p->learns_numbers) return;
    mmoe_csv_numbers_finish(p->file->schema, p->values, p->rows,
                            set->dense + at * (size_t)set->dense_width);
    mmoe_release(&p->file->alloc, p->values);
    p->values = NULL;
}

mmoe_status mmoe_csv_join_settle(mmoe_csv_part *const *parts, size_t count, mmoe_pool *pool,
                                 struct mmoe_dataset *set, mmoe_error *err) {
    const mmoe_csv_file *f = parts[0]->file;
    const size_t rows = (size_t)set->rows, width = (size_t)set->dense_width;
    settling s = {parts, set, NULL};
    if (parts[0]->learns_numbers) {
        set->dense = mmoe_alloc_aligned(&set->alloc, rows, width * sizeof *set->dense);
        if (!set->dense) return mmoe_fail_memory(err, rows * width * sizeof *set->dense);
    }
    const mmoe_status status = mmoe_csv_ids_become(f, &s.become, err);
    if (status) return status;
    if (s.become || parts[0]->learns_numbers)
        mmoe_pool_run_exact(pool, (int)count, settle_part, &s);
    mmoe_release(&f->alloc, (void *)s.become);
    return MMOE_OK;
}
