#include "data/notes.h"

#include <string.h>

#include "base/sentence.h"
#include "base/text.h"
#include "data/column_kinds.h"

mmoe_note *mmoe_notes_create(const struct mmoe_schema *schema, const mmoe_allocator *alloc) {
    const int32_t n_sparse = schema->n_sparse, n = n_sparse + schema->n_dense;
    mmoe_note *notes = mmoe_alloc_zero(alloc, (size_t)n, sizeof *notes);
    int32_t named = 0;
    for (int32_t i = 0; notes && i < n; i++) {
        notes[i].named = named;
        if (i >= n_sparse && !mmoe_gap_is_open(&schema->dense[i - n_sparse].gap)) continue;
        const char *name = i < n_sparse ? schema->sparse[i].name : schema->dense[i - n_sparse].name;
        const char *column = mmoe_schema_column(schema, i);
        notes[i].named = ++named;
        notes[i].counts.name = mmoe_copy_text(alloc, name, strlen(name));
        if (column) notes[i].counts.column = mmoe_copy_text(alloc, column, strlen(column));
        if (notes[i].counts.name && !column == !notes[i].counts.column) continue;
        mmoe_notes_free(notes, i + 1, alloc);
        return NULL;
    }
    return notes;
}

void mmoe_notes_free(mmoe_note *notes, int32_t count, const mmoe_allocator *alloc) {
    for (int32_t i = 0; notes && i < count; i++) {
        mmoe_release(alloc, (void *)(uintptr_t)notes[i].counts.name);
        mmoe_release(alloc, (void *)(uintptr_t)notes[i].counts.column);
    }
    mmoe_release(alloc, notes);
}

static void join_first(int64_t *to, int64_t from, int64_t before) {
    if (!*to && from) *to = from + before;
}

void mmoe_note_join(mmoe_note *to, const mmoe_note *from, int64_t before) {
    to->counts.missing += from->counts.missing;
    to->counts.unknown += from->counts.unknown;
    to->counts.values += from->counts.values;
    to->counts.cut += from->counts.cut;
    if (!to->texts) memcpy(to->text, from->text, sizeof to->text);
    to->texts += from->texts;
    join_first(&to->first_missing, from->first_missing, before);
    join_first(&to->first_unknown, from->first_unknown, before);
    join_first(&to->first_text, from->first_text, before);
    join_first(&to->first_cut, from->first_cut, before);
}

/* So many values or rows, the first of them being row `first`. */
static mmoe_warning about(const mmoe_noted *of, const mmoe_note *n, int64_t count, int64_t first,
                          char shown[MMOE_PLACE_SIZE]) {
    const mmoe_place at = mmoe_places_find(of->places, first);
    mmoe_place_show(at, shown);
    return (mmoe_warning){NULL, n->counts.name, count, at.row, at.file};
}

static mmoe_status warn_of_cuts(const mmoe_noted *of, mmoe_warnings *list, mmoe_error *err) {
    char cut[MMOE_NUMBER_SIZE], lists[MMOE_NUMBER_SIZE], shown[MMOE_FEATURE_SIZE],
        first[MMOE_PLACE_SIZE];
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < of->schema->n_sparse; i++) {
        const mmoe_note *n = of->notes + i;
        const mmoe_sparse_column *c = &of->schema->sparse[i];
        if (n->counts.cut == 0) continue;
        mmoe_format_count(n->counts.cut, cut);
        mmoe_format_count(of->rows, lists);
        status = mmoe_warn(list, about(of, n, n->counts.cut, n->first_cut, first), err,
                           "%s: of %s lists %s %s more than max_len, %d, elements, the first in "
                           "%s: the %s ones are read",
                           mmoe_sparse_show(c, shown), lists, cut,
                           n->counts.cut == 1 ? "has" : "have", (int)c->how.max_len, first,
                           c->how.truncate == MMOE_KEEP_LAST ? "last" : "first");
    }
    return status;
}

/* The encoder of the feature of note `i`. */
static const mmoe_encoder *encoder_of(const struct mmoe_schema *s, int32_t i) {
    return i < s->n_sparse ? s->tables[s->sparse[i].table].encoder
                           : s->dense[i - s->n_sparse].encoder;
}

