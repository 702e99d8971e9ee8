#include "data/csv_batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/csv_settle.h"

/* A loop of the pool's over pieces or encoders. */
typedef struct loop {
    const mmoe_csv_batch *batch;
    void (*run)(const struct loop *loop, size_t index);
    const char **faults; /* [n_table + n_dense] of merging */
    int64_t most;        /* rows that may be left out */
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
    if (p->part && p->before) mmoe_csv_part_inherit(p->part, p->before);
    return p->part ? MMOE_OK : mmoe_fail_memory(err, sizeof *p->part);
}

static void drop_part(mmoe_csv_piece *p) {
    mmoe_csv_part_free(p->part);
    mmoe_schema_free(p->learned);
    p->part = NULL;
    p->learned = NULL;
}

/* The loader has seen it. */
static mmoe_status pass_header(void *part, const mmoe_csv_field *fields, size_t n,
                               mmoe_error *err) {
    (void)part;
    (void)fields;
    (void)n;
    (void)err;
    return MMOE_OK;
}

/* The block's rows, whose numbers go on from the form's. */
static mmoe_status parse_rows(const mmoe_csv_batch *b, mmoe_csv_piece *p, mmoe_error *err) {
    mmoe_csv_handler reader = *b->reader;
    reader.user = p->part;
    reader.header = pass_header;
    reader.rows = mmoe_csv_part_rows;
    reader.passed = &p->part->passed;
    reader.form = &p->form;
    if (p->part->bad.is_on) {
        reader.skip = mmoe_csv_part_skip;
        reader.fault = mmoe_csv_part_fault;
    }
    return mmoe_csv_parse(p->block.bytes, p->block.length, b->file->path, &reader, &b->file->alloc,
                          err);
}

/* What a block is parsed with. */
typedef struct start {
    mmoe_csv_form form;
    char *const *negatives; /* told by the rows before; NULL: none are known */
    int64_t most;           /* rows that may be left out */
} start;

/* Parses the block until all rows that are left out were known: what they have taught may be why a
 * column has too many values. *is_full: one more was at fault. */
static mmoe_status parse_piece(const mmoe_csv_batch *b, mmoe_csv_piece *p, const start *from,
                               bool *is_full, mmoe_error *err) {
    mmoe_csv_bad bad = {.is_on = b->skip_bad > 0,
                        .are_kept = b->file->label_mode == MMOE_ROWS_TO_SCORE,
                        .most = from->most,
                        .may_be_first = !from->form.has_first_row};
    mmoe_status status = MMOE_OK;
    bool is_of_column;
    do {
        drop_part(p);
        mmoe_csv_bad_begin(&bad);
        status = start_piece(b, p, err);
        if (!status && from->negatives) status = mmoe_csv_part_know(p->part, from->negatives, err);
        if (status) break;
        p->form = from->form;
        if (p == b->pieces) p->part->passed = b->passed;
        p->part->bad = bad;
        status = parse_rows(b, p, err);
        bad = p->part->bad;
        is_of_column = status == MMOE_E_DATA && p->part->is_of_column;
        p->part->bad = (mmoe_csv_bad){0};
    } while ((!status || is_of_column) && !bad.are_kept && bad.count > bad.known);
    *is_full = bad.is_full;
    if (status)
        mmoe_release(&b->file->alloc, bad.rows);
    else
        p->part->bad = bad;
    return status;
}

static void run_piece(const loop *l, size_t index) {
    const mmoe_csv_batch *b = l->batch;
    mmoe_csv_piece *p = &b->pieces[index];
    const start from = {b->form, NULL, l->most};
    bool is_full;
    p->status = parse_piece(b, p, &from, &is_full, &p->err);
}

/* Behind the sentence of a fault. */
static void say_more(const mmoe_csv_batch *b, mmoe_status status, bool is_full, mmoe_error *err) {
    const size_t used = err ? strlen(err->message) : 0;
    if (!err || !b->skip_bad) return;
    if (is_full)
        snprintf(err->message + used, sizeof err->message - used,
                 "; %" PRId64 " %s at fault, too%s", b->skip_bad,
                 b->skip_bad == 1 ? "row before it was" : "rows before it were",
                 b->file->label_mode == MMOE_ROWS_TO_SCORE ? "" : ", and left out");
    else if (status == MMOE_E_FORMAT)
        snprintf(err->message + used, sizeof err->message - used,
                 "; such a row is not left out, for where it ends is not known");
}

/* A piece as one reader of the whole file would have met it, who knows the rows before. */
static mmoe_status redo_piece(const mmoe_csv_batch *b, mmoe_csv_piece *p,
                              const mmoe_csv_parts *before, mmoe_error *err) {
    if (p->status == MMOE_E_MEMORY) {
        if (err) *err = p->err;
        return p->status;
    }
    start from = {b->form, before->negatives, b->skip_bad - before->n_bad};
    bool is_full;
    from.form.row += from.form.columns ? before->before : 0;
    const mmoe_status status = parse_piece(b, p, &from, &is_full, err);
    if (status) say_more(b, status, is_full, err);
    return status;
}

/* Must the piece be read as if there were no other, with the rows before known: for its fault, for
 * another text of a label, or for the number of the first row that is left out? */
static bool must_redo(const mmoe_csv_batch *b, const mmoe_csv_piece *p,
                      const mmoe_csv_parts *before) {
    if (p->status || !mmoe_csv_parts_agree(before, p->part)) return true;
    const int64_t bad = (int64_t)p->part->bad.count;
    return before->n_bad + bad > b->skip_bad || (bad && !before->n_bad && before->before);
}

/* Adds the parts in their order, and fails with the first that has a fault. */
static mmoe_status add_pieces(const mmoe_csv_batch *b, mmoe_csv_parts *parts, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < b->count; i++) {
        mmoe_csv_piece *p = &b->pieces[i];
        const bool again = must_redo(b, p, parts);
        if (again) status = redo_piece(b, p, parts, err);
        if (status) return status;
        p->part->before = again ? 0 : parts->before;
        p->is_added = true;
        status = mmoe_csv_parts_add(parts, p->part, err);
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
    const mmoe_csv_ids ids = mmoe_csv_part_ids(p->part);
    const struct mmoe_schema *file = l->batch->file->schema;
    mmoe_csv_ids_place(&ids, file, (const int32_t *const *)p->ids, p->part->notes);
    p->part->cells.schema = file;
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
    *p = (mmoe_csv_piece){.before = p->is_added && b->keeps ? p->part : NULL};
}

mmoe_status mmoe_csv_batch_run(mmoe_csv_batch *b, mmoe_csv_parts *parts, mmoe_error *err) {
    loop l = {.batch = b, .run = run_piece, .most = b->skip_bad - parts->n_bad};
    run_loop(&l, b->count);
    mmoe_status status = add_pieces(b, parts, err);
    if (!status && b->schema) status = learn(b, err);
    if (!status && b->count) b->after = b->pieces[b->count - 1].form;
    for (size_t i = 0; i < b->count; i++) finish_piece(b, &b->pieces[i]);
    b->count = 0;
    return status;
}
