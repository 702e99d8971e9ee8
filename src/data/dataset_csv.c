/* Data sets from CSV files. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/raw_bytes.h"
#include "data/csv_flow.h"
#include "data/loader.h"
#include "data/rows.h"

/* Bytes of a block whose rows go to the set: small enough for the cache to have them all the way.
 * Of one whose rows go to a sink: large enough for few sets to be made. Those of the first one,
 * which is parsed alone: as many as tell what the file is. */
enum { BLOCK = 1 << 20, SINK_BLOCK = 4 << 20, FIRST_BLOCK = 1 << 18, LEAST_FIRST = 32 };
/* Bytes of memory of a part in sequence, likewise. */
enum { PART = 1 << 20, SINK_PART = 4 << 20 };
enum { MOST_AT_ONCE = 64 << 20, LEAST_BLOCK = 1 << 18 }; /* where a sink bounds memory */

static const mmoe_reading *reading_of(const mmoe_loader *l) {
    return l->file.wanted ? &l->file.wanted->specs->reading : &l->file.schema->reading;
}

/* ---- Rows ---- */

static mmoe_csv_handler handler_of(mmoe_loader *l, mmoe_csv_passed *passed) {
    const mmoe_reading *reading = reading_of(l);
    return (mmoe_csv_handler){.user = l,
                              .header = mmoe_loader_header,
                              .rows = mmoe_loader_rows,
                              .lenient = reading->quotes == MMOE_QUOTES_LENIENT,
                              .quotes_hint =
                                  "; \"data\": {\"quotes\": \"lenient\"} takes them as text",
                              .passed = passed,
                              .separator = mmoe_reading_separator(reading),
                              .headless = reading->header == MMOE_HEADER_NONE,
                              .separator_hint = ", or \"data\": {\"separator\": ...}"};
}

static mmoe_status read_in_sequence(mmoe_loader *l, mmoe_bytes *from, mmoe_error *err) {
    mmoe_csv_passed passed;
    const mmoe_csv_handler handler = handler_of(l, &passed);
    const mmoe_status status =
        mmoe_csv_read_on(from, (mmoe_csv_field){NULL, 0}, &handler, &l->file.alloc, err);
    return status ? status : mmoe_loader_add(l, &passed, err);
}

/* ---- Blocks ---- */

/* A file that is read in blocks. */
typedef struct stream {
    mmoe_csv_how how;
    mmoe_bytes *from;
    mmoe_csv_blocks blocks;
    mmoe_csv_passed passed; /* while rows go into the loader's part */
    mmoe_csv_form form;
    mmoe_csv_handler handler;
    bool has_ended; /* no block is left */
} stream;

/* Rows of a block, and of all that follows where it is open, go into the loader's part. */
static mmoe_status read_block(mmoe_loader *l, stream *s, mmoe_csv_block block, mmoe_error *err) {
    const mmoe_allocator *a = &l->file.alloc;
    const mmoe_csv_field text = {block.bytes, block.length};
    const mmoe_status status =
        block.is_open ? mmoe_csv_read_on(s->from, text, &s->handler, a, err)
                      : mmoe_csv_parse(text.text, text.length, s->from->name, &s->handler, a, err);
    mmoe_release(a, block.bytes);
    s->has_ended = block.is_open || mmoe_csv_blocks_end(&s->blocks);
    return status;
}

static mmoe_status next_first(stream *s, mmoe_csv_block *block, mmoe_error *err) {
    const size_t given = s->how.block ? s->how.block : FIRST_BLOCK,
                 size = given > LEAST_FIRST ? given : LEAST_FIRST;
    *block = (mmoe_csv_block){NULL};
    const mmoe_status status = mmoe_csv_blocks_next(&s->blocks, size, block, err);
    if (status) mmoe_release(&s->blocks.alloc, block->bytes);
    return status;
}

/* The header, and as many rows as tell what form all have. */
static mmoe_status read_first(mmoe_loader *l, stream *s, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    while (!status && !s->has_ended && !s->form.has_first_row) {
        mmoe_csv_block block;
        status = next_first(s, &block, err);
        if (!status) status = read_block(l, s, block, err);
    }
    if (!status) status = mmoe_csv_check_header(&s->form, s->from->name, err);
    return status ? status : mmoe_loader_add(l, &s->passed, err);
}

