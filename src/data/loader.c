#include "data/loader.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "base/watcher.h"
#include "data/csv_settle.h"
#include "data/dataset.h"
#include "data/learning.h"

/* ---- Header and rows ---- */

mmoe_status mmoe_loader_next(mmoe_loader *l, const char *path, mmoe_error *err) {
    const mmoe_csv_file *first = &l->file;
    mmoe_csv_file *f = mmoe_alloc(&first->alloc, 1, sizeof *f);
    if (!f) return mmoe_fail_memory(err, sizeof *f);
    *f = (mmoe_csv_file){.alloc = first->alloc,
                         .path = path,
                         .first = first,
                         .wanted = first->wanted,
                         .schema = first->schema,
                         .growing = first->growing,
                         .label_mode = first->label_mode,
                         .keep = first->keep};
    mmoe_loader_file(l)->next = f;
    l->last = f;
    l->parts.before = 0;
    return MMOE_OK;
}

/* The first header: schema and set begin. */
static mmoe_status begin(mmoe_loader *l, mmoe_error *err) {
    mmoe_csv_file *f = &l->file;
    mmoe_status status = f->wanted ? mmoe_csv_file_bind(f, &l->learned, err) : MMOE_OK;
    if (f->wanted) f->schema = l->learned;
    if (!status) status = mmoe_csv_file_find(f, err);
    if (!status && f->growing) status = mmoe_learning_grow(f->growing, err);
    if (status) return status;
    l->set = mmoe_dataset_new(f->schema, &f->alloc);
    if (!l->set) return mmoe_fail_memory(err, sizeof *l->set);
    l->set->places.first_row = l->first_row;
    l->constants.alloc = f->alloc;
    l->parts.places = &l->set->places;
    return l->origin.path ? mmoe_places_open(&l->set->places, l->origin, &f->alloc, err) : MMOE_OK;
}

/* The header of a further file. */
static mmoe_status go_on(mmoe_loader *l, mmoe_csv_file *f, mmoe_error *err) {
    mmoe_places *places = &l->set->places;
    mmoe_status status = mmoe_csv_file_find(f, err);
    if (!status) status = mmoe_csv_file_compare(f, &l->set->warnings, err);
    if (!status) status = mmoe_places_open(places, l->origin, &f->alloc, err);
    return status ? status : mmoe_places_go_on(places, l->parts.rows, l->first_row, &f->alloc, err);
}

mmoe_status mmoe_loader_part(mmoe_loader *l, mmoe_error *err) {
    const mmoe_csv_file *f = mmoe_loader_file(l);
    l->part = mmoe_csv_part_new(f, f->schema);
    if (!l->part) return mmoe_fail_memory(err, sizeof *l->part);
    if (!l->sink && l->parts.count)
        mmoe_csv_part_inherit(l->part, l->parts.items[l->parts.count - 1]);
    return l->parts.negatives ? mmoe_csv_part_know(l->part, l->parts.negatives, err) : MMOE_OK;
}

mmoe_status mmoe_loader_header(void *loader, const mmoe_csv_field *fields, size_t n,
                               mmoe_error *err) {
    mmoe_loader *l = loader;
    mmoe_csv_file *f = mmoe_loader_file(l);
    mmoe_status status = mmoe_csv_file_name(f, fields, n, err);
    if (!status) status = f->first ? go_on(l, f, err) : begin(l, err);
    return status ? status : mmoe_loader_part(l, err);
}

/* Who takes rows need not wait for the end of a file that is read in sequence. */
static mmoe_status turn_part(mmoe_loader *l, mmoe_error *err) {
    static const mmoe_csv_passed nothing;
    const mmoe_status status = mmoe_loader_add(l, &nothing, err);
    return status ? status : mmoe_loader_part(l, err);
}

