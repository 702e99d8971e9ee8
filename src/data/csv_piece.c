#include "data/csv_piece.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/csv_settle.h"

/* ---- Parsing ---- */

/* Beside what grows: by itself the part knows what was known to begin with, redone the values of
 * all blocks before, which join no other meanwhile. */
static mmoe_status start_learning(const mmoe_csv_job *j, mmoe_csv_piece *p, mmoe_error *err) {
    const size_t n = (size_t)j->file->schema->n_table;
    const mmoe_allocator *a = &j->file->alloc;
    if (!mmoe_csv_file_waits(j->file) || p->learned) return MMOE_OK;
    p->merged = mmoe_alloc_zero(a, n, sizeof *p->merged);
    p->become = mmoe_alloc_zero(a, n, sizeof *p->become);
    if (!p->merged || !p->become)
        return mmoe_fail_memory(err, n * (sizeof *p->merged + sizeof *p->become));
    if (!j->known) return mmoe_csv_file_bind(j->file, &p->learned, err);
    return mmoe_schema_beside(p->is_redone ? j->schema : j->known, a, &p->learned, err);
}

/* `alone`: with a schema of its own, if any learns. */
static mmoe_status start_piece(const mmoe_csv_job *j, mmoe_csv_piece *p, bool alone,
                               mmoe_error *err) {
    const mmoe_csv_file *f = j->file;
    const mmoe_status status = alone ? start_learning(j, p, err) : MMOE_OK;
    if (status) return status;
    p->part = mmoe_csv_part_new(f, p->learned ? p->learned : f->schema);
    if (p->part && p->before) mmoe_csv_part_inherit(p->part, p->before);
    return p->part ? MMOE_OK : mmoe_fail_memory(err, sizeof *p->part);
}

static void forget(const mmoe_csv_job *j, mmoe_csv_piece *p) {
    const mmoe_allocator *a = &j->file->alloc;
    for (int32_t t = 0; p->merged && t < j->file->schema->n_table; t++)
        mmoe_release(a, p->merged[t].ids);
    mmoe_release(a, p->merged);
    mmoe_release(a, (void *)p->become);
    mmoe_schema_free(p->learned);
    p->merged = NULL;
    p->become = NULL;
    p->learned = NULL;
}