/* Behind the sentence of a fault in a row that is read but once. */
static void say_that_none_is_left_out(mmoe_error *err) {
    const size_t used = err ? strlen(err->message) : 0;
    if (err)
        snprintf(err->message + used, sizeof err->message - used,
                 "; from a row of many megabytes on no row is left out");
}

/* What no blocks can be made of. */
static mmoe_status read_rest(mmoe_loader *l, stream *s, mmoe_csv_block block, mmoe_error *err) {
    s->form.row = l->first_row - 1 + l->parts.before;
    s->passed = (mmoe_csv_passed){0};
    mmoe_status status = mmoe_loader_part(l, err);
    if (!status) status = read_block(l, s, block, err);
    if (s->how.skip_bad && (status == MMOE_E_DATA || status == MMOE_E_FORMAT))
        say_that_none_is_left_out(err);
    return status ? status : mmoe_loader_add(l, &s->passed, err);
}

/* Of blocks of which `most` are there at once. */
static size_t block_size(const mmoe_csv_how *how, size_t most) {
    const size_t share = MOST_AT_ONCE / most, least = share > LEAST_BLOCK ? share : LEAST_BLOCK;
    if (how->block) return how->block;
    if (!how->sink) return BLOCK;
    return least < SINK_BLOCK ? least : SINK_BLOCK;
}

/* ---- Rows that are left out ---- */

static bool skip_all(void *user, int64_t row) {
    (void)user;
    (void)row;
    return true;
}

/* The header of a block; *form has no columns where it has none. */
static mmoe_status read_header(mmoe_loader *l, const stream *s, const mmoe_csv_block *block,
                               mmoe_csv_form *form, mmoe_csv_passed *passed, mmoe_error *err) {
    mmoe_csv_handler look = s->handler;
    look.form = form;
    look.passed = passed;
    look.skip = skip_all;
    const mmoe_status status =
        mmoe_csv_parse(block->bytes, block->length, s->from->name, &look, &l->file.alloc, err);
    const bool is_of_rows = l->part && status == MMOE_E_FORMAT; /* they are read yet */
    mmoe_csv_part_free(l->part);
    l->part = NULL;
    return is_of_rows ? MMOE_OK : status;
}

/* A block, which is the job's, alone. */
static mmoe_status run_alone(mmoe_loader *l, const mmoe_csv_job *job, mmoe_csv_piece *p,
                             mmoe_error *err) {
    mmoe_csv_piece_parse(job, p);
    const mmoe_status status = mmoe_csv_piece_join(job, p, &l->parts, err);
    if (status) return status;
    mmoe_csv_piece_place(job, p);
    const int64_t first = mmoe_loader_number(l, l->parts.rows - p->part->rows);
    return mmoe_loader_hands_on(l) ? mmoe_loader_deliver(l, p->part, first, err)
                                   : mmoe_loader_hand_on(l, err);
}

/* A block that may have the header; it is released. */
static mmoe_status run_first(mmoe_loader *l, stream *s, mmoe_csv_job *job, mmoe_csv_block block,
                             mmoe_error *err) {
    mmoe_csv_form form = s->form;
    mmoe_csv_passed passed = s->passed;
    mmoe_status status = MMOE_OK;
    if (!s->form.columns) status = read_header(l, s, &block, &form, &passed, err);
    if (status || !form.columns) {
        mmoe_release(&l->file.alloc, block.bytes);
        s->form = form;
        s->passed = passed;
        return status;
    }
    job->schema = mmoe_loader_teaches(l);
    job->form = s->form;
    if (s->form.columns) job->form.row = l->first_row - 1;
    job->passed = s->passed;
    mmoe_csv_piece piece = {.block = block};
    status = run_alone(l, job, &piece, err);
    if (!status) s->form = piece.form;
    s->passed = job->passed = (mmoe_csv_passed){0};
    mmoe_csv_piece_drop(job, &piece);
    return status;
}