mmoe_status mmoe_loader_rows(void *loader, const mmoe_csv_rows *rows, mmoe_error *err) {
    mmoe_loader *l = loader;
    if (l->part_bytes && mmoe_csv_part_bytes(l->part) >= l->part_bytes) {
        const mmoe_status status = turn_part(l, err);
        if (status) return status;
    }
    return mmoe_csv_part_rows(l->part, rows, err);
}

mmoe_status mmoe_loader_row(void *loader, int64_t row, const mmoe_csv_field *fields,
                            mmoe_error *err) {
    return mmoe_loader_rows(loader, &(mmoe_csv_rows){.first = row, .count = 1, .fields = fields},
                            err);
}

mmoe_status mmoe_loader_add(mmoe_loader *l, const mmoe_csv_passed *passed, mmoe_error *err) {
    mmoe_csv_part *part = l->part;
    part->passed = *passed;
    mmoe_csv_part_end(part);
    l->part = NULL;
    const mmoe_status status = mmoe_csv_parts_add(&l->parts, part, err);
    return status ? status : mmoe_loader_hand_on(l, err);
}

/* ---- A set ---- */

static mmoe_status take_parts(mmoe_loader *l, double share, mmoe_error *err) {
    const size_t first = l->n_taken, count = l->parts.count - first;
    if (!count) return MMOE_OK;
    l->n_taken = l->parts.count;
    l->room.set = l->set;
    l->room.share = share;
    return mmoe_csv_take(&l->room, l->parts.items + first, count, l->pool, err);
}

bool mmoe_loader_fits(mmoe_loader *l, const mmoe_csv_part *part) {
    l->room.set = l->set;
    return mmoe_csv_room_fits(&l->room, part);
}

mmoe_status mmoe_loader_place(mmoe_loader *l, mmoe_csv_part *part, double share, mmoe_error *err) {
    assert(l->n_taken + 1 == l->parts.count);
    l->n_taken++;
    l->room.set = l->set;
    l->room.share = share;
    return mmoe_csv_room_place(&l->room, part, err);
}

/* ---- A sink ---- */

/* What was noted of rows that are handed on. */
static void note_rows(const mmoe_loader *l, const struct mmoe_dataset *rows) {
    struct mmoe_dataset *all = l->set;
    all->any_missing_label |= rows->any_missing_label;
    for (int32_t i = 0; i < all->n_sparse + all->n_dense; i++)
        mmoe_note_join(&all->notes[i], &rows->notes[i], all->rows);
    all->rows += rows->rows;
}

/* Constants are seen where nothing waits. */
static mmoe_status see_rows(mmoe_loader *l, const mmoe_csv_part *part,
                            const struct mmoe_dataset *rows, mmoe_error *err) {
    const struct mmoe_schema *schema = l->file.schema;
    mmoe_status status = MMOE_OK;
    if (!l->ids_wait) status = mmoe_constants_see_ids(&l->constants, schema, rows, err);
    if (status || part->learns_numbers) return status;
    return mmoe_constants_see_inputs(&l->constants, schema, rows, err);
}

static mmoe_status hand_rows_on(mmoe_loader *l, mmoe_csv_part *part, struct mmoe_dataset *rows,
                                mmoe_error *err) {
    const struct mmoe_schema *schema = l->file.schema;
    mmoe_status status = mmoe_csv_lend(rows, part, &l->offsets, err);
    if (!status) status = mmoe_csv_join(&part, 1, rows, err);
    if (!status && mmoe_csv_file_waits(&l->file))
        mmoe_dataset_count_values(rows);
    else if (!status)
        status = mmoe_dataset_seal(rows, schema, err);
    if (!status && l->file.wanted) status = see_rows(l, part, rows, err);
    if (!status && l->set->rows == 0) status = l->sink->begin(l->sink->user, schema, err);
    if (!status) status = l->sink->take(l->sink->user, rows, err);
    if (!status) note_rows(l, rows);
    return status;
}

