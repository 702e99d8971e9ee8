/* Labels and weights, of rows in memory all at once, of stored ones block by block. */
#include "base/error.h"
#include "data/dataset.h"

mmoe_status mmoe_targets_open(mmoe_targets *t, const struct mmoe_dataset *set, mmoe_error *err) {
    *t = (mmoe_targets){.set = set};
    if (!set->stored) return MMOE_OK;
    const size_t count = MMOE_BLOCK_ROWS * ((size_t)set->n_label + 1);
    t->room = mmoe_alloc(&set->alloc, count, sizeof *t->room);
    if (!t->room) return mmoe_fail_memory(err, count * sizeof *t->room);
    return mmoe_stored_reader_open(set->stored, &t->reader, err);
}

static mmoe_status read_block(mmoe_targets *t, mmoe_error *err) {
    const mmoe_stored *s = t->set->stored;
    const int64_t block = t->first / MMOE_BLOCK_ROWS;
    mmoe_block_room to = {.labels = t->room};
    if (s->has_weights) to.weights = t->room + MMOE_BLOCK_ROWS * (size_t)s->n_label;
    t->rows = mmoe_block_rows(s->rows, block);
    t->labels = to.labels;
    t->weights = to.weights;
    return mmoe_stored_read(&t->reader, block, &to, err);
}

mmoe_status mmoe_targets_next(mmoe_targets *t, mmoe_error *err) {
    const struct mmoe_dataset *set = t->set;
    t->first += t->rows;
    t->rows = 0;
    if (t->first >= set->rows) return MMOE_OK;
    if (set->stored) return read_block(t, err);
    t->rows = set->rows;
    t->labels = set->labels;
    t->weights = set->weights;
    return MMOE_OK;
}

void mmoe_targets_close(mmoe_targets *t) {
    mmoe_stored_reader_close(&t->reader);
    mmoe_release(&t->set->alloc, t->room);
}
