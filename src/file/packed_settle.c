/* The end of packing rows whose schema was yet to settle: ids that wait are read back, a block at a
 * time, and written once more, and inputs that wait come to their places. */
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "data/most_ids.h"
#include "data/row_sink.h"
#include "file/packed_parts.h"

typedef struct settling {
    mmoe_packer *p;
    const mmoe_row_settling *how;
    bool reads_ids;
    mmoe_stored_reader reader;
    struct mmoe_dataset *rows; /* of a block: the packer's pending ones */
    int32_t *most;             /* [n_sparse] the largest ids so far; NULL: they stay */
} settling;

/* ---- Columns ---- */

/* The inputs' columns, whose widths are known now, and room for them. */
static mmoe_status lay_inputs(mmoe_packer *p, const struct mmoe_schema *schema, mmoe_error *err) {
    mmoe_stored *s = p->set->stored;
    mmoe_stored_column *columns = NULL, *had = s->columns;
    int32_t count = 0;
    p->set->dense_width = s->dense_width = schema->dense_width;
    mmoe_status status = mmoe_packed_columns(schema, p->set, &columns, &count, err);
    if (!status) s->columns = columns;
    if (status) had = columns; /* those that there were name the files that are removed */
    for (int32_t c = 0; c < count; c++) mmoe_release(&p->alloc, had[c].file);
    mmoe_release(&p->alloc, had);
    const size_t width = (size_t)s->dense_width, rows = MMOE_BLOCK_ROWS;
    mmoe_release(&p->alloc, p->pending.inputs);
    p->pending.inputs = mmoe_alloc(&p->alloc, rows, width * sizeof *p->pending.inputs);
    if (!status && !p->pending.inputs) status = mmoe_fail_memory(err, rows * width * 4);
    return status ? status : mmoe_packer_make_desks(p, rows * width * sizeof(float), err);
}

static bool waits(const mmoe_packer *p, const mmoe_row_settling *how, int32_t column) {
    const mmoe_stored_column *c = &p->set->stored->columns[column];
    int32_t feature = c->at;
    if (c->what == MMOE_STORED_INPUTS) return how->numbers_wait;
    if (c->what == MMOE_STORED_ELEMENTS) feature += p->set->stored->n_id;
    return how->become && (c->what == MMOE_STORED_IDS || c->what == MMOE_STORED_ELEMENTS) &&
           how->become[how->schema->sparse[feature].table];
}

static void choose(mmoe_packer *p, const mmoe_row_settling *how) {
    p->n_chosen = 0;
    for (int32_t c = 0; c < p->set->stored->n_column; c++)
        if (waits(p, how, c)) p->chosen[p->n_chosen++] = c;
}

/* ---- Blocks ---- */

static mmoe_status read_ids(settling *s, int64_t block, mmoe_error *err) {
    mmoe_pending *to = &s->p->pending;
    const mmoe_stored *stored = s->p->set->stored;
    const mmoe_status status =
        mmoe_packer_make_elements(s->p, (size_t)stored->elements[block], err);
    if (status) return status;
    const mmoe_block_room room = {.ids = to->ids,
                                  .offsets = stored->n_list ? to->offsets : NULL,
                                  .elements = to->elements,
                                  .element_weights = to->element_weights};
    return mmoe_stored_read(&s->reader, block, &room, err);
}

/* The rows that are pending as a data set's. */
static void show_rows(const settling *s) {
    const mmoe_pending *from = &s->p->pending;
    struct mmoe_dataset *rows = s->rows;
    rows->rows = from->rows;
    rows->dense = from->inputs;
    for (int32_t i = 0; i < rows->n_sparse + rows->n_dense; i++)
        rows->notes[i] = (mmoe_note){.counts.name = rows->notes[i].counts.name,
                                     .counts.column = rows->notes[i].counts.column,
                                     .named = rows->notes[i].named};
    if (!s->reads_ids) return;
    rows->ids = from->ids;
    rows->offsets = s->p->set->stored->n_list ? from->offsets : NULL;
    rows->elements = from->elements;
    rows->element_weights = s->p->set->stored->has_element_weights ? from->element_weights : NULL;
}