/* Rows of a part, of which nothing is left here. */
static mmoe_status hand_on(mmoe_loader *l, mmoe_csv_part *part, int64_t first, mmoe_error *err) {
    if (part->rows == 0) return MMOE_OK;
    struct mmoe_dataset *rows = mmoe_dataset_new(l->file.schema, &l->file.alloc);
    if (!rows) return mmoe_fail_memory(err, sizeof *rows);
    rows->places.first_row = first;
    const mmoe_status status = hand_rows_on(l, part, rows, err);
    mmoe_csv_take_back(rows);
    mmoe_dataset_free(rows);
    return status;
}

/* Writes what of a part will be needed once more to the file, which is made for the first part. */
static mmoe_status spill(mmoe_loader *l, mmoe_csv_part *part, mmoe_error *err) {
    const bool is_seen = l->file.wanted && mmoe_learning_sees_rows(l->file.schema);
    mmoe_status status = MMOE_OK;
    if (!is_seen && !part->learns_numbers) return MMOE_OK;
    if (!l->spill.folder) status = mmoe_csv_spill_open(l->sink->folder, &l->spill, err);
    return status ? status : mmoe_csv_spill_put(&l->spill, part, err);
}

int64_t mmoe_loader_number(const mmoe_loader *l, int64_t rows) {
    return mmoe_places_find(&l->set->places, rows + 1).row;
}

mmoe_status mmoe_loader_deliver(mmoe_loader *l, mmoe_csv_part *part, int64_t first,
                                mmoe_error *err) {
    if (!mmoe_csv_file_waits(&l->file)) return hand_on(l, part, first, err);
    l->n_delivered++;
    l->ids_wait = mmoe_csv_ids_wait(l->file.schema);
    mmoe_status status = hand_on(l, part, first, err);
    if (!status) status = spill(l, part, err);
    mmoe_csv_part_forget_kept(part);
    return status;
}

mmoe_status mmoe_loader_hand_on(mmoe_loader *l, mmoe_error *err) {
    mmoe_csv_parts *parts = &l->parts;
    mmoe_status status = MMOE_OK;
    const double share = l->from ? mmoe_bytes_share(l->from) : 0;
    if (!l->sink) return share > 0 ? take_parts(l, share, err) : MMOE_OK;
    const bool waits = mmoe_csv_file_waits(&l->file);
    for (size_t i = waits ? l->n_delivered : 0; !status && i < parts->count; i++) {
        status = mmoe_loader_deliver(l, parts->items[i], mmoe_loader_number(l, l->set->rows), err);
        if (waits) mmoe_csv_part_forget(parts->items[i]);
    }
    if (waits) return status;
    for (size_t i = 0; i < parts->count; i++) mmoe_csv_part_free(parts->items[i]);
    parts->count = 0;
    return status;
}

/* All files, in errors. */
static const char *files_of(const mmoe_loader *l, char room[MMOE_FILES_SIZE]) {
    size_t more = 0;
    for (const mmoe_csv_file *f = l->file.next; f; f = f->next) more++;
    return mmoe_files_name(l->file.path, more, room);
}

/* ---- Learning ---- */

/* What a part has to learn from: `run` of mmoe_learning. */
static mmoe_status find_run(void *user, size_t index, mmoe_learned_run *out, mmoe_error *err) {
    const mmoe_loader *l = user;
    mmoe_csv_part *const *parts = l->parts.items, *const part = parts[index];
    if (l->sink) {
        mmoe_csv_spill_drop(parts[index ? index - 1 : l->parts.count - 1]);
        const mmoe_status status = mmoe_csv_spill_get(&l->spill, part, err);
        if (status) return status;
    }
    /* A part that comes from its file has memory for weights of none, too. */
    const bool is_weighted = mmoe_csv_file_is_weighted(part->file);
    const double *numbers = part->learns_numbers ? part->values : NULL;
    const struct mmoe_dataset *set = l->set;
    if (part->is_taken && !l->sink)
        *out = (mmoe_learned_run){part->rows, numbers,
                                  set->labels + part->first_row * (size_t)set->n_label,
                                  is_weighted ? set->weights + part->first_row : NULL};
    else
        *out = (mmoe_learned_run){part->rows, numbers, part->labels,
                                  is_weighted ? part->weights : NULL};
    return MMOE_OK;
}

