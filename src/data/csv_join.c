#include "data/csv_join.h"

#include <string.h>

#include "base/error.h"
#include "data/label.h"

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
    all->file = p->file;
    count_passed(all, p);
    count_lacking(all, p);
    const mmoe_status status = count_bad(all, p, err);
    all->rows += p->rows;
    all->before += p->rows + (int64_t)left_out(p);
    return status ? status : take_negatives(all, p, err);
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

/* ---- Rows ---- */

/* Copies an array of a part's to where it stands among all, and releases it. */
static void move(const mmoe_allocator *a, void *to, size_t at, void *from, size_t bytes) {
    if (bytes) memcpy((char *)to + at, from, bytes);
    mmoe_release(a, from);
}

/* Lists that stand behind so many others and their elements. */
static void move_lists(const struct mmoe_dataset *set, size_t lists, size_t elements,
                       mmoe_list_store *from) {
    for (size_t i = 0; i < from->lists; i++)
        set->offsets[lists + i + 1] = (int64_t)elements + from->ends[i];
    if (from->elements) {
        memcpy(set->elements + elements, from->ids, from->elements * sizeof *from->ids);
        if (from->is_weighed)
            memcpy(set->element_weights + elements, from->weights,
                   from->elements * sizeof *from->weights);
    }
    mmoe_list_store_finish(from);
}

/* Rows that stand behind `before` others. */
static void move_rows(const struct mmoe_dataset *set, size_t before, mmoe_csv_part *p) {
    const mmoe_allocator *a = &p->file->alloc;
    const size_t rows = (size_t)p->rows, id = (size_t)set->n_id * sizeof *p->ids,
                 label = (size_t)set->n_label * sizeof *p->labels,
                 input = (size_t)set->dense_width * sizeof *set->dense;
    move(a, set->ids, before * id, p->ids, rows * id);
    move(a, set->labels, before * label, p->labels, rows * label);
    move(a, set->dense, before * input, p->values, rows * input);
    p->ids = NULL;
    p->labels = NULL;
    p->values = NULL;
    if (set->weights) {
        move(a, set->weights, before * sizeof *p->weights, p->weights, rows * sizeof *p->weights);
        p->weights = NULL;
    }
}

/* Arrays of their own sizes that are aligned, and in large pages where they are large: training
 * reads rows in random order. */
static mmoe_status make_rows(struct mmoe_dataset *set, bool is_weighted, mmoe_error *err) {
    const mmoe_allocator *a = &set->alloc;
    const size_t rows = (size_t)set->rows;
    set->ids = mmoe_alloc_aligned(a, rows, (size_t)set->n_id * sizeof *set->ids);
    set->labels = mmoe_alloc_aligned(a, rows, (size_t)set->n_label * sizeof *set->labels);
    set->dense = mmoe_alloc_aligned(a, rows, (size_t)set->dense_width * sizeof *set->dense);
    if (is_weighted) set->weights = mmoe_alloc_aligned(a, rows, sizeof *set->weights);
    if (set->ids && set->labels && set->dense && (set->weights || !is_weighted)) return MMOE_OK;
    return mmoe_fail_memory(err, rows * 4 *
                                     (size_t)(set->n_sparse + set->dense_width + set->n_label + 1));
}

static mmoe_status make_lists(mmoe_csv_part *const *parts, size_t count, struct mmoe_dataset *set,
                              mmoe_error *err) {
    const mmoe_allocator *a = &set->alloc;
    const size_t lists = (size_t)set->rows * (size_t)(set->n_sparse - set->n_id);
    const bool is_weighed = parts[0]->lists.is_weighed;
    size_t elements = 0;
    if (lists == 0) return MMOE_OK;
    for (size_t i = 0; i < count; i++) elements += parts[i]->lists.elements;
    set->offsets = mmoe_alloc_aligned(a, lists + 1, sizeof *set->offsets);
    set->elements = mmoe_alloc_aligned(a, elements, sizeof *set->elements);
    if (is_weighed) set->element_weights = mmoe_alloc_aligned(a, elements, sizeof(float));
    if (!set->offsets || !set->elements || (is_weighed && !set->element_weights))
        return mmoe_fail_memory(err, lists * sizeof *set->offsets + elements * sizeof(int32_t));
    set->offsets[0] = 0;
    return MMOE_OK;
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

/* ---- All of it ---- */

/* Where a part's rows, lists and elements stand among all. */
typedef struct place {
    size_t row, list, element;
    mmoe_status status;
    mmoe_error err;
} place;

typedef struct joining {
    mmoe_csv_part *const *parts;
    const struct mmoe_dataset *set;
    place *places; /* [parts] */
    bool settles;
} joining;

static void find_places(joining *j, size_t count) {
    for (size_t i = 1; i < count; i++) {
        const mmoe_csv_part *p = j->parts[i - 1];
        const place *before = &j->places[i - 1];
        j->places[i] = (place){.row = before->row + (size_t)p->rows,
                               .list = before->list + p->lists.lists,
                               .element = before->element + p->lists.elements};
    }
}

static void join_part(void *context, int worker, int index) {
    const joining *j = context;
    place *at = &j->places[index];
    mmoe_csv_part *p = j->parts[index];
    (void)worker;
    if (j->settles) at->status = mmoe_csv_part_settle(p, &at->err);
    if (at->status) return;
    move_rows(j->set, at->row, p);
    move_lists(j->set, at->list, at->element, &p->lists);
}

/* What was noted of a part's rows; and what has failed of it. */
static mmoe_status join_notes(struct mmoe_dataset *set, const place *at, const mmoe_csv_part *p,
                              mmoe_error *err) {
    if (at->status) {
        if (err) *err = at->err;
        return at->status;
    }
    for (int32_t n = 0; n < set->n_sparse + set->n_dense; n++)
        mmoe_note_join(&set->notes[n], &p->notes[n], (int64_t)at->row);
    set->any_missing_label |= p->any_missing_label;
    return MMOE_OK;
}

static mmoe_status join_parts(mmoe_csv_part *const *parts, size_t count, bool settles,
                              mmoe_pool *pool, struct mmoe_dataset *set, mmoe_error *err) {
    joining j = {parts, set, mmoe_alloc_zero(&set->alloc, count, sizeof *j.places), settles};
    if (!j.places) return mmoe_fail_memory(err, count * sizeof *j.places);
    find_places(&j, count);
    mmoe_pool_run_exact(pool, (int)count, join_part, &j);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < count; i++)
        status = join_notes(set, &j.places[i], parts[i], err);
    mmoe_release(&set->alloc, j.places);
    return status;
}

mmoe_status mmoe_csv_join(mmoe_csv_part *const *parts, size_t count, bool settles, mmoe_pool *pool,
                          struct mmoe_dataset *set, mmoe_error *err) {
    for (size_t i = 0; i < count; i++) set->rows += parts[i]->rows;
    mmoe_status status = make_rows(set, mmoe_csv_file_is_weighted(parts[0]->file), err);
    if (!status) status = make_lists(parts, count, set, err);
    if (!status) status = join_lacking(parts, count, set, err);
    if (!status) status = join_kept(parts, count, set, err);
    return status ? status : join_parts(parts, count, settles, pool, set, err);
}
