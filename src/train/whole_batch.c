#include "train/whole_batch.h"

#include <string.h>

#include "base/error.h"
#include "data/schema.h"
#include "graph/plan_cut.h"
#include "graph/told_columns.h"

/* ---- Life ---- */

static int32_t words_at_most(const mmoe_whole_batch *w) {
    return w->n_label + 1 + w->n_id + w->n_list;
}

static void *take(const mmoe_whole_batch *w, int32_t each, size_t size, bool *failed) {
    void *memory =
        mmoe_alloc_aligned(&w->alloc, (size_t)w->plan->max_rows * (size_t)each + 1, size);
    *failed |= !memory;
    return memory;
}

size_t mmoe_whole_batch_memory(const mmoe_whole_batch *w) {
    if (!w->ranks) return 0;
    const int32_t words = words_at_most(w) + w->n_id + w->n_dense + w->n_label + 1 + 2 * w->n_list;
    return (size_t)w->plan->max_rows * (size_t)words * sizeof *w->words;
}

mmoe_status mmoe_whole_batch_init(mmoe_whole_batch *w, mmoe_ranks *ranks, const mmoe_plan *plan,
                                  const struct mmoe_schema *s, const mmoe_allocator *alloc,
                                  mmoe_error *err) {
    *w = (mmoe_whole_batch){.alloc = *alloc,
                            .ranks = ranks,
                            .plan = plan,
                            .n_id = s->n_sparse - s->n_list,
                            .n_list = s->n_list,
                            .n_label = s->n_label,
                            .n_dense = s->dense_width};
    bool failed = false;
    w->ids = mmoe_alloc_zero(alloc, (size_t)w->n_id + 1, sizeof *w->ids);
    w->lists = mmoe_alloc_zero(alloc, (size_t)w->n_list + 1, sizeof *w->lists);
    w->row_ids = take(w, w->n_id, sizeof *w->row_ids, &failed);
    w->dense = take(w, w->n_dense, sizeof *w->dense, &failed);
    w->labels = take(w, w->n_label, sizeof *w->labels, &failed);
    w->weights = take(w, 1, sizeof *w->weights, &failed);
    w->offsets = take(w, w->n_list, sizeof *w->offsets, &failed);
    w->words = take(w, words_at_most(w), sizeof *w->words, &failed);
    w->words_room = (int64_t)plan->max_rows * words_at_most(w);
    if (failed || !w->ids || !w->lists) return mmoe_fail_memory(err, mmoe_whole_batch_memory(w));
    w->has_columns = mmoe_plan_told_columns(plan, w->ids, w->lists);
    return MMOE_OK;
}

void mmoe_whole_batch_finish(mmoe_whole_batch *w) {
    if (!w->ranks) return;
    mmoe_whole_batch_drop(w);
    mmoe_release(&w->alloc, w->ids);
    mmoe_release(&w->alloc, w->lists);
    void *const memory[] = {w->row_ids, w->dense, w->labels,   w->weights,        w->offsets,
                            w->words,   w->told,  w->elements, w->element_weights};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        mmoe_release_aligned(&w->alloc, memory[i]);
    *w = (mmoe_whole_batch){.ranks = NULL};
}

/* ---- What rows tell ---- */

static int32_t count_words(const mmoe_whole_batch *w) {
    int32_t words = (w->tells_labels ? w->n_label : 0) + w->tells_weights;
    for (int32_t i = 0; i < w->n_id; i++) words += w->ids[i];
    for (int32_t i = 0; i < w->n_list; i++) words += w->lists[i];
    return words;
}

static void put_row(const mmoe_whole_batch *w, const mmoe_rows *from, int32_t b, uint32_t *to) {
    const size_t row = mmoe_row_of(from, b);
    const size_t labels = w->tells_labels ? (size_t)w->n_label : 0;
    memcpy(to, from->labels + row * from->label_stride, labels * sizeof *to);
    to += labels;
    if (w->tells_weights) memcpy(to++, &from->weights[row], sizeof *to);
    for (int32_t i = 0; i < w->n_id; i++)
        if (w->ids[i]) *to++ = (uint32_t)from->ids[row * from->id_stride + (size_t)i];
    for (int32_t i = 0; i < w->n_list; i++)
        if (w->lists[i]) *to++ = (uint32_t)mmoe_list_of(&from->lists, row, i).count;
}