/* What read_first reads, of which no row that is at fault may teach anything. */
static mmoe_status read_first_bad(mmoe_loader *l, stream *s, mmoe_csv_job *job, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    while (!status && !s->has_ended && !s->form.has_first_row) {
        mmoe_csv_block block;
        status = next_first(s, &block, err);
        if (!status && block.is_open) {
            mmoe_release(&l->file.alloc, block.bytes);
            status = mmoe_fail_at(err, MMOE_E_FORMAT, s->from->name, 0, NULL,
                                  "its first rows have no end in a megabyte: rows that are at "
                                  "fault cannot be left out");
        } else if (!status) {
            s->has_ended = mmoe_csv_blocks_end(&s->blocks);
            status = run_first(l, s, job, block, err);
        }
    }
    return status ? status : mmoe_csv_check_header(&s->form, s->from->name, err);
}

/* ---- All blocks ---- */

/* Behind the first. */
static mmoe_status read_others(mmoe_loader *l, stream *s, const mmoe_csv_job *job,
                               mmoe_error *err) {
    const size_t most = mmoe_csv_flow_blocks((size_t)mmoe_pool_workers(l->pool));
    mmoe_csv_flow flow = {l, job, s->from, &s->blocks, block_size(&s->how, most)};
    mmoe_status status = mmoe_csv_flow_run(&flow, err);
    if (!status && flow.open.bytes) return read_rest(l, s, flow.open, err);
    mmoe_release(&l->file.alloc, flow.open.bytes);
    return status;
}

static mmoe_status read_all(mmoe_loader *l, stream *s, mmoe_error *err) {
    mmoe_csv_job job = {.file = mmoe_loader_file(l),
                        .schema = mmoe_loader_teaches(l),
                        .known = s->how.known,
                        .reader = &s->handler,
                        .skip_bad = s->how.skip_bad,
                        .keeps = !mmoe_loader_hands_on(l)};
    mmoe_status status = job.skip_bad ? read_first_bad(l, s, &job, err) : read_first(l, s, err);
    job.schema = mmoe_loader_teaches(l);
    job.form = s->form;
    job.form.row = l->first_row - 1;
    return status || s->has_ended ? status : read_others(l, s, &job, err);
}

static mmoe_status read_in_blocks(mmoe_loader *l, mmoe_bytes *from, const mmoe_csv_how *how,
                                  mmoe_error *err) {
    stream s = {.how = *how, .from = from, .blocks = {.alloc = l->file.alloc, .from = from}};
    s.handler = handler_of(l, &s.passed);
    s.handler.form = &s.form;
    const mmoe_status status = read_all(l, &s, err);
    mmoe_csv_blocks_finish(&s.blocks);
    return status;
}

/* ---- Files ---- */

/* The last cell of its last row may be a part of what it was. */
static mmoe_status warn_of_cut(mmoe_loader *l, const mmoe_bytes *from, mmoe_error *err) {
    const mmoe_place at = {l->last ? from->name : NULL, l->first_row + l->parts.before - 1};
    char last[MMOE_PLACE_SIZE];
    if (!mmoe_bytes_may_be_cut(from)) return MMOE_OK;
    return mmoe_warn(&l->set->warnings, (mmoe_warning){NULL, NULL, 1, at.row, at.file}, err,
                     "%s is the last and has no line end: what writes it may have ended too early",
                     mmoe_place_show(at, last));
}

/* Quotes that are text say nothing of where rows end. */
static mmoe_status read_file(mmoe_loader *l, const char *path, const mmoe_csv_how *how,
                             mmoe_error *err) {
    const bool in_blocks = reading_of(l)->quotes == MMOE_QUOTES_STRICT &&
                           (how->threads > 1 || how->block || how->sink || how->skip_bad);
    mmoe_bytes from;
    mmoe_status status = mmoe_bytes_open(path, how->stop, &l->file.alloc, &from, err);
    if (status) return status;
    l->origin =
        (mmoe_origin){(char *)(uintptr_t)path, from.raw.state.bytes, from.raw.state.seconds};
    mmoe_bytes_watch(&from, how->watcher);
    l->from = how->n_more ? NULL : &from;
    status = in_blocks ? read_in_blocks(l, &from, how, err) : read_in_sequence(l, &from, err);
    l->from = NULL;
    if (!status) status = warn_of_cut(l, &from, err);
    mmoe_bytes_close(&from);
    return status;
}

