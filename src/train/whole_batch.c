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
    if (failed || !w->ids || !w->lists) return mmoe_fail_memory(err, mmoe_whole_batch_memory(w));
    w->has_columns = mmoe_plan_told_columns(plan, w->ids, w->lists);
    return MMOE_OK;
}

void mmoe_whole_batch_finish(mmoe_whole_batch *w) {
    if (!w->ranks) return;
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

/* ---- Lists ---- */

static void *widen(const mmoe_whole_batch *w, void *memory, int64_t *room, int64_t count) {
    if (count <= *room) return memory;
    mmoe_release_aligned(&w->alloc, memory);
    memory = mmoe_alloc_aligned(&w->alloc, (size_t)(count + count / 4), sizeof(uint32_t));
    *room = memory ? count + count / 4 : 0;
    return memory;
}

/* Room for `all` elements, each of which may be told. */
static mmoe_status make_room(mmoe_whole_batch *w, int64_t all, bool weighed, mmoe_error *err) {
    w->elements = widen(w, w->elements, &w->element_room, all + 1);
    w->told = widen(w, w->told, &w->told_room, all * (1 + weighed) + 1);
    if (weighed) w->element_weights = widen(w, w->element_weights, &w->weight_room, all + 1);
    return w->elements && w->told && (w->element_weights || !weighed)
               ? MMOE_OK
               : mmoe_fail_memory(err, (size_t)all * sizeof *w->elements);
}

/* An own row's lists to their places, and those that are told to `to`, too; returns its end. */
static uint32_t *put_lists(const mmoe_whole_batch *w, const mmoe_rows *from, int32_t b,
                           uint32_t *to) {
    const size_t row = mmoe_row_of(from, b);
    for (int32_t i = 0; i < w->n_list; i++) {
        const mmoe_list l = mmoe_list_of(&from->lists, row, i);
        const int64_t at = w->offsets[(int64_t)b * w->n_list + i];
        const size_t size = (size_t)l.count * sizeof *to;
        if (!l.count) continue;
        memcpy(w->elements + at, l.ids, size);
        if (l.weights) memcpy(w->element_weights + at, l.weights, size);
        if (!w->lists[i]) continue;
        memcpy(to, l.ids, size);
        to += l.count;
        if (l.weights) memcpy(to, l.weights, size);
        if (l.weights) to += l.count;
    }
    return to;
}

static const uint32_t *take_lists(const mmoe_whole_batch *w, int32_t b, bool weighed,
                                  const uint32_t *from) {
    for (int32_t i = 0; i < w->n_list; i++) {
        const int64_t *at = w->offsets + (int64_t)b * w->n_list + i, count = at[1] - at[0];
        const size_t size = (size_t)count * sizeof *from;
        if (!count) continue;
        memcpy(w->elements + at[0], from, size);
        from += count;
        if (weighed) memcpy(w->element_weights + at[0], from, size);
        if (weighed) from += count;
    }
    return from;
}

/* Told words of each rank's lists: of its own `told`, of the others all that they have said. */
static void place_lists(const mmoe_whole_batch *w, const int64_t *rows, int64_t told, bool weighed,
                        int64_t *from) {
    const int size = w->ranks->comm->size, own = w->ranks->comm->rank;
    from[0] = 0;
    for (int r = 0; r < size; r++) {
        const int64_t elements =
            w->offsets[rows[r + 1] * w->n_list] - w->offsets[rows[r] * w->n_list];
        from[r + 1] = from[r] + (r == own ? told : elements) * (1 + weighed);
    }
}

static mmoe_status tell_lists(mmoe_whole_batch *w, const mmoe_rows *batch, const int64_t *rows,
                              mmoe_error *err) {
    const int own = w->ranks->comm->rank;
    const bool weighed = batch->lists.weights != NULL;
    const int64_t all = w->offsets[rows[w->ranks->comm->size] * w->n_list];
    int64_t told = 0, from[MMOE_MOST_RANKS + 1];
    for (int64_t b = rows[own]; b < rows[own + 1]; b++)
        for (int32_t i = 0; i < w->n_list; i++) {
            const int64_t *at = w->offsets + b * w->n_list + i;
            if (w->lists[i]) told += at[1] - at[0];
        }
    place_lists(w, rows, told, weighed, from);
    const mmoe_status status = make_room(w, all, weighed, err);
    if (status) return status;
    uint32_t *to = w->told + from[own];
    for (int64_t b = rows[own]; b < rows[own + 1]; b++) to = put_lists(w, batch, (int32_t)b, to);
    if (!mmoe_ranks_give(w->ranks, "lists of a batch", w->told, sizeof *w->told, from))
        return mmoe_ranks_status(w->ranks, err);
    for (int r = 0; r < w->ranks->comm->size; r++) {
        const uint32_t *at = w->told + from[r];
        for (int64_t b = rows[r]; r != own && b < rows[r + 1]; b++)
            at = take_lists(w, (int32_t)b, weighed, at);
    }
    return MMOE_OK;
}

/* ---- A batch ---- */

static void find_shares(const mmoe_whole_batch *w, int32_t rows, int64_t *from) {
    const mmoe_cut cut = mmoe_plan_cut(w->plan, rows);
    for (int r = 0; r < w->ranks->comm->size; r++) {
        int32_t first;
        mmoe_plan_share(w->plan, &cut, r, &first);
        from[r] = first;
    }
    from[w->ranks->comm->size] = rows;
}

static bool tell_rows(const mmoe_whole_batch *w, const mmoe_rows *batch, const int64_t *rows) {
    const int own = w->ranks->comm->rank;
    const int32_t each = count_words(w);
    int64_t at = 0;
    for (int64_t b = rows[own]; b < rows[own + 1]; b++)
        put_row(w, batch, (int32_t)b, w->words + b * each);
    if (!mmoe_ranks_give(w->ranks, "rows of a batch", w->words, (size_t)each * sizeof *w->words,
                         rows))
        return false;
    for (int64_t b = 0; b < batch->rows; b++)
        if (b >= rows[own] && b < rows[own + 1])
            copy_row(w, batch, (int32_t)b, &at);
        else
            take_row(w, w->words + b * each, (int32_t)b, &at);
    w->offsets[(int64_t)batch->rows * w->n_list] = at;
    return true;
}

static void show_rows(mmoe_whole_batch *w, const mmoe_rows *batch) {
    w->rows = (mmoe_rows){.rows = batch->rows,
                          .ids = w->row_ids,
                          .dense = w->dense,
                          .labels = w->labels,
                          .weights = batch->weights ? w->weights : NULL,
                          .id_stride = (size_t)w->n_id,
                          .dense_stride = (size_t)w->n_dense,
                          .label_stride = (size_t)w->n_label,
                          .complete = batch->complete};
    if (w->n_list)
        w->rows.lists = (mmoe_lists){.count = w->n_list,
                                     .offsets = w->offsets,
                                     .ids = w->elements,
                                     .weights = batch->lists.weights ? w->element_weights : NULL,
                                     .elements = (size_t)w->element_room};
}

mmoe_status mmoe_whole_batch_take(mmoe_whole_batch *w, const mmoe_rows *batch, bool scores,
                                  const mmoe_rows **out, mmoe_error *err) {
    int64_t rows[MMOE_MOST_RANKS + 1];
    w->tells_labels = scores || !batch->complete;
    w->tells_weights = w->tells_labels && batch->weights;
    *out = batch;
    if (!batch->is_share || (!w->tells_labels && !w->has_columns)) return MMOE_OK;
    find_shares(w, batch->rows, rows);
    if (!tell_rows(w, batch, rows)) return mmoe_ranks_status(w->ranks, err);
    const mmoe_status status = w->n_list ? tell_lists(w, batch, rows, err) : MMOE_OK;
    if (status) return status;
    show_rows(w, batch);
    *out = &w->rows;
    return MMOE_OK;
}
