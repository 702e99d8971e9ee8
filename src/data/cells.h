/* Cells of a file as the kinds of their columns take them, and what is wrong with one. */
#ifndef MMOE_DATA_CELLS_H
#define MMOE_DATA_CELLS_H

#include "base/csv.h"
#include "data/schema.h"

/* A file that is read by a schema, or to learn one. */
typedef struct mmoe_cells {
    const char *path;
    const struct mmoe_schema *schema;
    bool learning;         /* encoders may change by what they see */
    bool growing;          /* those that grow may, the others have settled */
    bool *is_blank;        /* set where a cell's fault is that it is missing; NULL: nobody asks */
    bool *is_of_column;    /* set where the fault is the column's, which has too many values; NULL:
                              nobody asks */
    const bool *are_lists; /* [columns] whose cells are lists, a zero byte behind each element;
                              NULL: none, lists being texts with separators */
    const mmoe_csv_scanner *scanner; /* for rows that are readable */
} mmoe_cells;

/* Where a cell stands: the column, and where it is of another name, the feature. */
typedef struct mmoe_cell_place {
    int64_t row;
    const char *column, *feature;
} mmoe_cell_place;

static inline mmoe_cell_place mmoe_cell_at(int64_t row, const char *name, const char *column) {
    return (mmoe_cell_place){row, column ? column : name, column ? name : NULL};
}

static inline bool mmoe_cell_is_missing(const mmoe_cells *c, const mmoe_csv_field *f) {
    return mmoe_reading_is_missing(&c->schema->reading, f->text, f->length);
}
/* Do cells change the encoder? */
static inline bool mmoe_cells_teach(const mmoe_cells *c, const mmoe_encoder *e) {
    return e->kind->learn && (c->learning || (c->growing && e->kind->grow));
}
/* NULL, or what is wrong with it. */
static inline const char *mmoe_cell_read(const mmoe_cells *c, mmoe_encoder *e,
                                         const mmoe_csv_field *f, mmoe_cell *out) {
    return mmoe_cells_teach(c, e) ? e->kind->learn(e, f->text, f->length, out)
                                  : e->kind->parse(e, f->text, f->length, out);
}
/* Reads the first cells, as far as they need no more than a look; returns how many. *texts: of
 * mmoe_note; NULL: of numbers. */
static inline size_t mmoe_cells_known(const mmoe_cells *c, const mmoe_encoder *e, mmoe_cell_run run,
                                      int64_t *texts) {
    int64_t nobody_asks = 0;
    if (!e->kind->known || !mmoe_reading_has_digits(&c->schema->reading)) return 0;
    run.scanner = c->scanner;
    run.plain = c->schema->reading.plain;
    run.texts = texts && *texts ? texts : NULL;
    if (!mmoe_cells_teach(c, e)) run.texts = &nobody_asks;
    return e->kind->known(e, &run);
}
/* A column of rows, from row `first` on. */
typedef struct mmoe_csv_column {
    const mmoe_csv_rows *rows;
    size_t column, first;
} mmoe_csv_column;
/* The same of it; `run` lacks its cells, and writes to the first of them. */
size_t mmoe_cells_known_of(const mmoe_cells *c, const mmoe_encoder *e, mmoe_csv_column at,
                           mmoe_cell_run run, int64_t *texts);
/* MMOE_E_DATA, or _MEMORY where that is the fault. */
mmoe_status mmoe_cell_fail(const mmoe_cells *c, mmoe_cell_place at, const mmoe_csv_field *f,
                           const char *fault, mmoe_error *err);

#endif