/* One of several files that has none of the rows. */
static mmoe_status warn_of_none(mmoe_loader *l, mmoe_error *err) {
    const char *name = mmoe_loader_file(l)->path;
    if (l->parts.before) return MMOE_OK;
    return mmoe_warn(&l->set->warnings, (mmoe_warning){.file = name}, err,
                     "%s has a header and 0 rows", name);
}

static mmoe_status read_files(mmoe_loader *l, const char *path, const mmoe_csv_how *how,
                              mmoe_error *err) {
    l->first_row = reading_of(l)->header == MMOE_HEADER_NONE ? 1 : 2;
    l->nothing = "the file has a header but no rows";
    l->part_bytes = how->sink ? SINK_PART : PART;
    if (how->block) l->part_bytes = how->block;
    if (how->skip_bad && reading_of(l)->quotes != MMOE_QUOTES_STRICT)
        return mmoe_fail_at(err, MMOE_E_ARGUMENT, l->file.path, 0, NULL,
                            "rows that are at fault are left out only where data.quotes is "
                            "\"strict\": else rows cannot be read again by blocks");
    const int parsing = how->threads > 1 ? how->threads : 1, delivering = how->sink != NULL;
    mmoe_status status = mmoe_pool_create(parsing + delivering, &l->file.alloc, &l->pool, err);
    if (!status) status = read_file(l, path, how, err);
    for (size_t i = 0; !status && i < how->n_more; i++) {
        status = warn_of_none(l, err);
        if (!status) status = mmoe_loader_next(l, mmoe_raw_bytes_name(how->more[i]), err);
        if (!status) status = read_file(l, how->more[i], how, err);
    }
    return status || !how->n_more ? status : warn_of_none(l, err);
}

mmoe_status mmoe_dataset_fit(const mmoe_schema_wanted *wanted, const mmoe_csv_how *how,
                             const mmoe_allocator *alloc, struct mmoe_schema **schema,
                             struct mmoe_dataset **out, mmoe_error *err) {
    mmoe_schema_wanted named = *wanted;
    named.file = mmoe_raw_bytes_name(wanted->file);
    mmoe_loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                              .path = named.file,
                              .wanted = &named,
                              .keep = how->keep},
                     .sink = how->sink,
                     .watcher = how->watcher,
                     .stop = how->stop,
                     .threads = how->threads};
    return mmoe_loader_finish(&l, read_files(&l, wanted->file, how, err), schema, out, err);
}

mmoe_status mmoe_dataset_read(const struct mmoe_schema *schema, const char *path,
                              const mmoe_csv_how *how, const mmoe_allocator *alloc,
                              struct mmoe_dataset **out, mmoe_error *err) {
    mmoe_loader l = {.file = {.alloc = mmoe_allocator_or_default(alloc),
                              .path = mmoe_raw_bytes_name(path),
                              .schema = schema,
                              .growing = how->growing,
                              .label_mode = how->labels,
                              .keep = how->keep},
                     .sink = how->sink,
                     .watcher = how->watcher,
                     .stop = how->stop,
                     .threads = how->threads};
    return mmoe_loader_finish(&l, read_files(&l, path, how, err), NULL, out, err);
}

/* ---- Public ---- */

mmoe_status mmoe_csv_how_of(const mmoe_read_options *options, const char *call, mmoe_csv_how *out,
                            mmoe_error *err) {
    *out = (mmoe_csv_how){0};
    if (!options) return MMOE_OK;
    if (MMOE_CHECK_RESERVED(options, call, err)) return MMOE_E_ARGUMENT;
    if (mmoe_check_threads(options->threads, call, err)) return MMOE_E_ARGUMENT;
    if (options->skip_bad < 0)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: skip_bad is %lld", call,
                         (long long)options->skip_bad);
    for (size_t i = 0; i < options->n_more; i++)
        if (!options->more || !options->more[i])
            return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: more[%zu] of the options is NULL", call, i);
    *out = (mmoe_csv_how){.labels = options->labels,
                          .threads = options->threads,
                          .keep = options->keep,
                          .more = options->more,
                          .n_more = options->n_more,
                          .watcher = options->watcher,
                          .skip_bad = options->skip_bad,
                          .stop = options->stop};
    return MMOE_OK;
}
