#include "data/sample.h"

#include "base/error.h"

enum { MOST_BLOCKS = 4 }; /* that are read for a sample */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* `most` of the rows at hand. */
static mmoe_status spread(mmoe_sample *s, int64_t at_hand, int32_t most, mmoe_error *err) {
    const int64_t from = least(at_hand, UINT32_MAX), rows = least(from, most);
    s->index = mmoe_alloc(&s->alloc, (size_t)rows, sizeof *s->index);
    if (!s->index) return mmoe_fail_memory(err, (size_t)rows * sizeof *s->index);
    for (int64_t i = 0; i < rows; i++) s->index[i] = (uint32_t)(i * from / rows);
    s->rows.rows = (int32_t)rows;
    s->rows.index = s->index;
    return MMOE_OK;
}

/* ---- Rows that are stored ---- */

static int64_t block_of(const mmoe_stored *of, int64_t blocks, int64_t i) {
    return i * mmoe_blocks_of(of->rows) / blocks;
}

static mmoe_status take_room(mmoe_sample *s, const mmoe_stored *of, int64_t blocks,
                             mmoe_error *err) {
    const mmoe_allocator *a = &s->alloc;
    const size_t rows = (size_t)blocks * MMOE_BLOCK_ROWS, n_list = (size_t)of->n_list;
    size_t elements = 0;
    for (int64_t i = 0; i < blocks; i++) elements += (size_t)of->elements[block_of(of, blocks, i)];
    s->read.ids = mmoe_alloc_aligned(a, rows, (size_t)of->n_id * sizeof(int32_t));
    s->read.inputs = mmoe_alloc_aligned(a, rows, (size_t)of->dense_width * sizeof(float));
    s->read.labels = mmoe_alloc_aligned(a, rows, (size_t)of->n_label * sizeof(float));
    s->read.offsets = mmoe_alloc_aligned(a, rows + 1, n_list * sizeof(int64_t));
    s->read.elements = mmoe_alloc_aligned(a, elements, sizeof(int32_t));
    if (of->has_element_weights)
        s->read.element_weights = mmoe_alloc_aligned(a, elements, sizeof(float));
    if (s->read.ids && s->read.inputs && s->read.labels && s->read.offsets && s->read.elements &&
        (s->read.element_weights || !of->has_element_weights))
        return MMOE_OK;
    return mmoe_fail_memory(err, rows * sizeof(float) *
                                     (size_t)(of->n_id + of->dense_width + of->n_label));
}

/* Where the rows from `first` on are wanted. */
static mmoe_block_room room_at(const mmoe_sample *s, const mmoe_stored *of, int64_t first) {
    mmoe_block_room to = s->read;
    to.ids += first * of->n_id;
    to.inputs += first * of->dense_width;
    to.labels += first * of->n_label;
    to.offsets = of->n_list ? to.offsets + first * of->n_list : NULL;
    return to;
}

static mmoe_status read_blocks(mmoe_sample *s, const mmoe_stored *of, int64_t blocks, int64_t *rows,
                               mmoe_error *err) {
    mmoe_stored_reader reader;
    int64_t elements = 0;
    mmoe_status status = mmoe_stored_reader_open(of, &reader, err);
    if (status) return status;
    for (int64_t i = 0; !status && i < blocks; i++) {
        const int64_t block = block_of(of, blocks, i);
        const mmoe_block_room to = room_at(s, of, *rows);
        if (to.offsets) *to.offsets = elements;
        status = mmoe_stored_read(&reader, block, &to, err);
        elements += of->elements[block];
        *rows += mmoe_block_rows(of->rows, block);
    }
    mmoe_stored_reader_close(&reader);
    s->rows = (mmoe_rows){.ids = s->read.ids,
                          .dense = s->read.inputs,
                          .labels = s->read.labels,
                          .id_stride = (size_t)of->n_id,
                          .dense_stride = (size_t)of->dense_width,
                          .label_stride = (size_t)of->n_label};
    s->rows.lists = (mmoe_lists){of->n_list, s->read.offsets, s->read.elements,
                                 s->read.element_weights, (size_t)elements};
    return status;
}

mmoe_status mmoe_sample_take(const struct mmoe_dataset *set, int32_t most,
                             const mmoe_allocator *alloc, mmoe_sample *out, mmoe_error *err) {
    const mmoe_stored *of = set->stored;
    int64_t rows = set->rows;
    mmoe_status status = MMOE_OK;
    *out = (mmoe_sample){.alloc = *alloc};
    if (of) {
        const int64_t blocks = least(mmoe_blocks_of(rows), MOST_BLOCKS);
        rows = 0;
        status = take_room(out, of, blocks, err);
        if (!status) status = read_blocks(out, of, blocks, &rows, err);
    } else {
        out->rows = mmoe_dataset_rows_of(set, 0, 0, NULL);
    }
    if (!status) status = spread(out, rows, most, err);
    if (status) mmoe_sample_finish(out);
    return status;
}

void mmoe_sample_finish(mmoe_sample *s) {
    const mmoe_allocator *a = &s->alloc;
    mmoe_release_aligned(a, s->read.ids);
    mmoe_release_aligned(a, s->read.inputs);
    mmoe_release_aligned(a, s->read.labels);
    mmoe_release_aligned(a, s->read.offsets);
    mmoe_release_aligned(a, s->read.elements);
    mmoe_release_aligned(a, s->read.element_weights);
    mmoe_release(a, s->index);
    *s = (mmoe_sample){.alloc = s->alloc};
}
