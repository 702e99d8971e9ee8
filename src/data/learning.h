/* What rows that were read teach a schema: transforms, vocabularies, bins, labels. */
#ifndef MMOE_DATA_LEARNING_H
#define MMOE_DATA_LEARNING_H

#include "data/dataset.h"
#include "data/list_cell.h"

typedef struct mmoe_learning {
    const char *path; /* in errors */
    struct mmoe_dataset *set;
    struct mmoe_schema *schema;
    int32_t *ids; /* [rows, n_id] of learn */
    const mmoe_list_store *lists;
    const double
        *numbers;     /* [rows, dense_span] of learn, a feature's first NaN where it is missing */
    char **negatives; /* [n_label] mmoe_label_cell.negative */
} mmoe_learning;

/* Ends the learning of all features: encoders settle, ids become rows of tables. MMOE_E_DATA. */
mmoe_status mmoe_learning_settle(const mmoe_learning *l, mmoe_error *err);
/* The numbers as inputs [rows, dense_width]; NULL when memory is out. */
float *mmoe_learning_inputs(const mmoe_learning *l);
/* Of a set that has its labels: their transforms, means, which heads may begin with, and second
 * texts; one that is not UTF-8 has no place in a model's file, so other files may tell their own.
 */
void mmoe_learning_labels(const mmoe_learning *l);

#endif
