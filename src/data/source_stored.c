/* Rows in a folder as a source: a window of them is read while the one before is used.
 *
 *     half 0: window 0, 2, 4, ...      half 1: window 1, 3, 5, ...
 *
 * Both are in one array, so that a batch may have rows of two windows. Where some lanes alone are
 * asked for, a window has their rows, and the others have none. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/background.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/source.h"
#include "data/stored.h"

typedef struct half {
    int64_t window;
    int32_t rows;
    uint32_t *places; /* [MMOE_WINDOW_ROWS] of both halves' rows, in the epoch's order */
    mmoe_status status;
    mmoe_error err; /* of the window that could not be read */
} half;

typedef struct stored_source {
    mmoe_source source; /* first */
    mmoe_allocator alloc;
    const struct mmoe_dataset *set;
    mmoe_stored_reader reader;
    mmoe_order order;
    mmoe_background *background;
    half halves[2], *loading;
    bool are_read;                      /* the windows of this epoch, from the place on */
    int64_t place, window, next_window; /* rows handed out; the one in use; what is read next */
    int32_t used;                       /* rows of the window in use */
    int32_t half_rows; /* room of a half, with one that ends the last list's offsets */
    int64_t room;      /* elements of a half's lists */
    int64_t *elements; /* [blocks] of the lists of lanes that are asked for; NULL: all are */
    uint32_t *index;   /* [most] of a batch that two windows have */
    int32_t most;
    size_t memory;       /* bytes of `all` and of the reader */
    mmoe_block_room all; /* [2, half_rows] */
    int32_t **kept;      /* [n_kept] of `all`; NULL: not asked for */
    const int32_t **at;  /* [the set's n_kept] from the first row that is handed out on */
} stored_source;

/* ---- Windows ---- */

static mmoe_block_room room_of(const stored_source *s, int32_t which, int32_t slot) {
    const mmoe_stored *of = s->reader.stored;
    const size_t row = (size_t)which * (size_t)s->half_rows +
                       (size_t)slot * (size_t)mmoe_stored_rows(&s->reader, MMOE_BLOCK_ROWS);
    mmoe_block_room to = s->all;
    to.ids += row * (size_t)of->n_id;
    to.inputs += row * (size_t)of->dense_width;
    to.labels += row * (size_t)of->n_label;
    if (to.weights) to.weights += row;
    if (to.offsets) to.offsets += row * (size_t)of->n_list;
    to.first_kept = (int64_t)row;
    return to;
}

/* Places of a window as rows of the array. */
static void order_rows(const stored_source *s, half *h) {
    const uint32_t first = (uint32_t)(h - s->halves) * (uint32_t)s->half_rows;
    const bool is_share = s->elements && mmoe_order_has_lanes(&s->order, h->window);
    mmoe_order_window(&s->order, h->window, h->places);
    for (int32_t i = 0; !is_share && first && i < h->rows; i++) h->places[i] += first;
    for (int32_t i = 0; is_share && i < h->rows; i++) {
        const int32_t slot = (int32_t)(h->places[i] / MMOE_BLOCK_ROWS),
                      row = (int32_t)(h->places[i] % MMOE_BLOCK_ROWS);
        if (h->places[i] == MMOE_NO_ROW) continue;
        h->places[i] = first + (uint32_t)(slot * mmoe_stored_rows(&s->reader, MMOE_BLOCK_ROWS)) +
                       (uint32_t)mmoe_stored_row(&s->reader, row, MMOE_BLOCK_ROWS);
    }
}

/* In the background. */
static void load_window(void *context) {
    stored_source *s = context;
    half *h = s->loading;
    const int32_t which = (int32_t)(h - s->halves);
    h->status = MMOE_OK;
    h->rows = mmoe_order_window_rows(&s->order, h->window);
    int64_t elements = which * s->room;
    for (int32_t slot = 0; !h->status && slot < MMOE_WINDOW_BLOCKS; slot++) {
        const int64_t block = mmoe_order_block(&s->order, h->window, slot);
        if (block < 0) break;
        const mmoe_block_room to = room_of(s, which, slot);
        if (to.offsets) to.offsets[0] = elements;
        h->status = mmoe_stored_read(&s->reader, block, &to, &h->err);
        if (to.offsets) elements += s->reader.elements[block];
    }
    order_rows(s, h);
}

/* Begins to read the next window, if there is one. */
static void load_next(stored_source *s) {
    if (s->next_window >= s->order.windows) return;
    s->loading = &s->halves[s->next_window % 2];
    s->loading->window = s->next_window++;
    mmoe_background_start(s->background);
}

