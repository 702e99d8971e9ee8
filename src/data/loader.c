#include "data/loader.h"

#include <inttypes.h>

#include "base/error.h"
#include "data/dataset.h"
#include "data/learning.h"

/* ---- Header and rows ---- */

mmoe_status mmoe_loader_header(void *loader, const mmoe_csv_field *fields, size_t n,
                               mmoe_error *err) {
    mmoe_loader *l = loader;
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
    l->set->places.first_row = l->first_row;
    return MMOE_OK;
}

mmoe_status mmoe_loader_row(void *loader, int64_t row, const mmoe_csv_field *fields,
                            mmoe_error *err) {
    return mmoe_csv_part_row(((mmoe_loader *)loader)->part, row, fields, err);
}

mmoe_status mmoe_loader_add(mmoe_loader *l, const mmoe_csv_passed *passed, mmoe_error *err) {
    mmoe_csv_part *part = l->part;
    part->passed = *passed;
    l->part = NULL;
    return mmoe_csv_parts_add(&l->parts, part, err);
}

/* ---- Learning ---- */

/* The schema learns from the rows that stand, but for the numbers, which follow. */
static mmoe_status learn(mmoe_loader *l, mmoe_error *err) {
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

/* ---- All rows ---- */

/* What was passed over, in words. */
static mmoe_status warn_of_file(const mmoe_loader *l, mmoe_error *err) {
    const mmoe_csv_passed passed = mmoe_csv_join_passed(&l->parts);
    char text[MMOE_PASSED_SIZE];
    mmoe_warning w = {NULL};
    mmoe_status status = MMOE_OK;
    for (int i = 0; !status && mmoe_csv_passed_text(&passed, i, text, &w.count, &w.row); i++)
        status = mmoe_warn(&l->set->warnings, w, err, "%s", text);
    return status;
}

static mmoe_status warn_of_columns(const mmoe_loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const mmoe_noted noted = {set->notes, l->file.schema, set->rows, &set->places};
    return l->file.wanted ? mmoe_notes_warn_learned(&noted, &set->warnings, err)
                          : mmoe_notes_warn_read(&noted, &set->warnings, err);
}

static mmoe_status warn_of_lacking(const mmoe_loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    char first[MMOE_PLACE_SIZE];
    size_t i = 0;
    if (!set->n_lacking) return MMOE_OK;
    while (!l->parts.items[i]->n_lacking) i++;
    const char *column = l->parts.items[i]->first_lack.column;
    const mmoe_place at = mmoe_places_find(&set->places, *set->lacking + 1);
    const mmoe_warning about = {NULL, column, set->n_lacking, at.row, at.file};
    return mmoe_warn(&set->warnings, about, err,
                     "%" PRId64 " of %" PRId64 " rows lack a value that a feature must have, the "
                     "first is %s (column \"%s\"): they have no scores; \"missing\" of a dense "
                     "feature says what stands for one",
                     set->n_lacking, set->rows, mmoe_place_show(at, first), column);
}

static mmoe_status make_set(mmoe_loader *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const mmoe_csv_file *f = &l->file;
    mmoe_status status = MMOE_OK;
    if (l->parts.rows == 0 && f->label_mode == MMOE_LABELS_REQUIRED)
        return mmoe_fail_at(err, MMOE_E_FORMAT, f->path, 0, NULL, "%s", l->nothing);
    status = warn_of_file(l, err);
    if (!status) status = mmoe_csv_join(&l->parts, set, err);
    if (!status && f->wanted) status = learn(l, err);
    if (!status) status = mmoe_dataset_seal(set, f->schema, err);
    if (!status && f->wanted) status = mmoe_dataset_warn_of_constants(set, f->schema, err);
    if (!status) status = warn_of_columns(l, err);
    return status ? status : warn_of_lacking(l, err);
}

mmoe_status mmoe_loader_finish(mmoe_loader *l, mmoe_status status, struct mmoe_schema **schema,
                               struct mmoe_dataset **out, mmoe_error *err) {
    if (!status) status = make_set(l, err);
    if (status) {
        mmoe_dataset_free(l->set);
    } else {
        *out = l->set;
        if (schema) *schema = l->learned;
    }
    mmoe_csv_part_free(l->part);
    mmoe_csv_parts_finish(&l->parts);
    if (status) mmoe_schema_free(l->learned);
    mmoe_csv_file_finish(&l->file);
    return status;
}