/* Of another rank's row. *at: where its lists begin among all elements. */
static void take_row(const mmoe_whole_batch *w, const uint32_t *from, int32_t b, int64_t *at) {
    const size_t labels = w->tells_labels ? (size_t)w->n_label : 0, row = (size_t)b;
    memcpy(w->labels + row * (size_t)w->n_label, from, labels * sizeof *from);
    from += labels;
    if (w->tells_weights) memcpy(&w->weights[row], from++, sizeof *from);
    for (int32_t i = 0; i < w->n_id; i++)
        w->row_ids[row * (size_t)w->n_id + (size_t)i] = w->ids[i] ? (int32_t)*from++ : 0;
    for (int32_t i = 0; i < w->n_list; i++) {
        w->offsets[row * (size_t)w->n_list + (size_t)i] = *at;
        if (w->lists[i]) *at += *from++;
    }
}

/* All of an own row but its lists' elements. */
static void copy_row(const mmoe_whole_batch *w, const mmoe_rows *from, int32_t b, int64_t *at) {
    const size_t row = mmoe_row_of(from, b), to = (size_t)b;
    memcpy(w->labels + to * (size_t)w->n_label, from->labels + row * from->label_stride,
           (size_t)w->n_label * sizeof *w->labels);
    if (from->weights) w->weights[to] = from->weights[row];
    if (w->n_id)
        memcpy(w->row_ids + to * (size_t)w->n_id, from->ids + row * from->id_stride,
               (size_t)w->n_id * sizeof *w->row_ids);
    if (w->n_dense)
        memcpy(w->dense + to * (size_t)w->n_dense, from->dense + row * from->dense_stride,
               (size_t)w->n_dense * sizeof *w->dense);
    for (int32_t i = 0; i < w->n_list; i++) {
        w->offsets[to * (size_t)w->n_list + (size_t)i] = *at;
        *at += mmoe_list_of(&from->lists, row, i).count;
    }
}

static void *widen(const mmoe_whole_batch *w, void *memory, int64_t *room, int64_t count) {
    if (count <= *room) return memory;
    mmoe_release_aligned(&w->alloc, memory);
    memory = mmoe_alloc_aligned(&w->alloc, (size_t)(count + count / 4), sizeof(uint32_t));
    *room = memory ? count + count / 4 : 0;
    return memory;
}

/* ---- Elements of lists ---- */

/* Writes the elements of a row's lists to the last `left` words before `end`, as many as there is
 * room for; returns how many words are left. */
static int64_t put_lists(const mmoe_whole_batch *w, const mmoe_rows *from, int32_t b, uint32_t *end,
                         int64_t left) {
    const size_t row = mmoe_row_of(from, b);
    for (int32_t i = 0; i < w->n_list && left; i++) {
        const mmoe_list l = mmoe_list_of(&from->lists, row, i);
        const void *const told[] = {l.ids, l.weights};
        for (int k = 0; k < 2 && w->lists[i] && told[k]; k++) {
            const int64_t count = l.count < left ? l.count : left;
            if (count) memcpy(end - left, told[k], (size_t)count * sizeof *end);
            left -= count;
        }
    }
    return left;
}

/* The elements of all own rows, as many as there is room for. */
static void put_elements(const mmoe_whole_batch *w, uint32_t *to, int64_t room) {
    const int own = w->ranks->comm->rank;
    int64_t left = room;
    for (int64_t b = w->first[own]; b < w->first[own + 1] && left; b++)
        left = put_lists(w, &w->batch, (int32_t)b, to + room, left);
}

