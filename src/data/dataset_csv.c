/* Data sets from CSV files. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "data/csv_batch.h"
#include "data/learning.h"
#include "data/rows.h"

/* Bytes of a block: small enough for its rows to be joined while the cache has them, large enough
 * for few of them to be joined. Those of the first one, which is parsed alone: as many as tell what
 * the file is. */
enum { BLOCK = 4 << 20, FIRST_BLOCK = 1 << 18, LEAST_FIRST = 32 };
enum { BLOCKS_EACH = 2 }; /* of a thread, in a batch */

typedef struct loader {
    mmoe_csv_file file;
    const mmoe_row_source *source; /* NULL: a file */
    mmoe_csv_how how;
    struct mmoe_schema *learned;
    struct mmoe_dataset *set;
    mmoe_csv_part *part; /* that rows are read into */
    mmoe_csv_parts parts;
} loader;

static const mmoe_reading *reading_of(const loader *l) {
    return l->file.wanted ? &l->file.wanted->specs->reading : &l->file.schema->reading;
}

/* ---- Rows ---- */

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t n, mmoe_error *err) {
    loader *l = user;
    mmoe_csv_file *f = &l->file;
    mmoe_status status = mmoe_csv_file_name(f, fields, n, err);
    if (!status && f->wanted) {
        status = mmoe_csv_file_bind(f, &l->learned, err);
        f->schema = l->learned;
    }
    if (!status) status = mmoe_csv_file_find(f, err);
    if (status) return status;
    l->set = mmoe_dataset_new(f->schema, &f->alloc);
    l->part = mmoe_csv_part_new(f, f->schema);
    if (!l->set || !l->part) return mmoe_fail_memory(err, sizeof *l->set);
    l->set->first_row = l->source || reading_of(l)->header == MMOE_HEADER_NONE ? 1 : 2;
    return MMOE_OK;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
    return mmoe_csv_part_row(((loader *)user)->part, row, fields, err);
}

static mmoe_csv_handler handler_of(loader *l, mmoe_csv_passed *passed) {
    const mmoe_reading *reading = reading_of(l);
    return (mmoe_csv_handler){.user = l,
                              .header = on_header,
                              .row = on_row,
                              .lenient = reading->quotes == MMOE_QUOTES_LENIENT,
                              .quotes_hint =
                                  "; \"data\": {\"quotes\": \"lenient\"} takes them as text",
                              .passed = passed,
                              .separator = mmoe_reading_separator(reading),
                              .headless = reading->header == MMOE_HEADER_NONE,
                              .separator_hint = ", or \"data\": {\"separator\": ...}"};
}

/* The part that rows were read into is one of the file's. */
static mmoe_status add_part(loader *l, const mmoe_csv_passed *passed, mmoe_error *err) {
    mmoe_csv_part *part = l->part;
    part->passed = *passed;
    l->part = NULL;
    return mmoe_csv_parts_add(&l->parts, part, err);
}

/* The header of a source that is no file. */
static mmoe_status on_columns(void *user, mmoe_row_column *columns, size_t n, mmoe_error *err) {
    loader *l = user;
    mmoe_csv_file *f = &l->file;
    mmoe_csv_field *names = mmoe_alloc(&f->alloc, n, sizeof *names);
    f->are_lists = mmoe_alloc(&f->alloc, n, sizeof *f->are_lists);
    mmoe_status status = names && f->are_lists ? MMOE_OK : mmoe_fail_memory(err, n * sizeof *names);
    for (size_t i = 0; !status && i < n; i++) {
        names[i] = (mmoe_csv_field){columns[i].name, strlen(columns[i].name)};
        f->are_lists[i] = columns[i].is_list;
    }
    if (!status) status = on_header(l, names, n, err);
    if (!status) status = mmoe_row_columns_take(columns, f, err);
    mmoe_release(&f->alloc, names);
    return status;
}

static mmoe_status read_source(loader *l, mmoe_error *err) {
    const mmoe_csv_passed nothing = {0};
    const mmoe_row_handler handler = {l, on_columns, on_row};
    const mmoe_status status = l->source->read(l->source->user, &handler, err);
    return status ? status : add_part(l, &nothing, err);
}

static mmoe_status read_in_sequence(loader *l, mmoe_error *err) {
    mmoe_csv_passed passed;
    const mmoe_csv_handler handler = handler_of(l, &passed);
    const mmoe_status status = mmoe_csv_read(l->file.path, &handler, &l->file.alloc, err);
    return status ? status : add_part(l, &passed, err);
}