/* Texts where numbers are read. */
static int64_t count_no_numbers(const mmoe_noted *of, int32_t i) {
    return encoder_of(of->schema, i)->kind->text ? of->notes[i].texts : 0;
}

static bool covers_texts(const void *noted, int32_t a, int32_t b) {
    return count_no_numbers(noted, a) >= count_no_numbers(noted, b);
}

/* "gaps" takes whatever is no number: a column that was given by mistake shows so. */
static mmoe_status warn_of_no_numbers(const mmoe_noted *of, mmoe_warnings *list, mmoe_error *err) {
    const struct mmoe_schema *s = of->schema;
    char texts[MMOE_NUMBER_SIZE], values[MMOE_NUMBER_SIZE], shown[MMOE_FEATURE_SIZE],
        first[MMOE_PLACE_SIZE];
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse + s->n_dense; i++) {
        const mmoe_note *n = of->notes + i;
        const int64_t count = count_no_numbers(of, i);
        if (!count || mmoe_schema_is_covered(s, i, covers_texts, of)) continue;
        const bool is_date = encoder_of(s, i)->kind == &mmoe_column_date;
        mmoe_warning w = about(of, n, count, n->first_text, first);
        if (n->counts.column) w.subject = n->counts.column;
        mmoe_format_count(count, texts);
        mmoe_format_count(n->counts.values, values);
        status =
            mmoe_warn(list, w, err,
                      "%s: %s of %s values (%.3g %%) %s no %s%s, the first, %s, in %s: "
                      "%s as missing (\"gaps\")",
                      mmoe_feature_show(w.subject, NULL, shown), texts, values,
                      100 * (double)count / (double)n->counts.values, count == 1 ? "is" : "are",
                      is_date ? "date" : "number", count == 1 ? "" : "s", n->text, first,
                      count == 1 ? "it counts" : "they count");
    }
    return status;
}

/* More texts than integers are a column of texts. */
mmoe_status mmoe_notes_warn_learned(const mmoe_noted *of, mmoe_warnings *list, mmoe_error *err) {
    char texts[MMOE_NUMBER_SIZE], values[MMOE_NUMBER_SIZE], shown[MMOE_FEATURE_SIZE],
        first[MMOE_PLACE_SIZE];
    mmoe_status status = warn_of_cuts(of, list, err);
    if (!status) status = warn_of_no_numbers(of, list, err);
    for (int32_t i = 0; !status && i < of->schema->n_sparse; i++) {
        const mmoe_note *n = of->notes + i;
        const int64_t present = n->counts.values - n->counts.missing;
        if (n->texts == 0 || count_no_numbers(of, i) || 2 * n->texts >= present) continue;
        mmoe_format_count(n->texts, texts);
        mmoe_format_count(present, values);
        status = mmoe_warn(list, about(of, n, n->texts, n->first_text, first), err,
                           "%s: %s of %s values %s no integer%s, the first in %s: its ids are "
                           "texts; data.missing says what stands for nothing",
                           mmoe_sparse_show(&of->schema->sparse[i], shown), texts, values,
                           n->texts == 1 ? "is" : "are", n->texts == 1 ? "" : "s", first);
    }
    return status;
}

/* The feature of note `i`, or its column if values are only missing: they are so for all features
 * that read it. */
static const char *show(const mmoe_noted *of, int32_t i, char room[MMOE_FEATURE_SIZE]) {
    const struct mmoe_schema *s = of->schema;
    const mmoe_column_counts *c = &of->notes[i].counts;
    if (!c->unknown && c->column) return mmoe_feature_show(c->column, NULL, room);
    if (i < s->n_sparse) return mmoe_sparse_show(&s->sparse[i], room);
    const mmoe_dense_column *d = &s->dense[i - s->n_sparse];
    return mmoe_feature_show(d->name, d->column, room);
}

enum { MANY = 20 }; /* more than one value in so many */

static bool is_many(int64_t count, int64_t rows) { return MANY * count > rows; }

/* Ids; unknown numbers have a warning of their own, however few they are (warn_of_logarithms). */
static bool has_unknown(const mmoe_noted *of, int32_t i) {
    const mmoe_column_counts *c = &of->notes[i].counts;
    return i < of->schema->n_sparse && is_many(c->unknown, c->values);
}