/* Where placing a sink's rows has come to. */
typedef struct placing {
    mmoe_loader *loader;
    const int32_t *const *become;
    bool numbers_wait;
    size_t part; /* whose numbers come next, from its row `row` on */
    int64_t row, rows;
} placing;

/* The inputs of the next rows. */
static mmoe_status next_inputs(placing *at, int64_t rows, float *inputs, mmoe_error *err) {
    const mmoe_loader *l = at->loader;
    const struct mmoe_schema *s = l->file.schema;
    mmoe_status status = MMOE_OK;
    while (!status && rows) {
        mmoe_csv_part *part = l->parts.items[at->part];
        if (at->row == 0) status = mmoe_csv_spill_get(&l->spill, part, err);
        if (status) break;
        const int64_t left = part->rows - at->row, some = left < rows ? left : rows;
        mmoe_csv_numbers_finish(s, (const double *)part->values + at->row * s->dense_span, some,
                                inputs);
        inputs += some * s->dense_width;
        rows -= some;
        at->row += some;
        if (at->row < part->rows) break;
        mmoe_csv_spill_drop(part);
        at->part++;
        at->row = 0;
    }
    return status;
}

/* `place` of mmoe_row_settling. */
static mmoe_status place_rows(void *user, int64_t first, const struct mmoe_dataset *rows,
                              mmoe_error *err) {
    placing *at = user;
    mmoe_loader *l = at->loader;
    const struct mmoe_schema *s = l->file.schema;
    const mmoe_csv_ids ids = {rows->rows, rows->ids, rows->offsets ? rows->offsets + 1 : NULL,
                              rows->elements, rows->offsets ? rows->offsets[0] : 0};
    mmoe_status status = mmoe_check_stop(l->stop, err);
    if (status) return status;
    mmoe_tell_rows(l->watcher, "encoding", at->rows, l->parts.rows);
    at->rows += rows->rows;
    if (at->become) mmoe_csv_ids_place(&ids, s, at->become, rows->notes);
    for (int32_t i = 0; at->become && i < rows->n_sparse; i++)
        mmoe_note_join(&l->set->notes[i], &rows->notes[i], first);
    if (at->numbers_wait) status = next_inputs(at, rows->rows, rows->dense, err);
    if (!status && l->file.wanted && l->ids_wait)
        status = mmoe_constants_see_ids(&l->constants, s, rows, err);
    if (!status && at->numbers_wait)
        status = mmoe_constants_see_inputs(&l->constants, s, rows, err);
    return status;
}

static mmoe_status settle_sink(mmoe_loader *l, mmoe_error *err) {
    const mmoe_csv_file *f = &l->file;
    const int32_t **become;
    mmoe_status status = mmoe_csv_ids_become(f, &become, err);
    if (status) return status;
    placing at = {.loader = l,
                  .become = become,
                  .numbers_wait = f->wanted && !mmoe_schema_numbers_stand(f->schema)};
    const mmoe_row_settling how = {f->schema,       become, l->ids_wait,
                                   at.numbers_wait, &at,    place_rows};
    status = l->sink->settle(l->sink->user, &how, err);
    if (!status) mmoe_tell_rows(l->watcher, "encoding", l->parts.rows, l->parts.rows);
    mmoe_release(&f->alloc, (void *)become);
    return status;
}

