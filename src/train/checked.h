/* What checks of rows look at: a sample of them, and the values of each feature in it. */
#ifndef MMOE_TRAIN_CHECKED_H
#define MMOE_TRAIN_CHECKED_H

#include "base/sorter.h"
#include "data/sample.h"
#include "model/model.h"
#include "train/numbering.h"

/* A feature, and its values in the sample of the training rows. */
typedef struct mmoe_checked {
    const mmoe_sparse_column *sparse; /* or */
    const mmoe_dense_column *dense;
    int32_t at; /* its place among them */
    const mmoe_encoder *encoder;
    const char *name;
    int32_t of; /* the feature that stands for all of its column: the column itself, or the first */
    char shown[MMOE_FEATURE_SIZE];
    int32_t *numbers; /* [rows] of its values, equal ones alike (numbering.h); of a list's whole */
    int32_t n_number;
    int32_t most; /* rows of the value that has most */
} mmoe_checked;

typedef struct mmoe_checks {
    mmoe_allocator alloc;
    const mmoe_model *model;
    const struct mmoe_dataset *train, *valid; /* valid: NULL: there are none */
    mmoe_sample of_train, of_valid;
    int32_t n_feature;
    mmoe_checked *features; /* [n_feature] sparse ones, then dense ones, as notes are */
    int32_t *order;         /* [n_feature] columns as they stand, then what is made of them */
    bool *told;             /* [n_feature] in this check, of the column that it stands for */
    mmoe_numbering numbering;
    /* Memory to work with. */
    uint64_t *words;           /* [rows], of the validation rows if they are more */
    int32_t *numbers, *counts; /* [rows] */
    mmoe_sorter *sorter;       /* of [rows] at a time */
    mmoe_warnings list;
} mmoe_checks;

/* Numbers in order: forget those before, add each, then take all: pairs of mmoe_ranked_bits and of
 * a weight of 1, whose sign is the label's class. */
void mmoe_checked_clear(mmoe_checks *c);
void mmoe_checked_add(mmoe_checks *c, float number, float label);
const uint32_t *mmoe_checked_sorted(mmoe_checks *c, size_t *count);

/* Looks at the features in order, but at none whose column was told of: what is so of a column is
 * mostly so of all that is made of it. */
typedef mmoe_status (*mmoe_look)(mmoe_checks *c, mmoe_checked *f, const void *user,
                                 mmoe_error *err);
mmoe_status mmoe_checked_each(mmoe_checks *c, mmoe_look look, const void *user, mmoe_error *err);
/* Fills in `order`, and `of` of each. */
void mmoe_checked_put_in_order(mmoe_checks *c);

/* Names feature `i` of the schema, and numbers its values. */
void mmoe_checked_take(mmoe_checks *c, int32_t i, mmoe_checked *f);

/* One id a row, of a list one of its elements, less those that are none, and that a vocabulary does
 * not know. Returns how many there are; `ids` has room for one a row. */
int32_t mmoe_checked_ids(const mmoe_checked *f, const mmoe_rows *rows, uint64_t *ids);
/* The inputs of a row's value, without that which says that it is missing. */
static inline int32_t mmoe_checked_width(const mmoe_checked *f) {
    return f->dense->width - f->dense->indicator;
}
/* Of one such input. */
static inline bool mmoe_checked_is_number(const mmoe_checked *f) {
    return f->dense && mmoe_checked_width(f) == 1;
}
static inline const float *mmoe_checked_inputs(const mmoe_checked *f, const mmoe_rows *rows,
                                               int32_t b) {
    return rows->dense + mmoe_row_of(rows, b) * rows->dense_stride + f->dense->first;
}

#endif
