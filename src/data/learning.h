/* What rows that were read teach a schema: transforms, vocabularies, bins, labels. */
#ifndef MMOE_DATA_LEARNING_H
#define MMOE_DATA_LEARNING_H

#include "base/pool.h"
#include "base/warnings.h"
#include "data/places.h"
#include "data/schema.h"

/* Rows that stand one behind another. */
typedef struct mmoe_learned_run {
    int64_t rows;
    const double *numbers; /* [rows, dense_span], a feature's first NaN where it is missing; NULL:
                              they stand (schema.h) */
    const float *labels;   /* [rows, n_label] */
    const float *weights;  /* [rows]; NULL: all 1 */
} mmoe_learned_run;

typedef struct mmoe_learning {
    const char *path; /* in errors */
    struct mmoe_schema *schema;
    char **negatives; /* [n_label] mmoe_label_cell.negative */
    mmoe_warnings *warnings;
    const mmoe_places *places;   /* of the rows */
    const mmoe_watcher *watcher; /* of the rows of all passes; NULL: none */
    const int *stop;             /* NULL: none does */
    int64_t rows;                /* of all runs */
    void *user;
    size_t n_runs;
    /* Run `index`, which stays until the next is asked for; they are asked for in their order, once
     * a pass. */
    mmoe_status (*run)(void *user, size_t index, mmoe_learned_run *out, mmoe_error *err);
    mmoe_pool *pool; /* whose workers, too, ask for runs, in any order: they all stay and none
                        fails; NULL: the caller alone does */
} mmoe_learning;

/* Is there anything for which mmoe_learning_settle asks for runs? */
bool mmoe_learning_sees_rows(const struct mmoe_schema *schema);
/* Ends the learning of all features: encoders settle, and `warnings` gets what is to be said of
 * them. Labels have their transforms, means, which heads may begin with, and second texts;
 * one that is not UTF-8 has no place in a model's file, so other files may tell their own.
 * MMOE_E_DATA; and of `run`. */
mmoe_status mmoe_learning_settle(const mmoe_learning *l, mmoe_error *err);
/* What grows of a schema learns again (column.h), and ends that: the tables alone. MMOE_E_MEMORY,
 * _DATA. */
mmoe_status mmoe_learning_grow(const struct mmoe_schema *schema, mmoe_error *err);
mmoe_status mmoe_learning_settle_grown(const mmoe_learning *l, mmoe_error *err);
/* Gives back what ids and numbers needed to become rows and inputs (csv_settle.h). */
void mmoe_learning_forget(const struct mmoe_schema *schema);

#endif