/* The rows, which the set has taken, as it has them when they have settled. */
static mmoe_status join_parts(mmoe_loader *l, mmoe_error *err) {
    const mmoe_csv_file *f = &l->file;
    struct mmoe_dataset *set = l->set;
    mmoe_csv_part *const *parts = l->parts.items;
    const size_t count = l->parts.count;
    mmoe_status status = MMOE_OK;
    mmoe_tell_rows(l->watcher, "encoding", 0, l->parts.rows);
    if (mmoe_csv_file_waits(f)) status = mmoe_csv_join_settle(parts, count, l->pool, set, err);
    if (!status) status = mmoe_csv_join(parts, count, set, err);
    if (!status) status = mmoe_dataset_seal(set, f->schema, err);
    if (!status && f->wanted) status = mmoe_constants_see(&l->constants, f->schema, set, err);
    if (!status) mmoe_tell_rows(l->watcher, "encoding", l->parts.rows, l->parts.rows);
    return status;
}

static mmoe_status learn(mmoe_loader *l, mmoe_error *err) {
    char name[MMOE_FILES_SIZE];
    const mmoe_learning learning = {.path = files_of(l, name),
                                    .schema = mmoe_loader_teaches(l),
                                    .negatives = l->parts.negatives,
                                    .warnings = &l->set->warnings,
                                    .places = &l->set->places,
                                    .watcher = l->watcher,
                                    .stop = l->stop,
                                    .rows = l->parts.rows,
                                    .user = l,
                                    .n_runs = l->parts.count,
                                    .run = find_run,
                                    .pool = l->sink ? NULL : l->pool};
    mmoe_status status = l->file.growing ? mmoe_learning_settle_grown(&learning, err)
                                         : mmoe_learning_settle(&learning, err);
    if (!status) status = mmoe_check_stop(l->stop, err);
    if (status) return status;
    l->set->dense_width = learning.schema->dense_width;
    status = l->sink ? settle_sink(l, err) : join_parts(l, err);
    mmoe_learning_forget(learning.schema);
    return status;
}

/* ---- All rows ---- */

/* What was passed over, in words. */
static mmoe_status warn_of_file(const mmoe_loader *l, mmoe_error *err) {
    const mmoe_csv_passed passed = l->parts.passed;
    char text[MMOE_PASSED_SIZE + MMOE_PLACE_SIZE];
    mmoe_warning w = {NULL};
    mmoe_status status = MMOE_OK;
    for (int i = 0; !status && mmoe_csv_passed_text(&passed, i, text, &w.count, &w.row); i++) {
        const bool has_place = l->last && passed.blank_lines && i == 0;
        const size_t used = strlen(text);
        w.file = has_place ? l->parts.first_blank : NULL;
        if (has_place)
            snprintf(text + used, sizeof text - used, " of %.*s", mmoe_utf8_fit(w.file, 200),
                     w.file);
        status = mmoe_warn(&l->set->warnings, w, err, "%s", text);
    }
    return status;
}

static mmoe_status warn_of_columns(const mmoe_loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const mmoe_noted noted = {set->notes, l->file.schema, set->rows, &set->places};
    if (l->file.wanted) mmoe_notes_learn_missing(set->notes, l->learned);
    return l->file.wanted ? mmoe_notes_warn_learned(&noted, &set->warnings, err)
                          : mmoe_notes_warn_read(&noted, &set->warnings, err);
}

static mmoe_status warn_of_lacking(const mmoe_loader *l, mmoe_error *err) {
    const int64_t count = l->parts.n_lacking;
    const char *column = l->parts.first_lack.column;
    const mmoe_place at = mmoe_places_find(&l->set->places, l->parts.first_lacking + 1);
    char first[MMOE_PLACE_SIZE];
    if (!count) return MMOE_OK;
    return mmoe_warn(&l->set->warnings, (mmoe_warning){NULL, column, count, at.row, at.file}, err,
                     "%" PRId64 " of %" PRId64 " rows lack a value that a feature must have, the "
                     "first is %s (column \"%s\"): they have no scores; \"missing\" of a dense "
                     "feature says what stands for one",
                     count, l->set->rows, mmoe_place_show(at, first), column);
}