/* What was read of the block has taught, perhaps what it should not. */
static void drop_part(const mmoe_csv_job *j, mmoe_csv_piece *p) {
    if (!p->part) return;
    mmoe_csv_part_free(p->part);
    p->part = NULL;
    forget(j, p);
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
static mmoe_status parse_rows(const mmoe_csv_job *j, mmoe_csv_piece *p, mmoe_error *err) {
    mmoe_csv_handler reader = *j->reader;
    reader.user = p->part;
    reader.header = pass_header;
    reader.rows = mmoe_csv_part_rows;
    reader.passed = &p->part->passed;
    reader.form = &p->form;
    if (p->part->bad.is_on) {
        reader.skip = mmoe_csv_part_skip;
        reader.fault = mmoe_csv_part_fault;
    }
    const mmoe_status status = mmoe_csv_parse(p->block.bytes, p->block.length, j->file->path,
                                              &reader, &j->file->alloc, err);
    mmoe_csv_part_end(p->part);
    return status;
}

/* What a block is parsed with. */
typedef struct start {
    mmoe_csv_form form;
    char *const *negatives; /* told by the rows before; NULL: none are known */
    int64_t most;           /* rows that may be left out */
    bool alone;             /* else the file's schema learns, behind the rows before */
} start;

/* Parses the block until all rows that are left out were known: what they have taught may be why a
 * column has too many values. *is_full: one more was at fault. */
static mmoe_status parse_piece(const mmoe_csv_job *j, mmoe_csv_piece *p, const start *from,
                               bool *is_full, mmoe_error *err) {
    mmoe_csv_bad bad = {.is_on = j->skip_bad > 0,
                        .are_kept = j->file->label_mode == MMOE_ROWS_TO_SCORE,
                        .most = from->most,
                        .may_be_first = !from->form.has_first_row};
    mmoe_status status = MMOE_OK;
    bool is_of_column;
    do {
        drop_part(j, p);
        mmoe_csv_bad_begin(&bad);
        status = start_piece(j, p, from->alone, err);
        if (!status && from->negatives) status = mmoe_csv_part_know(p->part, from->negatives, err);
        if (status) break;
        p->form = from->form;
        p->part->passed = j->passed;
        p->part->bad = bad;
        status = parse_rows(j, p, err);
        bad = p->part->bad;
        is_of_column = status == MMOE_E_DATA && p->part->is_of_column;
        p->part->bad = (mmoe_csv_bad){0};
    } while ((!status || is_of_column) && !bad.are_kept && bad.count > bad.known);
    *is_full = bad.is_full;
    if (status)
        mmoe_release(&j->file->alloc, bad.rows);
    else
        p->part->bad = bad;
    return status;
}

void mmoe_csv_piece_parse(const mmoe_csv_job *j, mmoe_csv_piece *p) {
    const start from = {j->form, NULL, j->skip_bad, true};
    bool is_full;
    p->status = parse_piece(j, p, &from, &is_full, &p->err);
}

/* Behind the sentence of a fault. */
static void say_more(const mmoe_csv_job *j, mmoe_status status, bool is_full, mmoe_error *err) {
    const size_t used = err ? strlen(err->message) : 0;
    if (!err || !j->skip_bad) return;
    if (is_full)
        snprintf(err->message + used, sizeof err->message - used,
                 "; %" PRId64 " %s at fault, too%s", j->skip_bad,
                 j->skip_bad == 1 ? "row before it was" : "rows before it were",
                 j->file->label_mode == MMOE_ROWS_TO_SCORE ? "" : ", and left out");
    else if (status == MMOE_E_FORMAT)
        snprintf(err->message + used, sizeof err->message - used,
                 "; such a row is not left out, for where it ends is not known");
}

/* A piece as one reader of the whole file would have met it, who knows the rows before; where rows
 * may be left out, which must not teach, he knows less of values. */
static mmoe_status redo_piece(const mmoe_csv_job *j, mmoe_csv_piece *p,
                              const mmoe_csv_parts *before, mmoe_error *err) {
    if (p->status == MMOE_E_MEMORY) {
        if (err) *err = p->err;
        return p->status;
    }
    start from = {j->form, before->negatives, j->skip_bad - before->n_bad, j->skip_bad > 0};
    bool is_full;
    p->is_redone = true;
    from.form.row += from.form.columns ? before->before : 0;
    const mmoe_status status = parse_piece(j, p, &from, &is_full, err);
    if (status) say_more(j, status, is_full, err);
    return status;
}

/* Has the piece taken values for what the file's schema, which grows, would have? */
static bool agrees(const mmoe_csv_job *j, const mmoe_csv_piece *p) {
    bool all = true;
    for (int32_t t = 0; all && j->known && p->learned && t < j->schema->n_table; t++) {
        const mmoe_encoder *e = j->schema->tables[t].encoder;
        all = !e->kind->grow || e->kind->agrees(e, p->learned->tables[t].encoder);
    }
    return all;
}

/* Must the piece be read as if there were no other, with the rows before known: for its fault, for
 * another text of a label, for what its values are, or for the number of the first row that is left
 * out? */
static bool must_redo(const mmoe_csv_job *j, const mmoe_csv_piece *p,
                      const mmoe_csv_parts *before) {
    if (p->status || !mmoe_csv_parts_agree(before, p->part) || !agrees(j, p)) return true;
    const int64_t bad = (int64_t)p->part->bad.count;
    return before->n_bad + bad > j->skip_bad || (bad && !before->n_bad && before->before);
}

/* ---- Learning ---- */

/* Encoder `index` of a schema's: those of tables, then those of numbers. */
static mmoe_encoder *encoder_of(const struct mmoe_schema *s, size_t index) {
    const size_t n_table = (size_t)s->n_table;
    return index < n_table ? s->tables[index].encoder : s->dense[index - n_table].encoder;
}

static const char *merge_encoder(const mmoe_csv_job *j, mmoe_csv_piece *p, size_t index) {
    mmoe_encoder *e = encoder_of(j->schema, index), *from = encoder_of(p->learned, index);
    mmoe_merged none = {NULL}, *m = index < (size_t)j->schema->n_table ? &p->merged[index] : &none;
    if (!e->kind->merge || (j->known && !e->kind->grow)) return NULL;
    const char *fault = e->kind->merge(e, from, m);
    p->goes_on = p->goes_on && m->goes_on;
    return fault;
}

static mmoe_status fail_encoder(const mmoe_csv_job *j, const mmoe_csv_piece *p, size_t index,
                                const char *fault, mmoe_error *err) {
    const struct mmoe_schema *s = j->schema;
    const size_t n_table = (size_t)s->n_table;
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, (size_t)p->part->rows);
    return mmoe_fail_at(err, MMOE_E_DATA, j->file->path, 0,
                        index < n_table ? s->tables[index].name : s->dense[index - n_table].name,
                        "%s", fault);
}

