/* A sink that puts the rows which it is handed together again: they must be a whole set's. */
#ifndef MMOE_TESTS_GATHERING_SUPPORT_H
#define MMOE_TESTS_GATHERING_SUPPORT_H

#include <check.h>
#include <string.h>

#include "data/most_ids.h"
#include "data/row_sink.h"

typedef struct gathering {
    mmoe_dataset *set; /* of the rows so far; NULL: there are none */
    int times;         /* that rows were handed on */
} gathering;

/* `more` words behind those `had`; the new array stands at `at`. */
static void gather_words(const mmoe_allocator *a, void *at, size_t had, const void *from,
                         size_t more) {
    char *old, *grown = mmoe_alloc_aligned(a, had + more, 4);
    memcpy(&old, at, sizeof old);
    if (had) memcpy(grown, old, had * 4);
    if (more) memcpy(grown + had * 4, from, more * 4);
    mmoe_release_aligned(a, old);
    memcpy(at, &grown, sizeof grown);
}

static void gather_lists(mmoe_dataset *to, const mmoe_dataset *from) {
    const size_t lists = (size_t)(to->n_sparse - to->n_id), had = (size_t)to->rows * lists,
                 more = (size_t)from->rows * lists,
                 elements = to->offsets ? (size_t)to->offsets[had] : 0,
                 new_elements = (size_t)from->offsets[more];
    const int64_t none = 0;
    if (!to->offsets) gather_words(&to->alloc, &to->offsets, 0, &none, 2);
    gather_words(&to->alloc, &to->offsets, 2 * (had + 1), from->offsets + 1, 2 * more);
    for (size_t i = 1; i <= more; i++) to->offsets[had + i] += (int64_t)elements;
    gather_words(&to->alloc, &to->elements, elements, from->elements, new_elements);
    if (from->element_weights)
        gather_words(&to->alloc, &to->element_weights, elements, from->element_weights,
                     new_elements);
}

static mmoe_status gathering_begin(void *user, const struct mmoe_schema *schema, mmoe_error *err) {
    gathering *g = user;
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    (void)err;
    ck_assert_ptr_null(g->set);
    g->set = mmoe_dataset_new(schema, &plain);
    g->set->most_id = mmoe_alloc_zero(&plain, (size_t)g->set->n_sparse, sizeof(int32_t));
    return MMOE_OK;
}

static mmoe_status gathering_take(void *user, const struct mmoe_dataset *rows, mmoe_error *err) {
    gathering *g = user;
    mmoe_dataset *to = g->set;
    const mmoe_allocator *a = &to->alloc;
    const size_t had = (size_t)to->rows, more = (size_t)rows->rows, n_id = (size_t)to->n_id,
                 width = (size_t)to->dense_width, n_label = (size_t)to->n_label;
    (void)err;
    g->times++;
    gather_words(a, &to->ids, had * n_id, rows->ids, more * n_id);
    if (rows->dense) gather_words(a, &to->dense, had * width, rows->dense, more * width);
    gather_words(a, &to->labels, had * n_label, rows->labels, more * n_label);
    if (rows->weights) gather_words(a, &to->weights, had, rows->weights, more);
    if (to->n_sparse > to->n_id) gather_lists(to, rows);
    for (int32_t i = 0; i < to->n_sparse; i++)
        if (rows->most_id[i] > to->most_id[i]) to->most_id[i] = rows->most_id[i];
    if (rows->n_lacking)
        to->lacking = mmoe_resize(a, to->lacking, (size_t)to->n_lacking,
                                  (size_t)(to->n_lacking + rows->n_lacking), sizeof *to->lacking);
    for (int64_t i = 0; i < rows->n_lacking; i++)
        to->lacking[to->n_lacking++] = to->rows + rows->lacking[i];
    to->rows += rows->rows;
    return MMOE_OK;
}

/* `rows` rows from `first` on, without notes. */
static mmoe_dataset gathered_rows(const mmoe_dataset *from, int64_t first, int64_t rows) {
    mmoe_dataset view = *from;
    const size_t at = (size_t)first;
    view.rows = rows;
    view.ids += at * (size_t)from->n_id;
    view.dense += at * (size_t)from->dense_width;
    if (from->offsets) view.offsets += at * (size_t)(from->n_sparse - from->n_id);
    return view;
}

/* A few rows at a time. */
static mmoe_status gathering_settle(void *user, const mmoe_row_settling *how, mmoe_error *err) {
    enum { SOME = 5 };
    mmoe_dataset *to = ((gathering *)user)->set;
    const mmoe_allocator *a = &to->alloc;
    const size_t n_note = (size_t)to->n_sparse + (size_t)to->n_dense;
    to->dense_width = how->schema->dense_width;
    if (how->numbers_wait)
        to->dense = mmoe_alloc_aligned(a, (size_t)to->rows, (size_t)to->dense_width * 4);
    mmoe_note *notes = mmoe_alloc(a, n_note, sizeof *notes);
    mmoe_status status = MMOE_OK;
    for (int64_t first = 0; !status && first < to->rows; first += SOME) {
        const int64_t left = to->rows - first;
        mmoe_dataset view = gathered_rows(to, first, left < SOME ? left : SOME);
        memset(notes, 0, n_note * sizeof *notes);
        view.notes = notes;
        status = how->place(how->user, first, &view, err);
    }
    mmoe_release(a, notes);
    const mmoe_row_ids ids = {.rows = to->rows,
                              .n_id = to->n_id,
                              .n_list = to->n_sparse - to->n_id,
                              .ids = to->ids,
                              .ends = to->offsets ? to->offsets + 1 : NULL,
                              .elements = to->elements};
    memset(to->most_id, 0, (size_t)to->n_sparse * sizeof *to->most_id);
    mmoe_most_ids_raise(&ids, to->most_id);
    return status;
}

/* The set that reading made gets the rows. */
static void gathering_end(gathering *g, mmoe_dataset *set) {
    mmoe_dataset *rows = g->set;
    ck_assert_ptr_null(set->ids);
    if (!rows) return;
    ck_assert_int_eq(set->rows, rows->rows);
    set->ids = rows->ids;
    set->dense = rows->dense;
    set->labels = rows->labels;
    set->weights = rows->weights;
    set->offsets = rows->offsets;
    set->elements = rows->elements;
    set->element_weights = rows->element_weights;
    set->most_id = rows->most_id;
    set->lacking = rows->lacking;
    set->n_lacking = rows->n_lacking;
    rows->ids = rows->elements = rows->most_id = NULL;
    rows->dense = rows->labels = rows->weights = rows->element_weights = NULL;
    rows->offsets = rows->lacking = NULL;
}

#endif
