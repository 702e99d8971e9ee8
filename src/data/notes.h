/* What is noticed of the values of a feature while rows are encoded. */
#ifndef MMOE_DATA_NOTES_H
#define MMOE_DATA_NOTES_H

#include "base/warnings.h"
#include "data/places.h"
#include "data/schema.h"

typedef struct mmoe_note {
    mmoe_column_counts counts; /* its name is owned; NULL: a number that cannot be missing */
    int32_t named;             /* notes with a name, of those up to this one */
    int64_t texts;             /* ids: values that are no integers, among ids that are texts;
                                  numbers: values that are none, and count as missing */
    int64_t first_missing, first_unknown, first_text, first_cut; /* rows, from 1; 0: none */
    char text[MMOE_SHOWN_SIZE]; /* of numbers: the first such text, as sentences show it */
} mmoe_note;

/* [n_sparse + n_dense]; NULL when memory is out. */
mmoe_note *mmoe_notes_create(const struct mmoe_schema *schema, const mmoe_allocator *alloc);
void mmoe_notes_free(mmoe_note *notes, int32_t count, const mmoe_allocator *alloc);

static inline void mmoe_note_add(mmoe_note *n, mmoe_cell_state state, int64_t row) {
    if (state == MMOE_CELL_KNOWN) return;
    int64_t *const counts[] = {NULL, &n->counts.missing, &n->counts.unknown, &n->texts},
                   *const firsts[] = {NULL, &n->first_missing, &n->first_unknown, &n->first_text};
    if (state == MMOE_CELL_NO_NUMBER) {
        if (n->texts++ == 0) n->first_text = row;
        state = MMOE_CELL_MISSING;
    }
    if ((*counts[state])++ == 0) *firsts[state] = row;
}

/* The text of a value that was added just before. */
static inline void mmoe_note_text(mmoe_note *n, mmoe_cell_state state, const char *text,
                                  size_t length) {
    if (state == MMOE_CELL_NO_NUMBER && n->texts == 1) mmoe_text_show(text, length, n->text);
}

static inline void mmoe_note_cut(mmoe_note *n, int64_t row) {
    if (n->counts.cut++ == 0) n->first_cut = row;
}

/* Rows that are noted. */
typedef struct mmoe_noted {
    const mmoe_note *notes; /* [n_sparse + n_dense] */
    const struct mmoe_schema *schema;
    int64_t rows;
    const mmoe_places *places;
} mmoe_noted;
/* What was noted of rows that stand behind `before` others. */
void mmoe_note_join(mmoe_note *to, const mmoe_note *from, int64_t before);

/* Each tells of lists longer than max_len, too.
 * Of rows that were learned from: a column whose ids are texts because of the fewer values. */
mmoe_status mmoe_notes_warn_learned(const mmoe_noted *of, mmoe_warnings *list, mmoe_error *err);
/* Of rows that were only read: columns of which more than a twentieth of the values is unknown, or
 * is missing beyond the share that was missing in the training rows; and numbers without a
 * logarithm. */
mmoe_status mmoe_notes_warn_read(const mmoe_noted *of, mmoe_warnings *list, mmoe_error *err);
/* Takes the features' missing shares from the notes of training rows. */
void mmoe_notes_learn_missing(const mmoe_note *notes, struct mmoe_schema *schema);

#endif