/* ---- Blocks ---- */

/* A file that is read in blocks. */
typedef struct stream {
    mmoe_bytes from;
    mmoe_csv_blocks blocks;
    mmoe_csv_passed passed; /* while rows go into the loader's part */
    mmoe_csv_form form;
    mmoe_csv_handler handler;
    bool has_ended; /* no block is left */
} stream;

/* Rows of a block, and of all that follows where it is open, go into the loader's part. */
static mmoe_status read_block(loader *l, stream *s, mmoe_csv_block block, mmoe_error *err) {
    const mmoe_allocator *a = &l->file.alloc;
    const mmoe_csv_field text = {block.bytes, block.length};
    const mmoe_status status =
        block.is_open ? mmoe_csv_read_on(&s->from, text, &s->handler, a, err)
                      : mmoe_csv_parse(text.text, text.length, l->file.path, &s->handler, a, err);
    mmoe_release(a, block.bytes);
    s->has_ended = block.is_open || mmoe_csv_blocks_end(&s->blocks);
    return status;
}

/* The header, and as many rows as tell what form all have. */
static mmoe_status read_first(loader *l, stream *s, mmoe_error *err) {
    const size_t given = l->how.block ? l->how.block : FIRST_BLOCK,
                 size = given > LEAST_FIRST ? given : LEAST_FIRST;
    mmoe_csv_block block;
    mmoe_status status = MMOE_OK;
    while (!status && !s->has_ended && !s->form.has_first_row) {
        status = mmoe_csv_blocks_next(&s->blocks, size, &block, err);
        if (!status) status = read_block(l, s, block, err);
    }
    if (!status) status = mmoe_csv_check_header(&s->form, l->file.path, err);
    return status ? status : add_part(l, &s->passed, err);
}

/* What no blocks can be made of. */
static mmoe_status read_rest(loader *l, stream *s, mmoe_csv_block block, mmoe_error *err) {
    s->form.row += l->parts.rows - l->parts.items[0]->rows;
    s->passed = (mmoe_csv_passed){0};
    l->part = mmoe_csv_part_new(&l->file, l->file.schema);
    mmoe_status status = l->part ? mmoe_csv_part_know(l->part, l->parts.negatives, err)
                                 : mmoe_fail_memory(err, sizeof *l->part);
    if (!status) status = read_block(l, s, block, err);
    return status ? status : add_part(l, &s->passed, err);
}

/* As many blocks as are parsed at once; rows before one that cannot be read are read. */
static mmoe_status read_batch(loader *l, stream *s, mmoe_csv_batch *batch, mmoe_error *err) {
    const size_t most = BLOCKS_EACH * (size_t)mmoe_pool_workers(batch->pool);
    mmoe_csv_block block = {NULL};
    mmoe_error reading_err = {0};
    mmoe_status reading = MMOE_OK;
    while (!reading && !block.is_open && !s->has_ended && batch->count < most) {
        reading = mmoe_csv_blocks_next(&s->blocks, l->how.block ? l->how.block : BLOCK, &block,
                                       &reading_err);
        if (reading || block.is_open) continue;
        batch->pieces[batch->count++].block = block;
        s->has_ended = mmoe_csv_blocks_end(&s->blocks);
    }
    const mmoe_status status = mmoe_csv_batch_run(batch, &l->parts, err);
    if (!status && !reading && block.is_open) return read_rest(l, s, block, err);
    if (block.is_open) mmoe_release(&l->file.alloc, block.bytes);
    if (status || !reading) return status;
    if (err) *err = reading_err;
    return reading;
}

static mmoe_status read_batches(loader *l, stream *s, mmoe_error *err) {
    const mmoe_allocator *a = &l->file.alloc;
    const int threads = l->how.threads > 1 ? l->how.threads : 1;
    mmoe_csv_batch batch = {&l->file, l->learned, &s->handler, s->form};
    batch.form.row = l->set->first_row - 1;
    mmoe_status status = mmoe_pool_create(threads, a, &batch.pool, err);
    if (status) return status;
    batch.pieces = mmoe_alloc_zero(a, BLOCKS_EACH * (size_t)threads, sizeof *batch.pieces);
    if (!batch.pieces)
        status = mmoe_fail_memory(err, BLOCKS_EACH * (size_t)threads * sizeof *batch.pieces);
    while (!status && !s->has_ended) status = read_batch(l, s, &batch, err);
    mmoe_release(a, batch.pieces);
    mmoe_pool_free(batch.pool);
    return status;
}