/* Makes the window at the place the one in use, and reads the one behind it. */
static mmoe_status read_here(stored_source *s, mmoe_error *err) {
    int64_t first = 0;
    int32_t rows;
    mmoe_background_wait(s->background);
    for (s->window = 0; s->window < s->order.windows; s->window++, first += rows) {
        rows = mmoe_order_window_rows(&s->order, s->window);
        if (s->place < first + rows) break;
    }
    s->used = (int32_t)(s->place - first);
    s->next_window = s->window;
    s->are_read = true;
    load_next(s);
    mmoe_background_wait(s->background);
    const half *h = &s->halves[s->window % 2];
    if (s->window < s->order.windows && h->status) {
        if (err) *err = h->err;
        return h->status;
    }
    load_next(s);
    return MMOE_OK;
}

/* ---- The source ---- */

static mmoe_status stored_begin(mmoe_source *source, int32_t epoch, mmoe_error *err) {
    (void)err;
    stored_source *s = (stored_source *)source;
    mmoe_background_wait(s->background);
    mmoe_order_begin(&s->order, epoch);
    s->place = 0;
    s->are_read = false;
    return MMOE_OK;
}

static mmoe_rows rows_of(const stored_source *s, int32_t rows, const uint32_t *index) {
    const mmoe_stored *of = s->reader.stored;
    mmoe_rows out = {.rows = rows,
                     .index = index,
                     .ids = s->all.ids,
                     .dense = s->all.inputs,
                     .labels = s->all.labels,
                     .weights = s->all.weights,
                     .id_stride = (size_t)of->n_id,
                     .dense_stride = (size_t)of->dense_width,
                     .label_stride = (size_t)of->n_label};
    if (of->n_list)
        out.lists = (mmoe_lists){of->n_list, s->all.offsets, s->all.elements,
                                 s->all.element_weights, 2 * (size_t)s->room};
    out.complete = !of->has_weights && !s->set->any_missing_label;
    out.is_share = s->elements && mmoe_order_has_lanes(&s->order, s->window);
    return out;
}

/* Rows [first, first + rows) of the array, which keep their order. */
static mmoe_rows plain_rows(const stored_source *s, size_t first, int32_t rows) {
    mmoe_rows out = rows_of(s, rows, NULL);
    out.ids += first * out.id_stride;
    out.dense += first * out.dense_stride;
    out.labels += first * out.label_stride;
    if (out.weights) out.weights += first;
    if (out.lists.count) out.lists.offsets += first * (size_t)out.lists.count;
    for (size_t i = 0; s->kept && i < s->set->n_kept; i++)
        s->at[i] = i < (size_t)s->reader.stored->n_kept ? s->kept[i] + first
                                                        : s->set->kept[i].values + s->place;
    out.kept = s->at;
    return out;
}

/* The window in use is used up: the next one comes, and its half is read anew. */
static mmoe_status turn(stored_source *s, mmoe_error *err) {
    mmoe_background_wait(s->background);
    s->window++;
    s->used = 0;
    const half *h = &s->halves[s->window % 2];
    if (s->window < s->order.windows && h->status) {
        if (err) *err = h->err;
        return h->status;
    }
    return MMOE_OK;
}

/* Rows of this window and of the next, of which this one's may be the last that are used: its half
 * is read anew when the next batch is asked for. */
static mmoe_status next_of_two(stored_source *s, int32_t rows, mmoe_rows *out, mmoe_error *err) {
    const half *h = &s->halves[s->window % 2];
    const int32_t left = h->rows - s->used;
    memcpy(s->index, h->places + s->used, (size_t)left * sizeof *s->index);
    const mmoe_status status = turn(s, err);
    if (status) return status;
    h = &s->halves[s->window % 2];
    memcpy(s->index + left, h->places, (size_t)(rows - left) * sizeof *s->index);
    s->used = rows - left;
    *out = rows_of(s, rows, s->index);
    return MMOE_OK;
}

static mmoe_status stored_next(mmoe_source *source, int32_t most, mmoe_rows *out, mmoe_error *err) {
    stored_source *s = (stored_source *)source;
    const int64_t left = s->order.rows - s->place;
    const int32_t rows = left < most ? (int32_t)left : most;
    mmoe_status status = s->are_read ? MMOE_OK : read_here(s, err);
    if (!status && rows && s->used == s->halves[s->window % 2].rows) status = turn(s, err);
    if (status) return status;
    /* The half that is not in use is free from here on. */
    if (s->next_window == s->window + 1) load_next(s);
    const half *h = &s->halves[s->window % 2];
    assert(rows <= s->most || rows <= h->rows - s->used);
    if (rows > h->rows - s->used) {
        status = next_of_two(s, rows, out, err);
    } else {
        const size_t first = (size_t)(h - s->halves) * (size_t)s->half_rows + (size_t)s->used;
        *out =
            s->order.shuffles ? rows_of(s, rows, h->places + s->used) : plain_rows(s, first, rows);
        s->used += rows;
    }
    s->place += rows;
    return status;
}