static mmoe_status warn_of_headers(const mmoe_loader *l, mmoe_error *err) {
    const int64_t count = l->parts.n_header;
    const mmoe_place at = mmoe_places_find(&l->set->places, l->parts.first_header + 1);
    char first[MMOE_PLACE_SIZE];
    if (!count) return MMOE_OK;
    return mmoe_warn(&l->set->warnings, (mmoe_warning){NULL, NULL, count, at.row, at.file}, err,
                     "%" PRId64 " of %" PRId64 " rows %s the header once more, the first is %s, as "
                     "where files were put one behind another: %s a row like any other; files may "
                     "be given one by one",
                     count, l->parts.rows, count == 1 ? "is" : "are", mmoe_place_show(at, first),
                     count == 1 ? "it is" : "each is");
}

static mmoe_status warn_of_bad(const mmoe_loader *l, mmoe_error *err) {
    const mmoe_error *first = &l->parts.first_bad;
    const int64_t count = l->parts.n_bad;
    if (!count) return MMOE_OK;
    const mmoe_place at = {l->last ? first->file : NULL, first->row};
    const mmoe_warning w = {NULL, NULL, count, at.row, at.file};
    if (l->file.label_mode == MMOE_ROWS_TO_SCORE)
        return mmoe_warn(&l->set->warnings, w, err,
                         "%" PRId64 " of %" PRId64 " rows are at fault and have no scores, the "
                         "first for: %s",
                         count, l->parts.rows, first->message);
    return mmoe_warn(&l->set->warnings, w, err,
                     "%" PRId64 " of %" PRId64 " rows are at fault and left out, the first for: %s",
                     count, count + l->parts.rows, first->message);
}

static mmoe_status end_rows(mmoe_loader *l, mmoe_error *err) {
    const mmoe_csv_file *f = &l->file;
    char name[MMOE_FILES_SIZE];
    if (l->parts.rows == 0 && f->label_mode == MMOE_LABELS_REQUIRED)
        return mmoe_fail_at(err, MMOE_E_FORMAT, files_of(l, name), 0, NULL, "%s", l->nothing);
    mmoe_status status = warn_of_bad(l, err);
    if (!status) status = warn_of_file(l, err);
    if (!status && !l->sink) status = take_parts(l, 1, err);
    if (!status && mmoe_csv_file_waits(f))
        status = learn(l, err);
    else if (!status && !l->sink)
        status = join_parts(l, err);
    if (!status && f->wanted) status = mmoe_constants_warn(&l->constants, f->schema, l->set, err);
    if (!status) status = warn_of_columns(l, err);
    if (!status) status = warn_of_lacking(l, err);
    return status ? status : warn_of_headers(l, err);
}

mmoe_status mmoe_loader_finish(mmoe_loader *l, mmoe_status status, struct mmoe_schema **schema,
                               struct mmoe_dataset **out, mmoe_error *err) {
    if (!status) status = end_rows(l, err);
    if (status) {
        mmoe_dataset_free(l->set);
    } else {
        *out = l->set;
        if (schema) *schema = l->learned;
    }
    mmoe_csv_part_free(l->part);
    mmoe_csv_parts_finish(&l->parts);
    mmoe_csv_spill_close(&l->spill);
    mmoe_release(&l->file.alloc, l->offsets.items);
    mmoe_pool_free(l->pool);
    mmoe_constants_finish(&l->constants);
    if (status) mmoe_schema_free(l->learned);
    for (mmoe_csv_file *f = l->file.next, *next; f; f = next) {
        next = f->next;
        mmoe_csv_file_finish(f);
        mmoe_release(&l->file.alloc, f);
    }
    mmoe_csv_file_finish(&l->file);
    return status;
}