static mmoe_status read_in_blocks(loader *l, mmoe_error *err) {
    stream s = {.blocks = {.alloc = l->file.alloc, .from = &s.from}};
    s.handler = handler_of(l, &s.passed);
    s.handler.form = &s.form;
    mmoe_status status = mmoe_bytes_open(l->file.path, &s.from, err);
    if (status) return status;
    status = read_first(l, &s, err);
    if (!status && !s.has_ended) status = read_batches(l, &s, err);
    mmoe_csv_blocks_finish(&s.blocks);
    mmoe_bytes_close(&s.from);
    return status;
}

/* Quotes that are text say nothing of where rows end. */
static mmoe_status read_rows(loader *l, mmoe_error *err) {
    const bool has_blocks = reading_of(l)->quotes == MMOE_QUOTES_STRICT;
    return has_blocks && (l->how.threads > 1 || l->how.block) ? read_in_blocks(l, err)
                                                              : read_in_sequence(l, err);
}

/* ---- Learning ---- */

/* The schema learns from the rows that stand, but for the numbers, which follow. */
static mmoe_status learn(loader *l, mmoe_error *err) {
    const size_t n = l->parts.count;
    mmoe_number_run *runs = mmoe_alloc(&l->file.alloc, n, sizeof *runs);
    if (!runs) return mmoe_fail_memory(err, n * sizeof *runs);
    for (size_t i = 0; i < n; i++)
        runs[i] = (mmoe_number_run){l->parts.items[i]->values, l->parts.items[i]->rows};
    const mmoe_learning learning = {l->file.path, l->set, l->learned, runs, n, l->parts.negatives};
    mmoe_status status = mmoe_learning_settle(&learning, err);
    if (!status) status = mmoe_learning_inputs(&learning, err);
    if (!status) mmoe_learning_labels(&learning);
    mmoe_release(&l->file.alloc, runs);
    return status;
}

/* ---- The whole file ---- */

/* What was passed over, in words. */
static mmoe_status warn_of_file(const loader *l, mmoe_error *err) {
    const mmoe_csv_passed passed = mmoe_csv_join_passed(&l->parts);
    char text[MMOE_PASSED_SIZE];
    mmoe_warning w = {NULL};
    mmoe_status status = MMOE_OK;
    for (int i = 0; !status && mmoe_csv_passed_text(&passed, i, text, &w.count, &w.row); i++)
        status = mmoe_warn(&l->set->warnings, w, err, "%s", text);
    return status;
}

static mmoe_status warn_of_columns(const loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    return l->file.wanted
               ? mmoe_notes_warn_learned(set->notes, l->file.schema, set->rows, &set->warnings, err)
               : mmoe_notes_warn_read(set->notes, l->file.schema, set->rows, &set->warnings, err);
}

static mmoe_status warn_of_lacking(const loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    size_t i = 0;
    if (!set->n_lacking) return MMOE_OK;
    while (!l->parts.items[i]->n_lacking) i++;
    const mmoe_csv_part *part = l->parts.items[i];
    const char *column = part->first_lack.column;
    const int64_t row = part->first_lack.row + part->before;
    return mmoe_warn(&set->warnings, (mmoe_warning){NULL, column, set->n_lacking, row}, err,
                     "%" PRId64 " of %" PRId64 " rows lack a value that a feature must have, the "
                     "first is row %" PRId64 " (column \"%s\"): they have no scores; \"missing\" "
                     "of a dense feature says what stands for one",
                     set->n_lacking, set->rows, row, column);
}

static mmoe_status make_set(loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const mmoe_csv_file *f = &l->file;
    mmoe_status status = MMOE_OK;
    if (l->parts.rows == 0 && f->label_mode == MMOE_LABELS_REQUIRED)
        return mmoe_fail_at(err, MMOE_E_FORMAT, f->path, 0, NULL, "%s",
                            l->source ? l->source->nothing : "the file has a header but no rows");
    status = warn_of_file(l, err);
    if (!status) status = mmoe_csv_join(&l->parts, set, err);
    if (!status && f->wanted) status = learn(l, err);
    if (!status) status = mmoe_dataset_seal(set, f->schema, err);
    if (!status && f->wanted) status = mmoe_dataset_warn_of_constants(set, f->schema, err);
    if (!status) status = warn_of_columns(l, err);
    return status ? status : warn_of_lacking(l, err);
}

