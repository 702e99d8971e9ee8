/* How long the lists of a data set are. */
#include "base/error.h"
#include "data/dataset.h"

/* Lists by their lengths. */
typedef struct tally {
    const mmoe_allocator *alloc;
    int64_t *counts; /* [room] */
    size_t room;
    int32_t padding;
    mmoe_list_lengths *out;
} tally;

static mmoe_status make_room(tally *t, size_t length, mmoe_error *err) {
    const size_t room = 2 * length + 64;
    int64_t *counts = mmoe_resize(t->alloc, t->counts, t->room, room, sizeof *counts);
    if (!counts) return mmoe_fail_memory(err, room * sizeof *counts);
    for (size_t i = t->room; i < room; i++) counts[i] = 0;
    t->counts = counts;
    t->room = room;
    return MMOE_OK;
}

/* List `list` of each row. */
static mmoe_status count_rows(tally *t, const mmoe_lists *lists, int64_t rows, size_t list,
                              mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int64_t r = 0; !status && r < rows; r++) {
        const int64_t *at = lists->offsets + r * lists->count + (int64_t)list;
        size_t length = 0;
        for (int64_t i = at[0]; i < at[1]; i++) length += lists->ids[i] != t->padding;
        if (length >= t->room) status = make_room(t, length, err);
        if (status) return status;
        t->counts[length]++;
        t->out->elements += (int64_t)length;
        if ((int64_t)length > t->out->longest) t->out->longest = (int64_t)length;
    }
    return status;
}

/* Memory for the lists of a block. */
static mmoe_status take_block(const mmoe_stored *s, mmoe_block_room *to, mmoe_error *err) {
    size_t most = 0;
    for (int64_t b = 0; b < mmoe_blocks_of(s->rows); b++)
        if ((size_t)s->elements[b] > most) most = (size_t)s->elements[b];
    to->offsets =
        mmoe_alloc_zero(&s->alloc, MMOE_BLOCK_ROWS * (size_t)s->n_list + 1, sizeof *to->offsets);
    to->elements = mmoe_alloc(&s->alloc, most, sizeof *to->elements);
    to->element_weights = mmoe_alloc(&s->alloc, most, sizeof *to->element_weights);
    return to->offsets && to->elements && to->element_weights
               ? MMOE_OK
               : mmoe_fail_memory(err, most * 2 * sizeof *to->elements);
}

static mmoe_status count_stored(tally *t, const mmoe_stored *s, size_t list, mmoe_error *err) {
    mmoe_stored_reader reader = {0};
    mmoe_block_room to = {0};
    mmoe_status status = take_block(s, &to, err);
    if (!status) status = mmoe_stored_reader_open(s, &reader, err);
    for (int64_t b = 0; !status && b < mmoe_blocks_of(s->rows); b++) {
        const mmoe_lists lists = {s->n_list, to.offsets, to.elements, NULL, (size_t)s->elements[b]};
        status = mmoe_stored_read(&reader, b, &to, err);
        if (!status) status = count_rows(t, &lists, mmoe_block_rows(s->rows, b), list, err);
    }
    mmoe_stored_reader_close(&reader);
    mmoe_release(&s->alloc, to.offsets);
    mmoe_release(&s->alloc, to.elements);
    mmoe_release(&s->alloc, to.element_weights);
    return status;
}

/* The length of the list in the middle of those by length. */
static int64_t median_of(const tally *t, int64_t rows) {
    int64_t seen = 0;
    size_t length = 0;
    while ((seen += t->counts[length]) <= (rows - 1) / 2) length++;
    return (int64_t)length;
}

mmoe_status mmoe_dataset_list_lengths(const mmoe_dataset *set, size_t list, int32_t padding,
                                      mmoe_list_lengths *out, mmoe_error *err) {
    const int32_t lists = set ? set->n_sparse - set->n_id : 0;
    if (!set || !out || list >= (size_t)lists)
        return mmoe_fail(
            err, MMOE_E_ARGUMENT,
            "mmoe_dataset_list_lengths: an argument is NULL, or there is no such list");
    *out = (mmoe_list_lengths){0};
    tally t = {.alloc = &set->alloc, .padding = padding, .out = out};
    const mmoe_lists all = {lists, set->offsets, set->elements, NULL, 0};
    const mmoe_status status = set->stored ? count_stored(&t, set->stored, list, err)
                                           : count_rows(&t, &all, set->rows, list, err);
    if (!status && set->rows) {
        out->empty = t.counts[0];
        out->median = median_of(&t, set->rows);
    }
    mmoe_release(&set->alloc, t.counts);
    return status;
}