static mmoe_status learn(const mmoe_csv_job *j, mmoe_csv_piece *p, mmoe_error *err) {
    const size_t n = (size_t)j->schema->n_table + (size_t)j->schema->n_dense;
    mmoe_status status = MMOE_OK;
    p->goes_on = !j->known || !p->is_redone;
    for (size_t i = 0; !status && i < n; i++) {
        const char *fault = merge_encoder(j, p, i);
        if (fault) status = fail_encoder(j, p, i, fault, err);
    }
    return status;
}

/* ---- Joining ---- */

/* What has learned too many values in all is read again for the row that had the first of them. */
static mmoe_status learn_or_redo(const mmoe_csv_job *j, mmoe_csv_piece *p,
                                 const mmoe_csv_parts *before, mmoe_error *err) {
    const mmoe_status status = p->learned ? learn(j, p, err) : MMOE_OK;
    if (status != MMOE_E_DATA || j->skip_bad) return status;
    return redo_piece(j, p, before, err);
}

mmoe_status mmoe_csv_piece_join(const mmoe_csv_job *j, mmoe_csv_piece *p, mmoe_csv_parts *parts,
                                mmoe_error *err) {
    const bool again = must_redo(j, p, parts);
    mmoe_status status = again ? redo_piece(j, p, parts, err) : MMOE_OK;
    if (!status) status = learn_or_redo(j, p, parts, err);
    if (status) return status;
    p->part->before = again ? 0 : parts->before;
    p->is_added = j->keeps;
    if (!j->keeps) return mmoe_csv_parts_count(parts, p->part, err);
    status = mmoe_csv_parts_add(parts, p->part, err);
    if (status) p->part = NULL; /* theirs */
    return status;
}

void mmoe_csv_piece_place(const mmoe_csv_job *j, mmoe_csv_piece *p) {
    const mmoe_csv_ids ids = mmoe_csv_part_ids(p->part);
    bool some_change = false;
    p->part->cells.schema = j->file->schema;
    mmoe_release(&p->part->file->alloc, p->part->order.places); /* of what was learned */
    p->part->order = (mmoe_id_order){0};
    for (int32_t t = 0; p->learned && t < j->file->schema->n_table; t++) {
        p->become[t] = p->merged[t].differs ? p->merged[t].ids : NULL;
        some_change = some_change || p->become[t];
    }
    p->part->finds_list_ids |= some_change;
    if (some_change) mmoe_csv_ids_place(&ids, j->file->schema, p->become, p->part->notes);
}

/* ---- The end ---- */

/* Bytes of vocabularies that go on with a block's place: what the cache has. */
static bool is_small(const struct mmoe_schema *s) {
    enum { MOST = 16 << 20 };
    size_t bytes = 0;
    for (int32_t t = 0; t < s->n_table; t++) {
        const mmoe_vocab *keys = mmoe_encoder_vocab(s->tables[t].encoder);
        if (keys) bytes += mmoe_vocab_bytes(keys);
    }
    return bytes <= MOST;
}

static void drop_before(mmoe_csv_piece *p) {
    if (p->owns_before) mmoe_csv_part_free(p->before);
    p->before = NULL;
    p->owns_before = false;
}

void mmoe_csv_piece_finish(const mmoe_csv_job *j, mmoe_csv_piece *p) {
    const bool stays = p->part && p->part->is_taken,
               goes_on = p->learned && p->goes_on && is_small(p->learned);
    drop_before(p);
    if (!stays && !p->is_added) mmoe_csv_part_free(p->part);
    if (!goes_on) forget(j, p);
    *p = (mmoe_csv_piece){.block = p->block,
                          .before = stays ? p->part : NULL,
                          .owns_before = stays && !p->is_added,
                          .learned = p->learned,
                          .merged = p->merged,
                          .become = p->become};
}

void mmoe_csv_piece_drop(const mmoe_csv_job *j, mmoe_csv_piece *p) {
    mmoe_csv_piece_finish(j, p);
    drop_before(p);
    forget(j, p);
    mmoe_release(&j->file->alloc, p->block.bytes);
    p->block = (mmoe_csv_block){NULL};
}
