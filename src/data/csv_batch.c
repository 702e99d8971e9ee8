#include "data/csv_batch.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

/* A loop of the pool's over pieces or encoders. */
typedef struct loop {
    const mmoe_csv_batch *batch;
    void (*run)(const struct loop *loop, size_t index);
    const char **faults; /* [n_table + n_dense] of merging */
} loop;

static void run_task(void *context, int worker, int task) {
    const loop *l = context;
    (void)worker;
    l->run(l, (size_t)task);
}

/* Cells are numbers that may be subnormal. */
static void run_loop(loop *l, size_t count) {
    mmoe_pool_run_exact(l->batch->pool, (int)count, run_task, l);
}

/* ---- Parsing ---- */

static mmoe_status start_piece(const mmoe_csv_batch *b, mmoe_csv_piece *p, mmoe_error *err) {
    const mmoe_csv_file *f = b->file;
    const mmoe_status status = f->wanted ? mmoe_csv_file_bind(f, &p->learned, err) : MMOE_OK;
    if (status) return status;
    p->part = mmoe_csv_part_new(f, p->learned ? p->learned : f->schema);
    return p->part ? MMOE_OK : mmoe_fail_memory(err, sizeof *p->part);
}

/* The block's rows, whose numbers go on from the form's. */
static mmoe_status parse_rows(const mmoe_csv_batch *b, const mmoe_csv_piece *p, mmoe_csv_form form,
                              mmoe_error *err) {
    mmoe_csv_handler reader = *b->reader;
    reader.user = p->part;
    reader.rows = mmoe_csv_part_rows;
    reader.passed = &p->part->passed;
    reader.form = &form;
    return mmoe_csv_parse(p->block.bytes, p->block.length, b->file->path, &reader, &b->file->alloc,
                          err);
}

static void parse_piece(const loop *l, size_t index) {
    mmoe_csv_piece *p = &l->batch->pieces[index];
    p->status = start_piece(l->batch, p, &p->err);
    if (!p->status) p->status = parse_rows(l->batch, p, l->batch->form, &p->err);
}

/* The fault of a piece as one reader of the whole file would have met it, who knows the rows
 * before. */
static mmoe_status fail_piece(const mmoe_csv_batch *b, const mmoe_csv_piece *p,
                              const mmoe_csv_parts *before, mmoe_error *err) {
    if (p->status == MMOE_E_MEMORY) {
        if (err) *err = p->err;
        return p->status;
    }
    mmoe_csv_piece again = {.block = p->block};
    mmoe_csv_form form = b->form;
    form.row += before->before;
    mmoe_status status = start_piece(b, &again, err);
    if (!status) status = mmoe_csv_part_know(again.part, before->negatives, err);
    if (!status) status = parse_rows(b, &again, form, err);
    assert(status);
    mmoe_csv_part_free(again.part);
    mmoe_schema_free(again.learned);
    return status;
}

/* Adds the parts in their order, and fails with the first that has a fault. */
static mmoe_status add_pieces(const mmoe_csv_batch *b, mmoe_csv_parts *parts, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < b->count; i++) {
        mmoe_csv_piece *p = &b->pieces[i];
        if (p->status || !mmoe_csv_parts_agree(parts, p->part)) return fail_piece(b, p, parts, err);
        p->part->before = parts->before;
        status = mmoe_csv_parts_add(parts, p->part, err);
        p->is_added = true;
    }
    return status;
}

/* ---- Learning ---- */

/* Encoder `index` of a schema's: those of tables, then those of numbers. */
static mmoe_encoder *encoder_of(const struct mmoe_schema *s, size_t index) {
    const size_t n_table = (size_t)s->n_table;
    return index < n_table ? s->tables[index].encoder : s->dense[index - n_table].encoder;
}

static void merge_encoder(const loop *l, size_t index) {
    const mmoe_csv_batch *b = l->batch;
    mmoe_encoder *e = encoder_of(b->schema, index);
    const char *fault = NULL;
    int32_t *none = NULL;
    for (size_t i = 0; !fault && e->kind->merge && i < b->count; i++) {
        const mmoe_csv_piece *p = &b->pieces[i];
        int32_t **ids = index < (size_t)b->schema->n_table ? &p->ids[index] : &none;
        fault = e->kind->merge(e, encoder_of(p->learned, index), ids);
    }
    l->faults[index] = fault;
}

static void place_piece(const loop *l, size_t index) {
    const mmoe_csv_piece *p = &l->batch->pieces[index];
    mmoe_csv_part_place(p->part, (const int32_t *const *)p->ids);
}

static mmoe_status fail_encoder(const mmoe_csv_batch *b, size_t index, const char *fault,
                                mmoe_error *err) {
    const struct mmoe_schema *s = b->schema;
    const size_t n_table = (size_t)s->n_table;
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, (size_t)b->pieces->part->rows);
    return mmoe_fail_at(err, MMOE_E_DATA, b->file->path, 0,
                        index < n_table ? s->tables[index].name : s->dense[index - n_table].name,
                        "%s", fault);
}

/* Each of the schema's encoders takes over what the parts have learned, and their ids become its
 * own. */
static mmoe_status learn(const mmoe_csv_batch *b, mmoe_error *err) {
    const mmoe_allocator *a = &b->file->alloc;
    const size_t n_table = (size_t)b->schema->n_table, n = n_table + (size_t)b->schema->n_dense;
    loop l = {.batch = b, .run = merge_encoder};
    l.faults = mmoe_alloc_zero(a, n, sizeof *l.faults);
    bool has_memory = l.faults;
    for (size_t i = 0; i < b->count; i++) {
        b->pieces[i].ids = mmoe_alloc_zero(a, n_table, sizeof *b->pieces[i].ids);
        has_memory = has_memory && b->pieces[i].ids;
    }
    mmoe_status status = has_memory ? MMOE_OK : mmoe_fail_memory(err, n * sizeof *l.faults);
    if (!status) run_loop(&l, n);
    for (size_t i = 0; !status && i < n; i++)
        if (l.faults[i]) status = fail_encoder(b, i, l.faults[i], err);
    mmoe_release(a, l.faults);
    l.run = place_piece;
    if (!status) run_loop(&l, b->count);
    return status;
}

static void finish_piece(const mmoe_csv_batch *b, mmoe_csv_piece *p) {
    const mmoe_allocator *a = &b->file->alloc;
    for (int32_t t = 0; p->ids && t < b->file->schema->n_table; t++) mmoe_release(a, p->ids[t]);
    mmoe_release(a, p->ids);
    mmoe_release(a, p->block.bytes);
    if (!p->is_added) mmoe_csv_part_free(p->part);
    mmoe_schema_free(p->learned);
    *p = (mmoe_csv_piece){0};
}

mmoe_status mmoe_csv_batch_run(mmoe_csv_batch *b, mmoe_csv_parts *parts, mmoe_error *err) {
    loop l = {.batch = b, .run = parse_piece};
    run_loop(&l, b->count);
    mmoe_status status = add_pieces(b, parts, err);
    if (!status && b->schema) status = learn(b, err);
    for (size_t i = 0; i < b->count; i++) finish_piece(b, &b->pieces[i]);
    b->count = 0;
    return status;
}