/* Takes the elements of another rank's row; returns the end of its words. */
static const uint32_t *take_lists(const mmoe_whole_batch *w, int32_t b, const uint32_t *from) {
    for (int32_t i = 0; i < w->n_list; i++) {
        const int64_t *at = w->offsets + (int64_t)b * w->n_list + i, count = at[1] - at[0];
        const size_t size = (size_t)count * sizeof *from;
        if (!count) continue;
        memcpy(w->elements + at[0], from, size);
        from += count;
        if (!w->batch.lists.weights) continue;
        memcpy(w->element_weights + at[0], from, size);
        from += count;
    }
    return from;
}

/* Copies the elements of an own row, also those that are not told. */
static void copy_lists(const mmoe_whole_batch *w, int32_t b) {
    const size_t row = mmoe_row_of(&w->batch, b);
    for (int32_t i = 0; i < w->n_list; i++) {
        const mmoe_list l = mmoe_list_of(&w->batch.lists, row, i);
        const int64_t at = w->offsets[(int64_t)b * w->n_list + i];
        const size_t size = (size_t)l.count * sizeof *l.ids;
        if (!l.count) continue;
        memcpy(w->elements + at, l.ids, size);
        if (l.weights) memcpy(w->element_weights + at, l.weights, size);
    }
}

/* How many words of elements a rank tells. */
static int64_t count_told(const mmoe_whole_batch *w, int rank) {
    const int64_t *at = w->offsets + w->first[rank] * w->n_list,
                  each = 1 + !!w->batch.lists.weights;
    int64_t told = 0;
    for (int64_t b = w->first[rank]; b < w->first[rank + 1]; b++)
        for (int32_t i = 0; i < w->n_list; i++, at++)
            if (w->lists[i]) told += at[1] - at[0];
    return told * each;
}

/* Where each rank's elements are, in the words that are returned: behind its rows; or, if some rank
 * has more than there was room for, in an exchange that is made now. NULL: it failed. */
static const uint32_t *find_elements(mmoe_whole_batch *w, int64_t room, int64_t *at,
                                     mmoe_error *err) {
    const int size = w->ranks->comm->size, own = w->ranks->comm->rank;
    const int64_t told_before = w->most_told;
    at[0] = 0;
    for (int r = 0; r < size; r++) {
        const int64_t told = count_told(w, r);
        if (told > w->most_told) w->most_told = told;
        at[r + 1] = at[r] + told;
    }
    if (w->most_told <= told_before) {
        for (int r = 0; r < size; r++) at[r] = w->from[r + 1] - room;
        return w->words;
    }
    w->told = widen(w, w->told, &w->told_room, at[size]);
    if (!w->told) {
        mmoe_fail_memory(err, (size_t)at[size] * sizeof *w->told);
        return NULL;
    }
    put_elements(w, w->told + at[own], at[own + 1] - at[own]);
    if (mmoe_ranks_give(w->ranks, "lists of a batch", w->told, sizeof *w->told, at)) return w->told;
    mmoe_ranks_status(w->ranks, err);
    return NULL;
}

/* Room for all elements of the batch. */
static mmoe_status make_room(mmoe_whole_batch *w, mmoe_error *err) {
    const bool weighed = w->batch.lists.weights;
    const int64_t all = w->offsets[(int64_t)w->batch.rows * w->n_list];
    w->elements = widen(w, w->elements, &w->element_room, all + 1);
    if (weighed) w->element_weights = widen(w, w->element_weights, &w->weight_room, all + 1);
    return w->elements && (w->element_weights || !weighed)
               ? MMOE_OK
               : mmoe_fail_memory(err, (size_t)all * sizeof *w->elements);
}

static mmoe_status take_elements(mmoe_whole_batch *w, int64_t room, mmoe_error *err) {
    int64_t at[MMOE_MOST_RANKS + 1];
    const mmoe_status status = make_room(w, err);
    if (status) return status;
    const uint32_t *told = find_elements(w, room, at, err);
    if (!told) return w->ranks->status ? w->ranks->status : MMOE_E_MEMORY;
    for (int r = 0; r < w->ranks->comm->size; r++) {
        const uint32_t *from = told + at[r];
        for (int64_t b = w->first[r]; b < w->first[r + 1]; b++)
            if (r == w->ranks->comm->rank)
                copy_lists(w, (int32_t)b);
            else
                from = take_lists(w, (int32_t)b, from);
    }
    return MMOE_OK;
}