static int64_t stored_count(const mmoe_source *source) {
    return ((const stored_source *)source)->order.rows;
}

static int64_t stored_place(const mmoe_source *source) {
    return ((const stored_source *)source)->place;
}

static mmoe_status stored_seek(mmoe_source *source, int64_t place, mmoe_error *err) {
    stored_source *s = (stored_source *)source;
    if (place < 0 || place > s->order.rows)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "row %lld is not among the %lld rows",
                         (long long)place, (long long)s->order.rows);
    s->are_read &= place == s->place;
    s->place = place;
    return MMOE_OK;
}

static mmoe_identity stored_identity(const mmoe_source *source) {
    const struct mmoe_dataset *set = ((const stored_source *)source)->set;
    return (mmoe_identity){set->schema_hash, set->identity};
}

static size_t stored_bytes(const mmoe_source *source) {
    return ((const stored_source *)source)->memory;
}

/* ---- Life ---- */

static void stored_free(mmoe_source *source) {
    stored_source *s = (stored_source *)source;
    const mmoe_allocator a = s->alloc;
    mmoe_background_free(s->background);
    mmoe_stored_reader_close(&s->reader);
    mmoe_order_finish(&s->order, &a);
    mmoe_release(&a, s->halves[0].places);
    mmoe_release(&a, s->halves[1].places);
    mmoe_release(&a, s->index);
    mmoe_release(&a, s->elements);
    mmoe_release_aligned(&a, s->all.ids);
    mmoe_release_aligned(&a, s->all.inputs);
    mmoe_release_aligned(&a, s->all.labels);
    mmoe_release_aligned(&a, s->all.weights);
    mmoe_release_aligned(&a, s->all.offsets);
    mmoe_release_aligned(&a, s->all.elements);
    mmoe_release_aligned(&a, s->all.element_weights);
    for (int32_t i = 0; s->kept && i < s->set->stored->n_kept; i++)
        mmoe_release_aligned(&a, s->kept[i]);
    mmoe_release(&a, s->kept);
    mmoe_release(&a, (void *)s->at);
    mmoe_release(&a, s);
}