/* Whether many more values are missing than the training rows' share says. */
static bool has_missing(const mmoe_noted *of, int32_t i) {
    const mmoe_column_counts *c = &of->notes[i].counts;
    const double rows = (double)c->values, missing = (double)c->missing;
    return MANY * (missing - mmoe_schema_missing_share(of->schema, i) * rows) > rows;
}

/* An mmoe_warning_covers. */
static bool covers(const void *noted, int32_t a, int32_t b) {
    const mmoe_noted *of = noted;
    const mmoe_column_counts *x = &of->notes[a].counts, *y = &of->notes[b].counts;
    return (!has_unknown(of, b) || (has_unknown(of, a) && x->unknown >= y->unknown)) &&
           (!has_missing(of, b) || (has_missing(of, a) && x->missing >= y->missing));
}

/* Numbers that have no logarithm. */
static mmoe_status warn_of_logarithms(const mmoe_noted *of, mmoe_warnings *list, mmoe_error *err) {
    const int32_t first_dense = of->schema->n_sparse;
    char some[MMOE_NUMBER_SIZE], values[MMOE_NUMBER_SIZE], shown[MMOE_FEATURE_SIZE],
        first[MMOE_PLACE_SIZE];
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < of->schema->n_dense; i++) {
        const mmoe_note *n = of->notes + first_dense + i;
        const int64_t unknown = n->counts.unknown;
        if (unknown == 0) continue;
        mmoe_format_count(unknown, some);
        mmoe_format_count(n->counts.values, values);
        status = mmoe_warn(list, about(of, n, unknown, n->first_unknown, first), err,
                           "%s: %s of %s values %s not above -1, as log1p needs, the first in %s: "
                           "%s taken as missing",
                           show(of, first_dense + i, shown), some, values,
                           unknown == 1 ? "is" : "are", first, unknown == 1 ? "it is" : "they are");
    }
    return status;
}

mmoe_status mmoe_notes_warn_read(const mmoe_noted *of, mmoe_warnings *list, mmoe_error *err) {
    mmoe_status status = warn_of_cuts(of, list, err);
    if (!status) status = warn_of_no_numbers(of, list, err);
    if (!status) status = warn_of_logarithms(of, list, err);
    for (int32_t i = 0; !status && i < of->schema->n_sparse + of->schema->n_dense; i++) {
        const mmoe_note *n = of->notes + i;
        const int64_t unknown = n->counts.unknown, missing = n->counts.missing,
                      read = n->counts.values;
        const bool has_gaps = has_unknown(of, i) || has_missing(of, i);
        if (!has_gaps || mmoe_schema_is_covered(of->schema, i, covers, of)) continue;
        const bool is_unknown = is_many(unknown, read);
        char values[MMOE_NUMBER_SIZE], shown[MMOE_FEATURE_SIZE], first[MMOE_PLACE_SIZE];
        mmoe_warning w = about(of, n, is_unknown ? unknown : missing,
                               is_unknown ? n->first_unknown : n->first_missing, first);
        if (n->counts.column) w.subject = n->counts.column;
        const double all = (double)read / 100,
                     usual = 100 * mmoe_schema_missing_share(of->schema, i);
        char trained[64] = "";
        if (usual > 0) mmoe_say(trained, sizeof trained, " (of the training rows' %.1f %%)", usual);
        mmoe_format_count(read, values);
        status = mmoe_warn(list, w, err,
                           "%s: of %s values %.1f %% are unknown and %.1f %% missing%s, the first "
                           "in %s",
                           show(of, i, shown), values, (double)unknown / all, (double)missing / all,
                           trained, first);
    }
    return status;
}

void mmoe_notes_learn_missing(const mmoe_note *notes, struct mmoe_schema *s) {
    for (int32_t i = 0; i < s->n_sparse + s->n_dense; i++) {
        const mmoe_column_counts *c = &notes[i].counts;
        const double missing = (double)c->missing, values = (double)c->values;
        mmoe_schema_set_missing_share(s, i, c->values ? missing / values : 0);
    }
}