static void note_ids(const settling *s) {
    const struct mmoe_dataset *rows = s->rows;
    const mmoe_row_ids ids = {.rows = rows->rows,
                              .n_id = rows->n_id,
                              .n_list = rows->n_sparse - rows->n_id,
                              .ids = rows->ids,
                              .ends = rows->offsets ? rows->offsets + 1 : NULL,
                              .elements = rows->elements};
    mmoe_most_ids_raise(&ids, s->most);
    for (int32_t i = 0; i < rows->n_sparse; i++)
        s->p->set->notes[i].counts.unknown += rows->notes[i].counts.unknown;
}

static mmoe_status settle_block(settling *s, int64_t block, mmoe_error *err) {
    mmoe_packer *p = s->p;
    p->pending.rows = mmoe_block_rows(p->set->rows, block);
    mmoe_status status = s->reads_ids ? read_ids(s, block, err) : MMOE_OK;
    if (status) return status;
    show_rows(s);
    status = s->how->place(s->how->user, block * MMOE_BLOCK_ROWS - p->before, s->rows, err);
    if (!status && s->reads_ids) note_ids(s);
    if (!status) status = mmoe_packer_write_chosen(p, err);
    if (!status) mmoe_packer_count_written(p);
    mmoe_packer_part(p)->rows += p->pending.rows;
    return status;
}

/* The part's blocks once more, from its first. */
static mmoe_status settle_blocks(settling *s, mmoe_error *err) {
    mmoe_packer *p = s->p;
    mmoe_stored_part *part = mmoe_packer_part(p);
    const int64_t blocks = mmoe_blocks_of(p->set->rows);
    const size_t n = (size_t)p->set->stored->n_column;
    int64_t *written = mmoe_alloc(&p->alloc, n, sizeof *written);
    if (!written) return mmoe_fail_memory(err, n * sizeof *written);
    memcpy(written, p->written, n * sizeof *written);
    memset(p->written, 0, n * sizeof *written);
    const int64_t rows = part->rows;
    mmoe_status status = MMOE_OK;
    part->rows = 0;
    for (int64_t b = part->first_block; !status && b < blocks; b++)
        status = settle_block(s, b, err);
    memcpy(p->written, written, n * sizeof *written);
    mmoe_release(&p->alloc, written);
    part->rows = rows;
    p->pending.rows = 0;
    return status;
}

/* ---- All ---- */

static mmoe_status begin(settling *s, mmoe_error *err) {
    const mmoe_packer *p = s->p;
    const size_t n = (size_t)p->set->n_sparse;
    s->rows = mmoe_dataset_new(s->how->schema, &p->alloc);
    s->most = mmoe_alloc(&p->alloc, n, sizeof *s->most);
    if (!s->rows || !s->most) return mmoe_fail_memory(err, n * sizeof *s->most);
    memcpy(s->most, p->most_before, n * sizeof *s->most);
    return s->reads_ids ? mmoe_stored_reader_open(p->set->stored, &s->reader, err) : MMOE_OK;
}

static void finish(settling *s) {
    mmoe_stored_reader_close(&s->reader);
    if (s->rows) {
        s->rows->ids = s->rows->elements = NULL;
        s->rows->offsets = NULL;
        s->rows->dense = s->rows->element_weights = NULL;
    }
    mmoe_dataset_free(s->rows);
    mmoe_release(&s->p->alloc, s->most);
}

static mmoe_status settle_rows(mmoe_packer *p, const mmoe_row_settling *how, mmoe_error *err) {
    settling s = {.p = p, .how = how, .reads_ids = how->ids_wait};
    mmoe_status status = how->numbers_wait ? lay_inputs(p, how->schema, err) : MMOE_OK;
    if (!status) status = begin(&s, err);
    choose(p, how);
    if (!status) status = settle_blocks(&s, err);
    if (!status && s.reads_ids)
        memcpy(p->set->most_id, s.most, (size_t)p->set->n_sparse * sizeof *s.most);
    finish(&s);
    return status;
}

mmoe_status mmoe_packer_settle(mmoe_packer *p, const mmoe_row_settling *how, mmoe_error *err) {
    const uint64_t hash = mmoe_schema_fingerprint(how->schema);
    mmoe_status status = p->pending.rows ? mmoe_packer_write_block(p, err) : MMOE_OK;
    p->grows = p->appends && hash != p->set->schema_hash;
    p->what.schema = how->schema;
    p->set->schema_hash = hash;
    p->set->stored->rows = p->set->rows;
    if (!status && (how->ids_wait || how->numbers_wait)) status = settle_rows(p, how, err);
    p->what.waits = p->numbers_wait = false;
    return status;
}