static int descending(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* Lanes, if not all of them are asked for. A set that is measured alone has no files. */
static mmoe_status choose_lanes(stored_source *s, mmoe_error *err) {
    const mmoe_stored *of = s->reader.stored;
    const mmoe_lanes *l = &s->order.lanes;
    const size_t blocks = (size_t)s->order.blocks;
    const int32_t most = blocks < MMOE_WINDOW_BLOCKS ? (int32_t)blocks : MMOE_WINDOW_BLOCKS;
    s->half_rows = 1 + most * MMOE_BLOCK_ROWS;
    if (l->count == l->segments) return MMOE_OK;
    s->elements = mmoe_alloc_zero(&s->alloc, blocks, sizeof *s->elements);
    if (!s->elements) return mmoe_fail_memory(err, blocks * sizeof *s->elements);
    s->reader.first_lane = mmoe_lanes_of(l, l->first);
    s->reader.lanes = mmoe_lanes_of(l, l->count);
    const int32_t rows = most * mmoe_stored_rows(&s->reader, MMOE_BLOCK_ROWS),
                  rest = (int32_t)(s->order.rows % MMOE_BLOCK_ROWS); /* which have no lanes */
    s->half_rows = 1 + (rows < rest ? rest : rows);
    s->reader.elements = s->elements;
    if (of->n_part) return of->n_list ? mmoe_stored_count(&s->reader, s->elements, err) : MMOE_OK;
    for (size_t b = 0; b < blocks; b++)
        s->elements[b] = of->elements[b] * s->reader.lanes / MMOE_LANES;
    return MMOE_OK;
}

/* Elements of the lists of any window: at most those of the blocks that have the most. */
static mmoe_status find_room(stored_source *s, mmoe_error *err) {
    const mmoe_stored *of = s->reader.stored;
    const size_t blocks = (size_t)s->order.blocks;
    if (!of->n_list) return MMOE_OK;
    int64_t *elements = mmoe_alloc(&s->alloc, blocks, sizeof *elements);
    if (!elements) return mmoe_fail_memory(err, blocks * sizeof *elements);
    memcpy(elements, s->reader.elements, blocks * sizeof *elements);
    qsort(elements, blocks, sizeof *elements, descending);
    for (size_t b = 0; b < blocks && b < MMOE_WINDOW_BLOCKS; b++) s->room += elements[b];
    mmoe_release(&s->alloc, elements);
    return MMOE_OK;
}

static void *take(const stored_source *s, size_t count, size_t size, size_t *total, bool *failed) {
    void *memory = mmoe_alloc_aligned(&s->alloc, count, size);
    *total += count * size;
    *failed |= !memory;
    return memory;
}

static mmoe_status take_room(stored_source *s, mmoe_error *err) {
    const mmoe_stored *of = s->reader.stored;
    const size_t rows = 2 * (size_t)s->half_rows, elements = 2 * (size_t)s->room;
    mmoe_block_room *to = &s->all;
    size_t total = 0;
    bool failed = false;
    to->ids = take(s, rows, (size_t)of->n_id * sizeof *to->ids, &total, &failed);
    to->inputs = take(s, rows, (size_t)of->dense_width * sizeof *to->inputs, &total, &failed);
    to->labels = take(s, rows, (size_t)of->n_label * sizeof *to->labels, &total, &failed);
    if (of->has_weights) to->weights = take(s, rows, sizeof *to->weights, &total, &failed);
    if (of->n_list) {
        const size_t offsets = rows * (size_t)of->n_list;
        to->offsets = take(s, offsets + 1, sizeof *to->offsets, &total, &failed);
        to->elements = take(s, elements, sizeof *to->elements, &total, &failed);
    }
    if (of->has_element_weights)
        to->element_weights = take(s, elements, sizeof(float), &total, &failed);
    for (int i = 0; i < 2; i++) {
        s->halves[i].places = mmoe_alloc(&s->alloc, MMOE_WINDOW_ROWS, sizeof(uint32_t));
        failed |= !s->halves[i].places;
    }
    s->index = mmoe_alloc(&s->alloc, (size_t)s->most, sizeof *s->index);
    s->memory = total + s->reader.size;
    return failed || !s->index ? mmoe_fail_memory(err, total) : MMOE_OK;
}

static mmoe_status take_kept(stored_source *s, mmoe_error *err) {
    const size_t stored = (size_t)s->reader.stored->n_kept, rows = 2 * (size_t)s->half_rows;
    bool failed = false;
    assert(!s->order.shuffles && MMOE_WINDOW_ROWS % s->most == 0);
    s->kept = mmoe_alloc_zero(&s->alloc, stored, sizeof *s->kept);
    s->at = mmoe_alloc_zero(&s->alloc, s->set->n_kept, sizeof *s->at);
    for (size_t i = 0; s->kept && i < stored; i++)
        s->kept[i] = take(s, rows, sizeof(int32_t), &s->memory, &failed);
    s->all.kept = s->kept;
    return s->kept && s->at && !failed ? MMOE_OK
                                       : mmoe_fail_memory(err, stored * rows * sizeof(int32_t));
}

static mmoe_status open_stored(const mmoe_source_order *order, const mmoe_allocator *alloc,
                               mmoe_source **out, mmoe_error *err) {
    stored_source *s = mmoe_alloc_zero(alloc, 1, sizeof *s);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    s->source.kind = &mmoe_source_stored;
    s->alloc = *alloc;
    s->set = order->set;
    s->most = order->most;
    s->order = (mmoe_order){.rows = order->set->rows,
                            .lanes = order->lanes,
                            .shuffles = order->shuffles,
                            .seed = order->seed};
    mmoe_status status = mmoe_order_create(&s->order, alloc, err);
    if (!status) status = mmoe_stored_reader_open(order->set->stored, &s->reader, err);
    if (!status) status = choose_lanes(s, err);
    if (!status) status = find_room(s, err);
    if (!status) status = take_room(s, err);
    if (!status && order->keeps) status = take_kept(s, err);
    if (!status) status = mmoe_background_create(load_window, s, alloc, &s->background, err);
    if (status)
        stored_free(&s->source);
    else
        *out = &s->source;
    return status;
}

static bool is_stored(const struct mmoe_dataset *set) { return set->stored; }

const mmoe_source_kind mmoe_source_stored = {.suits = is_stored,
                                             .open = open_stored,
                                             .begin = stored_begin,
                                             .next = stored_next,
                                             .count = stored_count,
                                             .place = stored_place,
                                             .seek = stored_seek,
                                             .identity = stored_identity,
                                             .bytes = stored_bytes,
                                             .free = stored_free};
