/* Stored rows into memory. */
#include <string.h>

#include "base/error.h"
#include "base/watcher.h"
#include "data/dataset.h"

static int64_t elements_of(const mmoe_stored *s) {
    int64_t sum = 0;
    for (int64_t b = 0; b < mmoe_blocks_of(s->rows); b++) sum += s->elements[b];
    return sum;
}

static mmoe_status take_arrays(struct mmoe_dataset *set, mmoe_error *err) {
    const mmoe_stored *s = set->stored;
    const mmoe_allocator *a = &set->alloc;
    const size_t rows = (size_t)set->rows, elements = (size_t)elements_of(s),
                 row = (size_t)set->n_id + (size_t)set->dense_width + (size_t)set->n_label;
    set->ids = mmoe_alloc_aligned(a, rows, (size_t)set->n_id * sizeof *set->ids);
    set->dense = mmoe_alloc_aligned(a, rows, (size_t)set->dense_width * sizeof *set->dense);
    set->labels = mmoe_alloc_aligned(a, rows, (size_t)set->n_label * sizeof *set->labels);
    bool good = set->ids && set->dense && set->labels;
    if (s->has_weights) good &= (set->weights = mmoe_alloc_aligned(a, rows, sizeof(float))) != NULL;
    if (s->n_list) {
        set->offsets = mmoe_alloc_aligned(a, rows * (size_t)s->n_list + 1, sizeof *set->offsets);
        set->elements = mmoe_alloc_aligned(a, elements, sizeof *set->elements);
        good &= set->offsets && set->elements;
    }
    if (s->has_element_weights) {
        set->element_weights = mmoe_alloc_aligned(a, elements, sizeof(float));
        good &= set->element_weights != NULL;
    }
    for (size_t i = 0; i < set->n_kept; i++) {
        set->kept[i].values = mmoe_alloc(a, rows, sizeof(int32_t));
        good &= set->kept[i].values != NULL;
    }
    return good ? MMOE_OK : mmoe_fail_memory(err, 4 * (rows * row + 2 * elements));
}

static mmoe_block_room room_of(const struct mmoe_dataset *set, int32_t *const *kept,
                               int64_t block) {
    const size_t row = (size_t)block * MMOE_BLOCK_ROWS;
    mmoe_block_room to = {.ids = set->ids + row * (size_t)set->n_id,
                          .inputs = set->dense + row * (size_t)set->dense_width,
                          .labels = set->labels + row * (size_t)set->n_label,
                          .elements = set->elements,
                          .element_weights = set->element_weights,
                          .kept = kept,
                          .first_kept = (int64_t)row};
    if (set->weights) to.weights = set->weights + row;
    if (set->offsets) to.offsets = set->offsets + row * (size_t)set->stored->n_list;
    return to;
}

static mmoe_status read_blocks(struct mmoe_dataset *set, const mmoe_watcher *watcher,
                               mmoe_error *err) {
    mmoe_stored_reader reader = {0};
    int32_t **kept = mmoe_alloc(&set->alloc, set->n_kept, sizeof *kept);
    mmoe_status status = kept ? mmoe_stored_reader_open(set->stored, &reader, err)
                              : mmoe_fail_memory(err, set->n_kept * sizeof *kept);
    for (size_t i = 0; kept && i < set->n_kept; i++) kept[i] = set->kept[i].values;
    for (int64_t b = 0; !status && b < mmoe_blocks_of(set->stored->rows); b++) {
        const mmoe_block_room to = room_of(set, kept, b);
        mmoe_tell_rows(watcher, "loading", b * MMOE_BLOCK_ROWS, set->rows);
        status = mmoe_stored_read(&reader, b, &to, err);
    }
    if (!status) mmoe_tell_rows(watcher, "loading", set->rows, set->rows);
    mmoe_stored_reader_close(&reader);
    mmoe_release(&set->alloc, kept);
    return status;
}

mmoe_status mmoe_dataset_load(mmoe_dataset *set, const mmoe_watcher *watcher, mmoe_error *err) {
    if (!set) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_dataset_load: dataset is NULL");
    if (!set->stored) return MMOE_OK;
    mmoe_status status = take_arrays(set, err);
    if (!status && set->offsets) set->offsets[0] = 0;
    if (!status) status = read_blocks(set, watcher, err);
    if (status) return status;
    mmoe_stored_free(set->stored);
    set->stored = NULL;
    return MMOE_OK;
}