static mmoe_status load(loader *l, struct mmoe_dataset **out, mmoe_error *err) {
    mmoe_status status = l->source ? read_source(l, err) : read_rows(l, err);
    if (!status) status = make_set(l, err);
    if (status)
        mmoe_dataset_free(l->set);
    else
        *out = l->set;
    mmoe_csv_part_free(l->part);
    mmoe_csv_parts_finish(&l->parts);
    mmoe_csv_file_finish(&l->file);
    return status;
}

static mmoe_status fit(loader *l, struct mmoe_schema **schema, struct mmoe_dataset **out,
                       mmoe_error *err) {
    const mmoe_status status = load(l, out, err);
    if (status)
        mmoe_schema_free(l->learned);
    else
        *schema = l->learned;
    return status;
}

mmoe_status mmoe_dataset_fit(const mmoe_schema_wanted *wanted, const mmoe_csv_how *how,
                             const mmoe_allocator *alloc, struct mmoe_schema **schema,
                             struct mmoe_dataset **out, mmoe_error *err) {
    loader l = {
        .file = {.alloc = mmoe_allocator_or_default(alloc), .path = wanted->file, .wanted = wanted},
        .how = *how};
    return fit(&l, schema, out, err);
}

mmoe_status mmoe_rows_fit(const mmoe_row_source *source, const mmoe_schema_wanted *wanted,
                          const mmoe_allocator *alloc, struct mmoe_schema **schema,
                          struct mmoe_dataset **out, mmoe_error *err) {
    loader l = {
        .file = {.alloc = mmoe_allocator_or_default(alloc), .path = source->name, .wanted = wanted},
        .source = source};
    return fit(&l, schema, out, err);
}

mmoe_status mmoe_dataset_read(const struct mmoe_schema *schema, const char *path,
                              const mmoe_csv_how *how, const mmoe_allocator *alloc,
                              struct mmoe_dataset **out, mmoe_error *err) {
    loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                         .path = path,
                         .schema = schema,
                         .label_mode = how->labels},
                .how = *how};
    return load(&l, out, err);
}

mmoe_status mmoe_rows_read(const mmoe_row_source *source, const struct mmoe_schema *schema,
                           int labels, const mmoe_allocator *alloc, struct mmoe_dataset **out,
                           mmoe_error *err) {
    loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                         .path = source->name,
                         .schema = schema,
                         .label_mode = labels},
                .source = source};
    return load(&l, out, err);
}

/* ---- Public ---- */

mmoe_status mmoe_label_mode_check(int labels, mmoe_error *err) {
    if (labels >= MMOE_LABELS_REQUIRED && labels <= MMOE_ROWS_TO_SCORE) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "labels is %d, none of MMOE_LABELS_REQUIRED, _OPTIONAL, _IGNORED and "
                     "MMOE_ROWS_TO_SCORE",
                     labels);
}

mmoe_status mmoe_csv_how_of(const mmoe_read_options *options, const char *call, mmoe_csv_how *out,
                            mmoe_error *err) {
    *out = (mmoe_csv_how){0};
    if (!options) return MMOE_OK;
    for (size_t i = 0; i < sizeof options->reserved / sizeof *options->reserved; i++)
        if (options->reserved[i])
            return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the options' reserved members must be NULL",
                             call);
    if (options->threads < 0 || options->threads > 256)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: threads must be 0 to 256", call);
    *out = (mmoe_csv_how){.labels = options->labels, .threads = options->threads};
    return MMOE_OK;
}

mmoe_status mmoe_dataset_read_csv(const mmoe_schema *schema, const char *path, int labels,
                                  const mmoe_allocator *alloc, mmoe_dataset **out,
                                  mmoe_error *err) {
    const mmoe_read_options options = {.labels = labels};
    if (mmoe_allocator_check(alloc, "mmoe_dataset_read_csv", err)) return MMOE_E_ARGUMENT;
    return mmoe_dataset_read_csv_with(schema, path, &options, alloc, out, err);
}

mmoe_status mmoe_dataset_read_csv_with(const mmoe_schema *schema, const char *path,
                                       const mmoe_read_options *options,
                                       const mmoe_allocator *alloc, mmoe_dataset **out,
                                       mmoe_error *err) {
    static const char call[] = "mmoe_dataset_read_csv_with";
    mmoe_csv_how how;
    if (!schema || !path || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "schema, path or out is NULL");
    if (mmoe_csv_how_of(options, call, &how, err)) return MMOE_E_ARGUMENT;
    if (mmoe_label_mode_check(how.labels, err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    return mmoe_dataset_read(schema, path, &how, alloc, out, err);
}
