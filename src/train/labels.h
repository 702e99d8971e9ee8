/* Labels as a model's tasks take them: what cannot be learnt from, and what is suspicious. */
#ifndef MMOE_TRAIN_LABELS_H
#define MMOE_TRAIN_LABELS_H

#include "data/dataset.h"
#include "model/model.h"

typedef struct mmoe_label_check {
    const mmoe_model *model;
    const struct mmoe_dataset *set;
    const char *rows; /* "training rows": what sentences call them */
    bool to_learn;    /* from these: a task without anything to learn from is an error, with little
                         a warning */
    void (*on_warning)(void *user, const mmoe_warning *warning); /* NULL: nobody listens */
    void *user;
} mmoe_label_check;

/* Gives each warning, one a task and kind. MMOE_E_DATA: a task that has no label, or none that
 * weighs anything; MMOE_E_MEMORY. */
mmoe_status mmoe_labels_check(const mmoe_label_check *check, mmoe_error *err);

/* The mean of each task's labels, by the rows' weights, to means [tasks]; NaN without weight.
 * MMOE_E_MEMORY, and where the rows are stored _IO, _FORMAT. */
mmoe_status mmoe_labels_means(const mmoe_model *model, const struct mmoe_dataset *set,
                              double *means, mmoe_error *err);
/* Keeps with the model what would be predicted without one, those means. Fails as they do. */
mmoe_status mmoe_labels_keep_means(mmoe_model *model, const struct mmoe_dataset *set,
                                   mmoe_error *err);

#endif
