/* What rows that were read teach a schema: transforms, vocabularies, bins, labels. */
#ifndef MMOE_DATA_LEARNING_H
#define MMOE_DATA_LEARNING_H

#include "data/dataset.h"

/* Learned numbers of rows that stand one behind another: [rows, dense_span], a feature's first NaN
 * where it is missing. */
typedef struct mmoe_number_run {
    const double *numbers;
    int64_t rows;
} mmoe_number_run;

typedef struct mmoe_learning {
    const char *path;         /* in errors */
    struct mmoe_dataset *set; /* ids, of its lists, too, are those of learn */
    struct mmoe_schema *schema;
    const mmoe_number_run *runs; /* of all rows */
    size_t n_runs;
    char **negatives; /* [n_label] mmoe_label_cell.negative */
} mmoe_learning;

/* Ends the learning of all features: encoders settle, ids become rows of tables. MMOE_E_DATA. */
mmoe_status mmoe_learning_settle(const mmoe_learning *l, mmoe_error *err);
/* The numbers as inputs, set->dense. MMOE_E_MEMORY. */
mmoe_status mmoe_learning_inputs(const mmoe_learning *l, mmoe_error *err);
/* Of a set that has its labels: their transforms, means, which heads may begin with, and second
 * texts; one that is not UTF-8 has no place in a model's file, so other files may tell their own.
 */
void mmoe_learning_labels(const mmoe_learning *l);

#endif