/* ---- A batch ---- */

/* Finds each rank's rows and its words: `each` for a row, and `more` behind all of its rows. */
static void find_shares(mmoe_whole_batch *w, int32_t each, int64_t more) {
    const mmoe_cut cut = mmoe_plan_cut(w->plan, w->batch.rows);
    const int size = w->ranks->comm->size;
    for (int r = 0; r < size; r++) {
        int32_t first;
        mmoe_plan_share(w->plan, &cut, r, &first);
        w->first[r] = first;
        w->from[r] = (int64_t)first * each + r * more;
    }
    w->first[size] = w->batch.rows;
    w->from[size] = (int64_t)w->batch.rows * each + size * more;
}

mmoe_status mmoe_whole_batch_start(mmoe_whole_batch *w, const mmoe_rows *batch, bool scores,
                                   mmoe_error *err) {
    const int own = w->ranks->comm->rank;
    w->tells_labels = scores || !batch->complete;
    w->tells_weights = w->tells_labels && batch->weights;
    if (!w->tells_labels && !w->has_columns) return MMOE_OK;
    const int32_t each = count_words(w);
    w->batch = *batch;
    find_shares(w, each, w->most_told);
    w->words = widen(w, w->words, &w->words_room, w->from[w->ranks->comm->size]);
    if (!w->words) return mmoe_fail_memory(err, (size_t)w->from[w->ranks->comm->size] * 4);
    uint32_t *to = w->words + w->from[own];
    for (int64_t b = w->first[own]; b < w->first[own + 1]; b++, to += each)
        put_row(w, batch, (int32_t)b, to);
    put_elements(w, to, w->most_told);
    mmoe_ranks_give_ahead(w->ranks, &w->ranks->batch, "rows of a batch", w->words, sizeof *w->words,
                          w->from);
    return mmoe_ranks_status(w->ranks, err);
}

static void take_rows(const mmoe_whole_batch *w) {
    const int32_t each = count_words(w);
    int64_t at = 0;
    for (int r = 0; r < w->ranks->comm->size; r++) {
        const uint32_t *from = w->words + w->from[r];
        for (int64_t b = w->first[r]; b < w->first[r + 1]; b++, from += each)
            if (r == w->ranks->comm->rank)
                copy_row(w, &w->batch, (int32_t)b, &at);
            else
                take_row(w, from, (int32_t)b, &at);
    }
    w->offsets[(int64_t)w->batch.rows * w->n_list] = at;
}

static void show_rows(mmoe_whole_batch *w) {
    w->rows = (mmoe_rows){.rows = w->batch.rows,
                          .ids = w->row_ids,
                          .dense = w->dense,
                          .labels = w->labels,
                          .weights = w->batch.weights ? w->weights : NULL,
                          .id_stride = (size_t)w->n_id,
                          .dense_stride = (size_t)w->n_dense,
                          .label_stride = (size_t)w->n_label,
                          .complete = w->batch.complete};
    if (w->n_list)
        w->rows.lists = (mmoe_lists){.count = w->n_list,
                                     .offsets = w->offsets,
                                     .ids = w->elements,
                                     .weights = w->batch.lists.weights ? w->element_weights : NULL,
                                     .elements = (size_t)w->element_room};
}

mmoe_status mmoe_whole_batch_take(mmoe_whole_batch *w, const mmoe_rows **out, mmoe_error *err) {
    const int64_t room = w->most_told;
    mmoe_status status = MMOE_OK;
    if (!mmoe_ranks_take_ahead(w->ranks, &w->ranks->batch))
        status = mmoe_ranks_status(w->ranks, err);
    if (!status) take_rows(w);
    if (!status && w->n_list) status = take_elements(w, room, err);
    if (!status) show_rows(w);
    w->batch.rows = 0;
    *out = &w->rows;
    return status;
}

void mmoe_whole_batch_drop(mmoe_whole_batch *w) {
    if (mmoe_whole_batch_is_started(w)) mmoe_ranks_take_ahead(w->ranks, &w->ranks->batch);
    w->batch.rows = 0;
}
